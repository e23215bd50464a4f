"""The scenarios that are shipped: each can be planned, and the teaching ones give what is worked out by hand."""
