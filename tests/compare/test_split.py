"""What a plan is worth, cause by cause: by hand, and adding up on whatever is planned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from optimizer.compare.compared import Compared
from optimizer.compare.split import CAUSES, Cause, less, loses_by_cause, parts_at, split_of
from optimizer.decisions import OPENING, Liquidation
from optimizer.errors import AuditError
from optimizer.ledger.books import keep_books
from optimizer.planning import Plan, plan
from optimizer.report.compare_causes import NAMES
from tests.builders import write_scenario
from tests.compare.conftest import RISE, SCENARIOS, planned
from tests.report.conftest import company

FILES = sorted(SCENARIOS.glob("*.yaml"))
QUICK = ("market.fan.paths=400", "solver.gap_share=0.01")
FEWER_BRANCHES = "market.tree.branching=[{month: 1, children: 2}, {month: 4, children: 2}]"


def assert_adds_up(made: Plan) -> None:
    """At the end the parts are the plan's own mean and objective; on the way and in the other unit, its books."""
    split = made.split
    assert split.weighed is not None
    assert split.worth == sum(split.weighed.values())
    scale = max(abs(made.value.value), 1.0)
    assert abs(sum(split.expected.values()) - made.value.expected) <= 1e-6 * scale
    assert abs(sum(split.weighed.values()) - made.value.value) <= 1e-6 * scale
    assert split.risk == pytest.approx(made.value.value - made.value.expected, abs=1e-6 * scale)
    month = made.scenario.horizon_months // 2
    here = (made.tree.month == month) & (made.tree.probability > 0)
    chance, price = made.tree.probability[here], made.tree.price_usd[here]
    for unit, each in (("btc", 1.0), ("usd", price)):
        early = split_of(made.scenario, made.tree, made.decisions, made.books, month=month, numeraire=unit)
        expected = float(chance @ (made.books.net_btc[here] * each))
        assert early.mean == pytest.approx(expected, rel=1e-6, abs=1e-6)
        assert (early.weighed, early.worth, early.risk) == (None, None, None)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_adds_up_in_every_shipped_scenario(path: Path) -> None:
    sets = () if path.stem.startswith("teach_") or "cases" in path.stem else (*QUICK, FEWER_BRANCHES)
    assert_adds_up(planned(path.stem, *sets))


@settings(max_examples=12, deadline=None)
@drawn(
    rise=st.floats(60_000, 180_000),
    apr=st.floats(0.0, 0.4),
    fee=st.floats(0.0, 0.05),
    sell_fee=st.floats(0.0, 0.05),
)
def test_differences_add_up_whatever_lenders_and_price_do(rise: float, apr: float, fee: float, sell_fee: float) -> None:
    changed = plan(
        SCENARIOS / "teach_borrow_or_sell.yaml",
        sets=(
            f"{RISE}={rise}",
            f"facilities[0].tiers[0].apr={apr}",
            f"facilities[0].origination_fee_share={fee}",
            f"treasury.sell_fee_share={sell_fee}",
        ),
        compare=False,
        monte_carlo=0,
    )
    assert_adds_up(changed)
    assert_difference(changed, planned("teach_borrow_or_sell"))


@settings(max_examples=8, deadline=None)
@drawn(price=st.floats(200, 6_000), deposit=st.floats(0, 1), lead=st.integers(0, 5), discount=st.floats(0, 1))
def test_differences_add_up_whatever_machines_cost(price: float, deposit: float, lead: int, discount: float) -> None:
    changed = plan(
        SCENARIOS / "teach_one_machine.yaml",
        sets=(
            f"machines.candidates[0].price_usd={price}",
            f"machines.candidates[0].deposit_share={deposit}",
            f"machines.candidates[0].lead_months={lead}",
            f"market.asic_prices.resale_discount_share={discount}",
        ),
        compare=False,
        monte_carlo=0,
    )
    assert_adds_up(changed)
    assert_difference(changed, planned("teach_one_machine"))


def assert_difference(one: Plan, other: Plan) -> None:
    apart = sum(less(one.split, other.split).values())
    assert apart == pytest.approx(one.value.expected - other.value.expected, abs=1e-6)


def test_borrowing_and_selling_by_hand(borrow_and_sell: Compared) -> None:
    """A bill of $1M at a price of $115,000 or $109,000 at the end; interest of $100,000, or 10 BTC sold for it."""
    borrowed, sold = borrow_and_sell.splits
    bills = -1e6 / 115_000, -1e6 / 109_000
    assert borrowed.expected[Cause("start")] == sold.expected[Cause("start")] == 40
    assert [split.expected[Cause("promised")] for split in (borrowed, sold)] == pytest.approx(bills)
    assert borrowed.expected[Cause("interest")] == pytest.approx(-100_000 / 115_000)
    assert borrowed.expected[Cause("sold")] == pytest.approx(0.0, abs=1e-9)
    assert sold.expected[Cause("interest")] == 0
    assert sold.expected[Cause("sold")] == pytest.approx(1e6 / 109_000 - 10)
    apart = less(sold, borrowed)
    assert sum(apart.values()) == pytest.approx(30 - (40 - 1.1e6 / 115_000))
    assert {cause.name for cause, amount in apart.items() if abs(amount) > 1e-9} == {"promised", "interest", "sold"}


def test_a_machine_by_hand() -> None:
    """100 machines of 216 TH/s for 365 days at $45 per PH and day, 3,564 W at $50 per MWh, $1,398 each."""
    made = planned("teach_one_machine")
    split = split_of(made.scenario, made.tree, made.decisions, made.books)
    assert split.expected[Cause("mined")] == pytest.approx(100 * 0.216 * 45 * 365 / 100_000)
    assert split.expected[Cause("power")] == pytest.approx(-100 * 3.564 * 24 * 0.050 * 365 / 100_000)
    assert split.expected[Cause("machines_bought")] == pytest.approx(-100 * 1_398 / 100_000)
    assert split.expected[Cause("start")] == pytest.approx(14)
    assert split.mean == pytest.approx(14.5888, abs=1e-4)


def test_old_debt_fees_and_a_forced_sale() -> None:
    """$800,000 owed from before; the lender sells 8 BTC at a low of $63,000, keeps 2% and is met by the rest."""
    made = planned("teach_top_up")
    seized = Liquidation(3, "loan", 8.0, ((0, OPENING, 8.0 * 63_000 * 0.98),))
    decisions = replace(made.decisions, liquidations=(seized,))
    books = keep_books(made.scenario, made.tree, decisions)
    parts = parts_at(made.scenario, made.tree, decisions, books, made.tree.leaves, "btc")
    assert parts[Cause("start")] == pytest.approx(30 + (48_000 - 800_000) / 100_000)
    assert parts[Cause("liquidations")] == pytest.approx(-8 + 8 * 63_000 * 0.98 / 100_000)
    after = 800_000 - 8 * 63_000 * 0.98
    assert parts[Cause("interest")] == pytest.approx(-(3 * 8_000 + 3 * 0.01 * after) / 100_000)


def test_taxes_and_sources_stand_by_themselves() -> None:
    taxed = planned("teach_taxes", "market.price.cases[0].price[0].usd=90000")
    split = split_of(taxed.scenario, taxed.tree, taxed.decisions, taxed.books)
    due = float(taxed.books.taxes.paid_usd.sum() + taxed.books.taxes.owed_usd[-1])
    assert due > 0
    assert split.expected[Cause("taxes")] == pytest.approx(-due / 90_000)
    noted = planned("teach_note")
    found = split_of(noted.scenario, noted.tree, noted.decisions, noted.books).expected
    [source] = [cause for cause in found if cause.name == "source"]
    assert source.of == noted.scenario.sources[0].name
    assert found[source] < 0


def test_books_that_do_not_add_up_are_refused() -> None:
    made = planned("teach_one_machine")
    wrong = replace(made.books, mined_btc=made.books.mined_btc + 0.01)
    with pytest.raises(AuditError, match="do not add up"):
        split_of(made.scenario, made.tree, made.decisions, wrong)


def test_every_cause_has_a_name() -> None:
    assert set(NAMES) | {"source"} == set(CAUSES)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return plan(write_scenario(tmp_path_factory.mktemp("small"), company()), monte_carlo=0)


def test_where_an_alternative_s_loss_comes_from(small: Plan) -> None:
    assert small.scenario.risk.weight > 0
    scale = abs(small.value.value)
    told = [c for c in small.comparators if c.feasible]
    assert len(told) >= 3
    for alternative in told:
        causes = loses_by_cause(small, alternative)
        assert sum(causes.values()) == pytest.approx(alternative.loses, abs=1e-6 * scale)
    for alternative in small.comparators:
        assert (alternative.split is None) == (loses_by_cause(small, alternative) == {}) == (not alternative.feasible)


def test_who_buys_no_machine_loses_what_machines_mine(small: Plan) -> None:
    [alternative] = [c for c in small.comparators if c.name == "no_machines"]
    causes = loses_by_cause(small, alternative)
    assert causes[Cause("mined")] > 0
    assert causes[Cause("machines_bought")] < 0
    assert np.isclose(alternative.split.expected[Cause("machines_bought")], 0.0) if alternative.split else False
