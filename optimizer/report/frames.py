"""Making tables: columns that are always there, dates as dates, no dust."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import pandas as pd

from optimizer.report.places import Row

# The columns with which `optimizer.report.places.place` begins a row.
PLACE = ["node", "month", "date", "branch", "probability"]

# Less than half a cent, a satoshi or a millionth of a machine is a computer's rounding, not an amount.
DUST_USD = 0.005
DUST_BTC = 1e-8
DUST_UNITS = 1e-6


def frame(found: Iterable[Row], columns: list[str]) -> pd.DataFrame:
    """Rows as a table with these columns, also when there is no row."""
    return tidy(pd.DataFrame(list(found), columns=columns))


def rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table's rows by column name."""
    return cast("list[dict[str, Any]]", table.to_dict("records"))


def rows_at(table: pd.DataFrame, node: int) -> list[dict[str, Any]]:
    """The rows of one node."""
    return rows(table[table["node"] == node])


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """Dates as dates, and 0 for dust in columns of USD and BTC."""
    for name in table.columns:
        if name == "date" or name.endswith("_date"):
            table[name] = pd.to_datetime(table[name])
        elif table[name].dtype == "float64" and (name == "btc" or name.endswith(("_btc", "_usd"))):
            dust = DUST_USD if name.endswith("_usd") else DUST_BTC
            table[name] = table[name].mask(table[name].abs() < dust, 0.0)
    return table
