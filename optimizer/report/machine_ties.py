"""What must go wrong before a machine ordered today earns nothing over leaving its place empty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optimizer.ledger.fleet import HOURS_PER_DAY, Pair, payment_per_unit
from optimizer.ledger.paths import carried
from optimizer.market.calendar import DAYS_PER_YEAR
from optimizer.market.tree import Floats
from optimizer.report.tables_decisions import pair_of

if TYPE_CHECKING:
    from optimizer.planning import Plan

# A network that grows this much faster a year is out of the question: no break-even is given beyond it.
FASTEST_GROWTH_PA = 10.0


@dataclass(frozen=True)
class MachineTie:
    """One machine of an order of today, expected over all branches, in the numeraire.

    cost: deposit, rest, duty, freight and installation, in BTC of the day they are paid. earned: mined less
    power, to the horizon. resale: at the horizon. net = earned + resale - cost. The break-evens say when net
    is 0, each with all else as planned; None: it never is, within reason. hashprice_lower_share: from month 1
    on; machine prices follow by the scenario's elasticity, and the machine is off where it loses.
    resale_lower_share: of its price at the horizon (above 1: it needs no resale at all). network_faster_pa:
    by how much the network's yearly growth factor is multiplied, less 1. Negative: how much better it must
    get.
    """

    model: str
    site: str
    units: float
    numeraire: str
    cost: float
    earned: float
    resale: float
    net: float
    hashprice_lower_share: float | None
    resale_lower_share: float | None
    network_faster_pa: float | None

    @property
    def text(self) -> str:
        """The row as a sentence."""
        unit = self.numeraire.upper()
        if self.net < 0:
            return f"{self.model} at {self.site}: loses {-self.net:.4f} {unit} a machine on its own"
        words = []
        if self.hashprice_lower_share is not None:
            words.append(f"hashprice {self.hashprice_lower_share:.0%} lower throughout")
        if self.resale_lower_share is not None and self.resale_lower_share <= 1:
            words.append(f"resale {self.resale_lower_share:.0%} lower")
        if self.network_faster_pa is not None:
            words.append(f"a network growing {self.network_faster_pa:.0%} a year faster")
        gain = f"{self.model} at {self.site}: earns {self.net:.4f} {unit} a machine"
        return f"{gain}; nothing with " + ", or ".join(words) if words else gain


def machine_ties(plan: Plan) -> tuple[MachineTie, ...]:
    """One row for each model and site ordered today."""
    ordered: dict[tuple[str, str], float] = {}
    for order in plan.decisions.orders:
        if order.node == 0:
            key = (order.model, order.site)
            ordered[key] = ordered.get(key, 0.0) + order.units
    return tuple(_tie(plan, pair_of(plan, *key), units) for key, units in ordered.items())


def worth_of_btc(plan: Plan) -> Floats:
    """What one BTC at a node adds to the expected outcome if held to the end, times the node's probability:
    the probability itself when counting BTC, with the expected final price when counting USD. ``[node]``."""
    tree = plan.tree
    if plan.scenario.numeraire == "btc":
        return tree.probability
    worth = np.zeros(len(tree))
    worth[tree.leaves] = tree.probability[tree.leaves] * tree.price_usd[tree.leaves]
    for n in range(len(tree) - 1, 0, -1):
        worth[tree.parent[n]] += worth[n]
    return worth


def _tie(plan: Plan, pair: Pair, units: float) -> MachineTie:
    scenario, tree = plan.scenario, plan.tree
    assert pair.candidate is not None
    site, lead = scenario.sites[pair.site], pair.candidate.lead_months
    worth = worth_of_btc(plan)
    worth_of_usd = worth / tree.price_usd
    counted = tree.stress < 0
    running = counted & (tree.month > lead)
    hours = HOURS_PER_DAY * tree.days * site.uptime_share
    years = carried(tree, tree.days) / DAYS_PER_YEAR
    at_end = np.zeros(len(tree), dtype=bool)
    at_end[tree.leaves] = True
    elasticity = scenario.market.asic_prices.elasticity

    now, later = payment_per_unit(scenario, pair, 1.0)
    # What arrives after the horizon is owed there.
    paid = counted & (tree.month == min(lead, scenario.horizon_months))
    cost = now * float(worth_of_usd[0]) + later * float(worth_of_usd[paid].sum())

    def earned(revenue_factor: Floats) -> float:
        """Mined less power, in each node's best mode, with revenue times ``revenue_factor`` [node]."""
        usd_per_mw = hours * tree.power_usd_per_mwh[:, pair.site]
        best, best_margin = np.zeros(len(tree)), np.zeros(len(tree))
        for ph, mw in pair.modes:
            margin = site.uptime_share * ph * tree.revenue_usd_per_ph * revenue_factor - usd_per_mw * mw
            mined = site.uptime_share * ph * tree.btc_per_ph * revenue_factor
            better = margin > best_margin
            best = np.where(better, worth * mined - worth_of_usd * usd_per_mw * mw, best)
            best_margin = np.maximum(margin, best_margin)
        return float(best[running].sum())

    def resale(revenue_factor: Floats) -> float:
        """Machine prices follow hashprice by their elasticity."""
        price = pair.resale_usd * tree.asic_price_factor * revenue_factor**elasticity
        return float((worth_of_usd * price)[at_end].sum())

    def net(revenue_factor: Floats) -> float:
        return earned(revenue_factor) + resale(revenue_factor) - cost

    as_planned = np.ones(len(tree))
    resold = resale(as_planned)
    gain = net(as_planned)
    return MachineTie(
        model=pair.model,
        site=site.name,
        units=units,
        numeraire=scenario.numeraire,
        cost=cost,
        earned=earned(as_planned),
        resale=resold,
        net=gain,
        hashprice_lower_share=_root(lambda h: net(as_planned * (1 - h)), -10.0, 1.0),
        resale_lower_share=gain / resold if resold > 0 else None,
        network_faster_pa=_root(lambda x: net((1 + x) ** -years), -0.9, FASTEST_GROWTH_PA),
    )


def _root(f: Callable[[float], float], low: float, high: float) -> float | None:
    """Where a falling function is 0; None where it is not within the bounds."""
    if f(low) < 0 or f(high) > 0:
        return None
    from scipy.optimize import brentq  # loaded while the plan is solved (`optimizer.ahead`)

    return float(brentq(f, low, high, xtol=1e-12, rtol=1e-12))
