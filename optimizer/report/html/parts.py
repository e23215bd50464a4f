"""What the page is made of: sections of figures and tables, and numbers in words. Nothing here knows the plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from optimizer.report.html.chart import Chart
from optimizer.report.plain import Document
from optimizer.report.words import NONE, btc, day, price, share, usd

Number = float | int


@dataclass(frozen=True)
class Column:
    """A column of a table: the ``key`` of its rows, its heading with the unit in it, how a value is written. Numbers
    stand to the right."""

    key: str
    heading: str
    write: Callable[[Any], str]
    number: bool = True


@dataclass(frozen=True)
class Table:
    """Rows as a table. ``marked``: the key of a true or false by which a row stands out."""

    columns: tuple[Column, ...]
    rows: Sequence[Document]
    marked: str = ""

    def cells(self, row: Document) -> list[tuple[str, bool]]:
        """A row's cells: text, and whether it is a number."""
        return [(written(column, row), column.number) for column in self.columns]


@dataclass(frozen=True)
class Key:
    """An entry of a chart's legend: its text, a colour of the chart, and ``line``, ``dash``, ``band`` or ``dot``."""

    text: str
    colour: str
    kind: str = "line"


@dataclass(frozen=True)
class Figure:
    """A chart and the table behind it.

    ``says``: what it shows, in a sentence. ``of``: the list of plan.json that is drawn. ``drawn``: the rows drawn,
    with that list's own keys and values, which stand in the page too.
    """

    name: str
    title: str
    says: str
    chart: Chart
    of: str
    drawn: Sequence[Document]
    table: Table
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True)
class Shown:
    """A table that needs no chart; ``folded`` where it is long."""

    title: str
    table: Table
    says: str = ""
    folded: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the page under its own heading: what it says, its figures, its tables."""

    name: str
    title: str
    says: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Shown, ...] = field(default=())


def written(column: Column, row: Document) -> str:
    """A value in words; a dash where there is none."""
    value = row.get(column.key)
    return NONE if value is None else column.write(value)


def text(key: str, heading: str) -> Column:
    """A column of words."""
    return Column(key, heading, str, number=False)


def on_day(key: str, heading: str) -> Column:
    """A column of dates."""
    return Column(key, heading, day_of, number=False)


def day_of(iso: str) -> str:
    """A date of plan.json in words: 3 Jan 2027."""
    return day(date.fromisoformat(iso))


def month_in_words(iso: str) -> str:
    """A month of plan.json in words: Jan 2027."""
    return f"{date.fromisoformat(iso):%b %Y}"


def in_usd(key: str, heading: str) -> Column:
    """Dollars."""
    return Column(key, heading, usd)


def in_btc(key: str, heading: str) -> Column:
    """BTC, the unit in the heading."""
    return Column(key, heading, btc)


def as_price(key: str, heading: str) -> Column:
    """Dollars to the dollar."""
    return Column(key, heading, price)


def as_share(key: str, heading: str, digits: int = 0) -> Column:
    """A share as a percentage."""
    return Column(key, heading, lambda value: share(value, digits))


def number(key: str, heading: str, digits: int = 0) -> Column:
    """A plain number, the unit in the heading."""
    return Column(key, heading, lambda value: f"{value:,.{digits}f}")


def yes_no(key: str, heading: str) -> Column:
    """Yes or no."""
    return Column(key, heading, lambda value: "yes" if value else "NO", number=False)


def in_month(key: str, heading: str) -> Column:
    """A month of the plan, from 0; -1 is none."""
    return Column(key, heading, lambda value: NONE if value < 0 else f"{value}")


def points(name: str, words: str, column: Callable[[str, str], Column]) -> tuple[Column, ...]:
    """Three columns of a fan: the low tenth, the mean and the high tenth."""
    return (
        column(f"{name}_p10", f"{words}, low tenth"),
        column(f"{name}_mean", f"{words}, mean"),
        column(f"{name}_p90", f"{words}, high tenth"),
    )


def only(rows: Sequence[Document], keys: Sequence[str]) -> list[Document]:
    """Rows with these keys only."""
    return [{key: row[key] for key in keys} for row in rows]


def keys_of(columns: Sequence[Column], *others: str) -> list[str]:
    """The keys that columns name, and others, each once."""
    return list(dict.fromkeys([*others, *(column.key for column in columns)]))
