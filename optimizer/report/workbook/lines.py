"""Schedules as finance reads them: a line per quantity, months across, flows added up.

A line's formula names other lines of its block: ``[cash]`` is that line's cell of the same month, ``[cash@-1]`` the one
of the month before. Where a formula looks back, the first month is typed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xlsxwriter.utility import xl_col_to_name

from optimizer.report.plain import Document
from optimizer.report.workbook.page import Amount, Column, Page

UNITS = {"usd": "USD", "btc": "BTC", "share": "share", "units": "", "usd_cents": "USD"}
_REFERENCE = re.compile(r"\[(\w+)(@-1)?\]")


@dataclass(frozen=True)
class Line:
    """A line of a schedule: the plan's ``values``, one a month; ``formula`` of the month where it is computed.

    flow: it is added up over the months. unit: as printed, where the kind does not say it. strong: a total.
    """

    key: str
    label: str
    kind: str
    values: Sequence[Amount]
    formula: Callable[[int], str] | str | None = None
    flow: bool = False
    unit: str | None = None
    strong: bool = False


@dataclass(frozen=True)
class Heading:
    """A heading between lines."""

    label: str


@dataclass(frozen=True)
class Schedule:
    """A sheet of lines. ``labels``: columns in front of them, as facility and lender; then line, unit and total."""

    page: Page
    labels: Sequence[Column]
    months: Sequence[Document]

    HEADER_ROW = 3
    FIRST_ROW = 4

    @property
    def month_column(self) -> int:
        """The column of month 0."""
        return len(self.labels) + 3

    @property
    def last_column(self) -> int:
        """The column of the last month."""
        return self.month_column + len(self.months) - 1

    def column_of(self, month: int) -> str:
        """A month's column by its letters."""
        return str(xl_col_to_name(self.month_column + month))

    def head(self) -> None:
        """Month numbers and their ends above the lines, frozen with the labels."""
        page = self.page
        columns = [*self.labels, Column("Line", 34), Column("Unit", 8), Column("All months", 14, "usd")]
        page.header(self.HEADER_ROW, columns)
        page.widths(columns)
        page.text(self.HEADER_ROW - 1, self.month_column - 1, "month", "note")
        for k, month in enumerate(self.months):
            page.number(self.HEADER_ROW - 1, self.month_column + k, month["month"], "month", "note")
            page.day(self.HEADER_ROW, self.month_column + k, month["date"], "months")
        page.sheet.set_column(self.month_column, self.last_column, 13)
        page.sheet.freeze_panes(self.FIRST_ROW, len(self.labels) + 1)
        # On paper: a year or so a page, with the labels on each.
        page.sheet.repeat_rows(self.HEADER_ROW - 1, self.HEADER_ROW)
        page.sheet.repeat_columns(0, len(self.labels))
        page.sheet.fit_to_pages(max(1, round(len(self.months) / 12)), 0)

    def put(self, row: int, labels: Sequence[str], lines: Sequence[Line | Heading]) -> tuple[int, dict[str, int]]:
        """Write a block of lines from ``row`` on; the row below it, and the row of each line by its key."""
        rows = {line.key: row + k for k, line in enumerate(lines) if isinstance(line, Line)}
        for k, line in enumerate(lines):
            if isinstance(line, Heading):
                self.page.section(row + k, line.label, self.last_column + 1)
                continue
            self._name(row + k, labels, line)
            for month, value in enumerate(line.values):
                self._cell(row + k, month, line, value, rows)
        return row + len(lines), rows

    def _name(self, row: int, labels: Sequence[str], line: Line) -> None:
        style = "total" if line.strong else "plain"
        unit = UNITS[line.kind] if line.unit is None else line.unit
        for column, text in enumerate((*labels, line.label, unit)):
            self.page.text(row, column, text, style)
        if line.flow:
            cells = f"{self.column_of(0)}{row + 1}:{self.column_of(len(self.months) - 1)}{row + 1}"
            total = sum(value or 0 for value in line.values)
            self.page.formula(row, self.month_column - 1, f"SUM({cells})", total, line.kind, _style(line, "formula"))

    def _cell(self, row: int, month: int, line: Line, value: Amount, rows: dict[str, int]) -> None:
        formula = line.formula(month) if callable(line.formula) else line.formula
        column = self.month_column + month
        if formula is None or (month == 0 and "@-1]" in formula):
            self.page.number(row, column, value, line.kind, _style(line, "typed"))
            return

        def address(found: re.Match[str]) -> str:
            return Page.cell(rows[found[1]], column - 1 if found[2] else column)

        self.page.formula(row, column, _REFERENCE.sub(address, formula), value, line.kind, _style(line, "formula"))


def _style(line: Line, otherwise: str) -> str:
    return "total" if line.strong else otherwise


def values(rows: Sequence[Document], name: str, sign: int = 1) -> list[Amount]:
    """A column of the plan's rows, one a month; ``sign`` -1 where what is paid is shown as negative."""
    return [None if row[name] is None else sign * row[name] + 0.0 for row in rows]


def groups(rows: Sequence[Document], *keys: str) -> dict[tuple[str, ...], list[Document]]:
    """Rows put together by what they are of, in the order in which they come."""
    found: dict[tuple[str, ...], list[Document]] = {}
    for row in rows:
        found.setdefault(tuple(row[key] for key in keys), []).append(row)
    return found
