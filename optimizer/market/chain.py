"""Trees of a single branch, and joining them at today: named cases and stress branches are made of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.market.calendar import days_per_month, month_end_days
from optimizer.market.network import hashprice_usd_today
from optimizer.market.power import seasonal_prices
from optimizer.market.tree import Floats, Ints, Tree
from optimizer.scenario.market_spec import AsicPrices
from optimizer.scenario.schema import Scenario

TODAY = "today"


@dataclass(frozen=True)
class DailyPath:
    """One market path by the day, [day 0..end]; log_hashprice_btc is ln of BTC per PH/s per day."""

    log_price: Floats
    log_hashprice_btc: Floats
    log_network_ehs: Floats


def chain(scenario: Scenario, path: DailyPath, months: int, low_below_close_share: float, name: str) -> Tree:
    """A branch of ``months`` nodes after node 0, with probability 1 and no stress.

    The month's low lies ``low_below_close_share`` below the lower of its opening and closing price.
    """
    ends = month_end_days(scenario.as_of, months)
    price_by_day, btc_by_day = np.exp(path.log_price), np.exp(path.log_hashprice_btc)
    price = price_by_day[ends]
    hashprice = (price_by_day * btc_by_day)[ends]
    low = np.minimum(price, np.roll(price, 1)) * (1.0 - low_below_close_share)
    low[0] = price[0]
    nodes = np.arange(months + 1)
    return Tree(
        month=nodes,
        parent=nodes - 1,
        probability=np.ones(months + 1),
        price_usd=price,
        low_usd=low,
        btc_per_ph=monthly_sums(btc_by_day, ends),
        revenue_usd_per_ph=monthly_sums(btc_by_day * price_by_day, ends),
        hashprice_usd_per_ph_day=hashprice,
        network_ehs=np.exp(path.log_network_ehs)[ends],
        days=days_per_month(scenario.as_of, months).astype(np.float64),
        power_usd_per_mwh=seasonal_prices(scenario)[: months + 1],
        asic_price_factor=asic_price_factor(
            scenario.market.asic_prices, hashprice / hashprice_usd_today(scenario.market), nodes
        ),
        stress=np.full(months + 1, -1),
        stress_names=(),
        delivery_delay_months=np.zeros(months + 1, dtype=np.int64),
        frozen=(frozenset(),) * (months + 1),
        branch_names=(TODAY, *[name] * months),
    )


def asic_price_factor(spec: AsicPrices, hashprice_ratio: Floats, month: Ints) -> Floats:
    """Machine prices against today's: hashprice against today's to the elasticity, times age."""
    factor: Floats = hashprice_ratio**spec.elasticity * (1.0 - spec.ageing_pa) ** (month / 12.0)
    return factor


def piecewise_growth(log_today: float, days: Sequence[int], logs: Sequence[float], end_day: int) -> Floats:
    """A log path by the day, [day 0..end_day]: straight from today through (days, logs), flat after the
    last.
    """
    return np.interp(np.arange(end_day + 1), [0, *days], [log_today, *logs])


def join(trees: Sequence[Tree]) -> Tree:
    """One tree with the first's node 0 and every tree's later nodes, in order.

    Probabilities, stress indices and names are taken as they stand; a name of a branch is dropped unless
    every tree names its branches.
    """
    parents, stresses = [trees[0].parent], [trees[0].stress]
    nodes, names = len(trees[0]), len(trees[0].stress_names)
    for tree in trees[1:]:
        parents.append(np.where(tree.parent[1:] == 0, 0, tree.parent[1:] + nodes - 1))
        stresses.append(np.where(tree.stress[1:] < 0, -1, tree.stress[1:] + names))
        nodes, names = nodes + len(tree) - 1, names + len(tree.stress_names)

    def along(field: str) -> Floats:
        return np.concatenate([getattr(trees[0], field), *(getattr(tree, field)[1:] for tree in trees[1:])])

    branch_names = [tree.branch_names for tree in trees]
    named = [names for names in branch_names if names is not None]
    return Tree(
        month=along("month").astype(np.int64),
        parent=np.concatenate(parents),
        probability=along("probability"),
        price_usd=along("price_usd"),
        low_usd=along("low_usd"),
        btc_per_ph=along("btc_per_ph"),
        revenue_usd_per_ph=along("revenue_usd_per_ph"),
        hashprice_usd_per_ph_day=along("hashprice_usd_per_ph_day"),
        network_ehs=along("network_ehs"),
        days=along("days"),
        power_usd_per_mwh=along("power_usd_per_mwh"),
        asic_price_factor=along("asic_price_factor"),
        stress=np.concatenate(stresses),
        stress_names=tuple(name for tree in trees for name in tree.stress_names),
        delivery_delay_months=along("delivery_delay_months").astype(np.int64),
        frozen=(trees[0].frozen[0], *(frozen for tree in trees for frozen in tree.frozen[1:])),
        branch_names=(TODAY, *(n for names in named for n in names[1:])) if len(named) == len(trees) else None,
    )


def monthly_sums(by_day: Floats, ends: Ints) -> Floats:
    """Sum over the days of every month, [month]; 0 for today."""
    total = np.cumsum(by_day)
    return np.diff(total[ends], prepend=total[0])
