"""Cross-checks of time and market: decision months, cases, stresses, the tree's size."""

from __future__ import annotations

import math
from collections.abc import Iterator

from optimizer.market.network import hashprice_usd_today
from optimizer.scenario.issues import Issue, not_rising, repeated
from optimizer.scenario.market_spec import Bootstrap, Cases
from optimizer.scenario.schema import Scenario

MOST_NODES = 200_000
MANY_NODES = 30_000
# A fair hashprice this many times today's, or today's this many times it, is more likely a slip of units.
FAR_FROM_FAIR = 3.0
# With fewer simulated paths than this a leaf says little about the future it stands for.
FEW_PATHS_PER_LEAF = 10


def decision_months_start_today_and_rise(s: Scenario) -> Iterator[Issue]:
    """Month 0 is among the decision months, they rise, and each is before the horizon."""
    place = ("decision_months",)
    if 0 not in s.decision_months:
        yield Issue(place, "must contain 0: today's decisions are the plan", "begin the list with 0")
    months = [((*place, i), month) for i, month in enumerate(s.decision_months)]
    yield from not_rising(months, s.horizon_months)
    for at, month in months:
        if month == s.horizon_months:
            yield Issue(at, f"month {month} is the horizon: what is ordered then never hashes", "drop it")


def cases_add_up(s: Scenario) -> Iterator[Issue]:
    """The probabilities of named cases sum to 1, names differ, months rise within the horizon."""
    price = s.market.price
    if not isinstance(price, Cases):
        return
    place = ("market", "price", "cases")
    total = math.fsum(case.probability for case in price.cases)
    if abs(total - 1) > 1e-6:
        yield Issue(place, f"the probabilities sum to {total:.6g}, not to 1", "make them sum to 1")
    yield from repeated([((*place, i, "name"), case.name) for i, case in enumerate(price.cases)], "case")
    for i, case in enumerate(price.cases):
        months = [((*place, i, "price", j, "month"), point.month) for j, point in enumerate(case.price)]
        yield from not_rising(months, s.horizon_months)


def history_window_is_in_order(s: Scenario) -> Iterator[Issue]:
    """A price history is read from a day to a later one."""
    price = s.market.price
    if isinstance(price, Bootstrap) and price.from_date and price.to_date and price.from_date >= price.to_date:
        place = ("market", "price", "to_date")
        yield Issue(place, f"must be after from_date {price.from_date}", "give a later day")


def branching_rises(s: Scenario) -> Iterator[Issue]:
    """Branching months rise and lie within the horizon; warns when named cases make the branches instead."""
    place = ("market", "tree", "branching")
    months = [((*place, i, "month"), b.month) for i, b in enumerate(s.market.tree.branching)]
    yield from not_rising(months, s.horizon_months)
    if months and isinstance(s.market.price, Cases):
        message = "is not used: each named case is a branch of its own"
        yield Issue(place, message, "write branching: []", warning=True)


def nodes_of(s: Scenario) -> int:
    """The most nodes that the scenario tree can have, stress branches included."""
    price, horizon = s.market.price, s.horizon_months
    nodes = 1 + sum(min(stress.until_month or horizon, horizon) for stress in s.market.stress)
    if isinstance(price, Cases):
        return nodes + len(price.cases) * horizon
    for month in range(1, horizon + 1):
        nodes += math.prod(b.children for b in s.market.tree.branching if b.month <= month)
    return nodes


def tree_is_not_too_large(s: Scenario) -> Iterator[Issue]:
    """Refuses a tree that no machine here can solve, warns of one that takes long."""
    nodes = nodes_of(s)
    place, mend = ("market", "tree", "branching"), "branch later, or into fewer children"
    if nodes > MOST_NODES:
        yield Issue(place, f"the tree would have {nodes:,} nodes, more than {MOST_NODES:,}", mend)
    elif nodes > MANY_NODES:
        yield Issue(place, f"the tree has {nodes:,} nodes and will take long to solve", mend, warning=True)


def paths_fill_the_tree(s: Scenario) -> Iterator[Issue]:
    """Warns when few simulated paths stand behind each leaf."""
    leaves = math.prod(branching.children for branching in s.market.tree.branching)
    paths = s.market.fan.paths
    if not isinstance(s.market.price, Cases) and paths < FEW_PATHS_PER_LEAF * leaves:
        message = f"the tree's {leaves:,} leaves stand for {paths / leaves:.2g} paths each"
        mend = f"simulate at least {FEW_PATHS_PER_LEAF * leaves:,} paths, or branch less"
        yield Issue(("market", "fan", "paths"), message, mend, warning=True)


def stresses_fit(s: Scenario) -> Iterator[Issue]:
    """Names of stresses differ; their months rise within the horizon; a freeze ends after it begins."""
    named = [(("market", "stress", i, "name"), stress.name) for i, stress in enumerate(s.market.stress)]
    yield from repeated(named, "stress")
    for i, stress in enumerate(s.market.stress):
        place = ("market", "stress", i)
        for key, points in (("price", stress.price), ("hashprice_usd", stress.hashprice_usd)):
            months = [((*place, key, j, "month"), point.month) for j, point in enumerate(points)]
            yield from not_rising(months, s.horizon_months)
        if (stress.until_month or 0) > s.horizon_months:
            message = f"lies beyond the horizon of {s.horizon_months} months"
            yield Issue((*place, "until_month"), message, "leave it out: a stress ends at the horizon")
        if stress.frozen_from_month > stress.frozen_until_month:
            message = f"comes after frozen_until_month {stress.frozen_until_month}"
            yield Issue((*place, "frozen_from_month"), message, "let the freeze begin before it ends")


def frozen_lenders_are_known(s: Scenario) -> Iterator[Issue]:
    """A stress freezes only lenders that a loan or a facility names."""
    lenders = sorted({terms.lender for terms in (*s.loans, *s.facilities)})
    for i, stress in enumerate(s.market.stress):
        for j, lender in enumerate(stress.frozen_lenders):
            if lender not in lenders:
                place = ("market", "stress", i, "frozen_lenders", j)
                known = f"name one of {', '.join(lenders)}, or take it out" if lenders else "take it out"
                yield Issue(place, "no loan or facility is from this lender", known)


def fair_hashprice_is_plausible(s: Scenario) -> Iterator[Issue]:
    """Warns when the marginal miner's break-even is far from what mining pays today."""
    today_usd = hashprice_usd_today(s.market)
    fair_usd = s.market.network.fair_hashprice_usd_per_ph_day
    if not 1 / FAR_FROM_FAIR <= fair_usd / today_usd <= FAR_FROM_FAIR:
        place = ("market", "network", "fair_hashprice_usd_per_ph_day")
        message = f"is far from today's hashprice of ${today_usd:,.2f} per PH and day"
        yield Issue(place, message, "check its units and the network's hashrate_ehs", warning=True)
