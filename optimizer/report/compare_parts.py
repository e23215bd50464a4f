"""What a comparison's sections are made of, whether they stand on a terminal or on a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from optimizer.compare.compared import Compared
from optimizer.report.words import NONE

Write = Callable[[float], str]


@dataclass(frozen=True)
class Part:
    """A section: its title, what is said before its table, the table (headings, and rows of text of which the first
    ``left`` columns are names), what is said after it. ``sums``: the indices of rows that are sums."""

    title: str
    before: tuple[str, ...] = ()
    headings: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    after: tuple[str, ...] = ()
    left: int = 1
    sums: frozenset[int] = frozenset()


def listed(letters: Sequence[str]) -> str:
    """Letters in words: A, B and C."""
    return letters[0] if len(letters) == 1 else f"{', '.join(letters[:-1])} and {letters[-1]}"


def beside(c: Compared) -> tuple[str, ...]:
    """A heading for each plan; of two plans that end on one day one more, for what the second has more."""
    return (*c.letters, "B less A") if len(c.plans) == 2 and c.ground.at_own_ends else tuple(c.letters)


def more(amount: float, write: Write) -> str:
    """A difference with its sign; nothing that rounds to nothing has one."""
    text = write(amount)
    if text.lstrip("-") == write(0.0):
        return write(0.0)
    return f"+{text}" if amount > 0 and text != NONE else text
