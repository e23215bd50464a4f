"""The fan reduced to a tree, stage by stage, without imagined gains.

A stage runs from a month where the tree branches to the month before it branches again. At its start the
paths behind every node are split into groups by what they do up to the stage's end; each group is a child.
Its price moves with the group's mean return, spread and shifted so that *at every node* the conditional E[P]
and E[1/P] over the stage are the whole fan's. So no node offers a gain from selling or borrowing that the
view does not.

Along a stage nothing new is learnt, so price may not move there by more than the view says: a plan would
foresee it. The whole move comes in the stage's first month; after it price goes with the fan's harmonic mean
(numeraire btc: E[1/P] is the fan's in every month) or mean (numeraire usd: E[P] is).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from optimizer.market.branches import Branches, Stage, split, stages, trunk
from optimizer.market.calendar import days_per_month
from optimizer.market.chain import asic_price_factor
from optimizer.market.fan import Fan
from optimizer.market.power import seasonal_prices
from optimizer.market.tree import Floats, Ints, Tree
from optimizer.scenario.schema import Scenario

# Newton's steps double the digits; some six are enough.
NEWTON_STEPS = 60

# Columns of `Tree` for the nodes of one month; ``parent`` counts within the month before.
Columns = dict[str, npt.NDArray[Any]]


def fan_to_tree(fan: Fan, scenario: Scenario) -> Tree:
    """The tree's probability nodes; stress branches are added elsewhere. The module's text says how."""
    paths, months = fan.price_usd.shape
    level = price_level(fan, scenario.numeraire)
    power = seasonal_prices(scenario)
    low_quantile = scenario.market.tree.low_quantile
    branches = trunk(paths)
    layers = [_today(fan, power)]
    for stage in stages(scenario.market.tree.branching, months - 1):
        before, branches = branches, split(fan, branches, stage)
        price_at_end = _prices_at_end(fan, stage, before, branches, layers[-1]["price_usd"], level)
        stretch = _stretch_at_end(fan, stage, branches, price_at_end)
        start = layers[-1]["price_usd"][branches.parent]
        log_start = before.mean(np.log(fan.price_usd[:, stage.first - 1]))[branches.parent]
        for month in range(stage.first, stage.last + 1):
            parent = branches.parent if month == stage.first else np.arange(len(branches))
            opening = layers[-1]["price_usd"][parent]
            price = price_at_end * level[month] / level[stage.last]
            layers.append(
                {
                    "month": np.full(len(branches), month),
                    "parent": parent,
                    "probability": branches.weight,
                    "price_usd": price,
                    "low_usd": np.minimum(
                        start * np.exp(_log_lows(fan, month, branches, low_quantile) - log_start),
                        np.minimum(opening, price),
                    ),
                    "power_usd_per_mwh": np.outer(branches.mean(fan.power_factor[:, month]), power[month]),
                    **_mining(fan, month, branches, price, stretch),
                }
            )
    return _numbered(layers, scenario)


def price_level(fan: Fan, numeraire: Literal["btc", "usd"]) -> Floats:
    """The price that neither gains nor loses on average as the numeraire counts it, [month]: the harmonic
    mean when wealth is counted in BTC, the mean when in USD.
    """
    level: Floats = 1.0 / (1.0 / fan.price_usd).mean(axis=0) if numeraire == "btc" else fan.price_usd.mean(axis=0)
    return level


def _prices_at_end(
    fan: Fan, stage: Stage, before: Branches, branches: Branches, price: Floats, level: Floats
) -> Floats:
    """Price of each branch at the stage's end, [branch]; ``price``: of each branch before, where it split.

    Children move by exp(a + b z), z their mean log return: a and b make the conditional E[P] and E[1/P]
    change as in the whole fan. Where that has no solution (one child, no volatility) price goes with the
    level alone.
    """
    first, last = fan.price_usd[:, stage.first - 1], fan.price_usd[:, stage.last]
    log_growth = np.log(last.mean() / first.mean())
    log_growth_of_inverse = np.log((1.0 / last).mean() / (1.0 / first).mean())
    returns, parent = branches.mean(np.log(last / first)), branches.parent
    share = branches.weight / before.weight[parent]
    slope = _slopes(returns, share, parent, float(log_growth + log_growth_of_inverse))
    spread = np.nan_to_num(slope)[parent] * returns
    move = spread + log_growth - _log_mean_exp(spread, share, parent)[parent]
    with_level = np.log(level[stage.last] / level[stage.first - 1])
    at_end: Floats = price[parent] * np.exp(np.where(np.isnan(slope)[parent], with_level, move))
    return at_end


def _slopes(returns: Floats, share: Floats, parent: Ints, target: float) -> Floats:
    """The b > 0 of each branch before with ln(sum p e^(b z)) + ln(sum p e^(-b z)) = target; NaN where there is none.

    returns, share: z and p of each branch, [branch]. The left side is 0 at b = 0 and rises without bound, ever steeper,
    unless all z are alike, so b is unique and Newton's steps close in on it from above, after the first.
    """
    centred = returns - np.bincount(parent, weights=share * returns)[parent]
    variance = np.bincount(parent, weights=share * centred**2)
    widest = np.zeros(len(variance))
    np.maximum.at(widest, parent, np.abs(centred))
    solvable = (widest >= 1e-9) & (target >= 1e-12)
    slope = np.sqrt(max(target, 0.0) / np.where(solvable, variance, 1.0))
    for _ in range(NEWTON_STEPS):
        excess, steepness = np.full(len(slope), -target), np.zeros(len(slope))
        for z in (centred, -centred):
            log_mean = _log_mean_exp(slope[parent] * z, share, parent)
            excess += log_mean
            tilted = share * np.exp(slope[parent] * z - log_mean[parent])
            steepness += np.bincount(parent, weights=tilted * z)
        step = excess / np.where(solvable, steepness, 1.0)
        slope = slope - step
        if (np.abs(step) <= 1e-15 * slope)[solvable].all():
            break
    return np.where(solvable, slope, np.nan)


def _log_mean_exp(values: Floats, share: Floats, parent: Ints) -> Floats:
    """ln of the mean of exp(values) over each parent's branches by their ``share`` of it, [parent]; no overflow."""
    highest = np.full(int(parent.max()) + 1, -np.inf)
    np.maximum.at(highest, parent, values)
    mean: Floats = highest + np.log(np.bincount(parent, weights=share * np.exp(values - highest[parent])))
    return mean


def _log_lows(fan: Fan, month: int, branches: Branches, quantile: float) -> Floats:
    """That quantile of the (log) lows of the paths behind each branch, [branch].

    The caller moves it from the paths' own level at the stage's start to the node's: not from their level at
    the month's close, since the tree makes its whole move in the stage's first month and the paths have not.
    """
    return branches.quantile(np.log(fan.low_usd[:, month]), quantile)


def _hashprice_btc(fan: Fan, month: int, branches: Branches) -> Floats:
    """Mean BTC per PH/s per day at the close over each branch's paths, [branch]."""
    return branches.mean(fan.hashprice_usd_per_ph_day[:, month] / fan.price_usd[:, month])


def _mining(fan: Fan, month: int, branches: Branches, price: Floats, stretch: float) -> Columns:
    """What mining earns at a month's nodes, and the network hashrate that goes with it (same fees as the
    paths').

    USD revenue is the month's BTC at the node's price: within a stage there is no other price to take.
    """
    weight = branches.weight
    hashprice_btc = _stretched(_hashprice_btc(fan, month, branches), weight, stretch)
    btc_per_ph = _stretched(branches.mean(fan.btc_per_ph[:, month]), weight, stretch)
    btc_per_day_of_one_ehs = (
        fan.hashprice_usd_per_ph_day[:, month] / fan.price_usd[:, month] * fan.network_ehs[:, month]
    )
    return {
        "btc_per_ph": btc_per_ph,
        "revenue_usd_per_ph": btc_per_ph * price,
        "hashprice_usd_per_ph_day": hashprice_btc * price,
        "network_ehs": branches.mean(btc_per_day_of_one_ehs) / hashprice_btc,
    }


def _stretch_at_end(fan: Fan, stage: Stage, branches: Branches, price: Floats) -> float:
    """What to multiply the branches' log deviations of BTC hashprice by, so that at the stage's end the log
    of USD hashprice spreads as in the fan: var(p) + 2 b cov(p, y) + b^2 var(y) = var(fan).

    Of two solutions the one nearest 1; where there is none, the b that comes nearest. Never below 0.
    """
    weight = branches.weight
    log_price, log_btc = np.log(price), np.log(_hashprice_btc(fan, stage.last, branches))
    p, y = log_price - weight @ log_price, log_btc - weight @ log_btc
    var_y = float(weight @ y**2)
    if var_y < 1e-18:
        return 1.0
    half = -float(weight @ (p * y)) / var_y
    wanted = float(np.var(np.log(fan.hashprice_usd_per_ph_day[:, stage.last])))
    root = float(np.sqrt(max(half**2 - (float(weight @ p**2) - wanted) / var_y, 0.0)))
    return max(min(half - root, half + root, key=lambda b: abs(b - 1.0)), 0.0)


def _stretched(values: Floats, weight: Floats, stretch: float) -> Floats:
    """Values with their log deviations times ``stretch`` and the same weighted mean."""
    logs = np.log(values)
    spread = np.exp(stretch * (logs - weight @ logs))
    scaled: Floats = spread * (weight @ values) / (weight @ spread)
    return scaled


def _today(fan: Fan, power: Floats) -> Columns:
    """Node 0."""
    return {
        "month": np.array([0]),
        "parent": np.array([-1]),
        "probability": np.ones(1),
        "price_usd": fan.price_usd[:1, 0],
        "low_usd": fan.low_usd[:1, 0],
        "power_usd_per_mwh": power[:1],
        "btc_per_ph": fan.btc_per_ph[:1, 0],
        "revenue_usd_per_ph": fan.revenue_usd_per_ph[:1, 0],
        "hashprice_usd_per_ph_day": fan.hashprice_usd_per_ph_day[:1, 0],
        "network_ehs": fan.network_ehs[:1, 0],
    }


def _numbered(layers: list[Columns], scenario: Scenario) -> Tree:
    """One tree of all months' nodes, numbered month by month."""
    sizes = [len(layer["month"]) for layer in layers]
    offset_of_month_before = np.cumsum([0, 0, *sizes[:-2]]) if len(sizes) > 1 else np.zeros(1, dtype=np.int64)
    columns = {name: np.concatenate([layer[name] for layer in layers]) for name in layers[0]}
    month = columns.pop("month").astype(np.int64)
    parent = columns.pop("parent").astype(np.int64) + np.where(month > 0, offset_of_month_before[month], 0)
    hashprice = columns["hashprice_usd_per_ph_day"]
    nodes = len(month)
    return Tree(
        month=month,
        parent=parent,
        days=days_per_month(scenario.as_of, len(layers) - 1)[month].astype(np.float64),
        asic_price_factor=asic_price_factor(scenario.market.asic_prices, hashprice / hashprice[0], month),
        stress=np.full(nodes, -1),
        stress_names=(),
        delivery_delay_months=np.zeros(nodes, dtype=np.int64),
        frozen=(frozenset(),) * nodes,
        branch_names=None,
        **columns,
    )
