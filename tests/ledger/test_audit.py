"""The audit: a plan that agrees with its books passes, a tampered one fails, and the message says why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimizer.decisions import Draw, Order, Pledge, Repayment, Retirement
from optimizer.errors import AuditError
from optimizer.ledger.audit import audit
from optimizer.ledger.books import keep_books

from .cases import DRAW, LINE, audited, demand, lows
from .company import (
    PRICE,
    candidate,
    claim,
    decisions,
    facility,
    scenario,
    site,
    treasury,
    tree,
)


def test_the_same_plans_a_little_inside_their_rules_pass() -> None:
    draws = (Draw(0, "Line", 1, 1e6), Draw(2, "Line", 0, 5e5))
    on = lows(PRICE, 76_950.0, 76_950.0, 76_950.0)
    result = audited(
        {
            "facilities": [facility(release_ltv=0.4, limit_usd=1.5e6, min_draw_usd=1e6)],
            "machines": {
                "owned": [{"model": "old", "site": "Plains", "units": 100}],
                "candidates": [candidate(lead_months=0, max_units=110, sites=["Plains"])],
            },
            "sites": [site(power_mw=0.8, rack_slots=200)],
            "treasury": treasury(overhead_usd_per_month=10_000.0),
            **demand(
                max_debt_usd=1.5e6,
                max_ltv=0.5,
                min_btc=90.0,
                min_cash_usd=1e5,
                max_lender_btc_share=0.5,
                min_runway_months=12.0,
                min_dscr=1.0,
            ),
        },
        tree(low_usd=on.low_usd, btc_per_ph=[0.0, 0.02, 0.02, 0.02, 0.02]),
        draws=draws,
        repayments=(Repayment(3, "Line", 1, 0, 4e5),),
        pledges=(Pledge(1, "Line", 1.0, 0.0), Pledge(2, "Line", 0.0, 1.0)),
        orders=(Order(0, "new", "Plains", 100.0), Order(2, "new", "Plains", 10.0)),
        retirements=(Retirement(0, "old", "Plains", 50.0, 1), Retirement(2, "old", "Plains", 50.0, 3)),
    )
    result.raise_if_failed()
    assert result.ok
    assert result.largest_difference == 0


@pytest.mark.parametrize("quantity", ["btc", "pledged_btc", "owed_usd", "cash_usd", "net_btc"])
@pytest.mark.parametrize("node", [0, 3])
def test_a_tampered_position_fails(quantity: str, node: int) -> None:
    plan, on = scenario(**LINE), tree()
    what = decisions(on, draws=(DRAW,))
    honest = claim(keep_books(plan, on, what))
    unit = PRICE if quantity.endswith("usd") else 1.0
    for share, passes in ((0.9e-6, True), (1.1e-6, False), (np.nan, False)):
        values = getattr(honest, quantity).copy()
        values[node] += share * 110 * unit  # the company: 100 BTC and $1m
        result = audit(plan, on, what, replace(honest, **{quantity: values}))
        assert result.ok == passes
        if not passes:
            assert [d.place.node for d in result.differences if not d.relative <= 1e-6] == [node]
            with pytest.raises(AuditError, match="the plan says"):
                result.raise_if_failed()


def test_a_position_of_another_tree_is_refused() -> None:
    plan, on = scenario(**LINE), tree()
    what = decisions(on, draws=(DRAW,))
    honest = claim(keep_books(plan, on, what))
    with pytest.raises(AuditError, match="BTC"):
        audit(plan, on, what, replace(honest, btc=honest.btc[:-1]))


@pytest.mark.parametrize("parents", [(-1,), (-1, 0, 1)])
def test_a_company_of_coins_alone(parents: tuple[int, ...]) -> None:
    result = audited({"sites": []}, tree(parents, sites=0))
    assert result.ok
    assert result.books.net_btc.tolist() == [110.0] * len(parents)


def test_a_nan_in_the_decisions_fails() -> None:
    assert not audited(LINE, draws=(DRAW,), pledges=(Pledge(2, "Line", float("nan"), 0.0),)).ok


def test_a_rule_is_kept_to_within_a_millionth() -> None:
    within, beyond = 100_000.0 * (1 + 0.9e-6 * 110), 100_000.0 * (1 + 1.1e-6 * 110)
    for debt, passes in ((within, True), (beyond, False)):
        company = {**LINE, **demand(max_debt_usd=100_000.0)}
        assert audited(company, draws=(Draw(0, "Line", 1, debt),)).ok == passes


def test_headrooms_say_where_a_plan_is_tightest() -> None:
    result = audited(LINE, lows(PRICE, 80_000.0, 90_000.0, PRICE), draws=(DRAW,))
    (margin,) = (h for h in result.headrooms if h.rule == "margin at the month's low")
    assert (margin.who, margin.place.node, margin.unit) == ("Line", 2, "USD")
    assert margin.by == pytest.approx(1e6 - 0.65 * 20 * 80_000)
    assert str(margin) == "margin at the month's low (Line): room of 40,000 USD at month 2 (node 2)"


def test_places_are_named_by_stress_or_case() -> None:
    stress = tree((-1, 0, 1, 0, 3), stressed=[3, 4])
    result = audited(demand(min_cash_usd=2e6), stress)
    assert {v.place.branch for v in result.violations} == {"", "crash"}
    named = replace(stress, branch_names=("today", "bull", "bull", "crash", "crash"))
    result = audited(demand(min_cash_usd=2e6), named)
    assert [v.place.branch for v in result.violations] == ["today", "bull", "bull", "crash", "crash"]


def test_the_message_gives_each_rule_one_line() -> None:
    company = {**demand(min_cash_usd=2e6, min_btc=200.0)}
    with pytest.raises(AuditError) as caught:
        audited(company).raise_if_failed()
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert lines[1].endswith("BTC to hold: broken by 100 BTC at month 0 (node 0), and in 4 more places")


@pytest.mark.parametrize("small", ["Plains", "Hills"])
def test_a_headroom_is_that_of_the_tightest_site(small: str) -> None:
    names = ("Plains", "Hills")
    sites = [site(name=name, power_mw=1.0 if name == small else 10.0) for name in names]
    owned = [{"model": "old", "site": name, "units": 100} for name in names]
    result = audited({"sites": sites, "machines": {"owned": owned}}, tree(sites=2))
    assert [(h.who, h.by) for h in result.headrooms if h.rule == "site power"] == [(small, pytest.approx(-0.6))]
