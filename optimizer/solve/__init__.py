"""HiGHS, the alternatives a plan is measured against, and why there is no plan."""
