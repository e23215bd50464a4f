"""Daily history from a CSV: read strictly, every problem told with its line. Used by the bootstrap and by replays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from optimizer.errors import Problem, ScenarioError
from optimizer.market.tree import Floats
from optimizer.scenario.market_spec import Bootstrap

FEWEST_RETURNS = 30
LINE_OF_FIRST_ROW = 2
MAY_BE_ZERO = ("fees_btc_per_day",)


def daily_log_returns(process: Bootstrap) -> Floats:
    """Log returns from day to day, oldest first, of the history between ``from_date`` and ``to_date`` (both
    included).

    Raises ScenarioError when the file cannot be read, lacks a column, holds something that is not a date or a
    positive price, repeats or skips a day, or has fewer than 30 returns or a block's worth in the window.
    """
    csv = Path(process.csv)
    history = read_days(csv, read_table(csv), ["price_usd"])["price_usd"]
    first = str(process.from_date) if process.from_date else None
    last = str(process.to_date) if process.to_date else None
    history = history.loc[first:last]
    needed = max(FEWEST_RETURNS, process.block_days) + 1
    if len(history) < needed:
        place = "market.price.from_date, to_date and block_days"
        raise refused(csv, f"{len(history)} days in the window; at least {needed} are needed ({place})")
    gap = missing_days(history.index.to_numpy().astype("datetime64[D]"))
    if gap:
        raise refused(csv, gap)
    return np.diff(np.log(history.to_numpy(dtype=np.float64)))


def read_table(csv: Path) -> pd.DataFrame:
    """The file as text, without blank lines; the index counts lines from the header on.

    Raises ScenarioError when the file cannot be read or a row has more cells than the header.
    """
    try:
        table = pd.read_csv(csv, dtype=str, na_filter=False, skip_blank_lines=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise refused(csv, f"the history cannot be read: {reason}") from error
    if not isinstance(table.index, pd.RangeIndex):
        raise refused(csv, "the rows have more cells than the header has columns; write numbers without commas")
    table = table.fillna("")
    return table[(table != "").any(axis=1)]


def read_days(csv: Path, table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """These columns of a table as numbers by date, oldest first. All are positive; fees may be 0.

    Raises ScenarioError with everything that is wrong: columns or days that are not there, else cells that are not a
    date or such a number, days given twice and lows above the day's closing price.
    """
    needed = ["date", *columns]
    missing = [name for name in needed if name not in table.columns]
    if missing:
        raise refused(csv, f"no column {', '.join(missing)}; needed are {', '.join(needed)}")
    if table.empty:
        raise refused(csv, "there are no days in it")
    dates = pd.to_datetime(table["date"], format="%Y-%m-%d", errors="coerce")
    problems = [
        *_wrong_rows(csv, table["date"], dates.isna(), "not a date as YYYY-MM-DD"),
        *_wrong_rows(csv, table["date"], dates.duplicated() & dates.notna(), "a day given before"),
    ]
    numbers = {}
    for name in columns:
        numbers[name] = pd.to_numeric(table[name], errors="coerce")
        enough = numbers[name] >= 0 if name in MAY_BE_ZERO else numbers[name] > 0
        wanted = "not a number of at least 0" if name in MAY_BE_ZERO else "not a positive number"
        problems += _wrong_rows(csv, table[name], ~(enough & np.isfinite(numbers[name])), wanted)
    if "low_usd" in numbers:
        above = (numbers["low_usd"] > numbers["price_usd"]) & (numbers["price_usd"] > 0)
        problems += _wrong_rows(csv, table["low_usd"], above, "above the day's closing price_usd")
    if problems:
        raise ScenarioError(problems)
    return pd.DataFrame(numbers, dtype=np.float64).set_index(pd.DatetimeIndex(dates)).sort_index()


def _wrong_rows(csv: Path, column: pd.Series[str], wrong: pd.Series[bool], message: str) -> list[Problem]:
    """A problem for the first wrong row of a table's column, which says how many more there are."""
    rows = column[wrong]
    if rows.empty:
        return []
    line = int(rows.index[0]) + LINE_OF_FIRST_ROW
    more = f" (and {len(rows) - 1} more such rows)" if len(rows) > 1 else ""
    return [Problem(csv.name, line, 1, str(column.name), message + more, repr(rows.iloc[0]))]


def missing_days(dates: npt.NDArray[np.datetime64]) -> str:
    """What is missing between the first and the last of these rising dates, in words; empty if nothing is."""
    gaps = np.flatnonzero(np.diff(dates) != np.timedelta64(1, "D"))
    return f"days are missing after {dates[gaps[0]]} ({len(gaps)} gaps in all)" if len(gaps) else ""


def refused(csv: Path, message: str) -> ScenarioError:
    """What is wrong with a history as a whole."""
    return ScenarioError([Problem(csv.name, 0, 0, "", message)])
