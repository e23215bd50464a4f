"""The ledger off the tree: a plan's company carried along any paths, day by day for lenders, month by month else.

It knows nothing of the optimization model and shares no formula with it. On the tree's own branches it gives the
plan's balances; elsewhere a policy says what the company means to do (`optimizer.ledger.intents`).
"""

from __future__ import annotations

from collections.abc import Callable

from optimizer.decisions import Decisions
from optimizer.ledger.company import Setting, open_books, set_up
from optimizer.ledger.fleet import pairs_in_use
from optimizer.ledger.intents import NearestNode, Policy, PolicyName, SellOnly
from optimizer.ledger.lender_days import play_month
from optimizer.ledger.month_end import close_month
from optimizer.ledger.outcome import Outcome
from optimizer.ledger.record import Record
from optimizer.ledger.sources import kinds_of
from optimizer.ledger.taxes_on_paths import open_taxes
from optimizer.market.paths import Paths
from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario

POLICIES: dict[PolicyName, Callable[[Setting, Tree, Decisions], Policy]] = {
    "nearest_node": NearestNode,
    "sell_only": SellOnly,
}


def replay(
    scenario: Scenario, tree: Tree, decisions: Decisions, paths: Paths, policy: PolicyName = "nearest_node"
) -> Outcome:
    """What becomes of the company on each path, under a policy that knows the path only as far as it has gone.

    Raises `AuditError` if the decisions speak of machines, sites or facilities that the scenario lacks.
    """
    s = set_up(scenario, paths, pairs_in_use(scenario, decisions))
    return follow(s, POLICIES[policy](s, tree, decisions))


def follow(s: Setting, policy: Policy) -> Outcome:
    """The same for a policy of one's own."""
    c, r = open_books(s), Record(s)
    taxes = open_taxes(s, c)
    sources = tuple(kind.on_paths(s) for kind in kinds_of(s.scenario))
    for month in range(s.paths.months + 1):
        if month:
            play_month(s, c, month, r)
        close_month(s, c, month, policy.intents(s, c, month), r, sources, taxes)
        r.balances(c, month, sources, taxes.owed_usd(c, month) if taxes else None)
    return r.outcome()
