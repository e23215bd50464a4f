"""A sweep on a terminal: plain text in a hundred columns that reads without colour."""

from __future__ import annotations

from rich.console import Console

from optimizer.report.sweep_view import parts
from optimizer.report.terminal_part import print_part
from optimizer.sweep.swept import Swept


def print_sweep(swept: Swept, console: Console) -> None:
    """Print a sweep: its points, those without a plan, the frontier and the tornado."""
    for part in parts(swept):
        print_part(console, part)
