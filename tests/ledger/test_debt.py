"""Loans in the books: draws, interest, schedules, collateral and liquidation, all worked by hand.

The offer ``Line``: tier 0 lends up to 25% LTV at 6%, tier 1 up to 50% at 12%; 1% up front; BTC at $100,000.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optimizer.decisions import OPENING, Draw, Liquidation, Pledge, Repayment
from optimizer.errors import AuditError
from optimizer.ledger.books import Books, keep_books
from optimizer.ledger.lending import level_payment
from optimizer.ledger.tranches import open_to_collateral

from .company import PRICE, decisions, facility, loan, requirements, scenario, tree

DRAW = Draw(0, "Line", 1, 1_000_000.0)


def line(on: Any = None, terms: dict[str, Any] | None = None, **decided: Any) -> Books:
    on = tree() if on is None else on
    return keep_books(scenario(facilities=[facility(**(terms or {}))]), on, decisions(on, **decided))


def old_loan(on: Any = None, terms: dict[str, Any] | None = None, **decided: Any) -> Books:
    on = tree() if on is None else on
    return keep_books(scenario(loans=[loan(**(terms or {}))]), on, decisions(on, **decided))


def repay_line(node: int, usd: float) -> Repayment:
    return Repayment(node, "Line", 1, 0, usd)


def test_a_draw_brings_cash_less_the_fee_and_pledges_by_its_tier() -> None:
    books = line(draws=(DRAW, Draw(2, "Line", 0, 500_000.0)))
    assert books.cash_usd[:2].tolist() == pytest.approx([1_990_000, 1_980_000])
    assert books.debt.drawn_usd[:, 0].tolist() == [1e6, 0, 5e5, 0, 0]
    assert books.pledged_btc[:, 0].tolist() == pytest.approx([20, 20, 40, 40, 40])
    assert books.free_btc.tolist() == pytest.approx([80, 80, 60, 60, 60])
    assert books.debt.ltv_close[:, 0].tolist() == pytest.approx([0.5, 0.5, 0.375, 0.375, 0.375])


def test_a_later_draw_pledges_at_the_price_of_its_own_branch() -> None:
    on = tree((-1, 0, 1, 1, 2, 3), price_usd=[PRICE, PRICE, 50_000.0, 200_000.0, PRICE, PRICE])
    books = line(on, draws=(Draw(2, "Line", 1, 1e6), Draw(3, "Line", 1, 2e6)))
    assert books.pledged_btc[:, 0].tolist() == pytest.approx([0, 0, 40, 20, 40, 20])
    assert books.owed_usd[:, 0].tolist() == pytest.approx([0, 0, 1e6, 2e6, 1e6, 2e6])


def test_monthly_interest_is_on_what_was_owed_before_the_repayment() -> None:
    books = line(draws=(DRAW,), repayments=(repay_line(2, 600_000.0),))
    assert books.debt.interest_usd[:, 0].tolist() == pytest.approx([0, 10_000, 10_000, 4_000, 4_000])
    assert books.cash_usd.tolist() == pytest.approx([1_990_000, 1_980_000, 1_370_000, 1_366_000, 1_362_000])
    assert books.owed_usd[:, 0].tolist() == pytest.approx([1e6, 1e6, 4e5, 4e5, 4e5])


def test_interest_at_maturity_is_simple_and_paid_with_its_principal() -> None:
    books = line(terms={"interest": "at_maturity"}, draws=(DRAW,), repayments=(repay_line(2, 500_000.0),))
    assert books.owed_usd[:, 0].tolist() == pytest.approx([1e6, 1.01e6, 0.51e6, 0.515e6, 0.52e6])
    assert books.debt.accrued_paid_usd[:, 0].tolist() == pytest.approx([0, 0, 10_000, 0, 0])
    assert books.cash_usd[2:].tolist() == pytest.approx([1_990_000 - 510_000] * 3)
    assert not books.debt.interest_usd.any()
    assert books.debt.counted_usd[1, 0] == pytest.approx(1.01e6)


def test_an_ltv_that_counts_the_full_term_pledges_for_it() -> None:
    terms = {"interest": "at_maturity", "ltv_counts": "full_term"}
    books = line(terms=terms, draws=(DRAW,))
    # A year at 12% on $1m: $1.12m at 50% of $100,000.
    assert books.pledged_btc[:, 0].tolist() == pytest.approx([22.4] * 5)
    assert books.debt.ltv_close[:, 0].tolist() == pytest.approx([0.5] * 5)
    assert books.owed_usd[:, 0].tolist() == pytest.approx([1e6, 1.01e6, 1.02e6, 1.03e6, 1.04e6])


def test_repaying_frees_the_draws_own_pledge_in_proportion_whatever_the_price() -> None:
    on = tree(price_usd=[PRICE, 150_000.0, 80_000.0, PRICE, PRICE])
    draws = (DRAW, Draw(2, "Line", 1, 400_000.0))
    books = line(on, draws=draws, repayments=(repay_line(1, 250_000.0), repay_line(3, 750_000.0)))
    assert books.pledged_btc[:, 0].tolist() == pytest.approx([20, 15, 25, 10, 10])


def test_top_ups_stay_until_the_facility_closes() -> None:
    terms = {"term_months": 3, "draw_until_month": 0}
    moves = (Pledge(1, "Line", 5.0, 0.0), Pledge(2, "Line", 0.0, 2.0))
    books = line(terms=terms, draws=(DRAW,), pledges=moves, repayments=(repay_line(3, 1e6),))
    assert books.pledged_btc[:, 0].tolist() == pytest.approx([20, 25, 23, 0, 0])
    early = line(terms=terms, draws=(DRAW,), pledges=moves, repayments=(repay_line(2, 1e6),))
    assert early.pledged_btc[:, 0].tolist() == pytest.approx([20, 25, 3, 0, 0])


def test_a_frozen_lender_gives_nothing_back_until_it_thaws() -> None:
    frozen = (frozenset(), frozenset({"Bank"}), frozenset({"Bank"}), frozenset(), frozenset())
    terms = {"term_months": 2, "draw_until_month": 0}
    books = line(tree(frozen=frozen), terms, draws=(DRAW,), repayments=(repay_line(1, 4e5), repay_line(2, 6e5)))
    assert books.pledged_btc[:, 0].tolist() == pytest.approx([20, 20, 20, 0, 0])
    elsewhere = (frozenset({"Another"}),) * 5
    books = line(tree(frozen=elsewhere), terms, draws=(DRAW,), repayments=(repay_line(1, 4e5),))
    assert books.pledged_btc[1, 0] == pytest.approx(12)


def test_a_facility_is_open_while_a_loan_could_be_owed() -> None:
    company = scenario(
        facilities=[
            facility(name="today", term_months=2, draw_until_month=0),
            facility(name="gap", term_months=1, draw_until_month=2),  # decisions in months 0 and 2
            facility(name="late", term_months=2, draw_from_month=1, draw_until_month=3),
        ],
        loans=[loan(matures_month=3)],
    )
    assert open_to_collateral(company, tree().month).T.tolist() == [
        [1, 1, 1, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 0, 1, 0, 0],
        [0, 0, 1, 1, 0],
    ]


def test_an_early_repayment_pays_its_fee_and_a_scheduled_one_none() -> None:
    terms = {"term_months": 3, "draw_until_month": 0, "early_repayment_fee_share": 0.02}
    books = line(terms=terms, draws=(DRAW,), repayments=(repay_line(1, 250_000.0), repay_line(3, 750_000.0)))
    assert books.debt.early_fee_usd[:, 0].tolist() == pytest.approx([0, 5_000, 0, 0, 0])
    # A bullet's maturity is not debt service: interest alone is.
    assert books.debt.service_usd[:, 0].tolist() == pytest.approx([0, 10_000, 7_500, 7_500, 0])


def test_what_is_repaid_on_the_day_it_is_drawn_is_early() -> None:
    terms = {"early_repayment_fee_share": 0.02}
    books = line(terms=terms, draws=(DRAW,), repayments=(repay_line(0, 200_000.0),))
    assert books.debt.early_fee_usd[0, 0] == pytest.approx(4_000)
    assert books.pledged_btc[0, 0] == pytest.approx(16)


def test_level_payments_and_what_an_early_one_does_to_the_rest() -> None:
    terms = {"repayment": "amortising", "term_months": 4, "draw_until_month": 0}
    payment, balance, instalments = float(level_payment(1e6, 0.01, 4)), 1e6, []
    for _ in range(4):
        instalments.append(payment - balance * 0.01)
        balance -= instalments[-1]
    books = line(terms=terms, draws=(DRAW,), repayments=tuple(repay_line(t + 1, p) for t, p in enumerate(instalments)))
    assert books.owed_usd[4, 0] == pytest.approx(0, abs=1e-6)
    outgo = (books.debt.interest_usd + books.debt.repaid_usd)[1:, 0]
    assert outgo.tolist() == pytest.approx([payment] * 4)
    assert books.debt.service_usd[1:, 0].tolist() == pytest.approx([payment] * 4)
    assert books.debt.ahead_usd[:, 0].tolist() == pytest.approx([0] * 5, abs=1e-6)

    # Half of what is left after the first instalment repaid with it: later instalments are half.
    extra = (1e6 - instalments[0]) / 2
    paid = (instalments[0] + extra, *(p / 2 for p in instalments[1:]))
    books = line(terms=terms, draws=(DRAW,), repayments=tuple(repay_line(t + 1, p) for t, p in enumerate(paid)))
    assert books.owed_usd[4, 0] == pytest.approx(0, abs=1e-6)
    assert books.debt.ahead_usd[:, 0].tolist() == pytest.approx([0, extra, 0, 0, 0], abs=1e-6)


def test_an_old_loan_starts_with_its_balance_and_pledge() -> None:
    repayment = Repayment(1, "Old loan", 0, OPENING, 400_000.0)
    books = old_loan(repayments=(repayment,))
    assert books.owed_usd[:, 0].tolist() == pytest.approx([1.2e6, 0.8e6, 0.8e6, 0.8e6, 0.8e6])
    # Due in month 3: whatever is still owed then, the contract is over and the books show the breach.
    assert books.pledged_btc[:, 0].tolist() == pytest.approx([30, 20, 20, 0, 0])
    assert books.debt.interest_usd[:, 0].tolist() == pytest.approx([0, 12_000, 8_000, 8_000, 8_000])


def test_unpaid_monthly_interest_is_owed_today_and_paid_next_month() -> None:
    books = old_loan(tree((-1, 0, 0, 1)), {"accrued_usd": 5_000.0})
    assert books.owed_usd[:, 0].tolist() == pytest.approx([1_205_000, 1.2e6, 1.2e6, 1.2e6])
    assert books.debt.counted_usd[:2, 0].tolist() == pytest.approx([1_205_000, 1.2e6])
    assert books.debt.interest_usd[:, 0].tolist() == pytest.approx([0, 17_000, 17_000, 12_000])


def test_interest_accrued_before_today_goes_with_its_principal() -> None:
    terms = {"accrued_usd": 60_000.0, "interest": "at_maturity"}
    repayments = (Repayment(0, "Old loan", 0, OPENING, 200_000.0), Repayment(2, "Old loan", 0, OPENING, 1e6))
    books = old_loan(terms=terms, repayments=repayments)
    # 5 cents a dollar today, a cent more each month.
    assert books.debt.accrued_paid_usd[:, 0].tolist() == pytest.approx([10_000, 0, 70_000, 0, 0])
    assert books.owed_usd[:, 0].tolist() == pytest.approx([1.05e6, 1.06e6, 0, 0, 0])


def test_an_old_loan_that_counts_the_full_term() -> None:
    terms = {"accrued_usd": 60_000.0, "interest": "at_maturity", "ltv_counts": "full_term"}
    books = old_loan(terms=terms)
    assert books.debt.counted_usd[:2, 0].tolist() == pytest.approx([1.2e6 * 1.08] * 2)
    assert books.owed_usd[:2, 0].tolist() == pytest.approx([1.26e6, 1.272e6])


def test_an_old_loan_repays_over_what_is_left_of_its_term() -> None:
    # Without interest, three months left: a third each, whatever the original term.
    terms = {"repayment": "amortising", "apr": 0.0}
    books = old_loan(terms=terms, repayments=tuple(Repayment(t, "Old loan", 0, OPENING, 4e5) for t in (1, 2, 3)))
    assert books.debt.ahead_usd[:, 0].tolist() == pytest.approx([0] * 5, abs=1e-6)
    assert books.debt.service_usd[:, 0].tolist() == pytest.approx([0, 4e5, 4e5, 4e5, 0])


def test_ltv_at_the_low_is_before_decisions_but_for_top_ups() -> None:
    on = tree(low_usd=[PRICE, 80_000.0, 50_000.0, 50_000.0, PRICE])
    moves = (Pledge(2, "Line", 20.0, 0.0),)
    books = line(on, draws=(DRAW,), pledges=moves, repayments=(repay_line(2, 900_000.0),))
    assert np.isnan(books.debt.ltv_low[0, 0])
    assert books.debt.ltv_low[1:, 0].tolist() == pytest.approx(
        [1e6 / (20 * 80_000), 1e6 / (40 * 50_000), 1e5 / (22 * 50_000), 1e5 / (22 * PRICE)]
    )
    assert books.fall_to_call[0, 0] == pytest.approx(1 - 0.5 / 0.7)
    assert books.fall_to_liquidation[0, 0] == pytest.approx(1 - 0.5 / 0.8)


def test_a_partial_liquidation_in_the_books() -> None:
    # $1.2m on 30 BTC; at a low of $50,000 the LTV is 80%. To 60% with a 2% fee: 52.6% of the collateral.
    on = tree(low_usd=[PRICE, 50_000.0, PRICE, PRICE, PRICE])
    sold_usd = (1.2e6 - 0.6 * 1.5e6) / (0.98 - 0.6)
    principal = sold_usd * 0.98
    seizure = Liquidation(1, "Old loan", sold_usd / 50_000, ((0, OPENING, principal),))
    books = old_loan(on, {"liquidation_target_ltv": 0.6}, liquidations=(seizure,))
    assert sold_usd / 1.5e6 == pytest.approx(0.526, abs=5e-4)
    assert books.btc[1] == pytest.approx(100 - sold_usd / 50_000)
    assert books.debt.principal_usd[1, 0] == pytest.approx(1.2e6 - principal)
    assert books.debt.liquidation_fee_usd[1, 0] == pytest.approx(sold_usd * 0.02)
    assert books.debt.liquidation_surplus_usd[1, 0] == pytest.approx(0, abs=1e-6)
    # The lender keeps what it has not sold: 60% of the low's value is left owing.
    assert books.pledged_btc[1, 0] == pytest.approx(30 - sold_usd / 50_000)
    assert books.debt.principal_usd[1, 0] / (books.pledged_btc[1, 0] * 50_000) == pytest.approx(0.6)
    assert books.cash_usd[1] == pytest.approx(1e6 - 12_000)


def test_a_liquidation_pays_the_interest_accrued_before_the_month() -> None:
    on = tree(low_usd=[PRICE, PRICE, 50_000.0, PRICE, PRICE])
    seizure = Liquidation(2, "Old loan", 10.0, ((0, OPENING, 400_000.0),))
    books = old_loan(on, {"interest": "at_maturity"}, liquidations=(seizure,))
    assert books.debt.liquidated_interest_usd[2, 0] == pytest.approx(4_000)
    assert books.debt.liquidation_surplus_usd[2, 0] == pytest.approx(490_000 - 404_000)
    assert books.cash_usd[2] == pytest.approx(1_086_000)


def test_runway_counts_interest_paid_in_cash() -> None:
    on = tree()
    company = scenario(
        facilities=[facility(name="a"), facility(name="b", interest="at_maturity")],
        requirements=requirements(),
    )
    draws = (Draw(0, "a", 1, 1e6), Draw(0, "b", 1, 1e6))
    books = keep_books(company, on, decisions(on, draws=draws))
    assert books.bills_usd_per_month[0] == pytest.approx(10_000)


@pytest.mark.parametrize(
    "decided",
    [
        {"draws": (Draw(0, "Nobody", 0, 1.0),)},
        {"draws": (Draw(0, "Line", 2, 1.0),)},
        {"repayments": (Repayment(1, "Line", 0, OPENING, 1.0),)},
        {"repayments": (Repayment(1, "Line", 0, 77, 1.0),)},
        {"pledges": (Pledge(1, "Nobody", 1.0, 0.0),)},
        {"liquidations": (Liquidation(-3, "Line", 1.0, ()),)},
    ],
)
def test_decisions_on_loans_that_do_not_exist_are_refused(decided: dict[str, Any]) -> None:
    with pytest.raises(AuditError):
        line(**decided)
