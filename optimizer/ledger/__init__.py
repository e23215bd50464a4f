"""The ledger: an accountant who recomputes a plan from its decisions and checks every rule."""
