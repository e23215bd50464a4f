import math
from dataclasses import replace

import numpy as np
import pytest

from optimizer.market.calendar import days_per_month
from optimizer.planning import Plan
from optimizer.report.doubt import doubt_of
from optimizer.report.machine_ties import machine_ties, worth_of_btc
from optimizer.report.price_view import break_even_growth, loan_ties, price_view
from optimizer.scenario.money import Facility


@pytest.fixture
def facility(borrow_or_sell: Plan) -> Facility:
    """A year, bullet, interest at maturity, no fee; the tests change what they are about."""
    return borrow_or_sell.scenario.facilities[0]


def test_interest_at_maturity_ties_where_price_grows_by_it(facility: Facility) -> None:
    # Owed 1.1 in a year: selling then takes as many BTC as selling 1 now if price is up by 10%.
    assert break_even_growth(facility, 0.10) == pytest.approx(0.10)
    two_years = facility.model_copy(update={"term_months": 24})
    assert break_even_growth(two_years, 0.10) == pytest.approx(math.sqrt(1.2) - 1)


def test_a_fee_is_borrowed_too(facility: Facility) -> None:
    with_fee = facility.model_copy(update={"origination_fee_share": 0.02})
    assert break_even_growth(with_fee, 0.10) == pytest.approx(1.1 / 0.98 - 1)


def test_monthly_interest_ties_where_price_compounds_it(facility: Facility) -> None:
    # Without a fee a par loan costs its own monthly rate, whatever its term.
    for months in (6, 12, 36):
        monthly = facility.model_copy(update={"interest": "monthly", "term_months": months})
        assert break_even_growth(monthly, 0.12) == pytest.approx(1.01**12 - 1)


def test_level_payments_tie_at_the_same_rate(facility: Facility) -> None:
    level = facility.model_copy(update={"interest": "monthly", "repayment": "amortising"})
    assert break_even_growth(level, 0.12) == pytest.approx(1.01**12 - 1)


def test_monthly_interest_with_a_fee_by_hand(facility: Facility) -> None:
    # Two months, 1% a month, 1% fee: D = 1 / 0.99; D (0.01 q + 1.01 q^2) = 1 is a quadratic in q.
    terms = {"interest": "monthly", "term_months": 2, "origination_fee_share": 0.01}
    q = (-0.01 + math.sqrt(0.01**2 + 4 * 1.01 * 0.99)) / (2 * 1.01)
    assert break_even_growth(facility.model_copy(update=terms), 0.12) == pytest.approx(q**-12 - 1)


def test_a_free_loan_ties_at_no_growth(facility: Facility) -> None:
    assert break_even_growth(facility, 0.0) == pytest.approx(0.0, abs=1e-10)


def test_the_plan_borrows_where_its_view_beats_the_tie(borrow_or_sell: Plan) -> None:
    (tie,) = loan_ties(borrow_or_sell)
    assert tie.break_even_growth_pa == pytest.approx(0.10)
    assert tie.sure_growth_pa == pytest.approx(0.15)
    assert tie.drawn_today_usd == pytest.approx(1e6)
    assert tie.verdict == "borrowing wins"
    assert replace(tie, sure_growth_pa=0.09).verdict == "selling wins"
    assert "on average" in replace(tie, careful_growth_pa=0.09).verdict


def test_neutral_views_are_neutral_on_the_tree(small: Plan) -> None:
    view, tree = price_view(small), small.tree
    leaves = tree.leaves
    chance, ratio = tree.probability[leaves], tree.price_usd[leaves] / tree.price_usd[0]
    years = sum(days_per_month(small.scenario.as_of, 18)) / 365
    to_btc = ((1 + view.btc_neutral_growth_pa) / (1 + view.median_growth_pa)) ** years
    to_usd = ((1 + view.usd_neutral_growth_pa) / (1 + view.median_growth_pa)) ** years
    assert chance @ (1 / (ratio * to_btc)) == pytest.approx(1)
    assert chance @ (ratio * to_usd) == pytest.approx(1)
    assert view.median_growth_pa == 0.6


def test_care_never_makes_the_view_better(small: Plan) -> None:
    view = price_view(small)
    assert view.careful_growth_pa < view.sure_growth_pa < view.median_growth_pa


def test_a_machine_earns_what_the_scenario_says_by_hand(one_machine: Plan) -> None:
    (tie,) = machine_ties(one_machine)
    # scenarios/README.md: $1,398 against $1,986.77 of margin, at $100,000 a BTC.
    assert (tie.cost, tie.earned, tie.resale) == pytest.approx((0.01398, 0.0198677, 0), rel=1e-5)
    assert tie.net == pytest.approx(588.77e-5, rel=1e-5)
    # It earns nothing where 365 days of revenue pay power and price: h * 9.72 - 4.2768 = 1398 / 365.
    assert 1 - (tie.hashprice_lower_share or 0) == pytest.approx((1398 / 365 + 4.2768) / 9.72)
    assert tie.resale_lower_share is None


def test_a_faster_network_by_hand(one_machine: Plan) -> None:
    (tie,) = machine_ties(one_machine)
    assert tie.network_faster_pa is not None
    days = days_per_month(one_machine.scenario.as_of, 12)[1:]
    slower = (1 + tie.network_faster_pa) ** (-np.cumsum(days) / 365)
    margin = np.maximum(9.72 * slower - 4.2768, 0) @ days
    assert margin == pytest.approx(1398)


def test_resale_break_even_is_what_is_left_of_it(small: Plan) -> None:
    (tie,) = machine_ties(small)
    assert tie.net == pytest.approx(tie.earned + tie.resale - tie.cost)
    assert tie.resale_lower_share == pytest.approx(tie.net / tie.resale)


def test_the_machine_alone_agrees_with_the_ledger(one_machine: Plan) -> None:
    # All machines of this company are the hundred ordered today, and nothing else earns or costs.
    (tie,) = machine_ties(one_machine)
    assert 100 * tie.net == pytest.approx(one_machine.value.value - 14)


def test_counting_dollars_a_btc_is_worth_its_final_price(small: Plan) -> None:
    in_usd = replace(
        small,
        loaded=replace(small.loaded, scenario=small.scenario.model_copy(update={"numeraire": "usd"})),
    )
    tree = small.tree
    worth = worth_of_btc(in_usd)
    leaves = tree.leaves
    assert worth[0] == pytest.approx(tree.probability[leaves] @ tree.price_usd[leaves])
    assert worth[tree.children[0][0]] < worth[0]
    assert (worth[tree.stress >= 0] == 0).all()
    np.testing.assert_array_equal(worth_of_btc(small), tree.probability)


def test_the_gap_and_the_tree_are_among_the_doubts(small: Plan) -> None:
    doubt = doubt_of(small)
    assert doubt.gap_worth == pytest.approx(small.solver.gap * small.objective)
    by_moment = {row.moment: row for row in doubt.tree}
    table = small.fidelity.table.loc[list(small.fidelity.stage_ends), "difference_sd_log_price"]
    assert abs(by_moment["sd_log_price"].difference) == table.abs().max()
    assert all(row.text for row in (*doubt.loans, *doubt.machines, *doubt.tree))
