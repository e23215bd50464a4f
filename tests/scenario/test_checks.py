"""Cross-checks: each one speaks when it should, and is silent at the edge of what is allowed.

What each error says is tested by the files in bad/; here are warnings, edges and the arithmetic.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from optimizer.market.build_tree import build_tree
from optimizer.scenario.checks import CHECKS, issues_of
from optimizer.scenario.checks_market import nodes_of
from optimizer.scenario.checks_money import ltv_today
from optimizer.scenario.load import LoadedScenario
from optimizer.scenario.money import ExistingLoan
from optimizer.scenario.schema import Scenario

Load = Callable[..., LoadedScenario]
Data = dict[str, Any]

LOAN = {
    "name": "old",
    "product": "lender_bullet",
    "balance_usd": 500_000,
    "pledged_btc": 15,
    "apr": 0.12,
    "matures_month": 12,
}


def warnings_of(load: Load, data: Data) -> list[str]:
    return [f"{w.path}: {w.message}" for w in load(data).warnings]


def test_a_sound_scenario_has_no_warnings(load: Load, data: Data) -> None:
    assert warnings_of(load, data) == []


def late_order(d: Data) -> None:
    d["machines"]["candidates"][0]["lead_months"] = 9


ON_ORDER = {"model": "s21", "site": "texas", "units": 100, "arrives_month": 2, "due_usd_per_unit": 900}


def late_arrival(d: Data) -> None:
    d["machines"]["on_order"] = [{**ON_ORDER, "arrives_month": 12}]


def full_site(d: Data) -> None:
    d["sites"][0]["rack_slots"] = 1099
    d["machines"]["on_order"] = [ON_ORDER]


def free_power(d: Data) -> None:
    d["sites"][0]["power_usd_per_mwh"] = 0


def unused_spec(d: Data) -> None:
    d["machines"]["specs"] = {"hydro": {"price_usd": 1}}


def thin_buffer(d: Data) -> None:
    d["requirements"]["calls"]["buffer_ltv"] = 0.19


def no_buffer_left(d: Data) -> None:
    d["requirements"]["calls"] = {"policy": "cure_to_target", "buffer_ltv": 0.1}


def loan_due(d: Data) -> None:
    d["loans"] = [{**LOAN, "matures_month": 7}]


def loan_near_its_call(d: Data) -> None:
    d["loans"] = [{**LOAN, "term_months": 24, "matures_month": 13, "pledged_btc": 9}]


def loan_called(d: Data) -> None:
    d["loans"] = [{**LOAN, "term_months": 24, "matures_month": 13, "pledged_btc": 8}]


def all_pledged(d: Data) -> None:
    d["loans"] = [{**LOAN, "term_months": 24, "matures_month": 13, "pledged_btc": 100}]


def large_liability(d: Data) -> None:
    d["liabilities"] = [{"name": "tax", "month": 12, "amount_usd": 3_000_000}]


def little_cash(d: Data) -> None:
    d["requirements"]["min_cash_usd"] = 3_000_000


def much_debt(d: Data) -> None:
    d["loans"] = [{**LOAN, "term_months": 24, "matures_month": 13}]
    d["requirements"]["max_debt_usd"] = 499_999


def far_hashprice(d: Data) -> None:
    d["market"]["network"]["fair_hashprice_usd_per_ph_day"] = 0.04


def far_quote(d: Data) -> None:
    hedge = {"kind": "hashprice_hedge", "name": "hedge", "counterparty": "desk", "term_months": 3, "limit_ph": 10}
    d["sources"] = [{**hedge, "hashprice_usd_per_ph_day": 0.04}]


def large_tree(d: Data) -> None:
    d["market"]["tree"]["branching"] = [{"month": 1, "children": 50}, {"month": 2, "children": 50}]
    d["market"]["fan"]["paths"] = 25_000
    d["market"]["stress"] = []
    d["horizon_months"] = 14


def few_paths(d: Data) -> None:
    d["market"]["fan"]["paths"] = 59


def branches_beside_cases(d: Data) -> None:
    cases_of_a_third_each(d)
    d["market"]["tree"]["branching"] = [{"month": 1, "children": 2}]


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        (late_order, "machines.candidates[0].lead_months: ordered in month 3, s21 would not hash"),
        (late_arrival, "machines.on_order[0].arrives_month: s21 arrives too late to hash"),
        (full_site, "sites[0].rack_slots: 1,100 machines are owned here and on order, more than there are slots"),
        (free_power, "sites[0].power_usd_per_mwh: power is free here"),
        (unused_spec, "machines.specs.hydro: is neither owned nor a candidate"),
        (
            thin_buffer,
            "facilities[0].tiers: the buffer is too thin for line: after a draw at 50% a price fall of 2.0%",
        ),
        (no_buffer_left, "a draw at 50% no price fall at all reaches the top-up at 50%"),
        (loan_due, "loans[0].matures_month: old falls due in month 7: $500,000"),
        (loan_near_its_call, "loans[0].pledged_btc: old's LTV today is 65.6%, closer to the call"),
        (loan_called, "loans[0].pledged_btc: old's LTV today is 73.8%, at or over the call at 70.0%"),
        (all_pledged, "treasury.btc_lots: every BTC held is pledged"),
        (large_liability, "liabilities[0].amount_usd: tax falls due in month 12: $3,000,000"),
        (little_cash, "requirements.min_cash_usd: is more than the $2,000,000 of cash today"),
        (much_debt, "requirements.max_debt_usd: is less than the $500,000 owed today"),
        (far_hashprice, "is far from today's hashprice of $39.94 per PH and day"),
        (far_quote, "sources[0].hashprice_usd_per_ph_day: is far from today's hashprice of $39.94 per PH and day"),
        (few_paths, "market.fan.paths: the tree's 6 leaves stand for 9.8 paths each"),
        (branches_beside_cases, "market.tree.branching: is not used"),
        (large_tree, "market.tree.branching: the tree has 32,551 nodes and will take long"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_warns(load: Load, data: Data, change: Callable[[Data], None], warning: str) -> None:
    change(data)
    (found,) = warnings_of(load, data)
    assert warning in found


def at_horizon_s_edge(d: Data) -> None:
    d["decision_months"] = [0, 9, 11]
    d["machines"]["candidates"][0]["lead_months"] = 0


def machines_on_order(d: Data) -> None:
    # 1,000 of 3,250 W stand here and 100 of 3,500 W are to come.
    d["sites"][0] |= {"power_mw": 3.6, "pue": 1.0, "rack_slots": 1100}
    d["machines"]["on_order"] = [{**ON_ORDER, "arrives_month": 11}]


def liability_in_the_last_month(d: Data) -> None:
    d["liabilities"] = [{"name": "tax", "month": 12, "amount_usd": 2_000_000}]


def power_just_enough(d: Data) -> None:
    # 1,000 machines of 3,250 W at a PUE of 1.2.
    d["sites"][0] |= {"power_mw": 3.9, "pue": 1.2, "rack_slots": 1000}


def cases_of_a_third_each(d: Data) -> None:
    case = {"price": [{"month": 12, "usd": 90_000}]}
    d["market"]["tree"]["branching"] = []
    cases = [{**case, "name": f"case {i}", "probability": 1 / 3} for i in range(3)]
    d["market"]["price"] = {"process": "cases", "cases": cases, "low_below_close_share": 0.1}


def debts_of_the_same_lender(d: Data) -> None:
    d["loans"] = [{**LOAN, "term_months": 24, "matures_month": 24}]
    d["market"]["stress"][0]["frozen_lenders"] = ["Lender"]


def everything_required_is_held(d: Data) -> None:
    d["requirements"] |= {"min_btc": 100, "min_cash_usd": 2_000_000}


def no_early_repayment(d: Data) -> None:
    d["facilities"][0] |= {"early_repayment": False, "early_repayment_after_months": 12}


def stress_to_the_horizon(d: Data) -> None:
    d["market"]["stress"][0] |= {"until_month": 12, "price": [{"month": 12, "change": -0.5}]}


@pytest.mark.parametrize(
    "change",
    [
        at_horizon_s_edge,
        machines_on_order,
        liability_in_the_last_month,
        power_just_enough,
        cases_of_a_third_each,
        debts_of_the_same_lender,
        everything_required_is_held,
        no_early_repayment,
        stress_to_the_horizon,
    ],
    ids=lambda change: change.__name__,
)
def test_is_silent_at_the_edge(load: Load, data: Data, change: Callable[[Data], None]) -> None:
    change(data)
    assert warnings_of(load, data) == []


def test_nodes_are_counted_as_the_tree_has_them(load: Load, data: Data) -> None:
    # Today; 3 branches in months 1 to 3; 6 in months 4 to 12; one stress of 12 months.
    scenario = load(data).scenario
    assert nodes_of(scenario) == 1 + 3 * 3 + 9 * 6 + 12 == len(build_tree(scenario)[0])
    data["market"]["stress"][0]["until_month"] = 2
    cases_of_a_third_each(data)
    scenario = load(data).scenario
    assert nodes_of(scenario) == 1 + 3 * 12 + 2 == len(build_tree(scenario)[0])


def test_ltv_today_as_published(load: Load, data: Data) -> None:
    """$5,350,000 and $20,858 accrued on 100 BTC at $91,000: 59.0% (BitVault risk model, README)."""
    data["loans"] = [{**LOAN, "balance_usd": 5_350_000, "accrued_usd": 20_858, "pledged_btc": 100}]
    (loan,) = load(data).scenario.loans
    assert ltv_today(loan, 91_000) == pytest.approx(0.590, abs=5e-4)


def test_a_lender_that_counts_the_full_term_counts_interest_to_come() -> None:
    """$10,000 at 12% for 12 months on $22,400 of BTC is at 50% (Strike, FAQ)."""
    terms = {"name": "l", "lender": "l", "term_months": 12, "interest": "at_maturity", "repayment": "bullet"}
    ltvs = {"call_ltv": 0.7, "cure_target_ltv": 0.6, "liquidation_ltv": 0.8, "liquidation_fee_share": 0.0}
    debt = {"balance_usd": 10_000.0, "pledged_btc": 1.0, "apr": 0.12, "matures_month": 12}
    loan = ExistingLoan.model_validate({**terms, **ltvs, **debt, "ltv_counts": "full_term"})
    assert ltv_today(loan, 22_400) == pytest.approx(0.5)


def test_every_check_reads_sections_that_exist_and_has_words() -> None:
    for check, reads in CHECKS.items():
        assert set(reads.split()) <= Scenario.model_fields.keys()
        assert check.__doc__


def test_checks_read_no_section_but_those_they_name(load: Load, data: Data) -> None:
    """Otherwise a broken section elsewhere would bring a check down."""
    loan_due(data)
    large_liability(data)
    data["market"]["stress"][0]["frozen_lenders"] = ["Lender"]
    scenario = load(data).scenario
    for check, reads in CHECKS.items():
        sections = {name: getattr(scenario, name) for name in reads.split()}
        only: Any = SimpleNamespace(**sections)
        assert list(check(only)) == list(check(scenario))


def test_a_check_waits_for_its_sections(load: Load, data: Data) -> None:
    scenario = load(data).scenario
    wrong = scenario.model_copy(update={"decision_months": (1,), "facilities": ()})
    assert [issue.place for issue in issues_of(wrong)] == [("decision_months",)]
    assert issues_of(wrong, broken=frozenset({"decision_months"})) == []


def test_every_issue_names_a_place_in_the_scenario(load: Load, data: Data) -> None:
    for change in (late_order, thin_buffer, loan_due, large_liability):
        change(data)
    for warning in load(data).warnings:
        assert re.fullmatch(r"[a-z_]+(\[\d+\]|\.[a-z_]+)+", warning.path)
        assert warning.line > 0
