"""Every rule of the company, broken once; and where a rule stops."""

from __future__ import annotations

import pytest

from optimizer.decisions import Draw, Order

from .cases import DRAW, LINE, OWNED, Case, audited, check, demand, named, order
from .company import (
    PRICE,
    candidate,
    facility,
    treasury,
    tree,
)

CASES = [
    Case("no negative amounts", 3, 1, {}, {"sell_btc": {1: -3.0}}),
    Case("no BTC is bought", 1, 1, {}, {"buy_btc": {1: 1.0}}),
    Case("cash to hold", 2e5, 0, demand(min_cash_usd=1.2e6)),
    Case(
        "cash to hold",
        1e5,
        3,
        {"liabilities": [{"name": "tax", "month": 3, "amount_usd": 1.1e6}]},
    ),
    Case("BTC to hold", 7, 1, demand(min_btc=95.0), {"sell_btc": {1: 12.0}}),
    Case(  # one month of 10 MW at $50: $365,250; the opening $1m is more
        "cash ceiling",
        990_000,
        1,
        {"treasury": treasury(max_cash_months=1.0)},
        {"sell_btc": {1: 10.0}},
    ),
    Case(  # four months: $1,461,000, and $36,000 still due on an order
        "cash ceiling",
        1e6 - 4_000 + 990_000 - 1_461_000 - 36_000,
        1,
        {
            "treasury": treasury(max_cash_months=4.0),
            "machines": {"candidates": [candidate(lead_months=9, deposit_share=0.1)]},
        },
        {"sell_btc": {1: 10.0}, **order(10)},
    ),
    Case("most debt", 1e5, 0, {**LINE, **demand(max_debt_usd=9e5)}, {"draws": (DRAW,)}),
    Case(
        "BTC with one lender",
        40 - 0.3 * 100,
        0,
        {
            "facilities": [facility(), facility(name="Second"), facility(name="Third", lender="Fund")],
            **demand(max_lender_btc_share=0.3),
        },
        {"draws": (DRAW, Draw(0, "Second", 1, 1e6), Draw(0, "Third", 1, 1e6))},
    ),
    Case(  # bills of $100,000 a month; what is pledged does not pay them
        "runway",
        120 * 100_000 - (1_990_000 - 4 * 100_000 + 8e6),
        4,
        {
            "treasury": treasury(overhead_usd_per_month=90_000.0),
            **LINE,
            **demand(min_runway_months=120.0),
        },
        {"draws": (DRAW,)},
    ),
    Case(  # 96 kWh a day for 0.1 PH: $48 per PH
        "fleet break-even", 80, 0, {**OWNED, **demand(max_fleet_breakeven_usd_per_ph_day=40.0)}
    ),
    Case(
        "debt service cover",
        10_000,
        1,
        {**LINE, **demand(min_dscr=1.0)},
        {"draws": (DRAW,)},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=named)
def test_a_broken_rule_is_reported_where_and_by_how_much(case: Case) -> None:
    check(case)


def test_months_without_debt_need_no_cover() -> None:
    overhead = treasury(overhead_usd_per_month=10_000.0)
    assert audited({"treasury": overhead, **demand(min_dscr=2.0)}).ok


def test_debt_service_cover_is_of_expected_values() -> None:
    # Two branches, and the machines pay on one only: half of $2,400 less $432 of power, against $1,000.
    on = tree((-1, 0, 0, 1, 2), revenue_usd_per_ph=[0.0, 1e4, 0.0, 1e4, 0.0], btc_per_ph=[0.0, 0.04, 0, 0.04, 0])
    company = {
        "machines": {"owned": [{"model": "new", "site": "Plains", "units": 3}]},
        "facilities": [facility(limit_usd=1e5)],
    }
    draws = (Draw(0, "Line", 1, 1e5),)
    margin = (0.6 * 0.04 * PRICE - 3 * 144) / 2
    for ratio in (margin / 1_000 * 0.999, margin / 1_000 * 1.05):
        result = audited({**company, **demand(min_dscr=ratio)}, on, draws=draws)
        assert result.ok == (ratio < margin / 1_000)


def test_the_cash_ceiling_spares_stress_branches_and_the_opening_cash() -> None:
    company = {"treasury": treasury(max_cash_months=0.0)}
    assert audited(company).ok
    stressed = tree((-1, 0, 0), stressed=[2])
    assert audited(company, stressed, sell_btc={2: 5.0}).ok
    assert not audited(company, stressed, sell_btc={1: 5.0}).ok


def test_fleet_breakeven_counts_orders_and_waits_for_its_month() -> None:
    # The old fleet alone costs $48 per PH a day; with 100 new ones on order 30 PH cost $960.
    company = {
        "machines": {
            "owned": [{"model": "old", "site": "Plains", "units": 100}],
            "candidates": [candidate(lead_months=3)],
        },
        **demand(max_fleet_breakeven_usd_per_ph_day=35.0, breakeven_from_month=1),
    }
    assert audited(company, orders=(Order(2, "new", "Plains", 100.0),)).ok
    result = audited(company)
    assert [(v.rule, v.place.node) for v in result.violations] == [("fleet break-even", 2)]
