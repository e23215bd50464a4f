"""The teaching scenarios give exactly what scenarios/README.md works out by hand."""

from __future__ import annotations

import pytest

from optimizer import plan
from optimizer.errors import InfeasibleError
from optimizer.planning import Plan
from optimizer.report.purposes import purposes_of
from tests.scenarios.test_shipped import SCENARIOS, assert_is_sound

README = (SCENARIOS / "README.md").read_text(encoding="utf-8")


def planned(name: str, *sets: str) -> Plan:
    """The plan of a teaching scenario, proven to be the best."""
    made = plan(SCENARIOS / f"teach_{name}.yaml", sets=sets, compare=False)
    assert_is_sound(made)
    assert made.solver.gap <= 1e-6
    return made


def ordered(made: Plan) -> dict[str, float]:
    """Machines ordered today, by model."""
    return {order.model: order.units for order in made.decisions.orders if order.node == 0}


def pledged_later(made: Plan) -> dict[int, float]:
    """BTC topped up, by month."""
    return {int(made.tree.month[p.node]): p.top_up_btc for p in made.decisions.pledges if p.top_up_btc > 0}


def in_readme(text: str) -> None:
    """The README states this figure; a changed scenario must change it too."""
    assert text in README, f"scenarios/README.md no longer says {text}"


def test_one_machine() -> None:
    made = planned("one_machine")
    margin_usd = 365 * (0.216 * 45 - 3.564 * 24 * 0.050)
    assert made.value.value == pytest.approx(10 + 400_000 / 100_000 + 100 * (margin_usd - 1_398) / 100_000)
    assert made.value.value == pytest.approx(14.5888, abs=5e-5)
    assert ordered(made) == {"antminer_s21_plus_216t": 100}
    in_readme("**14.5888 BTC**")


@pytest.mark.parametrize(("months", "best"), [(22, "antminer_s21_plus_216t"), (23, "antminer_s21_xp_270t")])
def test_the_better_machine_wins_after_22_months(months: int, best: str) -> None:
    assert ordered(planned("one_machine", f"horizon_months={months}")) == {best: 100}
    in_readme("**673.9 days**")


def test_borrow() -> None:
    made = planned("borrow_or_sell")
    assert made.value.value == pytest.approx(40 - 1_100_000 / 115_000, abs=1e-6)
    [draw] = made.decisions.draws
    assert draw.node == 0
    assert draw.amount_usd == pytest.approx(1_000_000, abs=0.01)
    assert made.books.pledged_btc[0, 0] == pytest.approx(20, abs=1e-6)
    assert made.decisions.sell_btc[0] == pytest.approx(0, abs=1e-6)
    in_readme("**30.4348 BTC**")


@pytest.mark.parametrize("price_usd", [109_000, 109_900, 110_100, 111_000])
def test_borrowing_and_selling_tie_at_the_rate_of_the_loan(price_usd: int) -> None:
    made = planned("borrow_or_sell", f"market.price.cases[0].price[0].usd={price_usd}")
    borrows = price_usd > 110_000
    assert made.value.value == pytest.approx(40 - 1_100_000 / price_usd if borrows else 30, abs=1e-6)
    assert made.decisions.sell_btc[0] == pytest.approx(0 if borrows else 10, abs=1e-6)
    in_readme("$110,000: growth equal to the loan's rate")


def test_top_up() -> None:
    made = planned("top_up")
    assert made.value.value == pytest.approx(22, abs=1e-6)
    low_usd = {2: 0.9 * 100_000 * 0.7 ** (61 / 92), 3: 0.9 * 70_000}
    needed_btc = {month: 800_000 / (0.65 * low) for month, low in low_usd.items()}
    for close_usd in made.tree.price_usd[1:5]:
        in_readme(f"${close_usd:,.0f}")
    expected = {2: needed_btc[2] - 16, 3: needed_btc[3] - needed_btc[2]}
    assert pledged_later(made) == pytest.approx(expected, abs=1e-6)
    assert {month: round(btc, 3) for month, btc in expected.items()} == {2: 1.324, 3: 2.212}
    in_readme("**3.536 BTC**")
    in_readme("**22 BTC**")


def test_too_little_to_top_up_with() -> None:
    with pytest.raises(InfeasibleError, match="margin calls met at the month's low, loan: short by 21,950 USD"):
        planned("top_up", "treasury.btc_lots[0].btc=19")
    # 800,000 / (0.65 * 63,000) = 19.536: with 19.53 there is none, with 19.54 there just is one.
    with pytest.raises(InfeasibleError):
        planned("top_up", "treasury.btc_lots[0].btc=19.53")
    assert planned("top_up", "treasury.btc_lots[0].btc=19.54").value.value == pytest.approx(11.54, abs=1e-6)
    in_readme("With 19.54 BTC there just is one.")


@pytest.mark.parametrize(("price_usd", "costs_btc"), [(115_000, 1e6 / 110_000), (105_000, 1e6 / 105_000)])
def test_a_convertible_costs_no_more_than_its_conversion_price(price_usd: int, costs_btc: float) -> None:
    made = planned("note", f"market.price.cases[0].price[0].usd={price_usd}")
    assert made.value.value == pytest.approx(40 - costs_btc, abs=1e-6)
    [use] = made.decisions.uses
    assert use.amount == pytest.approx(1e6)
    in_readme("**30.9091 BTC**")
    in_readme(f"{costs_btc:.4f} BTC")


def test_coins_are_lent_but_for_those_that_a_bill_needs() -> None:
    made = planned("btc_lending")
    [use] = made.decisions.uses
    assert use.amount == pytest.approx(7 / 0.98, abs=1e-6)
    assert made.value.value == pytest.approx(7 + 7 / 0.98 * 0.04, abs=1e-6)
    in_readme("7.1429 BTC are lent")
    in_readme("**7.2857 BTC**")


def test_a_put_is_worth_more_in_btc_than_in_dollars() -> None:
    made = planned("btc_put")
    [use] = made.decisions.uses
    assert use.amount == pytest.approx(40 / 1.2, abs=1e-6)
    assert made.value.value == pytest.approx(40 / 1.2 * 1.25, abs=1e-6)
    in_readme("**41.6667 BTC**")


@pytest.mark.parametrize(
    ("numeraire", "premium", "buys"),
    [("btc", 0.249, True), ("btc", 0.251, False), ("usd", 0.142, True), ("usd", 0.144, False)],
)
def test_a_put_ties_with_its_premium(numeraire: str, premium: float, buys: bool) -> None:
    made = planned("btc_put", f"numeraire={numeraire}", f"sources[0].premium_share={premium}")
    assert bool(made.decisions.uses) is buys
    in_readme("14.29% of price")


@pytest.mark.parametrize(
    ("apr", "gain_btc"), [(0.0, 0.2796 - 0.22368), (0.249, 0.2796 - 0.22368 * 1.249), (0.251, 0.0)]
)
def test_a_deferral_is_worth_what_price_rises(apr: float, gain_btc: float) -> None:
    made, without = planned("vendor_deferral", f"sources[0].apr={apr}"), planned("vendor_deferral", "sources=[]")
    for one in (made, without):
        assert ordered(one) == pytest.approx({"antminer_s21_plus_216t": 100})
    assert made.value.value - without.value.value == pytest.approx(gain_btc, abs=1e-6)
    assert bool(made.decisions.uses) is (apr < 0.25)
    in_readme("**0.0559 BTC**")


def test_a_right_to_buy_pledged_coins_back() -> None:
    made, without = planned("vendor_pledge"), planned("vendor_pledge", "sources=[]")
    assert {use.what: use.amount for use in made.decisions.uses} == pytest.approx(
        {"pledge_btc": 1.398, "redeem_btc": 1.398}
    )
    assert made.value.value - without.value.value == pytest.approx(0.233, abs=1e-6)
    in_readme("**0.233 BTC**")


@pytest.mark.parametrize(("factor", "pledges"), [(0.745, False), (0.755, True)])
def test_a_fixed_price_that_ties_with_selling(factor: float, pledges: bool) -> None:
    made = planned("vendor_pledge", f"sources[0].redeem_price_factor={factor}")
    assert bool(made.decisions.uses) is pledges
    in_readme("**75% of price**")


def test_a_line_is_drawn_as_far_as_it_is_cheap() -> None:
    made = planned("credit_line")
    [use] = made.decisions.uses
    assert (use.what, use.amount) == ("draw_tier_1_usd", pytest.approx(750_000))
    assert made.decisions.sell_btc[0] == pytest.approx(2.5, abs=1e-6)
    assert made.value.value == pytest.approx(37.5 - 750_000 * 1.005 / 101_000, abs=1e-6)
    in_readme("**30.0371 BTC**")


@pytest.mark.parametrize(("price_usd", "sold_btc"), [(101_800, 2.5), (101_870, 0.0), (102_000, 0.0)])
def test_the_dear_tier_takes_from_the_cheap_one(price_usd: int, sold_btc: float) -> None:
    made = planned("credit_line", f"market.price.cases[0].price[0].usd={price_usd}")
    assert made.decisions.sell_btc[0] == pytest.approx(sold_btc, abs=1e-6)
    in_readme("tie at a price of $101,833")


def test_a_pool_repays_itself_at_the_days_price() -> None:
    made, without = planned("hashrate_loan"), planned("hashrate_loan", "sources=[]")
    [use] = made.decisions.uses
    assert (use.what, use.amount) == ("draw_usd", pytest.approx(60_000))
    swept, owed = 0.0, 60_000.0
    for price_usd, days in ((102_000, 31), (104_000, 30), (106_000, 31)):
        kept = min(30 * days * 0.00045 / 2, owed * 1.01 / price_usd)
        swept, owed = swept + kept, owed * 1.01 - kept * price_usd
    assert owed == pytest.approx(0.0, abs=1e-6)
    assert made.value.value - without.value.value == pytest.approx(0.6 - swept, abs=1e-6)
    assert swept == pytest.approx(0.5889, abs=5e-5)
    in_readme("**0.0111 BTC**")


def test_conviction_is_allowed_or_forbidden() -> None:
    made = planned("conviction")
    assert made.decisions.buy_btc[0] == pytest.approx(20, abs=1e-6)
    assert made.value.value == pytest.approx(60 - 2_200_000 / 115_000, abs=1e-6)
    assert purposes_of(made).btc_usd == pytest.approx(2_000_000, rel=1e-6)
    in_readme("**40.8696 BTC**")
    forbidden = planned("conviction", "requirements.borrow_to_buy_btc=false")
    assert forbidden.value.value == pytest.approx(40, abs=1e-6)
    assert not forbidden.decisions.draws


def test_three_ways_through_a_fall() -> None:
    asked = 32.772727
    made, selling = planned("protection"), planned("protection", "sources=[]")
    lower = planned("protection", "sources=[]", "facilities[0].limit_usd=824595.47")
    [puts] = made.decisions.uses
    assert puts.amount == pytest.approx(290 / 17, abs=1e-4)
    assert made.value.value == pytest.approx(asked - 290 / 17 * (13 * 0.75 / 200 - 17 * 0.25 / 110), abs=1e-5)
    assert selling.value.value == pytest.approx(asked - 290 / 37.25 * 0.25 * (1 - 60 / 110), abs=1e-5)
    sold = float(lower.decisions.sell_btc[0])
    assert sold == pytest.approx(290 / 77.25, abs=1e-5)
    assert lower.value.value == pytest.approx(asked - sold * (0.375 + 0.25 * (1 - 100 / 110)), abs=1e-5)
    for text, plan_of in (("32.6002", made), ("31.8880", selling), ("31.2796", lower)):
        assert plan_of.value.value == pytest.approx(float(text), abs=6e-5)
        in_readme(f"**{text} BTC**")


@pytest.mark.parametrize(
    # At a low of $60,000, before they pay, 40 BTC carry $360,000 of premiums beside the bill.
    ("premium", "puts"),
    [(0.112, 360 / 11.2), (0.114, 290 / 18.6), (0.175, 360 / 17.5), (0.177, 0.0)],
)
def test_a_put_is_worth_more_to_who_has_to_sell_else(premium: float, puts: float) -> None:
    made = planned("protection", f"sources[0].premium_share={premium}")
    assert sum(use.amount for use in made.decisions.uses) == pytest.approx(puts, abs=1e-3)
    in_readme("**11.32%**")
    in_readme("**17.60%**")


@pytest.mark.parametrize(("discount", "sells"), [(0.02, True), (0.0297, True), (0.0299, False)])
def test_hashrate_sold_forward_against_a_growing_network(discount: float, sells: bool) -> None:
    made = planned("hashrate_forward", f"sources[0].discount_share={discount}")
    mined_btc = 0.00045 * sum(2 ** (-day / 365) for day in range(1, 32))
    sold_ph = 60_000 / (45 * 31 * (1 - discount))
    assert made.value.value == pytest.approx(10 - sold_ph * mined_btc if sells else 9.4, abs=1e-6)
    assert bool(made.decisions.uses) is sells
    assert 1 - mined_btc / (31 * 0.00045) == pytest.approx(0.02979, abs=5e-6)
    in_readme("**9.4060 BTC**")
    in_readme("**2.979%**")


@pytest.mark.parametrize(("weight", "tie"), [(0.0, 44.85), (0.5, 42.52)])
def test_a_hedge_ties_at_the_mean_or_nearer_to_the_worse_future(weight: float, tie: float) -> None:
    for hashprice, hedges in ((tie - 0.02, False), (tie + 0.02, True)):
        sets = (f"risk.weight={weight}", f"sources[0].hashprice_usd_per_ph_day={hashprice}")
        assert bool(planned("hashprice_hedge", *sets).decisions.uses) is hedges
    in_readme(f"**${tie}**")


def test_what_a_hedge_gains() -> None:
    made, without = planned("hashprice_hedge"), planned("hashprice_hedge", "sources=[]")
    rise, fall = (sum(45 * ratio ** (day / 31) for day in range(1, 32)) / 31 for ratio in (1.2, 0.8))
    gain_usd = 21.6 * 31 * (44.5 - (rise + 3 * fall) / 4)
    assert made.value.value - without.value.value == pytest.approx(gain_usd, abs=0.01)
    in_readme(f"${rise:.2f} or 45 * mean of 0.8^(k/31) = ${fall:.2f}")
    in_readme(f"21.6 * 61.44 = ${gain_usd:,.0f}")


@pytest.mark.parametrize(("apr", "units"), [(0.12, 100), (0.70, 100), (0.71, 50)])
def test_a_loan_on_machines_is_worth_it_up_to_what_they_yield(apr: float, units: float) -> None:
    made = planned("machine_loan", f"sources[0].apr={apr}")
    assert ordered(made) == pytest.approx({"antminer_s21_plus_216t": units})
    payments_usd = 12 * 69_900 * (apr / 12) / (1 - (1 + apr / 12) ** -12) if units == 100 else 0.0
    mined_usd = units * 365 * (0.216 * 45 - 3.564 * 24 * 0.050)
    assert made.value.value == pytest.approx((mined_usd - payments_usd) / 100_000, abs=1e-6)
    for stated in ("**1.2415 BTC**", "**0.9934 BTC**", "**70.44% a year**"):
        in_readme(stated)


@pytest.mark.parametrize(("price_usd", "walks"), [(60_000, True), (68_400, True), (68_480, False)])
def test_machines_are_given_back_where_they_earn_less_than_is_owed_on_them(price_usd: int, walks: bool) -> None:
    fall = f"market.price.cases[1].price[1].usd={price_usd}"
    made, bound = (planned("walk_away", fall, f"sources[0].recourse={how}") for how in ("limited", "full"))
    payment_usd = 69_900 * 0.01 / (1 - 1.01**-12)
    earned_usd = 100 * 183 * (0.216 * 0.00045 * price_usd - 4.2768)
    saved_usd = max(0.0, 7 * payment_usd - earned_usd)
    assert made.value.value - bound.value.value == pytest.approx(0.2 * saved_usd, abs=0.01)
    left = [use.amount for use in made.decisions.uses if use.what == "walk_away_month_0_usd"]
    assert left == (pytest.approx([payment_usd * (1 - 1.01**-7) / 0.01]) if walks else [])
    assert not [use for use in bound.decisions.uses if use.what != "draw_usd"]
    gone = [(r.units, r.seized_by) for r in made.decisions.retirements]
    assert gone == ([(pytest.approx(100), "equipment")] if walks else [])
    if price_usd == 60_000:
        assert made.value.outcomes == pytest.approx([124_150.44, 55_960.79], abs=0.01)
        assert bound.value.outcomes == pytest.approx([124_150.44, 40_947.24], abs=0.01)
    for stated in ("**P = $68,440**", "**$3,002.71**", "$41,785.66", "$55,960.79", "$40,947.24"):
        in_readme(stated)


@pytest.mark.parametrize(("price_usd", "borrows"), [(115_000, True), (97_000, True), (96_300, False)])
def test_a_tax_on_gains_speaks_for_borrowing(price_usd: int, borrows: bool) -> None:
    made = planned("taxes", f"market.price.cases[0].price[0].usd={price_usd}")
    owed = 1e6 * (1 + 0.1 * 11 / 12)
    assert made.value.value == pytest.approx(40 - (owed if borrows else 1e6 / 1e5 * price_usd + 125_000) / price_usd)
    assert bool(made.decisions.draws) is borrows
    in_readme("**30.5072 BTC**")
    in_readme("at a price of $96,667")


@pytest.mark.parametrize(("price_usd", "borrows"), [(115_000, True), (109_300, True), (109_000, False)])
def test_a_tax_that_is_put_off_does_not(price_usd: int, borrows: bool) -> None:
    always = ("taxes.count_deferred=true", "taxes.interest_deductible=true")
    made = planned("taxes", *always, f"market.price.cases[0].price[0].usd={price_usd}")
    assert bool(made.decisions.draws) is borrows
    if price_usd == 115_000:
        assert made.value.value == pytest.approx(25.0543, abs=5e-5)
    in_readme("**25.0543 BTC**")
    in_readme("at $109,167 again")


def test_a_lender_that_may_fail_costs_what_is_to_be_expected_lost() -> None:
    made = planned("lender_failure")
    [draw] = made.decisions.draws
    assert draw.facility == "cheap"
    assert made.value.value == pytest.approx(32 - 0.05 * 10, abs=1e-6)
    in_readme("**31.5 BTC**")


@pytest.mark.parametrize(
    ("failure_pa", "recovery", "lender"),
    [(0.0799, 0, "cheap"), (0.0801, 0, "lender"), (0.1888, 0.5765, "cheap"), (0.189, 0.5765, "lender")],
)
def test_lenders_tie_at_a_chance_of_failure(failure_pa: float, recovery: float, lender: str) -> None:
    terms = (f"facilities[1].failure_pa={failure_pa}", f"facilities[1].failure_recovery_share={recovery}")
    made = planned("lender_failure", *terms)
    assert [draw.facility for draw in made.decisions.draws] == [lender]
    in_readme("at **8%** a year")
    in_readme("at 18.89%.")
