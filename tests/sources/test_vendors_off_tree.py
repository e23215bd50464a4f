"""Vendors' offers off the tree: whatever becomes of the order that they pay for, all coins and dollars add up."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.decisions import Decisions, Order, Use
from optimizer.ledger.intents import PolicyName
from optimizer.ledger.replay import replay
from tests.formulation.regenerate_golden import ten_nodes
from tests.formulation.source_companies import BUYER, vendor_deferral, vendor_pledge, with_sources
from tests.ledger.company import requirements, treasury
from tests.ledger.test_replay_conservation import CASH_IN, CASH_OUT, wild

ORDERS = tuple(Order(n, "new", "Plains", 100.0) for n in (0, 1, 2))
DEFERS = tuple(Use(n, "Later", "defer_usd", 100_000.0) for n in (0, 1, 2))
PLEDGES = tuple(Use(n, "Swap", "pledge_btc", 3.0) for n in (0, 1, 2))
REDEEMS = tuple(Use(n, "Swap", "redeem_btc", 2.0) for n in (1, 2, 3, 4))


@pytest.mark.parametrize("policy", ["nearest_node", "sell_only"])
@pytest.mark.parametrize("btc", [100.0, 9.0])
def test_coins_and_dollars_add_up(btc: float, policy: PolicyName) -> None:
    """A company that can pay for all of it and one that cannot, on wild markets."""
    sources = (vendor_deferral(deferred_share=0.4, limit_usd=200_000.0), vendor_pledge())
    company = with_sources(
        *sources,
        decision_months=[0, 1],
        machines=BUYER,
        requirements=requirements(min_cash_usd=100_000.0),
        treasury=treasury(cash_usd=200_000.0, btc_lots=[{"btc": btc, "cost_basis_usd": 0.0}]),
    )
    none = np.zeros(len(ten_nodes()))
    made = Decisions(none, none, ORDERS, (), (), (), (), uses=(*DEFERS, *PLEDGES, *REDEEMS))
    out = replay(company, ten_nodes(), made, wild(company, 7), policy)
    flows = out.flows
    usd = sum(flows.get(name, 0.0) for name in CASH_IN) - sum(flows.get(name, 0.0) for name in CASH_OUT)
    assert out.cash_usd[:, -1] == pytest.approx(200_000.0 + usd + flows["sources_usd"], abs=1e-3)
    assert out.btc[:, -1] == pytest.approx(btc + flows["mined_btc"] - flows["sold_btc"] + flows["sources_btc"])
    assert (out.free_btc >= -1e-9).all()
    assert (np.abs(flows["sources_usd"]) > 0).any()
