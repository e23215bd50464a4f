"""Figures as tables: Markdown to read, plain data for JSON, and their places in a document."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

Value = str | float | None
Row = dict[str, Value]


@dataclass(frozen=True)
class Column:
    """``key`` in a row, ``title``, and the ``form`` of its figures."""

    key: str
    title: str
    form: str = ""

    def text(self, row: Row) -> str:
        """A row's figure."""
        value = row.get(self.key)
        return "–" if value is None else format(value, self.form)


@dataclass(frozen=True)
class Table:
    """``name``: of the benchmark and of its place in a document. ``notes``: lines below."""

    name: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    notes: tuple[str, ...] = ()

    def markdown(self) -> str:
        """The table as Markdown; figures to the right."""
        ruled = [["---" if _is_text(column, self.rows) else "--:" for column in self.columns]]
        cells = [[column.title for column in self.columns], *ruled]
        cells += [[column.text(row) for column in self.columns] for row in self.rows]
        return "\n".join(["| " + " | ".join(line) + " |" for line in cells] + [f"\n{note}" for note in self.notes])


def put(document: Path, name: str, text: str) -> None:
    """Put ``text`` between the document's markers of that name. Raises `ValueError` where it has none."""
    before, after = f"<!-- benchmark: {name} -->", f"<!-- end: {name} -->"
    found = document.read_text(encoding="utf-8")
    if before not in found or after not in found:
        raise ValueError(f"{document} has no place for {name}: {before} and {after}, each on a line of its own")
    place = re.compile(f"{re.escape(before)}.*?{re.escape(after)}", re.DOTALL)
    document.write_text(place.sub(lambda _: f"{before}\n{text}\n{after}", found), encoding="utf-8")


def _is_text(column: Column, rows: Sequence[Row]) -> bool:
    return any(isinstance(row.get(column.key), str) for row in rows)
