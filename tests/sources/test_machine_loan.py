"""Machine-backed loans by hand: what they bring and cost, and what covenant, lien and a second lender bind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from optimizer.decisions import Order, Retirement, Use
from optimizer.ledger.audit import audit
from optimizer.ledger.books import keep_books
from optimizer.ledger.company import open_books, set_up
from optimizer.ledger.fleet import pairs_in_use
from optimizer.ledger.lending import level_payment, level_remaining_share
from optimizer.ledger.source import PaysForOrders
from optimizer.ledger.source_machine_loan import MACHINE_LOAN
from optimizer.market.tree import Tree
from optimizer.market.tree_paths import tree_paths
from optimizer.scenario.checks import issues_of
from optimizer.scenario.schema import Scenario
from tests.formulation.planned import Planned, market, no_cash, path, planned
from tests.formulation.source_companies import machine_loan, with_sources
from tests.ledger.company import PRICE, candidate, claim, decisions
from tests.ledger.test_replay_tree import assert_the_same

# A machine of 200 TH/s costs $4,000, mines for $1,600 a month and draws power for $144.
MARGIN_USD = 1_600 - 144
PLAIN: dict[str, Any] = {"origination_fee_share": 0.0, "covenant_ltv": None, "early_repayment": False, "term_months": 3}


def company(
    *loans: dict[str, Any], cash_usd: float, btc: float = 0.0, discount: float = 1.0, **changes: Any
) -> Scenario:
    """Money for some machines that are delivered at once; lenders take part of the price of the others."""
    lots = [{"btc": btc, "cost_basis_usd": 0.0}] if btc else []
    return with_sources(
        *loans,
        treasury=no_cash(btc_lots=lots, cash_usd=cash_usd),
        machines={"candidates": [candidate(lead_months=0)]},
        market=market(asic_prices={"elasticity": 1.0, "ageing_pa": 0.2, "resale_discount_share": discount}),
        **{"decision_months": [0, 1], **changes},
    )


def three_months(prices: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0), factor: tuple[float, ...] = (1.0,) * 4) -> Tree:
    later = np.array([0.0, 1.0, 1.0, 1.0])
    return path(
        [PRICE * ratio for ratio in prices],
        btc_per_ph=0.08 * later / np.array(prices),
        revenue_usd_per_ph=8_000.0 * later,
        asic_price_factor=np.array(factor),
    )


def amounts(made: Planned, what: str) -> dict[int, float]:
    return {use.node: use.amount for use in made.decisions.uses if use.what == what}


def rate_of_the_machine() -> float:
    """The yearly rate at which three level payments of its price are what it earns."""
    low, high = 0.0, 0.2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if float(level_payment(4_000, middle, 3)) < MARGIN_USD else (low, middle)
    return 12 * low


@pytest.mark.parametrize(("off", "units"), [(-0.005, 20), (0.005, 10)])
def test_a_loan_ties_at_what_the_machines_yield(off: float, units: float) -> None:
    """Ten machines are paid in cash; half of each further one, and half of those, is lent."""
    offer = machine_loan(**PLAIN, apr=rate_of_the_machine() + off)
    made = planned(company(offer, cash_usd=40_000.0, decision_months=[0]), three_months())
    assert sum(order.units for order in made.decisions.orders) == pytest.approx(units)
    paid = 3 * float(level_payment(40_000, offer["apr"] / 12, 3)) if units == 20 else 0.0
    assert made.worth == pytest.approx((3 * MARGIN_USD * units - paid) / PRICE, rel=1e-6)


def test_a_fee_is_kept_back_from_the_draw() -> None:
    offer = machine_loan(**{**PLAIN, "origination_fee_share": 0.02})
    made = planned(company(offer, cash_usd=40_800.0 - 400.0, decision_months=[0]), three_months())
    # 40,000 drawn bring 39,200: with 40,800 of its own there would be twenty machines, with 40,400 there are not.
    assert sum(order.units for order in made.decisions.orders) == pytest.approx(10)
    enough = planned(company(offer, cash_usd=40_800.0, decision_months=[0]), three_months())
    assert sum(order.units for order in enough.decisions.orders) == pytest.approx(20)


RISING, FALLING = (1.0, 1.1, 1.2, 1.3), (1.0, 0.5, 0.5, 0.5)


def test_a_covenant_is_cured_by_repaying_what_is_missing() -> None:
    """BTC rise, so that nothing is repaid before it must be; machines fall to half their price."""
    made = planned(
        company(
            machine_loan(**{**PLAIN, "covenant_ltv": 0.8, "early_repayment": True}),
            cash_usd=0.0,
            btc=1.0,
            discount=0.2,
            decision_months=[0],
        ),
        three_months(RISING, FALLING),
    )
    drawn = amounts(made, "draw_usd")[0]
    # Owed after a payment, against machines that cost twice what was drawn and fetch 80% of half of that.
    left = float(level_remaining_share(1, 0.01, 3))
    assert amounts(made, "repay_ahead_usd")[1] == pytest.approx(drawn * (left - 0.8 * 2 * 0.8 * 0.5), rel=1e-6)


def test_without_early_repayment_a_breach_that_is_foreseen_forbids_the_draw() -> None:
    offer = machine_loan(**{**PLAIN, "covenant_ltv": 0.8})
    given = company(offer, cash_usd=0.0, btc=1.0, discount=0.2, decision_months=[0])
    assert planned(given, three_months(RISING, FALLING)).decisions.uses == ()
    assert amounts(planned(given, three_months(RISING)), "draw_usd")[0] > 0


@pytest.mark.parametrize(("term", "resold"), [(3, 0.0), (1, 10.0)])
def test_financed_machines_are_not_resold_before_the_term_is_over(term: int, resold: float) -> None:
    """In month 1 a machine fetches more than two months of mining, later nearly nothing: but for the lien all go."""
    offer = machine_loan(**{**PLAIN, "term_months": term})
    given = company(offer, cash_usd=20_000.0, discount=0.2)
    # What they bring may be kept.
    given = given.model_copy(update={"treasury": given.treasury.model_copy(update={"max_cash_months": 60.0})})
    made = planned(given, three_months(factor=(1.0, 1.2, 0.1, 0.1)))
    assert amounts(made, "draw_usd")[0] == pytest.approx(20_000.0)
    assert sum(gone.units for gone in made.decisions.retirements if gone.month == 1) == pytest.approx(resold)


def test_two_lenders_do_not_finance_the_same_machine() -> None:
    """Half and half of the price would be all of it: a company without money could have machines."""
    lenders = [machine_loan(**PLAIN, name=name) for name in ("One", "Two")]
    assert planned(company(*lenders, cash_usd=0.0), three_months()).decisions.orders == ()
    both = company(*lenders, cash_usd=20_000.0, decision_months=[0])
    made = planned(both, three_months())
    assert sum(use.amount for use in made.decisions.uses) == pytest.approx(20_000.0)


def test_payments_are_level_and_what_is_repaid_ahead_counts_for_the_next_one() -> None:
    given, tree = company(machine_loan(**{**PLAIN, "early_repayment": True}), cash_usd=40_000.0), three_months()
    order = Order(0, "new", "Plains", 20)
    draw = Use(0, "Equipment", "draw_usd", 40_000.0)
    payment = float(level_payment(40_000.0, 0.01, 3))
    plain = keep_books(given, tree, decisions(tree, orders=(order,), uses=(draw,)))
    assert plain.sources.cash_usd == pytest.approx([40_000.0, -payment, -payment, -payment])
    assert plain.sources.owed_usd[-1] == pytest.approx(0.0, abs=1e-6)
    left = 40_000.0 * level_remaining_share([1, 2], 0.01, 3)
    ahead = Use(1, "Equipment", "repay_ahead_usd", float(left[0] - left[1]))
    early = keep_books(given, tree, decisions(tree, orders=(order,), uses=(draw, ahead)))
    assert early.sources.cash_usd[2] == pytest.approx(-0.01 * left[1])
    assert early.sources.cash_usd[3] == pytest.approx(-payment)


@pytest.mark.parametrize(
    ("units", "uses", "rule"),
    [
        (10, (("draw_usd", 0, 20_001.0),), "machines are financed once"),
        (20, (("draw_usd", 0, 40_000.0), ("repay_ahead_usd", 1, 30_000.0)), "no more repaid than is owed"),
        (20, (("draw_usd", 0, 40_000.0), ("repay_ahead_usd", 1, 1_000.0)), "no early repayment of machine loans"),
    ],
)
def test_the_audit_speaks_up(units: float, uses: tuple[tuple[str, int, float], ...], rule: str) -> None:
    given, tree = company(machine_loan(**PLAIN), cash_usd=90_000.0), three_months()
    made = decisions(
        tree,
        orders=(Order(0, "new", "Plains", units),),
        uses=tuple(Use(node, "Equipment", what, amount) for what, node, amount in uses),
    )
    found = audit(given, tree, made, claim(keep_books(given, tree, made)))
    assert rule in {violation.rule for violation in found.violations}


def test_off_the_tree_a_loan_follows_its_machines() -> None:
    """Of half of the order half is paid; of machines that have left the debt is due."""
    given = company(machine_loan(**PLAIN), cash_usd=40_000.0)
    paths, _ = tree_paths(given, three_months())
    s = set_up(given, paths, pairs_in_use(given, decisions(three_months(), orders=(Order(0, "new", "Plains", 20),))))
    c, loan = open_books(s), MACHINE_LOAN.on_paths(s)
    assert isinstance(loan, PaysForOrders)
    loan.close(s, c, 0, {("Equipment", "draw_usd"): np.array([40_000.0])})
    assert loan.offer(s, c, 0, np.array([[20.0]])) == pytest.approx([40_000.0])
    c.racked_units[:] = 4.0  # of the ten that were ordered
    loan.pay(c, 0, np.array([0.5]))
    assert loan.worth_usd(s, 0) == pytest.approx([-20_000.0])
    cash, _ = loan.close(s, c, 1, {})
    left = float(level_remaining_share(1, 0.01, 3))
    assert loan.worth_usd(s, 1) == pytest.approx([-0.4 * 20_000.0 * left])
    assert cash == pytest.approx([-(20_000.0 * 1.01 - 0.4 * 20_000.0 * left)])


@pytest.mark.parametrize(("units", "allowed"), [(20, True), (19, False)])
def test_other_machines_of_the_lender_s_may_stand_for_those_that_leave(units: float, allowed: bool) -> None:
    """Ten machines of $4,000 are financed; they go in month 1, when others of $2,000 come: twenty are enough."""
    given, tree = company(machine_loan(**{**PLAIN, "advance_share": 0.5}), cash_usd=200_000.0), three_months()
    [new] = given.machines.candidates
    offered = (new, new.model_copy(update={"model": "old", "price_usd": 2_000.0}))
    given = given.model_copy(update={"machines": given.machines.model_copy(update={"candidates": offered})})
    made = decisions(
        tree,
        orders=(Order(0, "new", "Plains", 10), Order(1, "old", "Plains", units)),
        retirements=(Retirement(1, "new", "Plains", 10, 1),),
        uses=(Use(0, "Equipment", "draw_usd", 20_000.0),),
    )
    found = audit(given, tree, made, claim(keep_books(given, tree, made)))
    assert ("financed machines stay" in {violation.rule for violation in found.violations}) is not allowed
    if allowed:
        assert_the_same(given, tree, made)


def test_off_the_tree_a_breach_is_cured_whatever_the_contract_says() -> None:
    given = company(machine_loan(**{**PLAIN, "covenant_ltv": 0.8}), cash_usd=40_000.0, discount=0.2)
    paths, _ = tree_paths(given, three_months(factor=FALLING))
    s = set_up(given, paths, pairs_in_use(given, decisions(three_months(), orders=(Order(0, "new", "Plains", 20),))))
    c, loan = open_books(s), MACHINE_LOAN.on_paths(s)
    assert isinstance(loan, PaysForOrders)
    loan.close(s, c, 0, {("Equipment", "draw_usd"): np.array([40_000.0])})
    loan.offer(s, c, 0, np.array([[20.0]]))
    c.racked_units[:] = 20.0
    loan.pay(c, 0, np.array([1.0]))
    loan.close(s, c, 1, {})
    assert loan.worth_usd(s, 1) == pytest.approx([-0.8 * 80_000.0 * 0.5 * 0.8])


def test_a_loan_without_machines_to_buy_is_not_there() -> None:
    given = with_sources(machine_loan())
    assert planned(given, three_months()).decisions.uses == ()


def test_there_is_full_recourse_or_limited() -> None:
    with pytest.raises(ValidationError, match="recourse"):
        company(machine_loan(recourse="none"), cash_usd=0.0)


@pytest.mark.parametrize(
    ("loans", "word"),
    [
        ([machine_loan(models=["old"])], "not among the candidates"),
        ([machine_loan(advance_share=0.9)], "breaks the covenant"),
        ([machine_loan(models=["new"]), machine_loan(name="Two")], None),
        (
            [machine_loan(models=["new", "wet"]), machine_loan(name="Two", models=["new", "old"])],
            "some of the machines",
        ),
    ],
)
def test_terms_that_contradict_each_other(loans: list[dict[str, Any]], word: str | None) -> None:
    given = company(*loans, cash_usd=0.0, discount=0.2)
    if word == "some of the machines":
        asked = tuple(given.machines.candidates[0].model_copy(update={"model": m}) for m in ("new", "wet", "old"))
        given = given.model_copy(update={"machines": given.machines.model_copy(update={"candidates": asked})})
    said = [issue.message for issue in issues_of(given) if issue.place[0] == "sources"]
    assert len(said) == (word is not None)
    assert all(word is not None and word in message for message in said)
