"""A comparison on a terminal: plain text in a hundred columns that reads without colour."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from optimizer.compare.compared import Compared
from optimizer.report.compare_parts import Part
from optimizer.report.compare_view import sections
from optimizer.report.screen import print_lines, print_title
from optimizer.report.words import add, grid


def print_comparison(compared: Compared, console: Console) -> None:
    """Print a comparison: plans, inputs, decisions, outcomes, shocks, and where the difference comes from."""
    for part in sections(compared):
        print_title(console, part.title)
        print_lines(console, [*part.before, *([_table(part)] if part.rows else []), *part.after])


def _table(part: Part) -> Table:
    table = grid(*part.headings, left=part.left)
    for k, row in enumerate(part.rows):
        add(table, *row, style="bold" if k in part.sums else "")
    return table
