"""A comparison on a terminal: plain text in a hundred columns that reads without colour."""

from __future__ import annotations

from rich.console import Console

from optimizer.compare.compared import Compared
from optimizer.report.compare_view import sections
from optimizer.report.terminal_part import print_part


def print_comparison(compared: Compared, console: Console) -> None:
    """Print a comparison: plans, inputs, decisions, outcomes, shocks, and where the difference comes from."""
    for part in sections(compared):
        print_part(console, part)
