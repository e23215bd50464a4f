"""Stress branches: futures without probability that the plan must survive."""

from __future__ import annotations

from dataclasses import replace
from math import log, log1p

import numpy as np

from optimizer.market.calendar import day_of
from optimizer.market.chain import DailyPath, chain, piecewise_growth
from optimizer.market.mining import daily_subsidy_btc
from optimizer.market.network import hashprice_usd_today, log_hashprice_of_one_ehs
from optimizer.market.tree import Floats, Tree
from optimizer.scenario.market_spec import Stress, StressPoint
from optimizer.scenario.schema import Scenario


def stress_branch(scenario: Scenario, stress: Stress) -> Tree:
    """Node 0 and the stress's months, to its own end or the horizon.

    Price and, where stated, USD hashprice follow their points; the network then is what makes that hashprice.
    Where hashprice is not stated network and fees stay as today, so it follows price and the halving.
    """
    months = min(stress.until_month or scenario.horizon_months, scenario.horizon_months)
    calm = chain(scenario, daily_path(scenario, stress, months), months, stress.low_below_close_share, stress.name)
    later = calm.month > 0
    return replace(
        calm,
        probability=np.where(later, 0.0, 1.0),
        power_usd_per_mwh=calm.power_usd_per_mwh * np.where(later, stress.power_price_factor, 1.0)[:, None],
        stress=np.where(later, 0, -1),
        stress_names=(stress.name,),
        delivery_delay_months=np.where(later, stress.delivery_delay_months, 0),
        frozen=tuple(_frozen(stress, month) for month in calm.month.tolist()),
    )


def daily_path(scenario: Scenario, stress: Stress, months: int) -> DailyPath:
    """Price, hashprice and network by the day, [day 0..end of ``months``]. After the stress's own end price stays
    where it is, and so does what hashprice was stated as."""
    market = scenario.market
    log_price = log_through(scenario, stress, market.btc_price_usd, stress.price, months)
    days = len(log_price) - 1
    of_one_ehs = log_hashprice_of_one_ehs(daily_subsidy_btc(market.block_height, days), market.fees.share)
    if stress.hashprice_usd:
        today_usd = hashprice_usd_today(market)
        log_hashprice_btc = log_through(scenario, stress, today_usd, stress.hashprice_usd, months) - log_price
    else:
        log_hashprice_btc = of_one_ehs - log(market.network.hashrate_ehs)
    return DailyPath(log_price, log_hashprice_btc, of_one_ehs - log_hashprice_btc)


def log_through(
    scenario: Scenario, stress: Stress, today: float, points: tuple[StressPoint, ...], months: int
) -> Floats:
    """ln of a quantity by the day, [day 0..end of ``months``], through today's value times (1 + change) at the end of
    each point's month; it stays where it is from the stress's own end."""
    ordered = sorted(points, key=lambda point: point.month)
    days = [day_of(scenario.as_of, point.month) for point in ordered]
    last_day = day_of(scenario.as_of, min(stress.until_month or months, months))
    to_its_end = piecewise_growth(log(today), days, [log(today) + log1p(p.change) for p in ordered], last_day)
    return np.pad(to_its_end, (0, day_of(scenario.as_of, months) - last_day), mode="edge")


def _frozen(stress: Stress, month: int) -> frozenset[str]:
    frozen = stress.frozen_from_month <= month <= stress.frozen_until_month
    return frozenset(stress.frozen_lenders) if frozen else frozenset()
