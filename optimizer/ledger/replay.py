"""The ledger off the tree: a plan's company carried along any paths, day by day for lenders, month by month else.

It knows nothing of the optimization model and shares no formula with it. On the tree's own branches it gives the
plan's balances; elsewhere a policy says what the company means to do (`optimizer.ledger.intents`).
"""

from __future__ import annotations

from collections.abc import Callable

from optimizer.decisions import Decisions
from optimizer.errors import ReplayError
from optimizer.ledger.company import Setting, open_books, set_up
from optimizer.ledger.fleet import pairs_in_use
from optimizer.ledger.intents import NearestNode, Policy, PolicyName, SellOnly
from optimizer.ledger.lender_days import play_month
from optimizer.ledger.month_end import close_month
from optimizer.ledger.outcome import Outcome
from optimizer.ledger.record import Record
from optimizer.ledger.sources import kinds_of
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

    Raises `AuditError` if the decisions speak of machines, sites or facilities that the scenario lacks, and
    `ReplayError` where there are taxes: lots are not followed off the tree yet.
    """
    s = set_up(scenario, paths, pairs_in_use(scenario, decisions))
    return follow(s, POLICIES[policy](s, tree, decisions))


def follow(s: Setting, policy: Policy) -> Outcome:
    """The same for a policy of one's own."""
    if s.scenario.taxes is not None:
        raise ReplayError(
            "A plan with taxes cannot be replayed yet: off the tree nobody says which lots are sold. "
            "Plan again without the `taxes` section to see what becomes of the company before tax."
        )
    c, r = open_books(s), Record(s)
    sources = tuple(kind.on_paths(s) for kind in kinds_of(s.scenario))
    close_month(s, c, 0, policy.intents(s, c, 0), r, sources)
    r.balances(c, 0, sources)
    for month in range(1, s.paths.months + 1):
        play_month(s, c, month, r)
        close_month(s, c, month, policy.intents(s, c, month), r, sources)
        r.balances(c, month, sources)
    return r.outcome()
