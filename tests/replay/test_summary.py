"""Summaries of outcomes made by hand, and of plans on their own trees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from optimizer.decisions import Draw, Liquidation, Pledge
from optimizer.ledger.books import Books, keep_books
from optimizer.ledger.outcome import Outcome
from optimizer.market.tree import Tree
from optimizer.planning import Plan
from optimizer.replay.fates import NOBODY, fates
from optimizer.replay.on_tree import outcome_on_tree
from optimizer.replay.summary import SHARES, Figures, Summary, chance, figures_on_tree, summarise
from optimizer.scenario.schema import Scenario
from tests.ledger import company as by_hand
from tests.replay.outcomes import at, uneventful

NOTHING = Figures(**dict.fromkeys(Figures.__dataclass_fields__, 0.0))
PATHS, MONTHS = 40, 4
SHAPE = (PATHS, MONTHS + 1)
OLD_LOAN, LINE = 0, 1


def _company(**changes: Any) -> Scenario:
    """It must hold $500,000 and 5 BTC; a call at an LTV of 70% by either lender."""
    demand = by_hand.requirements(min_cash_usd=500_000.0, min_btc=5.0)
    given = {"requirements": demand, "loans": [by_hand.loan()], "facilities": [by_hand.facility()], **changes}
    return by_hand.scenario(**given)


def _summary(outcome: Outcome, **changes: Any) -> Summary:
    return summarise(_company(**changes), outcome, NOTHING, "nearest_node")


def _quiet(**changed: Any) -> Outcome:
    return uneventful(PATHS, MONTHS, 2, **changed)


def test_nothing_happens() -> None:
    found, summary = fates(_company(), _quiet()), _summary(_quiet())
    assert found.survives.all()
    assert set(found.first_trouble_month) == {-1}
    assert set(found.ltv_high_facility) == {NOBODY}
    assert np.isinf(found.room_to_call_share).all()
    assert {c.share for c in summary.chances.values()} == {0.0}
    assert (summary.debts, summary.sample.expected, summary.standard_error) == ((), 20.0, 0.0)
    assert summary.first_trouble_share.tolist() == [0.0] * (MONTHS + 1)


def test_chances_count_paths_not_events() -> None:
    calls = at((*SHAPE, 2), (3, 2, LINE), (3, 4, LINE), (3, 2, OLD_LOAN), (9, 4, LINE)).astype(np.int64)
    liquidations = at((*SHAPE, 2), (9, 4, LINE)).astype(np.int64)
    debt = np.full((*SHAPE, 2), 1e6)
    summary = _summary(_quiet(calls=calls, liquidations=liquidations, debt_usd=debt))
    assert summary.chances["p_call"].share == summary.sample.p_call == 2 / PATHS
    assert summary.chances["p_liquidation"].share == 1 / PATHS
    assert summary.chances["p_any_trouble"].share == 2 / PATHS
    assert summary.first_trouble_share.tolist() == [0, 0, 1 / PATHS, 0, 1 / PATHS]
    old, line = summary.debts
    assert (old.facility, old.call.share, old.first_call_month) == ("Old loan", 1 / PATHS, 2)
    assert (line.call.share, line.liquidation.share) == (2 / PATHS, 1 / PATHS)


def test_the_likeliest_first_call_is_that_of_most_paths() -> None:
    calls = at((*SHAPE, 2), *[(path, 3, LINE) for path in range(5)], *[(path, 1, LINE) for path in range(4, 8)])
    summary = _summary(_quiet(calls=calls.astype(np.int64), debt_usd=np.full((*SHAPE, 2), 1e6)))
    # Path 4 is called in both months, first in month 1: four paths each; the earlier month is named.
    assert summary.debts[LINE].first_call_month == 1


def test_less_than_required_and_not_by_rounding() -> None:
    cash = np.full(SHAPE, 500_000.0)
    cash[0, 2], cash[1, 2] = 499_999.999, 499_900.0
    btc = np.full(SHAPE, 5.0)
    btc[2, 4], btc[3, 4] = 4.9999999, 4.9
    found, summary = fates(_company(), _quiet(cash_usd=cash, btc=btc)), _summary(_quiet(cash_usd=cash, btc=btc))
    assert np.flatnonzero(found.below_min_cash).tolist() == [1]
    assert np.flatnonzero(found.below_min_btc).tolist() == [3]
    assert (found.lowest_cash_month[1], found.first_trouble_month[1], found.first_trouble_month[3]) == (2, 2, 4)
    assert np.flatnonzero(~found.survives).tolist() == [1]  # too little BTC is a promise broken, not the end
    assert summary.sample.p_below_min_cash == summary.sample.p_below_min_btc == 1 / PATHS


def test_who_cannot_pay_is_insolvent_from_then_on() -> None:
    found = fates(_company(), _quiet(unpaid_usd=at(SHAPE, (7, 1), value=1000.0)))
    assert np.flatnonzero(found.insolvent).tolist() == [7]
    assert (found.first_trouble_month[7], found.survives[7]) == (1, False)


def test_the_highest_ltv_names_lender_and_month() -> None:
    ltv = np.full((*SHAPE, 2), np.nan)
    ltv[:, 1:, OLD_LOAN] = 0.4
    ltv[5, 3, LINE], ltv[6, 2, LINE] = 0.77, np.inf
    found = fates(_company(), _quiet(ltv_high=ltv))
    assert (found.ltv_high[5], found.ltv_high_facility[5], found.ltv_high_month[5]) == (0.77, LINE, 3)
    assert (found.ltv_high[0], found.ltv_high_facility[0], found.ltv_high_month[0]) == (0.4, OLD_LOAN, 1)
    np.testing.assert_allclose(found.room_to_call_share[[0, 5]], [1 - 0.4 / 0.7, 1 - 0.77 / 0.7])
    assert found.room_to_call_share[6] == -np.inf


def test_ltvs_are_over_the_paths_that_owe() -> None:
    ltv, debt = np.full((*SHAPE, 2), np.nan), np.zeros((*SHAPE, 2))
    ltv[:20, 2, LINE] = np.linspace(0.3, 0.68, 20)
    debt[:20, 2, LINE] = 1e6
    [line] = _summary(_quiet(ltv_high=ltv, debt_usd=debt)).debts
    assert line.owed.share == 0.5
    assert line.ltv_high_p50 == pytest.approx(0.49)
    assert line.ltv_high_p95 == pytest.approx(np.quantile(np.linspace(0.3, 0.68, 20), 0.95))
    assert np.isnan(line.ltv_fan[1]).all()
    np.testing.assert_allclose(line.ltv_fan[2], np.quantile(np.linspace(0.3, 0.68, 20), SHARES))


def test_what_is_lost_to_lenders() -> None:
    lost = at((*SHAPE, 2), (1, 2, LINE), (1, 3, OLD_LOAN), value=0.5) + at((*SHAPE, 2), (2, 2, LINE), value=3.0)
    summary = _summary(_quiet(lost_btc=lost, flows={"set_off_btc": at((PATHS,), (2,), value=4.0)}))
    assert summary.sample.lost_btc == pytest.approx(4.0 / PATHS)
    assert (summary.lost_btc_if_any, summary.lost_btc_most) == (2.0, 3.0)
    assert summary.chances["p_lender_failure"].share == 1 / PATHS


def test_worth_is_counted_as_the_plan_counts_it() -> None:
    net = np.full(SHAPE, 20.0)
    net[:, -1] = np.arange(PATHS)
    price = np.full(SHAPE, 100_000.0)
    price[:, -1] = 50_000.0
    risk = {"weight": 0.25, "tail_share": 0.1}
    in_btc = _summary(_quiet(net_btc=net, price_usd=price), risk=risk)
    # The worst tenth of 40 paths: 0, 1, 2, 3.
    assert (in_btc.sample.expected, in_btc.sample.tail_mean, in_btc.sample.worst) == pytest.approx((19.5, 1.5, 0.0))
    assert in_btc.sample.value == pytest.approx(0.75 * 19.5 + 0.25 * 1.5)
    assert in_btc.standard_error == pytest.approx(np.arange(PATHS).std(ddof=1) / np.sqrt(PATHS))
    np.testing.assert_allclose(in_btc.worth_quantiles, np.quantile(np.arange(PATHS), SHARES))
    in_usd = _summary(_quiet(net_btc=net, price_usd=price), risk=risk, numeraire="usd")
    assert in_usd.sample.value == pytest.approx(50_000 * in_btc.sample.value)


def test_the_worst_month_is_where_net_worth_falls_most() -> None:
    net = np.tile([20.0, 21.0, 19.0, 18.5, 22.0], (PATHS, 1))
    net[:4, 3] = 10.0
    summary = _summary(_quiet(net_btc=net))
    assert (summary.worst_month, summary.worst_month_btc) == (2, -2.0)
    assert (summary.worst_month_p05, summary.worst_month_p05_btc) == (3, pytest.approx(-9.0))


def test_fans_are_means_and_quantiles_by_month() -> None:
    cash = np.outer(np.arange(PATHS), np.arange(MONTHS + 1)).astype(float)
    fan = _summary(_quiet(cash_usd=cash)).fans["cash_usd"]
    for month in range(MONTHS + 1):
        np.testing.assert_allclose(fan[month], [cash[:, month].mean(), *np.quantile(cash[:, month], SHARES)])


@pytest.mark.parametrize(("happened", "paths"), [(0, 50), (1, 50), (17, 50), (50, 50), (3, 5000)])
def test_the_interval_of_a_chance_is_clopper_and_pearsons(happened: int, paths: int) -> None:
    found = chance(np.arange(paths) < happened)
    exact = binomtest(happened, paths).proportion_ci(0.95, method="exact")
    assert (found.share, found.low, found.high) == pytest.approx((happened / paths, exact.low, exact.high))


def test_on_its_tree_a_plan_is_worth_what_the_plan_says(made: Plan) -> None:
    figures = figures_on_tree(made.scenario, made.tree, made.books)
    said = (made.value.value, made.value.expected, made.value.cvar, made.value.worst)
    assert (figures.value, figures.expected, figures.tail_mean, figures.worst) == pytest.approx(said, rel=1e-12)
    assert figures.p_call == figures.p_liquidation == figures.p_below_min_cash == figures.p_insolvent == 0
    sold = made.tree.probability @ made.books.sold_btc
    assert figures.sold_btc == pytest.approx(float(sold))


def _borrowed(policy: str, low_usd: float) -> tuple[Scenario, Tree, Books]:
    """$1m at an LTV of 50% against 20 BTC; in month 1 the low is met, after 5 BTC more, with a call at 70%."""
    on = by_hand.tree(low_usd=[by_hand.PRICE, low_usd, *[by_hand.PRICE] * 3])
    given = by_hand.scenario(
        facilities=[by_hand.facility()], requirements=by_hand.requirements(calls={"policy": policy, "buffer_ltv": 0.0})
    )
    decided = by_hand.decisions(on, draws=(Draw(0, "Line", 1, 1e6),), pledges=(Pledge(1, "Line", 5.0, 0.0),))
    return given, on, keep_books(given, on, decided)


@pytest.mark.parametrize(
    ("policy", "low_usd", "calls"),
    # Before the top-up the LTV is 1M / (20 * low): 70% at $71,429.
    [("cure_to_target", 71_000.0, 1), ("cure_to_target", 72_000.0, 0), ("top_up_ahead", 71_000.0, 0)],
)
def test_a_tree_calls_where_calls_are_to_be_cured(policy: str, low_usd: float, calls: int) -> None:
    given, on, books = _borrowed(policy, low_usd)
    outcome = outcome_on_tree(given, on, books)
    assert outcome.calls.sum() == calls
    assert outcome.ltv_high[0, 1, 0] == pytest.approx(1e6 / (25 * low_usd))
    assert figures_on_tree(given, on, books).p_call == calls


def test_a_tree_s_liquidation_is_a_call_and_a_loss() -> None:
    on = by_hand.tree(low_usd=[by_hand.PRICE, 60_000.0, *[by_hand.PRICE] * 3])
    given = by_hand.scenario(facilities=[by_hand.facility()])
    sold = Liquidation(1, "Line", 10.0, ((1, 0, 10 * 60_000 * 0.98),))
    books = keep_books(given, on, by_hand.decisions(on, draws=(Draw(0, "Line", 1, 1e6),), liquidations=(sold,)))
    figures = figures_on_tree(given, on, books)
    assert (figures.p_call, figures.p_liquidation) == (1, 1)
    assert figures.lost_btc == pytest.approx(10 * 0.02)
