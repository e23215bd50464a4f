"""What becomes of a plan off its own tree: a saved plan, the markets it is replayed on, what is said of the result."""
