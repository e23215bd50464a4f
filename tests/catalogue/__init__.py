"""Tests of the catalogue in models/ and of the scenarios in scenarios/."""
