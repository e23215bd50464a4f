"""Every rule of loans, broken once; and sales by lenders that keep to their contract."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from optimizer.decisions import OPENING, Draw, Liquidation, Pledge, Repayment

from .cases import DRAW, LINE, Case, audited, check, demand, lows, named
from .company import (
    PRICE,
    facility,
    loan,
    treasury,
    tree,
)

# A debt of $1.2m on 30 BTC meets a low of $50,000 in month 2: an LTV of 80%, called at 70%.
SOLD_USD = (1.2e6 - 0.6 * 1.5e6) / (0.98 - 0.6)
SALE = Liquidation(2, "Old loan", SOLD_USD / 50_000, ((0, OPENING, SOLD_USD * 0.98),))
CRASH = lows(PRICE, 50_000.0, PRICE, PRICE)
CALLED = {
    "loans": [loan(matures_month=12, liquidation_target_ltv=0.6)],
    **demand(liquidation_probability=1.0),
}
FROZEN = tree(frozen=(frozenset({"Bank"}),) * 5)
STRESS = tree((-1, 0, 1, 0, 3), stressed=[3, 4], low_usd=[PRICE, PRICE, PRICE, PRICE, 50_000.0])


def line(**terms: Any) -> dict[str, Any]:
    return {"facilities": [facility(**terms)]}


def repaid(node: int, usd: float, drawn_node: int = 0) -> Repayment:
    return Repayment(node, "Line", 1, drawn_node, usd)


def repaid_loan(node: int, usd: float) -> Repayment:
    return Repayment(node, "Old loan", 0, OPENING, usd)


CASES = [
    # Draws.
    Case("no negative amounts", 5e5, 2, LINE, {"draws": (DRAW, Draw(2, "Line", 1, -5e5))}, among=True),
    Case(
        "draws in the lender's window",
        1e6,
        1,
        line(draw_until_month=4),
        {"draws": (Draw(1, "Line", 1, 1e6),)},
    ),
    Case(
        "draws in the lender's window",
        1e6,
        2,
        line(draw_until_month=1),
        {"draws": (Draw(2, "Line", 1, 1e6),)},
    ),
    Case("draws in the lender's window", 1e6, 0, line(draw_from_month=1), {"draws": (DRAW,)}, among=True),
    Case("no draws from a frozen lender", 1e6, 2, LINE, {"draws": (Draw(2, "Line", 1, 1e6),)}, FROZEN),
    Case("facility limit", 2e5, 2, line(limit_usd=1.8e6), {"draws": (DRAW, Draw(2, "Line", 1, 1e6))}),
    Case("one tier today", 4e5, 0, LINE, {"draws": (DRAW, Draw(0, "Line", 0, 4e5))}),
    Case("smallest draw", 5e5, 0, line(min_draw_usd=1.5e6), {"draws": (DRAW,)}),
    # Repayments.
    Case("no negative amounts", 1e5, 1, LINE, {"draws": (DRAW,), "repayments": (repaid(1, -1e5),)}, among=True),
    Case(
        "only loans drawn on the way here are repaid",
        1e6,
        4,
        line(draw_until_month=3),
        {"draws": (Draw(2, "Line", 1, 1e6), Draw(3, "Line", 1, 1e6)), "repayments": (repaid(4, 1e6, 3),)},
        tree((-1, 0, 1, 1, 2)),
    ),
    Case(
        "no more is repaid than is owed",
        2e5,
        1,
        LINE,
        {"draws": (DRAW,), "repayments": (repaid(1, 1.2e6),)},
        among=True,
    ),
    Case("repayment on schedule", 1.2e6, 3, {"loans": [loan()]}, among=True),
    Case(
        "repayment on schedule",
        1e5,
        2,
        line(
            repayment="amortising",
            term_months=4,
            tiers=[{"max_ltv": 0.25, "apr": 0.0}, {"max_ltv": 0.5, "apr": 0.0}],
        ),
        {
            "draws": (DRAW,),
            "repayments": (repaid(1, 2.5e5), repaid(2, 1.5e5), repaid(3, 3e5), repaid(4, 3e5)),
        },
    ),
    Case(
        "no repayment before the contract allows it",
        1e5,
        2,
        line(early_repayment=False),
        {"draws": (DRAW,), "repayments": (repaid(2, 1e5),)},
    ),
    Case(
        "no repayment before the contract allows it",
        1e5,
        2,
        line(early_repayment_after_months=3),
        {"draws": (DRAW,), "repayments": (repaid(2, 1e5), repaid(3, 1e5))},
    ),
    Case(  # nine of its twelve months had run: ten in month 1, eleven in month 2
        "no repayment before the contract allows it",
        1e5,
        1,
        {"loans": [loan(early_repayment_after_months=11)]},
        {"repayments": (repaid_loan(1, 1e5), repaid_loan(2, 1e5), repaid_loan(3, 1e6))},
        among=True,
    ),
    # Collateral.
    Case("no negative amounts", 1, 2, {**LINE}, {"draws": (DRAW,), "pledges": (Pledge(2, "Line", -1.0, 0.0),)}),
    Case(
        "pledged BTC is not negative",
        5,
        2,
        line(release_ltv=0.6),
        {"draws": (DRAW,), "pledges": (Pledge(2, "Line", 0.0, 25.0),)},
        among=True,
    ),
    Case("free BTC is not negative", 10, 2, LINE, {"draws": (DRAW,), "sell_btc": {2: 90.0}}),
    Case(  # 65% of 20 BTC at $75,000 against $1m
        "margin at the month's low", 25_000, 2, LINE, {"draws": (DRAW,)}, lows(PRICE, 75_000.0, PRICE, PRICE)
    ),
    Case(  # the same, with one BTC topped up in time: 65% of 21 BTC at $73,000 against $1m
        "margin at the month's low",
        1e6 - 0.65 * 21 * 73_000,
        2,
        LINE,
        {"draws": (DRAW,), "pledges": (Pledge(2, "Line", 1.0, 0.0),)},
        lows(PRICE, 73_000.0, PRICE, PRICE),
    ),
    Case(  # called and cured: to 60% less the buffer
        "margin at the month's low",
        1e6 - 0.55 * 20 * 90_000,
        3,
        {**LINE, **demand(calls={"policy": "cure_to_target", "buffer_ltv": 0.05})},
        {"draws": (DRAW,)},
        lows(PRICE, PRICE, 90_000.0, PRICE),
    ),
    Case(  # 30 BTC go to the lender while 20 of them are bought only at the month's end
        "top-ups come from free BTC",
        20,
        2,
        {**LINE, "treasury": treasury(buy_btc=True, cash_usd=9e6)},
        {
            "draws": (DRAW,),
            "sell_btc": {1: 70.0},
            "buy_btc": {2: 30.0},
            "pledges": (Pledge(2, "Line", 30.0, 0.0),),
        },
    ),
    Case(  # 70% of 20 BTC at $70,000
        "LTV at the close",
        20_000,
        3,
        LINE,
        {"draws": (DRAW,)},
        tree(price_usd=[PRICE, PRICE, PRICE, 70_000.0, PRICE]),
    ),
    Case("LTV at the close", 2e5, 0, {**LINE, **demand(max_ltv=0.4)}, {"draws": (DRAW,)}),
    Case(
        "releases where the contract allows them",
        2,
        2,
        LINE,
        {"draws": (DRAW,), "pledges": (Pledge(2, "Line", 0.0, 2.0),)},
    ),
    Case(
        "releases where the contract allows them",
        2,
        3,
        line(release_ltv=0.6),
        {"draws": (DRAW,), "pledges": (Pledge(3, "Line", 0.0, 2.0),)},
    ),
    Case(
        "releases where the contract allows them",
        2,
        2,
        line(release_ltv=0.6),
        {"draws": (DRAW,), "pledges": (Pledge(2, "Line", 0.0, 2.0),)},
        tree(frozen=(*[frozenset[str]()] * 2, *[frozenset({"Bank"})] * 3)),
    ),
    Case(  # 16 BTC left: 62.5% where 60% must hold
        "LTV after a release",
        40_000,
        2,
        line(release_ltv=0.6),
        {"draws": (DRAW,), "pledges": (Pledge(2, "Line", 0.0, 4.0),)},
        among=True,
    ),
    # Liquidations.
    Case(
        "no liquidation where none is allowed",
        SALE.seized_btc,
        2,
        {"loans": CALLED["loans"]},
        {"liquidations": (SALE,)},
        CRASH,
        among=True,
    ),
    Case(
        "no liquidation where none is allowed",
        SALE.seized_btc,
        4,
        CALLED,
        {"liquidations": (replace(SALE, node=4),)},
        STRESS,
    ),
    Case(
        "expected number of liquidations",
        0.5,
        0,
        {**CALLED, **demand(liquidation_probability=0.5)},
        {"liquidations": (SALE,)},
        CRASH,
    ),
    Case(  # at $65,000 the LTV is 61.5%: no call at 70%
        "liquidation only after a call",
        0.7 * 30 * 65_000 - 1.2e6,
        2,
        CALLED,
        {"liquidations": (SALE,)},
        lows(PRICE, 65_000.0, PRICE, PRICE),
        among=True,
    ),
    Case(
        "the lender sells what the contract says",
        5e4,
        2,
        CALLED,
        {
            "liquidations": (
                Liquidation(2, "Old loan", SOLD_USD / 50_000 + 1, ((0, OPENING, (SOLD_USD + 5e4) * 0.98),)),
            )
        },
        CRASH,
    ),
    Case(
        "the sale of collateral repays debt",
        1e5,
        2,
        CALLED,
        {"liquidations": (Liquidation(2, "Old loan", SOLD_USD / 50_000, ((0, OPENING, SOLD_USD * 0.98 - 1e5),)),)},
        CRASH,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=named)
def test_a_broken_rule_is_reported_where_and_by_how_much(case: Case) -> None:
    check(case)


def test_a_liquidation_by_the_contract_passes_where_it_is_allowed() -> None:
    result = audited(CALLED, CRASH, liquidations=(SALE,))
    assert {v.rule for v in result.violations} == set()


def test_a_sale_to_repay_whole_passes_where_there_is_no_target() -> None:
    whole = {**CALLED, "loans": [loan(matures_month=12)]}
    sale = Liquidation(2, "Old loan", 1.2e6 / 0.98 / 50_000, ((0, OPENING, 1.2e6),))
    audited(whole, CRASH, liquidations=(sale,)).raise_if_failed()


def test_a_rounding_is_neither_a_draw_nor_an_excuse() -> None:
    small = {**line(min_draw_usd=1e6), **demand(liquidation_probability=1.0)}
    assert audited(small, draws=(Draw(0, "Line", 1, 1e-3),)).ok
    crumb = Liquidation(2, "Old loan", 1e-6, ((0, OPENING, 0.98 * 0.05),))
    result = audited(CALLED, CRASH, liquidations=(crumb,))
    assert "margin at the month's low" in {v.rule for v in result.violations}


def test_the_months_an_old_loan_has_already_run_count() -> None:
    # Nine of its twelve months had run; in month 1 it is ten months old.
    repayments = (repaid_loan(1, 1e5), repaid_loan(3, 1.1e6))
    for months, passes in ((10, True), (11, False)):
        company = {
            "loans": [loan(early_repayment_after_months=months)],
            "treasury": treasury(cash_usd=2e6),
        }
        assert audited(company, repayments=repayments).ok == passes
