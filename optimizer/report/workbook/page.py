"""Writing a sheet cell by cell: text that stays text, typed numbers and days, formulas with the plan's figure.

A formula is written with the figure that the plan has in its place: readers that do not compute show the plan, and
those that do must come to the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from xlsxwriter.utility import xl_rowcol_to_cell
from xlsxwriter.workbook import Workbook

from optimizer.report.workbook.formats import Formats

# The longest text that a cell may hold; the library drops a longer one whole.
LONGEST_TEXT = 32_767
# Points: two lines of a heading.
HEADER_HEIGHT = 32

Amount = float | int | None


@dataclass(frozen=True)
class Check:
    """A balance that must hold: ``formula`` is a difference that is at most ``tolerance``."""

    label: str
    formula: str
    tolerance: float


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, its width in characters and the kind of figure in it."""

    heading: str
    width: float
    kind: str = "text"


class Book:
    """A workbook being written, the checks that its sheets ask for, and its sheets by name."""

    def __init__(self, workbook: Workbook) -> None:
        self.workbook = workbook
        self.formats = Formats(workbook)
        self.checks: list[Check] = []

    def name(self, name: str, page: Page, row: int, column: int, last: tuple[int, int] | None = None) -> None:
        """Give a cell, or the cells from it to the ``last`` row and column, a name that formulas can use."""
        until = "" if last is None else ":" + page.cell(*last, absolute=True)
        self.workbook.define_name(name, f"={page.elsewhere(row, column)}{until}")


class Page:
    """One sheet. Rows and columns count from 0."""

    def __init__(self, book: Book, name: str, title: str, note: str = "") -> None:
        self.book, self.name = book, name
        self.sheet = book.workbook.get_worksheet_by_name(name) or book.workbook.add_worksheet(name)
        self.text(0, 0, title, "title")
        self.text(1, 0, note, "note")
        self.sheet.hide_gridlines(2)
        self.sheet.set_landscape()
        self.sheet.set_paper(9)  # A4
        self.sheet.fit_to_pages(1, 0)

    def text(self, row: int, column: int, text: str | None, style: str = "plain") -> None:
        """Text as it is: never a formula, a link or a number, whatever it begins with."""
        if text:
            self.sheet.write_string(row, column, text[:LONGEST_TEXT], self.book.formats.of("text", style))

    def number(self, row: int, column: int, amount: Amount, kind: str, style: str = "typed") -> None:
        """A typed number; blank where the plan has none."""
        if amount is not None:
            self.sheet.write_number(row, column, amount, self.book.formats.of(kind, style))

    def day(self, row: int, column: int, said: str | None, style: str = "typed") -> None:
        """A day as a typed date; text that is no whole date, as a year and a month, stays text."""
        try:
            when = date.fromisoformat(said or "")
        except ValueError:
            return self.text(row, column, said, style)
        midnight = datetime.combine(when, time())
        self.sheet.write_datetime(row, column, midnight, self.book.formats.of("day", style))

    def formula(
        self, row: int, column: int, formula: str, shown: Amount | str, kind: str, style: str = "formula"
    ) -> None:
        """A live formula and what the plan has in its place; None: the formula gives an empty text there."""
        value = "" if shown is None else shown
        self.sheet.write_formula(row, column, f"={formula}", self.book.formats.of(kind, style), value)

    def section(self, row: int, heading: str, columns: int) -> int:
        """A heading over a part of the sheet; the row below it."""
        self.text(row, 0, heading, "section")
        for column in range(1, columns):
            self.sheet.write_blank(row, column, None, self.book.formats.of("text", "section"))
        return row + 1

    def header(self, row: int, columns: Sequence[Column]) -> int:
        """The headings of a table, over two lines where they are long; the row below them."""
        self.sheet.set_row(row, HEADER_HEIGHT)
        for column, asked in enumerate(columns):
            self.sheet.write_string(row, column, asked.heading, self.book.formats.of(asked.kind, "header"))
        return row + 1

    def widths(self, columns: Sequence[Column]) -> None:
        """Widths of the sheet's columns."""
        for column, asked in enumerate(columns):
            self.sheet.set_column(column, column, asked.width)

    def put(self, row: int, column: int, value: object, kind: str) -> None:
        """A value of the plan as its kind asks."""
        if kind == "day":
            self.day(row, column, None if value is None else str(value))
        elif isinstance(value, (int, float)) and kind != "text":
            self.number(row, column, value, kind)
        elif value is not None:
            self.text(row, column, str(value))

    @staticmethod
    def cell(row: int, column: int, *, absolute: bool = False) -> str:
        """A cell's address on its own sheet."""
        return str(xl_rowcol_to_cell(row, column, row_abs=absolute, col_abs=absolute))

    def elsewhere(self, row: int, column: int) -> str:
        """A cell's address from any sheet."""
        return f"'{self.name}'!{self.cell(row, column, absolute=True)}"
