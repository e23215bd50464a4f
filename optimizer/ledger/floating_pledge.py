"""A pledge that floats with what is owed, in the ledger: what lines and loans repaid by hashrate share.

At each close the lender asks for what its LTV wants; at the month's low the treasury tops up ahead of the call. Off the
tree, where its BTC do not reach, the lender sells.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from optimizer.ledger.checks import Check, at_nodes, where
from optimizer.ledger.company import Setting
from optimizer.ledger.lending import collateral_at_ltv, forced_sale
from optimizer.ledger.paths import before
from optimizer.ledger.source import Given
from optimizer.market.tree import Floats, Tree
from optimizer.scenario.schema import Scenario
from optimizer.scenario.sources import CreditLine, HashrateLoan

# Of a pledge: less left of it is all of it sold.
ROUNDING = 1e-12


class Low(NamedTuple):
    """What a month's low did, ``[path]``: BTC pledged after it, BTC that the lender sold, the share of the debt that is
    still owed, and USD of it that all the collateral left and that are due at once."""

    pledged_btc: Floats
    sold_btc: Floats
    left_share: Floats
    unmet_usd: Floats


def within_board(scenario: Scenario, max_ltv: Floats | float) -> Floats:
    """A lender's highest LTV, or the board's own where that is lower."""
    board = scenario.requirements.max_ltv
    return np.minimum(max_ltv, 1.0 if board is None else board)


def topped_up_btc(
    scenario: Scenario, tree: Tree, terms: CreditLine | HashrateLoan, owed_usd: Floats, pledged_btc: Floats
) -> Floats:
    """BTC sent at each node's low on what was owed and pledged before it; all ``[node]``."""
    wanted = collateral_at_ltv(before(tree, owed_usd), _low_ltv(scenario, terms)) / tree.low_usd
    return np.maximum(wanted - before(tree, pledged_btc), 0.0)


def kept_while_frozen(
    g: Given, terms: CreditLine | HashrateLoan, pledged_btc: Floats, topped_up: Floats
) -> Iterator[Check]:
    """A frozen lender gives nothing back."""
    frozen = np.array([terms.counterparty in names for names in g.tree.frozen]) & (g.tree.month > 0)
    gone = before(g.tree, pledged_btc) + topped_up - pledged_btc
    yield at_nodes("a frozen lender keeps the pledge", "BTC", g.scale.btc, where(frozen, gone), (terms.name,))


def meet_low(
    s: Setting, terms: CreditLine | HashrateLoan, month: int, owed_usd: Floats, pledged_btc: Floats, there_btc: Floats
) -> Low:
    """Top up at the month's low as far as BTC are there, pledged ones included; where that does not do, the lender
    sells down to its target, but never more than repays it."""
    low = s.paths.low_usd[:, s.paths.month_end[month - 1] + 1 : s.paths.month_end[month] + 1].min(axis=1)
    wanted = collateral_at_ltv(owed_usd, _low_ltv(s.scenario, terms)) / low
    pledged = np.maximum(pledged_btc, np.minimum(wanted, there_btc))
    fee = terms.liquidation_fee_share
    called = owed_usd > terms.liquidation_ltv * low * pledged
    sold = np.where(called, forced_sale(owed_usd, low * pledged, terms.liquidation_target_ltv, fee), 0.0) / low
    left = owed_usd - sold * low * (1 - fee)
    unmet = np.where(called & (sold >= pledged * (1 - ROUNDING)), left, 0.0)
    return Low(pledged - sold, sold, ratio(left - unmet, owed_usd), unmet)


def ratio(part: Floats, of: Floats, empty: float = 1.0) -> Floats:
    """``part`` of ``of``; ``empty`` where there is nothing."""
    return np.asarray(np.divide(part, of, out=np.full_like(of, empty), where=of > 0))


def _low_ltv(scenario: Scenario, terms: CreditLine | HashrateLoan) -> float:
    """The LTV up to which a treasury that keeps its board's buffer lets a month's low come."""
    return terms.call_ltv - scenario.requirements.calls.buffer_ltv
