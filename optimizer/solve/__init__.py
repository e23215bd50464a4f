"""HiGHS, the alternatives a plan is measured against, and why there is no plan."""

import optimizer.formulation  # noqa: F401  (first of all: it keeps Pyomo from loading all of SciPy)
