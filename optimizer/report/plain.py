"""Plain data: what JSON and CSV files are made of. Floats have twelve significant digits."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from optimizer.market.tree import Floats

DIGITS = 12
POWERS = np.array([float(f"1e{power}") for power in range(23)])

Document = dict[str, Any]

# Written by C where nothing is indented, which is ten times as fast.
_on_a_line = json.JSONEncoder(allow_nan=False, ensure_ascii=False).encode
_indented = json.JSONEncoder(allow_nan=False, ensure_ascii=False, indent=1).encode


def plain(value: object) -> object:
    """``value`` in JSON's own types. Raises `TypeError` on what it does not know."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        # Adding 0.0 turns -0.0 into 0.0.
        return float(f"{float(value):.{DIGITS}g}") + 0.0 if np.isfinite(value) else None
    if isinstance(value, date):  # a pandas timestamp is one too
        return value.strftime("%Y-%m-%d")
    if isinstance(value, str):
        return value
    raise TypeError(f"{type(value).__name__} has no place in a plan document")


def records(table: pd.DataFrame) -> list[Document]:
    """A table's rows as plain dicts."""
    columns = plain_columns(table)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def plain_columns(table: pd.DataFrame) -> dict[str, list[Any]]:
    """A table's columns in JSON's own types, by name: whole columns at once, since tables of nodes are long."""
    return {str(name): _plain_column(table[name]) for name in table.columns}


def _plain_column(column: pd.Series[Any]) -> list[Any]:
    if column.dtype == np.float64:
        values = column.to_numpy()
        finite = np.isfinite(values).tolist()
        return [number if there else None for number, there in zip(rounded(values).tolist(), finite, strict=True)]
    if column.dtype.kind == "M":
        days: list[str] = np.datetime_as_string(column.to_numpy(), unit="D").tolist()
        return [None if day == "NaT" else day for day in days]
    found: list[Any] = column.tolist()
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "ib":
        return found
    return [value if isinstance(value, str) else plain(value) for value in found]


def rounded(values: Floats) -> Floats:
    """Finite ``values`` to `DIGITS` significant digits, the number nearest to the decimal text, as `plain` does."""
    size = np.abs(np.where(np.isfinite(values), values, 0.0))
    with np.errstate(divide="ignore"):
        power = DIGITS - 1 - np.floor(np.log10(size))
    # So many places after the point: these powers of ten are numbers exactly, so the quotient below is the nearest.
    usual = (power >= 0) & (power < len(POWERS))
    of_ten = POWERS[np.where(usual, power, 0).astype(np.int64)]
    scaled = np.where(usual, size, 0.0) * of_ten
    whole = np.rint(scaled)
    # The product is off by at most a ten-thousandth: nearer than that to a half, Python's own rounding decides.
    clear = usual & (np.abs(np.abs(scaled - whole) - 0.5) > 1e-3) & (whole >= 10 ** (DIGITS - 1)) & (whole < 10**DIGITS)
    found = np.where(clear, np.copysign(whole / of_ten, values), 0.0)
    for row in np.flatnonzero(~clear & (size > 0)).tolist():
        found[row] = plain(values[row])
    return found + 0.0


def json_text(document: Document) -> str:
    """A document as JSON: a list's items have a line each, everything else is indented."""

    def text_of(value: object) -> str:
        if isinstance(value, list) and value:
            return "[\n  " + ",\n  ".join(_on_a_line(item) for item in value) + "\n ]"
        return _indented(value).replace("\n", "\n ")

    entries = (f" {_on_a_line(key)}: {text_of(value)}" for key, value in document.items())
    return "{\n" + ",\n".join(entries) + "\n}\n"
