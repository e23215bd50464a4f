"""Tests of solving: statuses, limits, diagnoses, alternatives."""
