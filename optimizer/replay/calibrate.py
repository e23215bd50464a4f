"""A scenario's company put into the market of an earlier day, from nothing but what was known by then.

`known_by` cuts the history at the day first; everything after works on the cut, so that nothing later can be seen.
What the history does not say (lenders' terms, power, machines' prices in hashprice, the price view) is the scenario's.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, exp, log2, sqrt
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from pydantic import ValidationError

from optimizer.errors import Problem, ReplayError, ScenarioError
from optimizer.market.calendar import DAYS_PER_YEAR
from optimizer.market.chain import asic_price_factor
from optimizer.market.history import missing_days, read_days, read_table
from optimizer.market.mining import (
    BLOCKS_PER_DAY,
    BLOCKS_PER_HALVING,
    hashprice_btc_per_ph_day,
    hashrate_from_difficulty,
    subsidy_btc,
)
from optimizer.market.network import hashprice_usd_today
from optimizer.scenario.base import Strict
from optimizer.scenario.catalogue import AsicModel
from optimizer.scenario.checks import issues_of
from optimizer.scenario.fleet import Machines
from optimizer.scenario.market_spec import Bootstrap, Cases, Gbm, Market, PriceProcess
from optimizer.scenario.nodes import path_text
from optimizer.scenario.schema import Scenario

COLUMNS = ("price_usd", "difficulty", "blocks", "issuance_btc_per_day", "fees_btc_per_day")
# Volatility, growth of the network and the hashprice at which it grew so are of the year before, fees of a quarter.
YEAR_DAYS = 365
FEE_DAYS = 90
# The days (UTC) of the blocks 210,000, 420,000, 630,000 and 840,000, for histories that begin after them.
HALVING_DAYS = {1: date(2012, 11, 28), 2: date(2016, 7, 9), 3: date(2020, 5, 11), 4: date(2024, 4, 20)}


T = TypeVar("T", bound=Strict)


@dataclass(frozen=True)
class MarketAt:
    """The market of a day. growth_pa: of the network in the year before; mean_hashprice_usd_per_ph_day: geometric, of
    the same year. volatility_pa: of that year's daily log returns. fee_share: of the rewards of the 90 days before."""

    btc_price_usd: float
    block_height: int
    network_ehs: float
    fee_share: float
    volatility_pa: float
    growth_pa: float
    mean_hashprice_usd_per_ph_day: float


def read_record(csv: Path) -> pd.DataFrame:
    """The columns of a daily history that calibration needs, by date, oldest first.

    Raises ScenarioError with everything that is wrong with the file.
    """
    return read_days(csv, read_table(csv), COLUMNS)


def known_by(record: pd.DataFrame, day: date) -> pd.DataFrame:
    """The rows up to and including ``day``.

    Raises ReplayError unless it holds that day and each of the 365 before, and no day is missing before.
    """
    past = record.loc[: str(day)]
    first = day - timedelta(days=YEAR_DAYS)
    if past.empty or past.index[-1].date() != day or past.index[0].date() > first:
        held = f"from {record.index[0].date()} to {record.index[-1].date()}" if len(record) else "of no day"
        raise ReplayError(f"A plan made on {day} needs the history of each day from {first} to it; it is {held}.")
    gap = missing_days(past.index.to_numpy().astype("datetime64[D]"))
    if gap:
        raise ReplayError(f"A plan made on {day} needs the history of every day before it: {gap}.")
    return past


def market_at(past: pd.DataFrame) -> MarketAt:
    """The market of the last day of ``past`` (at least a year of it)."""
    year, quarter = past.iloc[-YEAR_DAYS - 1 :], past.iloc[-FEE_DAYS:]
    difficulty, log_price = year["difficulty"].to_numpy(), np.log(year["price_usd"].to_numpy())
    fees, issued = quarter["fees_btc_per_day"].sum(), quarter["issuance_btc_per_day"].sum()
    reward = (year["issuance_btc_per_day"] + year["fees_btc_per_day"]) / year["blocks"]
    hashprice = year["price_usd"].to_numpy() * hashprice_btc_per_ph_day(difficulty, reward.to_numpy(), 0.0)
    return MarketAt(
        btc_price_usd=float(year["price_usd"].iloc[-1]),
        block_height=block_height(past),
        network_ehs=float(hashrate_from_difficulty(difficulty[-1])),
        fee_share=float(fees / (fees + issued)),
        volatility_pa=float(np.diff(log_price).std(ddof=1) * sqrt(DAYS_PER_YEAR)),
        growth_pa=float(difficulty[-1] / difficulty[0] - 1),
        mean_hashprice_usd_per_ph_day=exp(float(np.log(hashprice).mean())),
    )


def block_height(past: pd.DataFrame) -> int:
    """Height of the last block of the last day: blocks counted from the halving whose subsidy is paid.

    Of a day's N blocks that issued I BTC, 2 N - I / s came after the halving to a subsidy of s BTC: none where all
    were paid 2 s, all where all were paid s. Where the history begins after that halving, the days between
    are counted at 144 blocks. Raises ReplayError where neither says when the halving was.
    """
    blocks, issued = past["blocks"].to_numpy(), past["issuance_btc_per_day"].to_numpy()
    # Of a halving in the midst of the last day the new subsidy; a little is sometimes left unclaimed.
    halvings = ceil(log2(50.0 * blocks[-1] / issued[-1]) - 0.02)
    subsidy = subsidy_btc(float(halvings * BLOCKS_PER_HALVING))
    after = np.clip(np.rint(2.0 * blocks - issued / subsidy), 0.0, blocks)
    height = halvings * BLOCKS_PER_HALVING + int(after.sum()) - 1
    if halvings > 0 and after[0] > 0:
        if halvings not in HALVING_DAYS:
            first, paid = past.index[0].date(), f"{subsidy:g} BTC a block"
            raise ReplayError(f"The history begins on {first}, after the halving to {paid}: begin it before that day.")
        height += BLOCKS_PER_DAY * (past.index[0].date() - HALVING_DAYS[halvings]).days
    return height


def prepared(scenario: Scenario, months: int) -> Scenario:
    """The scenario planned over ``months``, fit for any start: what lies beyond is left out.

    Raises ScenarioError where a stress moves prices beyond the horizon; ReplayError when the price is of named cases
    or a machine's release is not known.
    """
    market = scenario.market
    if isinstance(market.price, Cases):
        raise ReplayError(
            "Named cases state prices in dollars, which cannot be carried to another day. For a backtest give "
            "market.price a process: gbm, jump_diffusion or bootstrap."
        )
    for machine in (*scenario.machines.held, *scenario.machines.candidates):
        _released(scenario.machines.specs[machine.model], machine.model)
    stresses = [s.model_copy(update={"until_month": min(s.until_month or months, months)}) for s in market.stress]
    branching = tuple(b for b in market.tree.branching if b.month <= months)
    tree = market.tree.model_copy(update={"branching": branching})
    return _valid(
        scenario.model_copy(
            update={
                "horizon_months": months,
                "decision_months": tuple(m for m in scenario.decision_months if m < months),
                "liabilities": tuple(due for due in scenario.liabilities if due.month <= months),
                "market": market.model_copy(update={"stress": tuple(stresses), "tree": tree}),
            }
        )
    )


def scenario_at(scenario: Scenario, record: pd.DataFrame, start: date) -> Scenario:
    """The same company on ``start``, which is its today: BTC, cash, sites, debts and offers as written.

    Price, height, network, fees and volatility are those of the day; the network's growth is that of the year before,
    and its fair hashprice the one with which the scenario's own law of the network gives that growth: the
    year's geometric mean, less half a year of efficiency gain. Machines cost what that law of machine prices makes of
    the scenario's, back in time: hashprice of then against hashprice of its date, to the elasticity, and younger.
    Machines that were not yet released are not there.

    ``scenario`` is one that `prepared` has passed. Raises ReplayError when the history does not reach so far back and
    ScenarioError when the company cannot be what it is on that day.
    """
    known = market_at(known_by(record, start))
    market = _market(scenario.market, known, start)
    ratio = hashprice_usd_today(market) / hashprice_usd_today(scenario.market)
    months = np.array((start - scenario.as_of).days / DAYS_PER_YEAR * 12)
    with np.errstate(divide="ignore"):
        factor = float(asic_price_factor(market.asic_prices, np.array(ratio), months))
    machines = _machines(scenario.machines, start, factor)
    return _valid(scenario.model_copy(update={"as_of": start, "market": market, "machines": machines}))


def _market(market: Market, known: MarketAt, start: date) -> Market:
    fair = known.mean_hashprice_usd_per_ph_day * sqrt(1 - market.network.efficiency_gain_pa)
    network = {
        "hashrate_ehs": known.network_ehs,
        "growth_pa": known.growth_pa,
        "fair_hashprice_usd_per_ph_day": fair,
    }
    return market.model_copy(
        update={
            "btc_price_usd": known.btc_price_usd,
            "block_height": known.block_height,
            "source": None,
            "price": _price(market.price, known, start),
            "network": market.network.model_copy(update=network),
            "fees": market.fees.model_copy(update={"share": known.fee_share}),
        }
    )


def _price(price: PriceProcess, known: MarketAt, start: date) -> PriceProcess:
    """The scenario's process under its view, with the volatility known. Jumps stay as they are, and what they leave of
    the volatility is the rest's; a bootstrap draws from the days up to ``start``."""
    if isinstance(price, Bootstrap):
        return price.model_copy(update={"to_date": min(price.to_date or start, start)})
    if isinstance(price, Gbm):
        return price.model_copy(update={"volatility_pa": known.volatility_pa})
    assert not isinstance(price, Cases)  # `prepared` refuses them
    of_jumps = price.jumps_pa * (price.jump_mean_log**2 + price.jump_sd_log**2)
    left = sqrt(max(known.volatility_pa**2 - of_jumps, 0.0))
    return price.model_copy(update={"volatility_pa": left})


def _machines(machines: Machines, start: date, factor: float) -> Machines:
    """Those on sale by ``start``, owned, ordered or offered, at their prices times ``factor``."""
    used = {machine.model for machine in (*machines.held, *machines.candidates)}
    there = {name for name in used if _released(machines.specs[name], name) <= start}
    specs = {name: _priced(machines.specs[name], factor, "price_usd") for name in sorted(there)}
    return machines.model_copy(
        update={
            "owned": tuple(_priced(m, factor, "resale_usd") for m in machines.owned if m.model in there),
            "on_order": tuple(
                _priced(m, factor, "resale_usd", "due_usd_per_unit") for m in machines.on_order if m.model in there
            ),
            "candidates": tuple(_priced(c, factor, "price_usd") for c in machines.candidates if c.model in there),
            "specs": specs,
        }
    )


def _priced(item: T, factor: float, *prices: str) -> T:
    """The same with these prices, where it has them, times ``factor``."""
    written = {name: getattr(item, name) for name in prices}
    return item.model_copy(update={name: usd * factor for name, usd in written.items() if usd is not None})


def _released(spec: AsicModel, name: str) -> date:
    """From when a machine was on sale: the last day of the month or the year that its release names."""
    try:
        parts = [int(part) for part in (spec.release or "").split("-")]
        year, month, day = (*parts, *(12, 31)[len(parts) - 1 :])
        return date(year, month, min(day, monthrange(year, month)[1]))
    except (ValueError, IndexError):
        found = f"is {spec.release!r}" if spec.release else "is not known"
        raise ReplayError(
            f"The release of {name} {found}, so nobody can say when it could be bought. Write `release:` with a year, "
            f'a month or a day, as in "2024-02", under machines: specs: {name}, or take the machine out.'
        ) from None


def _valid(scenario: Scenario) -> Scenario:
    """The scenario, validated and checked as a file is. Raises ScenarioError with all that is wrong."""
    who = f"{scenario.name}, {scenario.as_of}"
    try:
        valid = Scenario.model_validate(scenario.model_dump())
    except ValidationError as error:
        wrong = [(tuple(detail["loc"]), detail["msg"], str(detail["input"])) for detail in error.errors()]
        raise ScenarioError([Problem(who, 0, 0, path_text(at), text, found) for at, text, found in wrong]) from None
    issues = [issue for issue in issues_of(valid) if not issue.warning]
    if issues:
        raise ScenarioError([Problem(who, 0, 0, path_text(i.place), i.message, mend=i.mend) for i in issues])
    return valid
