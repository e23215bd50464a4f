"""Daily price history from a CSV, for the bootstrap: read strictly, every problem told with its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from optimizer.errors import Problem, ScenarioError
from optimizer.market.tree import Floats
from optimizer.scenario.market_spec import Bootstrap

COLUMNS = ("date", "price_usd")
FEWEST_RETURNS = 30
LINE_OF_FIRST_ROW = 2


def daily_log_returns(process: Bootstrap) -> Floats:
    """Log returns from day to day, oldest first, of the history between ``from_date`` and ``to_date`` (both
    included).

    Raises ScenarioError when the file cannot be read, lacks a column, holds something that is not a date or a
    positive price, repeats or skips a day, or has fewer than 30 returns or a block's worth in the window.
    """
    frame = _read(process.csv)
    dates = pd.to_datetime(frame["date"], format="%Y-%m-%d", errors="coerce")
    prices = pd.to_numeric(frame["price_usd"], errors="coerce")
    wrong_price = ~(np.isfinite(prices) & (prices > 0))
    problems = [
        *_wrong_rows(process.csv, frame["date"], dates.isna(), "not a date as YYYY-MM-DD"),
        *_wrong_rows(process.csv, frame["price_usd"], wrong_price, "not a positive price in USD"),
        *_wrong_rows(process.csv, frame["date"], dates.duplicated() & dates.notna(), "a day given before"),
    ]
    if problems:
        raise ScenarioError(problems)
    history = pd.Series(prices.to_numpy(dtype=np.float64), index=pd.DatetimeIndex(dates)).sort_index()
    first = str(process.from_date) if process.from_date else None
    last = str(process.to_date) if process.to_date else None
    history = history.loc[first:last]
    needed = max(FEWEST_RETURNS, process.block_days) + 1
    if len(history) < needed:
        raise _refused(process.csv, f"{len(history)} days in the window; at least {needed} are needed")
    gaps = np.flatnonzero(np.diff(history.index.to_numpy()) != np.timedelta64(1, "D"))
    if len(gaps):
        before = history.index[gaps[0]].date()
        raise _refused(process.csv, f"days are missing after {before} ({len(gaps)} gaps in all)")
    return np.diff(np.log(history.to_numpy(dtype=np.float64)))


def _read(csv: str) -> pd.DataFrame:
    """The file's two columns as text, without blank lines; the index counts lines from the header on."""
    try:
        frame = pd.read_csv(csv, dtype=str, na_filter=False, skip_blank_lines=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise _refused(csv, f"the price history cannot be read: {reason}") from error
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise _refused(csv, f"no column {', '.join(missing)}; needed are {' and '.join(COLUMNS)}")
    columns = frame[list(COLUMNS)].fillna("")
    return columns[(columns != "").any(axis=1)]


def _wrong_rows(csv: str, column: pd.Series[str], wrong: pd.Series[bool], message: str) -> list[Problem]:
    """A problem for the first wrong row of a column, which says how many more there are."""
    rows = column[wrong]
    if rows.empty:
        return []
    line = int(rows.index[0]) + LINE_OF_FIRST_ROW
    more = f" (and {len(rows) - 1} more such rows)" if len(rows) > 1 else ""
    return [Problem(Path(csv).name, line, 1, str(column.name), message + more, repr(rows.iloc[0]))]


def _refused(csv: str, message: str) -> ScenarioError:
    return ScenarioError([Problem(Path(csv).name, 0, 0, "market.price.csv", message)])
