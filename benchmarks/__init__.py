"""How fast hashlever is: ``python -m benchmarks``, from the project's folder. See docs/explanation/speed.md."""
