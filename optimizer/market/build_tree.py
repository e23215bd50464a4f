"""From a scenario to its tree: the fan reduced, or named cases, with the stress branches added."""

from __future__ import annotations

from typing import Literal

import numpy as np

from optimizer.market.branches import stages
from optimizer.market.cases import cases_tree
from optimizer.market.chain import join
from optimizer.market.fan import simulate
from optimizer.market.fidelity import Fidelity, fidelity
from optimizer.market.reduce import fan_to_tree
from optimizer.market.stress import stress_branch
from optimizer.market.tree import Floats, Tree
from optimizer.scenario.market_spec import Cases
from optimizer.scenario.schema import Scenario


def build_tree(scenario: Scenario) -> tuple[Tree, Fidelity]:
    """The scenario's tree, its stress branches last, and how well it keeps the simulated market.

    Raises ScenarioError when the market cannot be simulated (see `optimizer.market.fan.simulate`).
    """
    horizon = scenario.horizon_months
    if isinstance(scenario.market.price, Cases):
        tree = cases_tree(scenario, scenario.market.price)
        kept = fidelity(None, tree, tuple(range(1, horizon + 1)))
    else:
        fan = simulate(scenario)
        tree = fan_to_tree(fan, scenario)
        kept = fidelity(fan, tree, tuple(stage.last for stage in stages(scenario.market.tree.branching, horizon)))
    return join([tree, *(stress_branch(scenario, stress) for stress in scenario.market.stress)]), kept


def mean_path(tree: Tree, numeraire: Literal["btc", "usd"] = "btc") -> Tree:
    """The single branch of what the probability nodes are on average, month by month; stress branches are
    left out.

    Price: the harmonic mean when wealth is counted in BTC, else the mean, so that the path neither gains nor
    loses against the tree by holding dollars. Low: the mean of low over close, times the price. All else:
    the mean.
    """
    months = int(tree.month[tree.probability > 0].max())
    share = np.zeros((months + 1, len(tree)))
    share[tree.month[tree.probability > 0], np.flatnonzero(tree.probability > 0)] = tree.probability[
        tree.probability > 0
    ]
    share /= share.sum(axis=1, keepdims=True)
    price: Floats = 1.0 / (share @ (1.0 / tree.price_usd)) if numeraire == "btc" else share @ tree.price_usd
    low = np.minimum(share @ (tree.low_usd / tree.price_usd) * price, np.minimum(price, np.roll(price, 1)))
    low[0] = price[0]
    nodes = np.arange(months + 1)
    return Tree(
        month=nodes,
        parent=nodes - 1,
        probability=np.ones(months + 1),
        price_usd=price,
        low_usd=low,
        btc_per_ph=share @ tree.btc_per_ph,
        revenue_usd_per_ph=share @ tree.revenue_usd_per_ph,
        hashprice_usd_per_ph_day=share @ tree.hashprice_usd_per_ph_day,
        network_ehs=share @ tree.network_ehs,
        days=share @ tree.days,
        power_usd_per_mwh=share @ tree.power_usd_per_mwh,
        asic_price_factor=share @ tree.asic_price_factor,
        stress=np.full(months + 1, -1),
        stress_names=(),
        delivery_delay_months=np.zeros(months + 1, dtype=np.int64),
        frozen=(frozenset(),) * (months + 1),
    )
