"""A section of a comparison or a sweep on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from optimizer.report.compare_parts import Part
from optimizer.report.screen import print_lines, print_title
from optimizer.report.words import add, grid


def print_part(console: Console, part: Part) -> None:
    """Print a section's title, what is said before its table, the table, and what is said after it."""
    print_title(console, part.title)
    print_lines(console, [*part.before, *([_table(part)] if part.rows else []), *part.after])


def _table(part: Part) -> Table:
    table = grid(*part.headings, left=part.left)
    for k, row in enumerate(part.rows):
        add(table, *row, style="bold" if k in part.sums else "")
    return table
