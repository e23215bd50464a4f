"""A loan in figures: schedules in closed form, rates a year, lines and ladders that invert each other."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.errors import QuoteError
from optimizer.ledger.lending import ltv
from optimizer.quote.loan import FALLS, quote_loan, quotes_side_by_side
from optimizer.quote.loan_terms import LoanAsk, LoanTerms, offers_of
from optimizer.quote.schedule import payments_of, rate_per_period
from optimizer.scenario.catalogue import LoanProduct, Tier

PRICE = 100_000.0
STRIKE: dict[str, Any] = {
    "apr": 0.12,
    "term_months": 12,
    "interest": "at_maturity",
    "repayment": "bullet",
    "call_ltv": 0.7,
    "cure_target_ltv": 0.6,
    "liquidation_ltv": 0.85,
    "liquidation_target_ltv": 0.6,
    "liquidation_fee_share": 0.01,
}


def ask(**given: Any) -> LoanAsk:
    return LoanAsk(btc_price_usd=given.pop("btc_price_usd", PRICE), **given)


def problems(*arguments: Any) -> list[str]:
    with pytest.raises(QuoteError) as raised:
        quote_loan(*arguments)
    return [f"{found.file}: {found.message}" for found in raised.value.problems]


terms = st.builds(
    LoanTerms,
    apr=st.floats(0, 0.5),
    term_months=st.integers(1, 60),
    payment_days=st.none() | st.floats(1, 90),
    origination_fee_share=st.floats(0, 0.1),
    interest=st.sampled_from(["monthly", "at_maturity"]),
    repayment=st.just("bullet"),
    ltv_counts=st.sampled_from(["accrued", "full_term"]),
    warning_ltv=st.floats(0.5, 0.6),
    call_ltv=st.floats(0.65, 0.75),
    cure_target_ltv=st.floats(0.3, 0.6),
    liquidation_ltv=st.floats(0.8, 0.9),
    liquidation_target_ltv=st.none() | st.floats(0.4, 0.7),
    liquidation_fee_share=st.floats(0, 0.05),
)
level = st.builds(
    LoanTerms,
    apr=st.floats(0, 0.5),
    term_months=st.integers(1, 60),
    origination_fee_share=st.floats(0, 0.1),
    interest=st.just("monthly"),
    repayment=st.just("amortising"),
)
asks = st.builds(LoanAsk, btc_price_usd=st.floats(1e3, 1e6), amount_usd=st.floats(1e3, 1e9), ltv=st.floats(0.05, 0.6))


@settings(derandomize=True, max_examples=150)
@given(of=terms | level, asked=asks)
def test_payments_add_up(of: LoanTerms, asked: LoanAsk) -> None:
    found = quote_loan(of, asked)
    assert of.term_months is not None and of.apr is not None
    assert len(found.payments) == of.term_months
    assert sum(p.principal_usd for p in found.payments) == pytest.approx(found.amount_usd)
    assert found.payments[-1].owed_usd == pytest.approx(0, abs=1e-6 * found.amount_usd)
    assert found.paid_usd == pytest.approx(found.amount_usd + found.interest_usd)
    assert found.cost_usd == pytest.approx(found.paid_usd - found.received_usd, abs=1e-9 * found.amount_usd)
    owed = found.amount_usd
    for payment in found.payments:
        assert payment.interest_usd >= 0 and payment.principal_usd >= 0
        assert payment.owed_usd <= owed * (1 + of.apr * of.period_years) * (1 + 1e-9)
        owed = payment.owed_usd


@settings(derandomize=True, max_examples=150)
@given(of=terms | level, asked=asks)
def test_without_a_fee_the_effective_apr_is_the_apr(of: LoanTerms, asked: LoanAsk) -> None:
    assert of.apr is not None
    free = quote_loan(of.model_copy(update={"origination_fee_share": 0.0}), asked)
    assert free.effective_apr == pytest.approx(of.apr, abs=1e-9)
    assert quote_loan(of, asked).effective_apr >= free.effective_apr - 1e-9


@settings(derandomize=True, max_examples=150)
@given(of=terms | level, asked=asks)
def test_discounted_at_what_it_costs_a_year_the_loan_is_worth_what_is_received(of: LoanTerms, asked: LoanAsk) -> None:
    found = quote_loan(of, asked)
    years = [payment.number * of.period_years for payment in found.payments]
    worth = sum(
        p.paid_usd / (1 + found.effective_rate_pa) ** year for p, year in zip(found.payments, years, strict=True)
    )
    assert worth == pytest.approx(found.received_usd, rel=1e-9)


@settings(derandomize=True, max_examples=150)
@given(of=terms, asked=asks)
def test_the_price_at_a_line_inverts_the_ltv(of: LoanTerms, asked: LoanAsk) -> None:
    found = quote_loan(of, asked)
    assert found.ltv == pytest.approx(asked.ltv)
    assert [line.name for line in found.lines] == ["warning", "call", "liquidation"]
    for line in found.lines:
        debt = found.debt
        assert float(ltv(debt.counted_usd, debt.pledge_btc, line.price_usd)) == pytest.approx(line.ltv)
        assert line.price_usd == pytest.approx(asked.btc_price_usd * (1 - line.fall_share))
        assert line.highest_price_usd >= line.price_usd * (1 - 1e-12)
        there = found.at_line(line.name)
        assert there is not None and there.state == line.name


@settings(derandomize=True, max_examples=150)
@given(of=terms, asked=asks)
def test_a_cure_cures_and_a_sale_ends_where_the_contract_says(of: LoanTerms, asked: LoanAsk) -> None:
    found = quote_loan(of, asked)
    per_usd = found.debt.counted_usd / found.debt.owed_usd
    for rung in found.ladder:
        if rung.state not in ("call", "liquidation"):
            assert math.isnan(rung.sold_btc) and math.isnan(rung.add_btc)
            continue
        pledged = found.debt.pledge_btc * rung.price_usd
        target = of.cure_target_ltv
        assert found.debt.counted_usd / (pledged + rung.add_btc * rung.price_usd) == pytest.approx(target)
        assert (found.debt.counted_usd - rung.repay_usd * per_usd) / pledged == pytest.approx(target)
        met = (rung.sold_btc - rung.lost_btc) * rung.price_usd
        assert met + rung.left_owed_usd + rung.short_usd == pytest.approx(found.debt.owed_usd)
        assert rung.sold_btc + rung.left_btc == pytest.approx(found.debt.pledge_btc)
        assert min(rung.left_owed_usd, rung.short_usd) == 0
        if rung.sold_btc == 0:  # called while the LTV is still below what the lender sells down to
            assert of.liquidation_target_ltv is not None and rung.ltv <= of.liquidation_target_ltv
        elif of.liquidation_target_ltv is None or rung.left_btc == 0:
            assert rung.left_owed_usd == 0
        else:
            after = rung.left_owed_usd * per_usd / (rung.left_btc * rung.price_usd)
            assert after == pytest.approx(of.liquidation_target_ltv, abs=1e-6)


def test_a_bullet_that_pays_monthly() -> None:
    of = LoanTerms(apr=0.12, term_months=6, interest="monthly", repayment="bullet", origination_fee_share=0.02)
    found = quote_loan(of, ask(amount_usd=1_000_000, ltv=0.5))
    assert [p.paid_usd for p in found.payments] == pytest.approx([10_000] * 5 + [1_010_000])
    assert (found.received_usd, found.fee_usd) == (980_000, 20_000)
    assert found.cost_usd == pytest.approx(80_000)
    assert found.cost_btc == pytest.approx(0.8)
    assert found.debt.pledge_btc == pytest.approx(20)


def test_a_level_loan() -> None:
    # The textbook's annuity: $1,000 at 12% in twelve payments is $88.85 a month.
    of = LoanTerms(apr=0.12, term_months=12, repayment="amortising")
    found = quote_loan(of, ask(amount_usd=1_000, ltv=0.5))
    assert round(found.instalment_usd, 2) == 88.85
    assert [p.paid_usd for p in found.payments] == pytest.approx([found.instalment_usd] * 12)
    assert found.payments[0].interest_usd == pytest.approx(10)
    assert found.terms.taken.keys() == {"interest", "origination_fee_share", "liquidation_fee_share"}


def test_interest_that_accrues_moves_the_lines() -> None:
    found = quote_loan(LoanTerms(**STRIKE), ask(amount_usd=600_000, pledge_btc=10))
    call = found.line("call")
    assert call is not None
    assert call.price_usd == pytest.approx(600_000 / (10 * 0.7))
    assert call.highest_price_usd == pytest.approx(672_000 / (10 * 0.7))
    assert call.highest_at_payment == 12
    full = quote_loan(LoanTerms(**STRIKE, ltv_counts="full_term"), ask(amount_usd=600_000, pledge_btc=10)).line("call")
    assert full is not None
    assert full.price_usd == full.highest_price_usd == pytest.approx(672_000 / (10 * 0.7))


def test_a_loan_under_way() -> None:
    found = quote_loan(LoanTerms(**STRIKE), ask(amount_usd=600_000, accrued_usd=6_000, pledge_btc=10))
    assert found.debt.owed_usd == 606_000
    assert found.payments[-1].paid_usd == pytest.approx(600_000 * 1.12 + 6_000)
    # What was paid out, and when, is not known.
    assert math.isnan(found.received_usd) and math.isnan(found.effective_apr) and math.isnan(found.effective_rate_pa)
    monthly = LoanTerms(**{**STRIKE, "interest": "monthly"})
    paid = [p.interest_usd for p in payments_of(monthly, 600_000, 6_000)]
    assert paid == pytest.approx([12_000] + [6_000] * 11)


def test_the_same_sale_as_in_the_lender_s_mechanics() -> None:
    # docs/explanation/lender-mechanics.md: $600,000 on 10 BTC, liquidation at 85% with a fee of 2%, a low of $70,000.
    terms = {"call_ltv": 0.75, "cure_target_ltv": 0.65, "liquidation_ltv": 0.85, "liquidation_fee_share": 0.02}
    asked = ask(amount_usd=600_000, pledge_btc=10, at_price_usd=(78_000, 70_000, 55_000))
    rungs = {rung.price_usd: rung for rung in quote_loan(LoanTerms(**terms), asked).ladder}
    called, whole, short = rungs[78_000], rungs[70_000], rungs[55_000]
    assert called.state == "call"
    assert round(called.add_btc, 3) == 1.834
    assert (whole.state, round(whole.sold_btc, 3), round(whole.left_btc, 3)) == ("liquidation", 8.746, 1.254)
    assert round(short.short_usd) == 61_000
    partial = quote_loan(LoanTerms(**terms, liquidation_target_ltv=0.65), asked)
    rungs = {rung.price_usd: rung for rung in partial.ladder}
    assert round(rungs[70_000].sold_btc, 3) == 6.277
    assert round(rungs[70_000].left_owed_usd) == 169_394


def test_the_ladder_falls_from_today_through_lines_and_prices() -> None:
    found = quote_loan(LoanTerms(**STRIKE), ask(amount_usd=600_000, pledge_btc=12))
    prices = [rung.price_usd for rung in found.ladder]
    assert prices == sorted(prices, reverse=True)
    assert prices[0] == PRICE
    assert len(prices) == 1 + len(FALLS) + 2
    own = quote_loan(LoanTerms(**STRIKE), ask(amount_usd=600_000, pledge_btc=12, at_price_usd=(150_000, 40_000)))
    assert {150_000, 40_000} <= {rung.price_usd for rung in own.ladder}
    assert len(own.ladder) == 5


def product(**given: Any) -> LoanProduct:
    tiers = (Tier(max_ltv=0.6, apr=0.1), Tier(max_ltv=0.4, apr=0.08))
    base: dict[str, Any] = {"lender": "A", "product": "B", "as_of": "2026", "source": "a test", "tiers": tiers}
    return LoanProduct(**{**base, "term_months": 12, **given})


@pytest.mark.parametrize(
    ("asked", "apr"),
    [
        (ask(amount_usd=1e6), 0.1),
        (ask(amount_usd=1e6, ltv=0.4), 0.08),
        (ask(amount_usd=1e6, ltv=0.41), 0.1),
        (ask(amount_usd=1e6, pledge_btc=30), 0.08),
        (ask(amount_usd=1e6, pledge_btc=10), 0.1),
        (ask(pledge_btc=10), 0.1),
    ],
)
def test_the_lowest_tier_that_lends_so_much(asked: LoanAsk, apr: float) -> None:
    found = quote_loan(offers_of("a_b", product()), asked)
    assert found.terms.apr == apr
    assert found.outside == (("max_ltv",) if asked.pledge_btc == 10 and asked.amount_usd else ())


def test_tiers_of_a_lender_that_counts_all_interest() -> None:
    # 40% with the interest at 8% counted: 1,000,000 * 1.08 / 0.4 is $2.7m of BTC.
    found = quote_loan(offers_of("a_b", product(ltv_counts="full_term")), ask(amount_usd=1e6, pledge_btc=27))
    assert (found.terms.apr, round(found.ltv, 6)) == (0.08, 0.4)
    dearer = quote_loan(offers_of("a_b", product(ltv_counts="full_term")), ask(amount_usd=1e6, pledge_btc=26.9))
    assert dearer.terms.apr == 0.1


def test_what_a_lender_does_not_lend_is_told() -> None:
    small = product(limit_usd=500_000, min_draw_usd=100_000)
    assert quote_loan(offers_of("a_b", small), ask(amount_usd=1e6)).outside == ("limit_usd",)
    assert quote_loan(offers_of("a_b", small), ask(amount_usd=5e4)).outside == ("min_draw_usd",)
    assert quote_loan(offers_of("a_b", small), ask(amount_usd=5e5)).outside == ()


def test_side_by_side_the_cheapest_is_first_and_tiers_stand_alone() -> None:
    offers = [
        offers_of("dear", product(origination_fee_share=0.05)),
        offers_of("cheap", product()),
        offers_of("no_term", product(term_months=None)),
        offers_of("says_nothing", product(tiers=None)),
    ]
    quotes = quotes_side_by_side(offers, ask(amount_usd=1e6))
    names = [(quote.terms.name, quote.terms.apr) for quote in quotes]
    assert names[:4] == [("cheap", 0.08), ("cheap", 0.1), ("dear", 0.08), ("dear", 0.1)]
    assert {name for name, _ in names[4:]} == {"no_term"}
    at_40 = quotes_side_by_side(offers, ask(amount_usd=1e6, ltv=0.4))
    assert [quote.terms.name for quote in at_40][:2] == ["cheap", "dear"]
    # With an LTV even a lender that states no rate can be asked for its lines.
    assert {quote.terms.name for quote in at_40[2:]} == {"no_term", "says_nothing"}
    with pytest.raises(QuoteError, match="--amount-usd"):
        quotes_side_by_side(offers, ask(ltv=0.4))


@pytest.mark.parametrize(
    ("given", "asked", "said"),
    [
        ({}, {}, ["--amount-usd: is required"]),
        ({}, {"amount_usd": 1e6}, ["--ltv: is required: the terms do not say how much is lent"]),
        (
            {},
            {"amount_usd": 1e6, "pledge_btc": 1, "ltv": 0.5},
            ["--ltv: amount and pledge make the LTV: it cannot be given beside both"],
        ),
        (
            {"call_ltv": 0.9, "liquidation_ltv": 0.8, "cure_target_ltv": 0.95},
            {"amount_usd": 1e6, "ltv": 0.5},
            ["--cure-target-ltv: must be below call_ltv 0.9", "--call-ltv: must be below liquidation_ltv 0.8"],
        ),
        (
            {"liquidation_target_ltv": 0.7, "liquidation_fee_share": 0.3},
            {"amount_usd": 1e6, "ltv": 0.5},
            ["--liquidation-target-ltv: cannot be reached by selling at a cost of 0.3"],
        ),
        (
            {"origination_fee_share": 1.0, "liquidation_slippage_share": 1.0},
            {"amount_usd": 1e6, "ltv": 0.5},
            [
                "--origination-fee-share: leaves nothing: must be below 1",
                "--liquidation-slippage-share: leaves nothing: must be below 1",
            ],
        ),
        (
            {"repayment": "amortising", "interest": "at_maturity"},
            {"amount_usd": 1e6, "ltv": 0.5},
            ["--interest: an amortising loan pays interest with every instalment"],
        ),
        (
            {"ltv_counts": "full_term", "apr": 0.1},
            {"amount_usd": 1e6, "ltv": 0.5},
            ["--term-months: is required: the LTV counts the interest of the full term"],
        ),
        (
            {},
            {"pledge_btc": 1, "ltv": 0.5, "accrued_usd": 60_000},
            ["--accrued-usd: is as much as may be owed against the pledge at this LTV, or more"],
        ),
    ],
)
def test_what_cannot_be_quoted_is_said_at_once(given: dict[str, Any], asked: dict[str, Any], said: list[str]) -> None:
    assert problems(LoanTerms(**given), ask(**asked)) == said


def test_what_is_not_known_is_not_made_up() -> None:
    found = quote_loan(LoanTerms(liquidation_ltv=0.8), ask(amount_usd=1e6, ltv=0.5))
    assert found.payments == ()
    assert all(math.isnan(x) for x in (found.interest_usd, found.cost_usd, found.cost_btc, found.paid_usd))
    assert math.isnan(found.effective_apr) and math.isnan(found.effective_rate_pa)
    assert found.line("call") is None and found.at_line("call") is None
    sold = found.at_line("liquidation")
    assert sold is not None and sold.sold_btc == pytest.approx(found.debt.pledge_btc * 0.8)
    assert math.isnan(sold.add_btc)


def test_a_loan_that_costs_nothing_has_no_rate() -> None:
    free = payments_of(LoanTerms(apr=0.0, term_months=12), 1_000.0)
    assert rate_per_period(1_000.0, free) == 0.0
    # One payment: the rate is what is paid beyond what is received.
    [once] = payments_of(LoanTerms(apr=0.12, term_months=1), 1_000.0)
    assert rate_per_period(1_000.0, [once]) == pytest.approx(0.01)


def test_rates_beyond_what_a_number_holds_are_not_an_error() -> None:
    # 99% of the loan is kept back, and the rest is due tomorrow: 9,900% a day.
    terms = LoanTerms(apr=0.0, term_months=1, payment_days=1, origination_fee_share=0.99)
    found = quote_loan(terms, ask(amount_usd=1_000, ltv=0.5))
    assert found.effective_apr == pytest.approx(99 * 365)
    assert found.effective_rate_pa == math.inf
    long = LoanTerms(apr=1.0, term_months=120, origination_fee_share=0.99, repayment="amortising")
    assert quote_loan(long, ask(amount_usd=1_000, ltv=0.5)).effective_apr == pytest.approx(12 * 0.0833 / 0.01, rel=1e-3)
