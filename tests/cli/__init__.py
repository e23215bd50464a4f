"""The command, driven as a user drives it."""
