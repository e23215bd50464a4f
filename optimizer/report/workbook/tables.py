"""Plain tables of the plan on a sheet: a heading, a header, a row per record, sums where they mean something."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from optimizer.report.plain import Document
from optimizer.report.workbook.page import Amount, Column, Page


@dataclass(frozen=True)
class Field:
    """A column of a table: the record's figure by ``key``, or computed.

    formula: names other columns of the row in brackets, ``[units]*[price]``; ``shown`` is what the plan has there.
    summed: it is added up below the rows.
    """

    key: str
    column: Column
    formula: str = ""
    shown: Callable[[Document], Amount] | None = None
    summed: bool = False

    def figure(self, record: Document) -> Amount | str:
        """The plan's figure."""
        found: Amount | str = self.shown(record) if self.shown else record[self.key]
        return found


def put_table(page: Page, row: int, fields: Sequence[Field], records: Sequence[Document], empty: str) -> int:
    """Header, rows and, if a column is summed, totals from ``row`` on; ``empty`` where there is no record.

    Returns the row below the table; the totals stand on the row before it.
    """
    if not records:
        page.text(row, 0, empty, "note")
        return row + 1
    first = page.header(row, [field.column for field in fields])
    columns = {field.key: column for column, field in enumerate(fields)}
    for k, record in enumerate(records):
        here = first + k
        for column, field in enumerate(fields):
            if field.formula:
                text = field.formula
                for key, at in columns.items():
                    text = text.replace(f"[{key}]", Page.cell(here, at))
                page.formula(here, column, text, field.figure(record), field.column.kind)
            else:
                page.put(here, column, field.figure(record), field.column.kind)
    below = first + len(records)
    if not any(field.summed for field in fields):
        return below
    page.text(below, 0, "Total", "total")
    for column, field in enumerate(fields):
        if field.summed:
            total = sum(figure for record in records if isinstance(figure := field.figure(record), (int, float)))
            cells = f"{Page.cell(first, column)}:{Page.cell(below - 1, column)}"
            page.formula(below, column, f"SUM({cells})", total, field.column.kind, "total")
        elif column > 0:
            page.text(below, column, " ", "total")
    return below + 1
