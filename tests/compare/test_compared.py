"""Decisions, outcomes and ground of a comparison: by hand on teaching cases."""

from __future__ import annotations

import math
from datetime import date

import pytest

from optimizer.compare.compared import Compared, common_ground, compare
from optimizer.compare.decisions import Act, first_later_month, later, today
from optimizer.compare.given import given_of
from optimizer.compare.outcomes import outcomes_of
from optimizer.planning import Plan, plan
from optimizer.scenario.schema import Scenario
from tests.builders import write_scenario
from tests.compare.conftest import RISE, given, planned
from tests.report.conftest import company


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return plan(write_scenario(tmp_path_factory.mktemp("small"), company()), compare=False, monte_carlo=300)


def changed(**values: object) -> Scenario:
    return planned("teach_borrow_or_sell").scenario.model_copy(update=values)


def test_a_plan_beside_itself_differs_in_nothing() -> None:
    found = compare([given("teach_borrow_or_sell")] * 3)
    assert (found.inputs, found.acts) == ((), ())
    assert found.same_acts == 1
    assert found.ground.notes == ()
    assert found.ground.weighed
    assert found.outcomes[0] == found.outcomes[1] == found.outcomes[2]
    assert found.splits[0] == found.splits[1]


def test_today_s_decisions_by_hand(borrow_and_sell: Compared) -> None:
    """$1M drawn against 20 BTC at 50%, or 10 BTC sold at $100,000."""
    found = {row.act: row.amounts for row in borrow_and_sell.acts}
    assert found[Act("draw", "lender, up to 50% LTV", "usd")] == pytest.approx((1e6, 0))
    assert found[Act("sell", "", "btc")] == pytest.approx((0, 10))
    assert found[Act("left: BTC pledged or tied up", "", "btc")] == pytest.approx((20, 0))
    assert found[Act("left: BTC free", "", "btc")] == pytest.approx((20, 30))
    assert found[Act("left: owed to lenders", "", "usd")] == pytest.approx((1e6, 0))
    assert len(found) == 5
    assert borrow_and_sell.same_acts == 0
    assert borrow_and_sell.later_month is None


def test_machines_and_sources_are_decisions_too() -> None:
    rows, _ = today([given("teach_one_machine").saved, given("teach_note").saved])
    found = {row.act: row.amounts for row in rows}
    assert found[Act("order", "Antminer S21+ 216T, shed", "units")] == pytest.approx((100, 0))
    assert found[Act("issue", "convertible", "usd")] == pytest.approx((0, 1e6))


def test_later_decisions_are_those_of_the_plan_s_own_nodes(small: Plan) -> None:
    saved = given_of(small, "small").saved
    assert first_later_month([saved, saved]) == 3
    at = later(saved, 3)
    assert [found.where for found in at] == ["high", "low"]
    assert at[0].price_usd > at[1].price_usd
    nodes = small.tree.price_usd.tolist()
    for found in at:
        node = nodes.index(found.price_usd)
        assert found.sold_btc == pytest.approx(float(small.books.sold_btc[small.tree.paths[node][1:]].sum()))
        ordered = [o for o in small.decisions.orders if o.node == node]
        assert found.order_units == pytest.approx(sum(o.units for o in ordered))
        assert (found.order_usd > 0) == bool(ordered)


def test_plans_that_never_decide_in_the_same_later_month_have_none(small: Plan) -> None:
    saved = given_of(small, "small").saved
    assert first_later_month([saved, given("teach_one_machine").saved]) is None


def test_outcomes_are_the_plan_s_own(small: Plan) -> None:
    found = outcomes_of(given_of(small, "small"))
    value = small.value
    assert (found.value, found.expected, found.tail_mean, found.worst) == pytest.approx(
        (value.value, value.expected, value.cvar, value.worst)
    )
    leaves, chance = small.tree.leaves, small.tree.probability[small.tree.leaves]
    assert found.btc_end == pytest.approx(float(chance @ small.books.btc[leaves]))
    assert found.debt_end_usd == pytest.approx(float(chance @ small.books.owed_usd[leaves].sum(axis=1)))
    assert found.lowest_cash_usd >= small.scenario.requirements.min_cash_usd - 1
    assert found.paths == 300
    assert small.out_of_sample is not None
    assert found.out_of_sample["p_call"] == small.out_of_sample.sample.p_call
    assert "crash" in found.shocks
    assert 0 <= found.least_fall_to_call_share < 1


def test_selling_brings_what_is_sold_times_its_price(borrow_and_sell: Compared) -> None:
    sold = borrow_and_sell.outcomes[1]
    assert (sold.sold_btc, sold.sold_at_usd) == pytest.approx((10, 100_000))
    assert math.isinf(sold.least_fall_to_call_share)
    assert sold.highest_debt_usd == 0
    assert borrow_and_sell.outcomes[0].highest_debt_usd == pytest.approx(1e6 * (1 + 0.1 * 11 / 12))


def test_other_days_refuse_the_split() -> None:
    ground = common_ground([changed(), changed(as_of=date(2026, 11, 3))])
    assert (ground.month, ground.weighed, ground.at_own_ends) == (None, False, False)
    [note] = ground.notes
    assert "start on different days" in note


def test_other_horizons_meet_at_the_shorter() -> None:
    ground = common_ground([changed(horizon_months=18), changed()])
    assert (ground.month, ground.weighed, ground.at_own_ends) == (12, False, False)
    assert "A 18, B 12" in ground.notes[0]
    longer = compare([given("teach_borrow_or_sell"), given("teach_borrow_or_sell", "horizon_months=18")])
    assert [split.month for split in longer.splits] == [12, 12]
    books, tree = longer.plans[1].saved.books, longer.plans[1].saved.tree
    assert longer.splits[1].mean == pytest.approx(float(books.net_btc[tree.month == 12][0]))


def test_other_units_meet_in_btc() -> None:
    ground = common_ground([changed(numeraire="usd"), changed()])
    assert (ground.numeraire, ground.month, ground.weighed) == ("btc", 12, False)
    assert common_ground([changed(numeraire="usd")] * 2).numeraire == "usd"
    dollars = compare([given("teach_borrow_or_sell", "numeraire=usd")] * 2)
    assert dollars.splits[0].mean == pytest.approx(dollars.outcomes[0].expected)


def test_risk_weighed_otherwise_leaves_the_means() -> None:
    risk = changed().risk.model_copy(update={"weight": 0.2, "tail_share": 0.1})
    ground = common_ground([changed(), changed(risk=risk)])
    assert (ground.month, ground.weighed) == (12, False)
    assert "weigh bad futures differently" in ground.notes[0]
    # Without weight the tail's share says nothing.
    assert common_ground([changed(), changed(risk=risk.model_copy(update={"weight": 0.0}))]).weighed


def test_foresight_is_said(small: Plan) -> None:
    assert "foresight" in common_ground([changed(), small.scenario]).notes[-1]


def test_a_bill_paid_by_price_alone() -> None:
    """The same decisions at another price: the difference is what a dollar is worth at the end."""
    one, other = (given("teach_borrow_or_sell", f"{RISE}={usd}") for usd in (105_000, 108_000))
    found = compare([one, other])
    assert found.acts == ()
    assert found.splits[1].mean - found.splits[0].mean == pytest.approx(0.0, abs=1e-9)
