"""Many daily paths of the whole market at once; the fan keeps them month by month.

Price, network hashrate, fees and power are simulated together from one seed. Each has its own random stream,
so that turning one on does not change the others' draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields
from typing import TypeVar

import numpy as np

from optimizer.errors import Problem, ScenarioError
from optimizer.market.calendar import days_per_month
from optimizer.market.mining import daily_subsidy_btc
from optimizer.market.network import (
    HIGHEST_FEE_SHARE,
    follow_margins,
    hashprice_usd_today,
    log_hashprice_of_one_ehs,
)
from optimizer.market.price import Moves, log_low, price_shocks, view_shift
from optimizer.market.reverting import MeanOneFactor
from optimizer.market.tree import Floats
from optimizer.scenario.market_spec import Cases
from optimizer.scenario.schema import Scenario

Drawn = TypeVar("Drawn")


@dataclass(frozen=True)
class Fan:
    """Index order [path, month]; month 0 is today.

    price_usd: at the month's close. low_usd: lowest price of the month, intraday and opening included.
    btc_per_ph: BTC mined by 1 PH/s running all month. revenue_usd_per_ph: the same in USD at each day's
    close. hashprice_usd_per_ph_day and network_ehs: at the close. power_factor: the month's mean, 1 on
    average.
    """

    price_usd: Floats
    low_usd: Floats
    btc_per_ph: Floats
    revenue_usd_per_ph: Floats
    hashprice_usd_per_ph_day: Floats
    network_ehs: Floats
    power_factor: Floats


@dataclass(frozen=True)
class SimulatedMonth:
    """The days of one month, ``[day, path]``; close_usd is exp(log_close). power_factor: as in `Fan`, ``[path]``."""

    log_close: Floats
    close_usd: Floats
    log_low: Floats
    btc_per_ph: Floats
    log_network_ehs: Floats
    power_factor: Floats


# For whoever walks through `simulated_months`: what overflows is refused at the end, with a reason.
overflow_is_refused_later = np.errstate(over="ignore", invalid="ignore")


@overflow_is_refused_later
def simulate(scenario: Scenario) -> Fan:
    """The fan of a scenario whose price is a process (not named cases); the same for the same seed.

    Raises ScenarioError when a bootstrap's history cannot be used or the process spreads beyond all numbers.
    """
    spec = scenario.market.fan
    fan = opened(scenario, spec.paths)
    for month, days in enumerate(simulated_months(scenario, spec.paths, np.random.SeedSequence(spec.seed)), start=1):
        fill(fan, month, days)
    refuse_beyond_numbers(fan, scenario)
    return fan


def simulated_months(scenario: Scenario, paths: int, seed: np.random.SeedSequence) -> Iterator[SimulatedMonth]:
    """The market's days, month by month to the horizon; the same for the same ``paths`` and ``seed``.

    A day's mining counts at its closing price; hashrate moves at the day's start by the margin then met.
    Raises ScenarioError when a bootstrap's history cannot be used.
    """
    market = scenario.market
    process = market.price
    if isinstance(process, Cases):
        raise TypeError("named cases are a tree already: there is nothing to simulate")
    price_rng, low_rng, fee_rng, power_rng = (np.random.default_rng(stream) for stream in seed.spawn(4))
    month_days = days_per_month(scenario.as_of, scenario.horizon_months)
    subsidy = daily_subsidy_btc(market.block_height, int(month_days.sum()))
    shocks = price_shocks(process, paths, price_rng)
    fees = MeanOneFactor(market.fees.volatility_pa, market.fees.reversion_pa, paths)
    power = MeanOneFactor(market.power_prices.volatility_pa, market.power_prices.reversion_pa, paths)
    power_shared = market.power_prices.btc_correlation if shocks.sd_log > 0 else 0.0

    log_price_today = np.log(market.btc_price_usd)
    log_growth = np.zeros(paths)
    log_price = np.full(paths, log_price_today)
    log_hashrate = np.full(paths, np.log(market.network.hashrate_ehs))
    log_hashprice = np.full(paths, np.log(hashprice_usd_today(market)))
    power_factor = np.ones(paths)
    day = 0

    def draw(days: int) -> tuple[Moves, Floats | None, Floats | None]:
        """A month's price moves and the normals of fees and power, where these move."""
        return (
            shocks.draw(days),
            fee_rng.standard_normal((days, paths)) if market.fees.volatility_pa > 0 else None,
            power_rng.standard_normal((days, paths)) if market.power_prices.volatility_pa > 0 else None,
        )

    for moves, fee_normals, power_normals in _drawn_ahead(draw, month_days[1:].tolist()):
        days = len(moves.total)
        growth = log_growth + _running_total(moves.total)
        close = log_price_today + growth + view_shift(growth, process.view, day + 1)[:, None]
        opening = np.concatenate([log_price[None], close[:-1]])

        fee_share: Floats | float = market.fees.share
        if fee_normals is not None:
            swing = fees.advance(fee_normals)
            fee_share = np.minimum(market.fees.share * swing, HIGHEST_FEE_SHARE)
        if power_normals is not None:
            normals = power_shared * shocks.standardised(moves) + np.sqrt(1.0 - power_shared**2) * power_normals
            power_factor = power.advance(normals).mean(axis=0)

        of_one_ehs = log_hashprice_of_one_ehs(subsidy[day + 1 : day + days + 1, None], fee_share)
        hashrates = follow_margins(market.network, close + of_one_ehs, log_hashrate, log_hashprice, day)
        btc_per_ph = np.exp(of_one_ehs - hashrates)
        low = log_low(opening, close, moves, shocks.intraday_sd_log, low_rng)
        yield SimulatedMonth(close, np.exp(close), low, btc_per_ph, hashrates, power_factor)

        log_growth, log_price, log_hashrate = growth[-1], close[-1], hashrates[-1]
        log_hashprice = log_price + np.log(btc_per_ph[-1])
        day += days


def _drawn_ahead(draw: Callable[[int], Drawn], months: Sequence[int]) -> Iterator[Drawn]:
    """What ``draw`` makes of each month's number of days, in turn; another thread draws the next month meanwhile, since
    random numbers are a third of the simulation's work."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = pool.submit(draw, months[0])
        for days in months[1:]:
            drawn, coming = coming.result(), pool.submit(draw, days)
            yield drawn
        yield coming.result()


def _running_total(moves: Floats) -> Floats:
    """The sum up to each day, [day, path]: by rows, since `numpy.cumsum` goes down each path at a tenth of the pace."""
    total = moves.copy()
    for day in range(1, len(total)):
        total[day] += total[day - 1]
    return total


def opened(scenario: Scenario, paths: int) -> Fan:
    """A fan with today filled in; months lie next to each other in memory, for speed."""
    market = scenario.market
    today = [
        market.btc_price_usd,
        market.btc_price_usd,
        0.0,
        0.0,
        hashprice_usd_today(market),
        market.network.hashrate_ehs,
        1.0,
    ]
    months = scenario.horizon_months + 1
    return Fan(*(np.full((months, paths), value).T for value in today))


def fill(fan: Fan, month: int, days: SimulatedMonth) -> None:
    """Writes a month's days into an opened fan."""
    fan.price_usd[:, month] = np.exp(days.log_close[-1])
    fan.low_usd[:, month] = np.exp(days.log_low.min(axis=0))
    fan.btc_per_ph[:, month] = days.btc_per_ph.sum(axis=0)
    fan.revenue_usd_per_ph[:, month] = (days.btc_per_ph * days.close_usd).sum(axis=0)
    fan.hashprice_usd_per_ph_day[:, month] = np.exp(days.log_close[-1] + np.log(days.btc_per_ph[-1]))
    fan.network_ehs[:, month] = np.exp(days.log_network_ehs[-1])
    fan.power_factor[:, month] = days.power_factor


def refuse_beyond_numbers(fan: Fan, scenario: Scenario) -> None:
    """Refuses a fan with zero, infinite or undefined values (a volatility of 300% a year for decades)."""
    for field, values in zip(fields(fan), astuple(fan), strict=True):
        later = values[:, 1:]
        if not (np.isfinite(later).all() and (later > 0).all()):
            problem = Problem(
                scenario.name,
                0,
                0,
                "market",
                f"the simulated {field.name} spreads beyond what numbers can hold",
                mend="lower the volatility, the jumps or the horizon",
            )
            raise ScenarioError([problem])
