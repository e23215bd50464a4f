"""Many plans of one scenario: a grid or a list of changes, the risk weight's frontier, a tornado."""
