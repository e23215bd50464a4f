"""The optimization model in Pyomo, one file per family of rows; `build` is its table of contents."""
