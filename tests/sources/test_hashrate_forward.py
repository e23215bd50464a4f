"""Hashrate sold forward by hand: when it beats selling BTC or borrowing dollars, and what it binds.

Months have 30 days, 1 PH/s mines 0.01 BTC in one; at $1,000 / 30 per PH/s and day a buyer counts it with $1,000.
The 100 PH/s of old machines cost more in power than they earn: they stand in the racks and do not hash.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optimizer.decisions import Use
from optimizer.ledger.audit import audit
from optimizer.ledger.books import keep_books
from optimizer.ledger.replay import replay
from optimizer.market.tree_paths import tree_paths
from optimizer.scenario.schema import Scenario
from tests.formulation.planned import no_cash, path, planned
from tests.formulation.regenerate_golden import ten_nodes
from tests.formulation.source_companies import hashrate_forward, hundred_ph, note, with_sources
from tests.ledger.company import PRICE, claim, decisions, treasury
from tests.ledger.test_replay_tree import assert_the_same

MONTH = 30
SPOT = 1_000 / MONTH
BTC = {"btc_lots": [{"btc": 100.0, "cost_basis_usd": 0.0}]}


def forward(**terms: Any) -> dict[str, Any]:
    """At the spot hashprice for a month, without discount, margin or limit of fleet."""
    plain = {"hashprice_usd_per_ph_day": SPOT, "discount_share": 0.0, "term_months": 1, "margin_share": 0.0}
    return hashrate_forward(**{**plain, "limit_ph": 100.0, "max_share_of_fleet": 1.0, **terms})


def company(*sources: dict[str, Any], **changes: Any) -> Scenario:
    """100 BTC, no dollars, a bill of $50,000 today, machines that fetch nothing; one month."""
    bill = [{"name": "bill", "month": 0, "amount_usd": 50_000.0}]
    plain = {"horizon_months": 1, "decision_months": [0], "liabilities": bill, "treasury": no_cash(**BTC)}
    return with_sources(*sources, **{**plain, "machines": scrap(0.0), **changes})


def scrap(resale_usd: float) -> dict[str, Any]:
    return {"owned": [{**owned, "resale_usd": resale_usd} for owned in hundred_ph()["owned"]]}


@pytest.mark.parametrize("rise", [0.7, 1.3])
@pytest.mark.parametrize(("discount", "sells"), [(0.0999, True), (0.1001, False)])
def test_it_ties_with_selling_btc_where_the_discount_is_the_fall_of_what_hashrate_mines(
    discount: float, sells: bool, rise: float
) -> None:
    # The network grows: 0.009 BTC a month. The price of BTC is no matter: it is BTC either way.
    market = path([PRICE, PRICE * rise], btc_per_ph=[0.0, 0.009])
    made = planned(company(forward(discount_share=discount)), market)
    without = planned(company(), market).worth
    assert bool(made.decisions.uses) is sells
    sold_ph = 50_000 / (1_000 * (1 - discount))
    gain = 50_000 / PRICE - sold_ph * 0.009 if sells else 0.0
    assert made.worth - without == pytest.approx(gain, abs=1e-7)


@pytest.mark.parametrize(("rise", "kind"), [(1.135, "Forward"), (1.1375, "Senior")])
def test_fixed_btc_ties_with_a_note_where_price_pays_its_interest(rise: float, kind: str) -> None:
    # For a dollar the note takes 1.01 / (P1 * 0.8) BTC, with the fee of selling them; the forward 1 / (0.9 P0).
    debt = note(apr=0.12, term_months=1, min_issue_usd=0.0, issue_fee_share=0.0, min_btc_cover=None)
    btc = forward(repayment="btc", discount_share=0.1)
    poor = company(debt, btc, treasury=no_cash(**BTC, sell_fee_share=0.2))
    (use,) = planned(poor, path([PRICE, PRICE * rise])).decisions.uses
    assert use.source == kind
    assert 1.135 < 1.01 * 0.9 / 0.8 < 1.1375


def test_the_margin_comes_back() -> None:
    bills = [{"name": f"bill {month}", "month": month, "amount_usd": 40_000.0 - 30_000.0 * month} for month in (0, 1)]
    made = planned(
        company(forward(discount_share=0.0, margin_share=0.2), liabilities=bills),
        path([PRICE, PRICE * 2], btc_per_ph=[0.0, 0.005]),
    )
    # $40,000 today need 50 PH/s; their margin of $10,000 pays the bill of month 1.
    (use,) = made.decisions.uses
    assert use.amount == pytest.approx(50.0)
    assert made.books.sources.cash_usd == pytest.approx([40_000.0, 10_000.0])
    assert made.books.sources.asset_usd == pytest.approx([10_000.0, 0.0])
    assert made.books.btc == pytest.approx([100.0, 100.0 - 50 * 0.005])


@pytest.mark.parametrize(("hashprice", "sold_ph"), [(5_160 / MONTH, 0.0), (5_175 / MONTH, 60.0)])
def test_machines_stay_in_the_racks_behind_what_is_sold(hashprice: float, sold_ph: float) -> None:
    # Resale halves within the month: keeping a PH/s of ten machines at $500 costs $2,500. For each PH/s sold 1 / 0.6
    # are kept, and $1,000 of BTC delivered: 5,166.67.
    rich = treasury(**BTC, cash_usd=1_000_000.0)
    made = planned(
        company(
            forward(hashprice_usd_per_ph_day=hashprice, max_share_of_fleet=0.6, until_month=0),
            machines=scrap(500.0),
            liabilities=[],
            treasury=rich,
            horizon_months=2,
            decision_months=[0, 1],
        ),
        path([PRICE] * 3, asic_price_factor=[1.0, 0.5, 0.5]),
    )
    assert sum(use.amount for use in made.decisions.uses) == pytest.approx(sold_ph)
    kept = made.books.fleet.racked_units.sum(axis=1)[0] / 10
    assert kept == pytest.approx(sold_ph / 0.6, abs=1e-6)


def test_one_buyer_after_the_other_takes_no_more_than_the_fleet() -> None:
    dear = {"hashprice_usd_per_ph_day": 2 * SPOT, "max_share_of_fleet": 0.6}
    rich = treasury(**BTC, cash_usd=1_000_000.0)
    made = planned(company(forward(**dear), forward(name="Other", **dear), treasury=rich), path([PRICE] * 2))
    assert sum(use.amount for use in made.decisions.uses) == pytest.approx(60.0)


@pytest.mark.parametrize("repayment", ["hashrate", "btc"])
def test_what_is_left_to_deliver_at_the_end(repayment: str) -> None:
    """Three months sold and one delivered: two mean months are owed, at the last hashprice or in fixed BTC."""
    given = company(forward(term_months=3, margin_share=0.5, repayment=repayment), treasury=treasury(**BTC))
    market = path([PRICE, PRICE * 2], hashprice_usd_per_ph_day=[40.0, 60.0])
    books = keep_books(given, market, decisions(market, uses=(Use(0, "Forward", "sell_ph", 10.0),)))
    days = 2 * 30.4375
    owed_usd = 10 * days * (60.0 if repayment == "hashrate" else SPOT * 2)
    assert books.sources.owed_usd[1] == pytest.approx(owed_usd)
    assert books.sources.asset_usd[1] == pytest.approx(10 * days * SPOT / 2)
    delivered = 10 * 0.01
    assert books.sources.btc[1] == pytest.approx(-delivered)


def test_a_later_quote_moves_with_the_hashprice() -> None:
    given = company(forward(from_month=1, until_month=1), horizon_months=2, decision_months=[0, 1])
    market = path([PRICE] * 3, hashprice_usd_per_ph_day=[40.0, 20.0, 20.0])
    books = keep_books(given, market, decisions(market, uses=(Use(1, "Forward", "sell_ph", 10.0),)))
    assert books.sources.cash_usd == pytest.approx([0.0, 10 * 1_000.0 / 2, 0.0])


def test_what_has_no_machines_behind_it_fails_the_audit() -> None:
    given = company(forward(max_share_of_fleet=0.5), treasury=treasury(**BTC))
    market = path([PRICE] * 2)
    naked = decisions(market, uses=(Use(0, "Forward", "sell_ph", 60.0),))
    broken = audit(given, market, naked, claim(keep_books(given, market, naked))).violations
    assert {violation.rule for violation in broken} == {"machines behind hashrate sold"}


@pytest.mark.parametrize("repayment", ["hashrate", "btc"])
def test_used_in_every_way_it_replays_on_its_own_tree(repayment: str) -> None:
    dear = forward(hashprice_usd_per_ph_day=190.0, term_months=2, margin_share=0.2, repayment=repayment)
    given = company(dear, treasury=treasury(**BTC, sell_fee_share=0.05), horizon_months=3, decision_months=[0, 2])
    made = planned(given, ten_nodes())
    assert made.decisions.uses
    assert_the_same(given, ten_nodes(), made.decisions)


def test_off_the_tree_it_buys_what_it_cannot_deliver() -> None:
    given = company(
        forward(), liabilities=[], treasury=treasury(btc_lots=[{"btc": 1.0, "cost_basis_usd": 0.0}], buy_fee_share=0.1)
    )
    expected = path([PRICE] * 2)
    plan = decisions(expected, uses=(Use(0, "Forward", "sell_ph", 50.0),))
    paths, _ = tree_paths(given, path([PRICE] * 2, btc_per_ph=[0.0, 0.05]))
    out = replay(given, expected, plan, paths)
    # 2.5 BTC are due and 1 is there.
    assert out.btc[0] == pytest.approx([1.0, 0.0])
    assert np.diff(out.cash_usd[0]) == pytest.approx([-1.5 * PRICE * 1.1])
