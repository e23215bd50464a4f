"""Why this plan: what its limits are worth, what comes next best, and where the advice flips. All of it by solving."""
