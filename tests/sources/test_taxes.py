"""Taxes by hand: what a sale costs, when it is paid, which lot is sold, and where borrowing and selling tie."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from scipy.optimize import brentq

from optimizer import load_scenario, plan
from optimizer.decisions import Decisions, LotSale, TaxPayment, Use
from optimizer.errors import AuditError, ReplayError, ScenarioError
from optimizer.ledger.audit import audit
from optimizer.ledger.books import keep_books
from optimizer.market.tree import Tree
from optimizer.replay.replayed import on_stress
from optimizer.replay.saved import read_plan
from optimizer.report.write import write_plan
from optimizer.scenario.money import BtcLot
from optimizer.scenario.schema import Scenario
from optimizer.scenario.taxes import Taxes
from tests.builders import minimal_scenario_dict, write_scenario
from tests.formulation.mixed import mixed, mixed_tree
from tests.formulation.planned import Planned, fork, no_cash, path, planned
from tests.formulation.random_companies import random_company
from tests.formulation.regenerate_golden import every_feature, ten_nodes
from tests.formulation.source_companies import COMPANIES, hashrate_forward, hundred_ph, note, with_sources
from tests.formulation.test_random import plan_of
from tests.ledger.company import PRICE, site
from tests.ledger.test_replay_tree import assert_the_same

BILL = 400_000.0
Kind = Literal["none", "straight", "bonus"]


def company(taxes: Taxes | None, *lots: tuple[float, float], **changes: Any) -> Scenario:
    """A bill of $400,000 today and BTC in lots of (BTC, cost); a note at no charge for it unless told otherwise."""
    terms = {"min_issue_usd": 0.0, "issue_fee_share": 0.0, "min_btc_cover": None, "term_months": 12}
    sources = [] if changes.pop("no_note", False) else [note(**{**terms, "apr": changes.pop("apr", 0.0)})]
    held = [{"btc": btc, "cost_basis_usd": cost} for btc, cost in lots]
    given = with_sources(
        **{
            "horizon_months": 1,
            "decision_months": [0],
            "liabilities": [{"name": "bill", "month": 0, "amount_usd": BILL}],
            "treasury": no_cash(btc_lots=held),
            "machines": {},
            "sites": [],
            "sources": sources,
            **changes,
        }
    )
    return given.model_copy(update={"taxes": taxes})


def sold(made: Planned) -> dict[tuple[int, str], float]:
    """BTC out of each lot by node."""
    return {(sale.node, sale.lot): round(sale.btc, 6) for sale in made.decisions.lot_sales}


RATE, COST = 0.25, 40_000.0


def gain_of_borrowing(down: float, rate: float, cost: float, monthly: float) -> float:
    """BTC per coin not sold that a note gains over selling today: two futures, up a fifth and ``down``, where coins
    that are held bear no tax. Selling costs the coin and rate (P - b) of tax; the note its principal, its interest and
    the tax on the coins sold for that."""
    inverse = [0.5 / 1.2 + 0.5 / down, 0.5 / 1.2**2 + 0.5 / down**2]
    selling = 1 + rate * (1 - cost / PRICE) * inverse[0]
    return selling - inverse[0] * (1 + monthly) - rate * monthly * (inverse[0] - cost / PRICE * inverse[1])


@pytest.mark.parametrize(("beyond", "borrows"), [(0.995, False), (1.005, True)])
@pytest.mark.parametrize(("rate", "cost"), [(0.0, 40_000.0), (0.25, 40_000.0), (0.25, 60_000.0), (0.4, 0.0)])
@pytest.mark.parametrize("apr", [0.0, 0.12])
def test_where_held_coins_bear_no_tax_borrowing_is_cheaper(
    rate: float, cost: float, apr: float, beyond: float, borrows: bool
) -> None:
    tie = brentq(gain_of_borrowing, 0.4, 1.2, args=(rate, cost, apr / 12))
    taxes = Taxes(rate=rate, count_deferred=False, interest_deductible=False)
    made = planned(company(taxes, (10.0, cost), apr=apr), fork(PRICE * 1.2, PRICE * tie * beyond))
    assert bool(made.decisions.uses) is borrows


@pytest.mark.parametrize(("growth", "borrows"), [(0.0095, False), (0.0105, True)])
@pytest.mark.parametrize(("rate", "cost"), [(0.0, 40_000.0), (0.25, 40_000.0), (0.4, 0.0)])
def test_tax_that_is_only_deferred_does_not_move_the_tie(
    rate: float, cost: float, growth: float, borrows: bool
) -> None:
    """What is not taxed at the sale is taxed in net worth, and interest is deducted: the rate cancels out."""
    made = planned(company(Taxes(rate=rate), (10.0, cost), apr=0.12), path([PRICE, PRICE * (1 + growth)]))
    assert bool(made.decisions.uses) is borrows


@pytest.mark.parametrize(("growth", "borrows"), [(0.013, False), (0.0137, True)])
def test_interest_that_is_not_deductible_does(growth: float, borrows: bool) -> None:
    """(1 - rate) growth against the rate of the note: 1% / 0.75 a month."""
    taxes = Taxes(rate=RATE, interest_deductible=False)
    made = planned(company(taxes, (10.0, COST), apr=0.12), path([PRICE, PRICE * (1 + growth)]))
    assert bool(made.decisions.uses) is borrows


def test_tax_is_paid_after_the_year_s_end_and_owed_at_the_leaf() -> None:
    """From 3 October: the first month's end of the new year is month 3. At a flat price of $100,000 and a cost of
    $40,000: 4 BTC are sold today, 25% of $240,000 are paid in month 3 by selling 0.6 BTC, which bear tax in their turn;
    at the end all that is left does."""
    made = planned(company(Taxes(rate=RATE), (10.0, COST), horizon_months=4, no_note=True), path([PRICE] * 5))
    assert sold(made) == {(0, "held 0"): 4.0, (3, "held 0"): 0.6}
    (payment,) = made.decisions.tax_payments
    assert payment.node == 3
    assert payment.amount_usd == pytest.approx(60_000.0)
    owed = RATE * (0.6 + 5.4) * (PRICE - COST)
    assert made.books.taxes.owed_usd[-1] == pytest.approx(owed)
    assert made.worth == pytest.approx(5.4 - owed / PRICE, abs=1e-5)


def test_losses_of_earlier_years_come_first() -> None:
    taxes = Taxes(rate=RATE, carry_forward_usd=200_000.0, count_deferred=False)
    made = planned(company(taxes, (10.0, COST), horizon_months=4, no_note=True), path([PRICE] * 5))
    (payment,) = made.decisions.tax_payments
    assert payment.amount_usd == pytest.approx(RATE * 40_000.0)


def test_losses_of_one_year_are_set_against_the_next() -> None:
    """4 BTC sold at a loss of $20,000 each; in the new year 4 at a gain of $20,000 each: no tax at all."""
    bills = [{"name": str(m), "month": m, "amount_usd": usd} for m, usd in ((0, 400_000.0), (4, 560_000.0))]
    taxes = Taxes(rate=RATE, count_deferred=False)
    given = company(taxes, (8.0, 120_000.0), horizon_months=5, no_note=True, liabilities=bills)
    made = planned(given, path([PRICE, PRICE, PRICE, PRICE, 1.4 * PRICE, 1.4 * PRICE]))
    assert made.decisions.tax_payments == ()
    assert made.books.taxes.owed_usd[-1] == pytest.approx(0.0, abs=1e-6)


def test_the_dearest_lot_is_sold_first() -> None:
    taxes = Taxes(rate=RATE, count_deferred=False)
    made = planned(company(taxes, (3.0, 10_000.0), (3.0, 90_000.0), (3.0, 50_000.0), no_note=True), path([PRICE] * 2))
    assert sold(made) == {(0, "held 1"): 3.0, (0, "held 2"): 1.0}
    assert made.books.taxes.owed_usd[-1] == pytest.approx(RATE * (3 * 10_000 + 50_000))


def mining(**terms: Any) -> Scenario:
    """100 machines of 100 TH/s, 10 PH/s in all; $1,000 of overhead; 10 BTC."""
    owned = [{"model": "old", "site": "Plains", "units": 100, "resale_usd": 0.0}]
    treasury = {"overhead_usd_per_month": 1_000.0, "btc_lots": [{"btc": 10.0, "cost_basis_usd": COST}]}
    given = with_sources(horizon_months=1, decision_months=[0], machines={"owned": owned}, treasury=no_cash(**treasury))
    return given.model_copy(update={"taxes": Taxes(rate=RATE, **terms)})


@pytest.mark.parametrize("mined_income", [True, False])
def test_income_on_mined_btc(mined_income: bool) -> None:
    """Mined BTC are income at the month's price, or nothing until they are sold; power and overhead are deducted."""
    market = path([PRICE, PRICE], btc_per_ph=[0.0, 0.02], revenue_usd_per_ph=[0.0, 2_000.0])
    made = planned(mining(mined_income=mined_income, count_deferred=False), market)
    books = made.books
    costs = float(books.power_usd[1]) + 1_000.0
    left = 0.2 - costs / PRICE
    assert books.mined_btc[1] == pytest.approx(0.2)
    # Bills are paid with the lot that costs the least in tax: of what was mined, or at a cost of $40,000.
    expected = 0.2 * PRICE - costs if mined_income else costs * (1 - COST / PRICE) - costs
    assert books.taxes.income_usd.sum() == pytest.approx(expected)
    assert books.taxes.owed_usd[-1] == pytest.approx(max(RATE * expected, 0.0))
    assert made.worth == pytest.approx(10 + left - max(RATE * expected, 0.0) / PRICE, abs=1e-5)


@pytest.mark.parametrize(("kind", "months", "deducted"), [("bonus", None, 1.0), ("straight", 4, 0.25)])
def test_depreciation(kind: Kind, months: int | None, deducted: float) -> None:
    """On order: 100 machines, $300,000 due and delivered at the end of month 1, deducted at once or by quarters."""
    coming = [{"model": "old", "site": "Plains", "units": 100, "arrives_month": 1, "due_usd_per_unit": 3_000.0}]
    given = company(
        Taxes(rate=RATE, depreciation=kind, depreciation_months=months, count_deferred=False),
        (10.0, 0.0),
        no_note=True,
        horizon_months=2,
        sites=[site()],
        machines={"on_order": coming},
    )
    idle = path([PRICE] * 3, btc_per_ph=[0.0] * 3, revenue_usd_per_ph=[0.0] * 3)
    made = planned(given, idle)
    assert made.books.taxes.owed_usd[-1] == pytest.approx(RATE * (700_000.0 - deducted * 300_000.0))


EVERY: dict[str, tuple[Callable[[], Scenario], Callable[[], Tree]]] = {
    "every": (every_feature, ten_nodes),
    "liquidation": (lambda: every_feature(liquidation_probability=0.1), ten_nodes),
    "mixed": (mixed, mixed_tree),
    **{kind: (make, ten_nodes) for kind, make in COMPANIES.items()},
}
DEPRECIATIONS: list[tuple[bool, bool, bool, Kind]] = [
    (True, True, True, "straight"),
    (False, True, False, "bonus"),
    (True, False, True, "none"),
]
TERMS = [
    Taxes(
        rate=RATE,
        mined_income=mined,
        interest_deductible=interest,
        depreciation=kind,
        depreciation_months=2 if kind == "straight" else None,
        count_deferred=deferred,
        year_end_month=end,
    )
    for (mined, interest, deferred, kind), end in zip(DEPRECIATIONS, [10, 12, 11], strict=True)
]


@pytest.mark.parametrize(("name", "taxes"), list(itertools.product(EVERY, TERMS)))
def test_the_ledgers_find_the_same_tax(name: str, taxes: Taxes) -> None:
    make, on = EVERY[name]
    given, tree = make().model_copy(update={"taxes": taxes}), on()
    made = planned(given, tree)
    # Every coin is in a lot.
    np.testing.assert_allclose(made.books.taxes.left_btc.sum(axis=1), made.books.btc, atol=1e-6)
    assert_the_same(given, tree, made.decisions)


@pytest.mark.parametrize("seed", [0, 2, 8, 42])
def test_companies_at_random_replay_on_their_own_trees(seed: int) -> None:
    """The last sells and buys on one day, to bring a loss into this year."""
    terms = Taxes(rate=0.6, depreciation="bonus", year_end_month=2)
    given = random_company(seed).model_copy(update={"taxes": terms})
    made = plan_of(given)
    assert made is not None
    assert (np.minimum(made.books.sold_btc, made.books.bought_btc).max() > 1e-3) == (seed == 42)
    assert made.books.taxes.owed_usd.max() > 0
    assert_the_same(made.scenario, made.tree, made.decisions)


@pytest.mark.parametrize("name", EVERY)
def test_a_rate_of_nothing_is_no_tax(name: str) -> None:
    make, tree = EVERY[name]
    without = planned(make(), tree())
    made = planned(make().model_copy(update={"taxes": Taxes(rate=0.0)}), tree())
    assert made.worth == pytest.approx(without.worth, rel=1e-6)
    assert without.decisions.lot_sales == ()
    assert without.books.taxes.owed_usd.max() == 0


def test_bought_btc_cost_what_was_paid() -> None:
    treasury = no_cash(cash_usd=1_000_000.0, max_cash_months=60.0, buy_btc=True, buy_fee_share=0.01, btc_lots=[])
    given = company(Taxes(rate=RATE), no_note=True, liabilities=[], treasury=treasury)
    made = planned(given, path([PRICE, 1.5 * PRICE]))
    bought = 1_000_000 / 1.01 / PRICE
    tax = RATE * (bought * 1.5 * PRICE - 1_000_000)
    assert made.books.taxes.owed_usd[-1] == pytest.approx(tax)
    assert made.worth == pytest.approx(bought - tax / (1.5 * PRICE), rel=1e-6)


def audited(*sales: LotSale, **changes: Any) -> list[str]:
    """Rules that the plan of the flat year breaks when its lots or its tax are changed."""
    given = company(Taxes(rate=RATE), (10.0, COST), horizon_months=4, no_note=True)
    tree = path([PRICE] * 5)
    made = planned(given, tree)
    lots = {"lot_sales": sales} if sales else {}
    decided = replace(made.decisions, **{**lots, **changes})
    return sorted({found.rule for found in audit(given, tree, decided, made.position).violations})


def test_the_audit_finds_broken_rules() -> None:
    assert audited() == []
    assert "BTC leave out of lots" in audited(LotSale(0, "held 0", 4.0))
    assert "no lot is oversold" in audited(LotSale(0, "held 0", 3.0), LotSale(0, "mined 2026", 1.0))
    assert "no negative sales of a lot" in audited(LotSale(0, "held 0", 5.0), LotSale(0, "mined 2026", -1.0))
    assert "tax of each year paid" in audited(tax_payments=())
    assert "tax of each year paid" in audited(tax_payments=(TaxPayment(3, 59_000.0),))
    assert "no tax is taken back" in audited(tax_payments=(TaxPayment(3, 60_000.0), TaxPayment(4, -1_000.0)))
    with pytest.raises(AuditError, match="which there is not"):
        audited(LotSale(0, "found", 4.0))


@pytest.mark.parametrize("mined_income", [True, False])
def test_what_a_source_takes_is_paid_for_once(mined_income: bool) -> None:
    """A day's 0.054 BTC for two months of 10 PH/s at $180 a day, sold for $108,000 today and delivered out of coins
    that cost $40,000: the income is what came in less what the coins cost. They are no sale at the day's price too."""
    sold_forward = hashrate_forward(repayment="btc", margin_share=0.0, discount_share=0.0)
    lots = [{"btc": 100.0, "cost_basis_usd": COST}]
    treasury = no_cash(btc_lots=lots, overhead_usd_per_month=0.0, cash_usd=1.0)
    given = with_sources(sold_forward, machines=hundred_ph(), treasury=treasury)
    given = given.model_copy(update={"taxes": Taxes(rate=RATE, mined_income=mined_income)})
    idle = path([PRICE, 2 * PRICE, 0.5 * PRICE, PRICE], btc_per_ph=[0.0] * 4, revenue_usd_per_ph=[0.0] * 4)
    nothing, delivered = np.zeros(4), 0.018 * 30
    decided = Decisions(
        *(nothing, nothing, (), (), (), (), ()),
        uses=(Use(0, "Forward", "sell_ph", 10.0),),
        lot_sales=(LotSale(1, "held 0", delivered), LotSale(2, "held 0", delivered)),
    )
    books = keep_books(given, idle, decided)
    np.testing.assert_allclose(books.sources.btc, [0.0, -delivered, -delivered, 0.0])
    assert books.taxes.income_usd.sum() == pytest.approx(108_000.0 - 2 * delivered * COST)
    # Where the result of sources does not count, the coins leave at the month's price.
    apart = given.model_copy(update={"taxes": Taxes(rate=RATE, mined_income=mined_income, interest_deductible=False)})
    income = keep_books(apart, idle, decided).taxes.income_usd
    assert income.sum() == pytest.approx(delivered * (2.5 * PRICE - 2 * COST))


def test_no_more_is_taken_out_of_lots_than_sources_take() -> None:
    """A lot that lost half of its worth would else be exchanged for the year's, and the loss deducted."""
    given = with_sources(hashrate_forward(), machines=hundred_ph())
    dear = given.treasury.model_copy(update={"btc_lots": (BtcLot(btc=100.0, cost_basis_usd=3 * PRICE),)})
    given = given.model_copy(update={"treasury": dear, "taxes": Taxes(rate=RATE, mined_income=False)})
    tree = path([PRICE] * 4, btc_per_ph=[0.0, 0.05, 0.05, 0.05], revenue_usd_per_ph=[0.0] + [5_000.0] * 3)
    made = planned(given, tree)
    taken = made.books.taxes.taken_btc
    assert 0 < taken.max() <= made.books.taxes.given_btc.max() + 1e-9
    bent = replace(made.decisions, lot_sales=(*made.decisions.lot_sales, LotSale(0, "held 0", 1.0)))
    rules = {found.rule for found in audit(given, tree, bent, made.position).violations}
    assert rules == {"BTC out of lots are sold, seized or taken"}


def test_without_taxes_there_are_no_lots() -> None:
    given, tree = company(None, (10.0, COST), no_note=True), path([PRICE] * 2)
    decided = replace(planned(given, tree).decisions, lot_sales=(LotSale(0, "held 0", 4.0),))
    with pytest.raises(AuditError, match="no taxes"):
        keep_books(given, tree, decided)


def test_mined_lots_cost_the_mean_price_of_their_months() -> None:
    """Three months in the year 2026 and one after, the machine mining 1, 3 and 2 parts of a BTC."""
    given = company(Taxes(rate=RATE), (10.0, COST), horizon_months=4, no_note=True)
    prices = [PRICE, PRICE, 2 * PRICE, PRICE, PRICE]
    tree = path(prices, btc_per_ph=[0.0, 0.1, 0.3, 0.2, 0.1])
    decided = planned(given, tree).decisions
    mixed_lots = replace(decided, lot_sales=(*decided.lot_sales, LotSale(4, "mined 2026", 1.0)))
    gain = keep_books(given, tree, mixed_lots).taxes.gain_usd - keep_books(given, tree, decided).taxes.gain_usd
    # Nobody pays for the coin: its cost is all that is seen.
    assert gain[4] == pytest.approx(-(0.1 * PRICE + 0.3 * 2 * PRICE) / 0.4)
    assert np.all(gain[:4] == 0)


def test_a_plan_with_taxes_is_saved_read_back_and_replayed(tmp_path: Path) -> None:
    raw = minimal_scenario_dict()
    raw["market"]["fan"]["paths"] = 60
    raw["market"]["tree"]["branching"] = [{"month": 1, "children": 2}]
    raw["taxes"] = {"rate": RATE, "depreciation": "straight", "depreciation_months": 36}
    made = plan(write_scenario(tmp_path, raw), compare=False, monte_carlo=200)
    assert made.out_of_sample is not None
    # The tree is the market in small: 200 paths of it end near what it expects, tax and all.
    assert made.out_of_sample.sample.expected == pytest.approx(made.value.expected, rel=0.05)
    assert made.value.means["taxes"] < 0
    assert sum(made.value.means.values()) == pytest.approx(made.value.expected)
    write_plan(made, tmp_path / "plan")
    saved = read_plan(tmp_path / "plan")
    assert saved.books.taxes.paid_usd == pytest.approx(made.books.taxes.paid_usd, abs=0.01)
    assert on_stress(saved, "all").outcome.tax_owed_usd.max() > 0
    with pytest.raises(ReplayError, match="a tax year that has begun"):
        on_stress(saved, "all", policy="replan")


@pytest.mark.parametrize(
    ("terms", "good"),
    [
        ({"depreciation": "straight"}, False),
        ({"depreciation": "bonus", "depreciation_months": 12}, False),
        ({"depreciation": "straight", "depreciation_months": 12}, True),
        ({}, True),
    ],
)
def test_straight_depreciation_needs_its_months(tmp_path: Path, terms: dict[str, Any], good: bool) -> None:
    file = write_scenario(tmp_path, {**minimal_scenario_dict(), "taxes": {"rate": RATE, **terms}})
    with nullcontext() if good else pytest.raises(ScenarioError, match="straight needs its months"):
        load_scenario(file)
