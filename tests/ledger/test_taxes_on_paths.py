"""Taxes off the tree: every coin in a lot, every dollar of worth taxed once, and what happens on a path by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.decisions import LotSale, TaxPayment
from optimizer.ledger.company import Company, Setting, machines_usd, open_books, owed_usd, set_up
from optimizer.ledger.fleet import pairs_in_use
from optimizer.ledger.intents import NearestNode, Policy, SellOnly
from optimizer.ledger.lender_days import play_month
from optimizer.ledger.month_end import close_month
from optimizer.ledger.record import Record
from optimizer.ledger.source import worth_usd
from optimizer.ledger.sources import kinds_of
from optimizer.ledger.taxes_on_paths import TaxAccount, open_taxes
from optimizer.market.tree import Floats
from optimizer.scenario.money import BtcLot
from optimizer.scenario.schema import Scenario
from optimizer.scenario.taxes import Taxes
from tests.formulation.planned import planned
from tests.formulation.regenerate_golden import ten_nodes
from tests.formulation.source_companies import COMPANIES

from .company import decisions, loan, requirements, scenario, treasury, tree
from .markets import market, nearest, priced, sell_only
from .test_conservation import Game, games
from .test_replay_conservation import free_to_decide, lender_terms, poor, wild

METHODS = ["plan", "fifo", "hifo"]
# Nothing is left to judgement: what is mined is taxed when it is sold, and all else as it comes or accrues.
ALL_OF_IT = {"rate": 0.3, "mined_income": False, "carry_forward_usd": 1e5}


def assert_all_is_taxed_once(s: Setting, policy: Policy) -> None:
    """At every month's end, on every path: the coins in lots are those held, none below nothing; and what the company
    is worth before what it owes in tax is what it began with (lots at cost) plus all that is taxed, less what is not
    deducted: promises and tax."""
    c, r = open_books(s), Record(s)
    taxes = open_taxes(s, c)
    assert taxes is not None
    sources = tuple(kind.on_paths(s) for kind in kinds_of(s.scenario))
    began = c.cash_usd - owed_usd(s, c, 0).sum(axis=1)
    began = began + sum(lot.btc * lot.cost_basis_usd for lot in s.scenario.treasury.btc_lots)
    for month in range(s.paths.months + 1):
        if month:
            play_month(s, c, month, r)
        close_month(s, c, month, policy.intents(s, c, month), r, sources, taxes)
        held = c.free_btc + c.pledged_btc.sum(axis=1) + c.tied_btc
        scale = 100 + np.abs(held).max()
        np.testing.assert_allclose(taxes.lots.left_btc.sum(axis=1), held, atol=1e-9 * scale)
        assert taxes.lots.left_btc.min() >= -1e-9 * scale
        price = s.price_usd[:, month]
        claims = c.recovery_usd[:, month + 1 :].sum(axis=1)
        worth = c.cash_usd + held * price + machines_usd(s, c, month) + claims + worth_usd(s, sources, month)
        worth = worth - owed_usd(s, c, month).sum(axis=1) - c.unpaid_usd
        promised = sum(owed.amount_usd for owed in s.scenario.liabilities if owed.month <= month)
        expected = began + taxed(s, c, taxes, month) - promised - taxes.paid_usd
        np.testing.assert_allclose(worth, expected, atol=1e-9 * (1e7 + np.abs(worth).max()))


def taxed(s: Setting, c: Company, taxes: TaxAccount, month: int) -> Floats:
    """Income so far with all gains that are not realised yet."""
    gains = taxes.lots.left_btc * (s.price_usd[:, [month]] - taxes.lots.cost_usd)
    machines = machines_usd(s, c, month) - taxes.machines_left_usd
    return np.asarray(taxes.income_usd + gains.sum(axis=1) + machines)


def in_lots(company: Scenario, **terms: Any) -> Scenario:
    """The same coins in three lots, and taxes."""
    third = company.treasury.btc / 3
    lots = tuple(BtcLot(btc=third, cost_basis_usd=usd) for usd in (30_000.0, 120_000.0, 60_000.0))
    treasury = company.treasury.model_copy(update={"btc_lots": lots})
    return company.model_copy(update={"treasury": treasury, "taxes": Taxes.model_validate({**ALL_OF_IT, **terms})})


def a_way_to_deduct(draw: Any) -> dict[str, Any]:
    months = draw(st.sampled_from([None, 2, 24]))
    return {"depreciation": "straight" if months else "bonus", "depreciation_months": months}


@settings(max_examples=200, deadline=None, derandomize=True)
@given(games(), st.data())
def test_on_any_path_whatever_was_decided(game: Game, data: Any) -> None:
    company, on, decided = game
    terms = {"lot_method": data.draw(st.sampled_from(METHODS)), **a_way_to_deduct(data.draw)}
    company = free_to_decide(company, **lender_terms(data.draw))
    if data.draw(st.booleans()):
        company = company.model_copy(update={"treasury": poor(company)})
    company = in_lots(company, **terms)
    s = set_up(company, wild(company, data.draw(st.integers(0, 10_000))), pairs_in_use(company, decided))
    assert_all_is_taxed_once(s, data.draw(st.sampled_from([NearestNode, SellOnly]))(s, on, decided))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", sorted(COMPANIES))
def test_on_any_path_with_sources_of_money(kind: str, method: str) -> None:
    company, tree = in_lots(COMPANIES[kind](), lot_method=method, depreciation="bonus"), ten_nodes()
    decided = planned(company, tree).decisions
    for seed in range(5):
        s = set_up(company, wild(company, seed), pairs_in_use(company, decided))
        assert_all_is_taxed_once(s, NearestNode(s, tree, decided))


RATE = 0.25


def owner(*lots: tuple[float, float], bills: dict[int, float] | None = None, **terms: Any) -> Scenario:
    """BTC in lots of (BTC, cost) from 3 October, no cash and no fees, bills by month; coins kept are not taxed."""
    owed = [{"name": f"bill {month}", "month": month, "amount_usd": usd} for month, usd in (bills or {}).items()]
    held = [{"btc": btc, "cost_basis_usd": cost} for btc, cost in lots]
    purse = treasury(btc_lots=held, cash_usd=terms.pop("cash_usd", 0.0), sell_fee_share=0.0)
    floor = requirements(min_cash_usd=terms.pop("min_cash_usd", 0.0))
    given = scenario(
        treasury=purse, liabilities=owed, requirements=floor, machines={}, sites=[], **terms.pop("with", {})
    )
    return given.model_copy(update={"taxes": Taxes(**{"rate": RATE, "count_deferred": False, **terms})})


def test_a_loss_of_one_year_is_set_against_the_next() -> None:
    """In November four coins go at a loss of $20,000 each. In January price has risen to $140,000: five go at a gain of
    as much, so that only one of them is taxed."""
    who, on = owner((10.0, 120_000.0), bills={1: 400_000.0, 3: 700_000.0}), tree()
    out = sell_only(who, on, decisions(on), priced(who, {61: 140_000.0}))
    assert out.sold_btc[0] == pytest.approx([0, 4, 0, 5, 0])
    assert out.flows["tax_usd"][0] == 0
    assert out.tax_owed_usd[0] == pytest.approx([0, 0, 0, RATE * 20_000, RATE * 20_000])
    assert out.net_btc[0, 4] == pytest.approx(1 - RATE * 20_000 / 140_000)


def test_a_year_s_tax_is_paid_in_january_and_coins_sold_for_what_cash_then_lacks() -> None:
    """Four coins sold today at a gain of $60,000 each: $60,000 fall due out of $100,000 of cash, of which $80,000 are
    to be kept."""
    who, on = owner((10.0, 40_000.0), bills={0: 400_000.0}, cash_usd=100_000.0, min_cash_usd=80_000.0), tree()
    out = nearest(who, on, decisions(on, sell_btc={0: 4.0}), market(who))
    assert out.sold_btc[0] == pytest.approx([4, 0, 0, 0.4, 0])
    assert out.flows["tax_usd"][0] == pytest.approx(60_000)
    assert out.cash_usd[0] == pytest.approx([100_000, 100_000, 100_000, 80_000, 80_000])
    assert out.tax_owed_usd[0] == pytest.approx([60_000, 60_000, 60_000, RATE * 0.4 * 60_000, RATE * 0.4 * 60_000])


# A plan that sells four coins in month 1, one of the first lot and three of the second; a third is left alone.
LOTS = ((3.0, 20_000.0), (5.0, 60_000.0), (4.0, 40_000.0))
SALES = (LotSale(1, "held 0", 1.0), LotSale(1, "held 1", 3.0))


@pytest.mark.parametrize(
    ("price", "method", "taken"),
    [
        # As planned; half as many coins, in the plan's proportions.
        (100_000.0, "plan", (1.0, 3.0, 0.0)),
        (200_000.0, "plan", (0.5, 1.5, 0.0)),
        # Eight coins: two and six in proportion, but the second lot has five, and the third is dearer than the first.
        (50_000.0, "plan", (2.0, 5.0, 1.0)),
        # Ten coins: two and a half, five, and the rest.
        (40_000.0, "plan", (2.5, 5.0, 2.5)),
        (50_000.0, "fifo", (3.0, 5.0, 0.0)),
        (40_000.0, "fifo", (3.0, 5.0, 2.0)),
        (50_000.0, "hifo", (0.0, 5.0, 3.0)),
    ],
)
def test_which_lots_go_where_price_is_not_the_plan_s(price: float, method: str, taken: tuple[float, ...]) -> None:
    who, on = owner(*LOTS, bills={1: 400_000.0}, lot_method=method, carry_forward_usd=0.0), tree()
    out = nearest(who, on, decisions(on, sell_btc={1: 4.0}, lot_sales=SALES), priced(who, {1: price}))
    assert out.sold_btc[0, 1] == pytest.approx(400_000 / price)
    cost = sum(btc * usd for btc, (_, usd) in zip(taken, LOTS, strict=True))
    assert out.tax_owed_usd[0, 2] == pytest.approx(max(RATE * (400_000 - cost), 0.0))


def test_without_a_plan_for_it_the_dearest_lot_goes_first() -> None:
    who, on = owner(*LOTS, bills={1: 600_000.0}), tree()
    out = sell_only(who, on, decisions(on), market(who))
    assert out.tax_owed_usd[0, 2] == pytest.approx(RATE * (600_000 - 5 * 60_000 - 40_000))


@pytest.mark.parametrize(("cash_usd", "ahead"), [(100_000.0, 30_000.0), (70_000.0, 10_000.0), (0.0, 0.0)])
def test_tax_is_paid_ahead_as_far_as_cash_is_to_spare(cash_usd: float, ahead: float) -> None:
    """$60,000 are due in January; the plan pays $90,000, out of cash that it holds till then."""
    who, on = owner((10.0, 40_000.0), bills={0: 400_000.0}, cash_usd=cash_usd), tree()
    lots, tax = (LotSale(0, "held 0", 4.0),), (TaxPayment(3, 90_000.0),)
    out = nearest(who, on, decisions(on, sell_btc={0: 4.0}, lot_sales=lots, tax_payments=tax), market(who))
    assert out.flows["tax_usd"][0] == pytest.approx(60_000 + ahead)
    # What is paid ahead is not owed later, and all that was sold in January is.
    sold = RATE * out.sold_btc[0, 3] * 60_000
    assert out.tax_owed_usd[0, 4] == pytest.approx(max(sold - ahead, 0.0))


def test_debt_that_is_forgiven_is_income() -> None:
    """A loan of $1.2m on 30 BTC that cost $30,000 is walked away from in month 3 with its month's interest of $12,000:
    the coins are sold for $1,212,000, and three months of interest deducted."""
    lender = {"recourse": "limited", "call_ltv": 0.97, "cure_target_ltv": 0.96, "liquidation_ltv": 0.99}
    calls = {"policy": "cure_to_target", "buffer_ltv": 0.0}
    given = scenario(loans=[loan(**lender)], machines={}, sites=[], requirements=requirements(calls=calls))
    who, on = given.model_copy(update={"taxes": Taxes(rate=RATE, count_deferred=False)}), tree()
    close = np.full((1, 121), 100_000.0)
    close[:, 90:] = 39_000.0
    out = sell_only(who, on, decisions(on), market(who, close_usd=close, low_usd=np.full((1, 121), 100_000.0)))
    assert out.tax_owed_usd[0, 3] == pytest.approx(RATE * (1_212_000 - 30 * 30_000 - 3 * 12_000))


def test_a_tax_that_cannot_be_paid_stays_unpaid_and_is_not_owed_twice() -> None:
    """All four coins go today; in January there is nothing to pay $100,000 with."""
    who, on = owner((4.0, 0.0), bills={0: 400_000.0}), tree()
    out = nearest(who, on, decisions(on, sell_btc={0: 4.0}), market(who))
    assert out.unpaid_usd[0] == pytest.approx([0, 0, 0, 100_000, 100_000])
    assert out.tax_owed_usd[0] == pytest.approx([100_000, 100_000, 100_000, 0, 0])
    assert out.defaults[0].tolist() == [0, 0, 0, 1, 1]
    assert out.net_btc[0] == pytest.approx([-1.0] * 5)
