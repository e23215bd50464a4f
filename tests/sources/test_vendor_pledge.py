"""Machines for pledged BTC by hand: the coins are bought back where price ends above the fixed one, else forfeited."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.ledger.company import open_books, set_up
from optimizer.ledger.fleet import pairs_in_use
from optimizer.ledger.replay import replay
from optimizer.ledger.source import PaysForOrders
from optimizer.ledger.source_vendor_pledge import VENDOR_PLEDGE
from optimizer.market.tree_paths import tree_paths
from optimizer.scenario.schema import Scenario
from tests.formulation.planned import Planned, fork, no_cash, planned
from tests.formulation.source_companies import vendor_pledge, with_sources
from tests.ledger.company import PRICE, candidate

CHEAP = candidate(price_usd=50.0, lead_months=0, max_units=1_000)
PRICE_OF_ORDER_USD = 50_000.0


def company(sell_fee_share: float = 0.0, **terms: float | None) -> Scenario:
    """Ten BTC, no cash, room for a thousand machines at $50; all may be paid in BTC at the day's price."""
    free = {"redeem_price_factor": 1.0, "paid_share": 1.0, "limit_btc": None}
    return with_sources(
        vendor_pledge(**{**free, **terms}),
        horizon_months=1,
        decision_months=[0],
        treasury=no_cash(btc_lots=[{"btc": 10.0, "cost_basis_usd": 0.0}], sell_fee_share=sell_fee_share),
        machines={"candidates": [CHEAP]},
    )


def used(made: Planned, what: str) -> dict[int, float]:
    return {use.node: use.amount for use in made.decisions.uses if use.what == what}


@pytest.mark.parametrize("redeem_months", [1, 2])
def test_the_right_is_worth_a_call_on_what_is_pledged(redeem_months: int) -> None:
    """b * E[max(1 - K / P, 0)] BTC more than selling; before its day it counts as if it were exercised."""
    terms, market = company(redeem_months=redeem_months), fork(PRICE * 2, PRICE * 0.5)
    made, without = planned(terms, market), planned(terms.model_copy(update={"sources": ()}), market)
    assert used(made, "pledge_btc") == pytest.approx({0: 0.5})
    assert used(made, "redeem_btc") == pytest.approx({1: 0.5} if redeem_months == 1 else {})
    assert made.worth - without.worth == pytest.approx(0.5 * 0.5 * (1 - 1 / 2), abs=1e-6)


@pytest.mark.parametrize(("factor", "pledges"), [(0.66, False), (0.673, True)])
def test_a_fixed_price_that_ties_with_selling(factor: float, pledges: bool) -> None:
    """k = 1 - E[max(1 - k P0 / P, 0)]: with 2 and 0.5 times the price, alike in chance, k = 0.5 / (1 - 0.25) = 2/3."""
    made = planned(company(redeem_price_factor=factor), fork(PRICE * 2, PRICE * 0.5))
    assert bool(used(made, "pledge_btc")) is pledges


def test_limit_and_share_bind() -> None:
    market = fork(PRICE * 2, PRICE * 0.5)
    assert used(planned(company(limit_btc=0.1), market), "pledge_btc") == pytest.approx({0: 0.1})
    assert used(planned(company(paid_share=0.5), market), "pledge_btc") == pytest.approx({0: 0.25})


def test_redeeming_takes_money() -> None:
    """5% above the fixed price, 10% to sell: without cash buying back would cost more coins than it brings."""
    made = planned(company(sell_fee_share=0.1), fork(PRICE * 1.05, PRICE * 2))
    assert used(made, "pledge_btc") == pytest.approx({0: 0.5})
    assert used(made, "redeem_btc") == pytest.approx({2: 0.5})


def test_pledged_coins_are_out_of_reach() -> None:
    made = planned(company(redeem_months=2), fork(PRICE * 2, PRICE * 0.5))
    assert made.books.sources.tied_btc == pytest.approx([0.5] * 3)
    # Held, pledged ones included; owed for them is the lower of price and fixed price.
    assert made.books.sources.owed_usd == pytest.approx([0.5 * PRICE, 0.5 * PRICE, 0.25 * PRICE])


def test_off_the_tree_it_shrinks_with_the_order() -> None:
    terms, market = company(), fork(PRICE * 2)
    s = set_up(terms, tree_paths(terms, market)[0], pairs_in_use(terms, planned(terms, market).decisions))
    on_paths, books = VENDOR_PLEDGE.on_paths(s), open_books(s)
    assert isinstance(on_paths, PaysForOrders)
    on_paths.close(s, books, 0, {("Swap", "pledge_btc"): np.array([0.5])})
    assert on_paths.offer(s, books, 0, np.array([[800.0]])) == pytest.approx([0.8 * PRICE_OF_ORDER_USD])
    assert books.free_btc == pytest.approx([10 - 0.4])
    on_paths.pay(books, 0, np.array([0.5]))
    assert books.free_btc == pytest.approx([10 - 0.2])
    assert books.tied_btc == on_paths.tied_btc() == pytest.approx([0.2])


def test_off_the_tree_nobody_pays_more_than_the_market_does() -> None:
    """A plan that meant to buy back: where price has fallen the coins are forfeited all the same."""
    terms, market = company(), fork(PRICE * 2)
    decisions = planned(terms, market).decisions
    risen, fallen = (replay(terms, market, decisions, tree_paths(terms, fork(PRICE * x))[0]) for x in (2, 0.5))
    assert risen.flows["sources_btc"] == pytest.approx([0.0])
    assert fallen.flows["sources_btc"] == pytest.approx([-0.5])
