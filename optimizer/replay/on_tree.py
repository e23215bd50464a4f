"""The plan on its own tree, told as a replay is: what out-of-sample figures are held against."""

from __future__ import annotations

import numpy as np

from optimizer.ledger.books import Books
from optimizer.ledger.lending import ltv
from optimizer.ledger.outcome import Outcome
from optimizer.ledger.paths import before
from optimizer.market.paths import Bools
from optimizer.market.tree import Floats, Tree
from optimizer.scenario.schema import Scenario


def outcome_on_tree(scenario: Scenario, tree: Tree, books: Books) -> Outcome:
    """The books of the branches that have a probability, one path for each leaf in the order of ``tree.leaves``.

    A tree sees months, not days: ``ltv_high`` is the LTV at the month's low after the top-ups that the plan sends
    ahead of it. A lender calls where it liquidates and, if calls are to be cured rather than forestalled, where the
    low reaches the call before the top-up.
    """
    debt, way = books.debt, np.array([tree.paths[leaf] for leaf in tree.leaves])

    def along(by_node: Floats) -> Floats:
        return np.asarray(by_node[way])

    seized = debt.seized_btc > 0
    calls = seized | _reaches_call(scenario, tree, books)
    nothing = np.zeros(way.shape)
    return Outcome(
        price_usd=along(tree.price_usd),
        net_btc=along(books.net_btc),
        btc=along(books.btc),
        free_btc=along(books.free_btc),
        cash_usd=along(books.cash_usd),
        machines_usd=along(books.fleet.worth_usd - books.fleet.payable_usd),
        owed_usd=along(books.owed_usd.sum(axis=1)),
        unpaid_usd=nothing,
        receivable_usd=nothing,
        sources_usd=along(books.sources.asset_usd - books.sources.owed_usd),
        tax_owed_usd=along(books.taxes.owed_usd),
        sold_btc=along(books.sold_btc),
        seized_units=along(books.fleet.seized_units.sum(axis=1)),
        ltv_high=along(debt.ltv_low),
        pledged_btc=along(books.pledged_btc),
        debt_usd=along(books.owed_usd),
        warnings=np.zeros_like(calls, dtype=np.int64)[way],
        calls=calls.astype(np.int64)[way],
        liquidations=seized.astype(np.int64)[way],
        defaults=np.zeros(way.shape, dtype=np.int64),
        topped_up_btc=along(debt.top_up_btc),
        seized_btc=along(debt.seized_btc),
        lost_btc=along(debt.liquidation_fee_usd / tree.low_usd[:, None]),
        flows={},
    )


def _reaches_call(scenario: Scenario, tree: Tree, books: Books) -> Bools:
    """``[node, facility]``: whether the month's low reaches the call LTV before any top-up, where that is allowed."""
    debt = books.debt
    if scenario.requirements.calls.policy == "top_up_ahead":
        return np.zeros(debt.pledged_btc.shape, dtype=bool)
    call_ltv = np.array([c.call_ltv for c in (*scenario.loans, *scenario.facilities)], dtype=np.float64)
    held = before(tree, debt.pledged_btc)
    at_low = ltv(before(tree, debt.counted_usd), held, tree.low_usd[:, None])
    return np.asarray((at_low >= call_ltv) & (tree.month > 0)[:, None])
