"""What happened, as a path to replay a plan on: a window of a daily history of price and mining."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from math import log
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from optimizer.errors import ReplayError
from optimizer.market.calendar import month_end
from optimizer.market.chain import asic_price_factor, monthly_sums
from optimizer.market.history import read_days, read_table, refused
from optimizer.market.mining import (
    BLOCKS_PER_DAY,
    daily_subsidy_btc,
    difficulty_from_hashrate,
    hashprice_btc_per_ph_day,
    hashrate_from_difficulty,
)
from optimizer.market.network import hashprice_usd_today, log_hashprice_of_one_ehs
from optimizer.market.path_parts import calm, daily_steps
from optimizer.market.paths import Paths
from optimizer.market.power import seasonal_prices
from optimizer.market.price import bridge_low
from optimizer.market.tree import Floats
from optimizer.scenario.schema import Scenario

HASHPRICE = "hashprice_usd_per_ph_day"
REWARD = ("subsidy_btc_per_block", "fees_btc_per_day")
# A low that the file does not give is estimated from as many daily returns before its day.
RETURNS_BEFORE_A_LOW = 30
FORTNIGHT = 14


@dataclass(frozen=True)
class History:
    """Daily prices and mining, ``[day]``, oldest first; days may be missing. ``file``: its name, for messages.

    price_usd: the close. low_usd: of the day; None where the file does not say. hashprice_usd_per_ph_day: what the
    day's mining paid. network_ehs: None where the file does not say.
    """

    file: str
    date: npt.NDArray[np.datetime64]
    price_usd: Floats
    low_usd: Floats | None
    hashprice_usd_per_ph_day: Floats
    network_ehs: Floats | None


def read_history(csv: Path) -> History:
    """Reads columns ``date`` (YYYY-MM-DD), ``price_usd``, ``low_usd`` if there is one, and what mining paid:
    ``hashprice_usd_per_ph_day``, or else ``difficulty`` or ``hashrate_ehs`` with ``subsidy_btc_per_block``,
    ``fees_btc_per_day`` and, if there is one, ``blocks`` (of the day, else 144).

    Other columns are not looked at; rows may be in any order. Network hashrate is what the difficulty stands for, or
    else ``hashrate_ehs``: as counted from a day's blocks it is mostly chance. Raises ScenarioError with everything
    that is wrong.
    """
    table = read_table(csv)
    days = read_days(csv, table, _columns(csv, table))
    column = {str(name): values.to_numpy(dtype=np.float64) for name, values in days.items()}
    network_ehs = column.get("hashrate_ehs")
    if "difficulty" in column:
        network_ehs = hashrate_from_difficulty(column["difficulty"])
    hashprice = column.get(HASHPRICE)
    if hashprice is None:
        assert network_ehs is not None  # `_columns` has seen to it
        reward = column[REWARD[0]] + column[REWARD[1]] / column.get("blocks", BLOCKS_PER_DAY)
        hashprice = column["price_usd"] * hashprice_btc_per_ph_day(difficulty_from_hashrate(network_ehs), reward, 0.0)
    return History(
        file=csv.name,
        date=days.index.to_numpy().astype("datetime64[D]"),
        price_usd=column["price_usd"],
        low_usd=column.get("low_usd"),
        hashprice_usd_per_ph_day=hashprice,
        network_ehs=network_ehs,
    )


def _columns(csv: Path, table: pd.DataFrame) -> list[str]:
    """The columns to read of those that the file has, ``date`` aside."""
    network = [name for name in ("difficulty", "hashrate_ehs") if name in table][:1]
    optional = [name for name in ("low_usd", "blocks") if name in table]
    if HASHPRICE in table:
        return ["price_usd", HASHPRICE, *network, *(name for name in optional if name == "low_usd")]
    if network:
        return ["price_usd", *network, *REWARD, *optional]
    absent = [name for name in ("date", "price_usd") if name not in table]
    mining = f"{HASHPRICE} (or difficulty or hashrate_ehs, with {' and '.join(REWARD)})"
    raise refused(csv, f"no column {', '.join([*absent, mining])}")


def history_paths(scenario: Scenario, history: History, start: date, rebase: bool = True) -> Paths:
    """The history from ``start`` on as one path, a step a day: as many whole months as there are, at most the horizon.

    rebase: the history's moves laid onto the scenario's today, to which the plan belongs: price, low, USD hashprice
    and network change by the share by which they changed since ``start``, so that halvings and the network's answer of
    that time are in them, and the seasons of power prices are those of the scenario's date. Otherwise everything is as
    it was, and the seasons are those of ``start``. Months have the lengths of those after ``start``.

    A day's mining counts at its close. Where the file has no lows they are typical ones: the median low of a Brownian
    bridge between the closes with the sd of the 30 daily log returns before that day. A day of panic went lower.
    Where it has no network, network_ehs is the one that makes that hashprice with the reward per block that the
    scenario expects. Power costs what the scenario says; machine prices follow the median hashprice of the
    last fortnight against that of ``start``: nobody reprices machines for a day of dear fees.

    Raises ReplayError when the history lacks a day of the window, or a month from ``start`` on.
    """
    months = _months(scenario, history, start)
    window = _window(history, start, month_end(start, months))
    steps = daily_steps(start, months)
    ends = steps["month_end"]
    price, low = history.price_usd[window], _lows(history, window)
    hashprice = history.hashprice_usd_per_ph_day[window]
    lately = pd.Series(history.hashprice_usd_per_ph_day[: window.stop]).rolling(FORTNIGHT, min_periods=1).median()
    machines = lately.to_numpy()[window][ends]
    network = None if history.network_ehs is None else history.network_ehs[window]
    seasons = scenario.model_copy(update={"as_of": start})
    if rebase:
        market, seasons = scenario.market, scenario
        today = market.btc_price_usd / price[0]
        price, low = price * today, low * today
        hashprice = hashprice * (hashprice_usd_today(market) / hashprice[0])
        network = None if network is None else network * (market.network.hashrate_ehs / network[0])
    hashprice_btc = hashprice / price
    if network is None:
        subsidy = daily_subsidy_btc(scenario.market.block_height, int(ends[-1]))
        network = np.exp(log_hashprice_of_one_ehs(subsidy, scenario.market.fees.share)) / hashprice_btc
    return Paths(
        **steps,
        close_usd=price[None],
        low_usd=low[None],
        btc_per_ph=monthly_sums(hashprice_btc, ends)[None],
        revenue_usd_per_ph=monthly_sums(hashprice, ends)[None],
        hashprice_usd_per_ph_day=hashprice[ends][None],
        network_ehs=network[ends][None],
        power_usd_per_mwh=seasonal_prices(seasons)[None, : months + 1],
        asic_price_factor=asic_price_factor(scenario.market.asic_prices, machines / machines[0], np.arange(months + 1))[
            None
        ],
        **calm(scenario, 1, months),
    )


def _months(scenario: Scenario, history: History, start: date) -> int:
    """How many whole months there are from ``start`` on, at most the horizon; at least one."""
    first, last = history.date[0].item(), history.date[-1].item()
    before = _days_before(history)
    if start - timedelta(days=before) < first or month_end(start, 1) > last:
        why = f", and the {before} days before, since there is no column low_usd" if before else ""
        raise ReplayError(
            f"{history.file} has days from {first} to {last}; a replay from {start} needs the month to "
            f"{month_end(start, 1)} at least{why}. Start between {first + timedelta(days=before)} and "
            f"{month_end(last, -1)}"
        )
    return max(month for month in range(1, scenario.horizon_months + 1) if month_end(start, month) <= last)


def _days_before(history: History) -> int:
    """How many days before the first one are needed."""
    return RETURNS_BEFORE_A_LOW if history.low_usd is None else 0


def _window(history: History, start: date, end: date) -> slice:
    """Where the days from ``start`` to ``end`` stand; raises ReplayError unless each is there."""
    first = start - timedelta(days=_days_before(history))
    needed = np.datetime64(first, "D") + np.arange((end - first).days + 1)
    absent = np.setdiff1d(needed, history.date)
    if len(absent):
        raise ReplayError(
            f"{history.file}: {len(absent)} of the days from {first} to {end} are missing, the first is {absent[0]}; "
            "a replay needs every day"
        )
    begin = int(np.searchsorted(history.date, np.datetime64(start)))
    return slice(begin, begin + (end - start).days + 1)


def _lows(history: History, window: slice) -> Floats:
    """The lowest price of each day of the window, its opening included; of the first, the closing price."""
    close = history.price_usd[window]
    opening = np.concatenate([close[:1], close[:-1]])
    if history.low_usd is not None:
        low = history.low_usd[window]
    else:
        before = np.log(history.price_usd[window.start - RETURNS_BEFORE_A_LOW : window.stop - 1])
        sd = np.lib.stride_tricks.sliding_window_view(np.diff(before), RETURNS_BEFORE_A_LOW).std(axis=1)
        low = np.exp(bridge_low(np.log(opening), np.log(close), np.concatenate([[0.0], sd]), log(2.0)))
    return np.concatenate([close[:1], np.minimum(low, np.minimum(opening, close))[1:]])
