"""Printing for a screen: titles, lines and tables in a hundred columns, and months put together into periods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from optimizer.report.words import WIDTH, clean

Lines = list[str | Table]

# A plan for more periods than this is shown in longer ones, of so many months.
MOST_PERIODS = 12
PERIOD_MONTHS = (1, 3, 6, 12)


def print_title(console: Console, title: str) -> None:
    """Print a section's title after an empty line."""
    console.print()
    console.print(Text(clean(title), style="bold"), width=min(console.width, WIDTH))


def print_lines(console: Console, lines: Lines) -> None:
    """Print lines of text, in which nothing is read as markup, and tables."""
    for line in lines:
        console.print(Text(clean(line)) if isinstance(line, str) else line, width=min(console.width, WIDTH))


def periods(months: list[dict[str, Any]]) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Rows of months 0 (alone) to the last in at most `MOST_PERIODS` more periods: the first month of each, below 1
    for the period that is today, and its rows."""
    last = len(months) - 1
    length = next(n for n in PERIOD_MONTHS if last <= n * MOST_PERIODS)
    for start in range(1 - length, last + 1, length):
        yield start, months[max(start, 0) : start + length]
