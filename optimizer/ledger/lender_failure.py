"""Lenders that may fail, in the ledger: the loss to expect each month where failures are not played out.

On a tree nobody fails; what would be lost is counted in expectation. On sampled paths, histories and named shocks
lenders fail or do not (`Paths.failed_month`), and nothing is counted beside.
"""

from __future__ import annotations

import numpy as np

from optimizer.ledger.company import Company, Setting
from optimizer.ledger.debt import DebtBooks
from optimizer.ledger.paths import before
from optimizer.ledger.record import Record
from optimizer.market.tree import Floats, Tree
from optimizer.scenario.money import Terms
from optimizer.scenario.schema import Scenario


def expected_loss_btc(scenario: Scenario, tree: Tree, debt: DebtBooks) -> Floats:
    """BTC to be expected lost in the month that ends at each node, ``[node, facility]``; 0 at node 0.

    A failed lender sets the pledge off against the debt; of what the pledge is worth beyond it a share comes back. Both
    are taken as the month before has left them.
    """
    surplus_usd = debt.pledged_btc * tree.price_usd[:, None] - debt.owed_usd
    surplus_btc = before(tree, surplus_usd / tree.price_usd[:, None])
    return surplus_btc * _monthly_loss_share(scenario, tree.price_usd / tree.price_usd[0])


def lose_in_expectation(s: Setting, c: Company, month: int, r: Record) -> None:
    """The same on paths that stand for a tree's branches: taken out of free BTC."""
    if not month or not s.paths.failures_expected:
        return
    surplus_btc = r.pledged_btc[:, month - 1] - r.debt_usd[:, month - 1] / s.price_usd[:, [month - 1]]
    moved = s.price_usd[:, month] / s.price_usd[:, 0]
    lost = (surplus_btc * _monthly_loss_share(s.scenario, moved)).sum(axis=1)
    c.free_btc -= lost
    r.flow("expected_failure_btc", lost)


def _monthly_loss_share(scenario: Scenario, price_now: Floats) -> Floats:
    """A month's chance of failure times what does not come back then, ``[..., facility]``; ``price_now``: BTC against
    today. A pledge in custody is not lost."""
    contracts: tuple[Terms, ...] = (*scenario.loans, *scenario.facilities)
    columns = [
        np.minimum(c.failure_pa / 12 / price_now**c.failure_price_beta, 1.0)
        * (0.0 if c.rehypothecation is False else 1 - c.failure_recovery_share)
        for c in contracts
    ]
    return np.stack(columns, axis=-1) if columns else np.zeros((*price_now.shape, 0))
