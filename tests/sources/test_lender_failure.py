"""Lenders that may fail, by hand: borrow or sell moves with the chance, and a plan's books agree in every account."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from optimizer.formulation.build import build
from optimizer.ledger.replay import replay
from optimizer.market.sampled import sample
from optimizer.market.tree_paths import tree_paths
from optimizer.replay.fates import fates
from optimizer.scenario.schema import Scenario
from tests.formulation.planned import fork, liability, no_cash, path, planned
from tests.formulation.regenerate_golden import ten_nodes
from tests.formulation.rows import families
from tests.formulation.source_companies import with_sources
from tests.ledger.company import PRICE, facility, requirements, treasury
from tests.ledger.test_replay_tree import assert_the_same

LTV, APR = 0.4, 0.12
LOW, HIGH = 0.9, 1.25


def company(**terms: Any) -> Scenario:
    """Ten BTC, a bill of two of them, and an offer to borrow for a month at 12% and an LTV of 40%."""
    one_tier = {"tiers": [{"max_ltv": LTV, "apr": APR}], "origination_fee_share": 0.0, "term_months": 1}
    return with_sources(
        horizon_months=1,
        decision_months=[0],
        treasury=no_cash(btc_lots=[{"btc": 10.0, "cost_basis_usd": 0.0}]),
        facilities=[facility(**{**one_tier, "draw_until_month": 0, **terms})],
        liabilities=[liability(0, 2 * PRICE)],
        sites=[],
    )


def cost_of_a_dollar(failure_pa: float, recovery: float = 0.0, beta: float = 0.0) -> float:
    """BTC, in today's price: interest and principal, and what is to be expected lost of the pledge beyond the debt."""
    ratio = np.array([LOW, HIGH])
    lost = failure_pa / 12 * ratio**-beta * (1 - recovery) * (1 / LTV - 1)
    return float(np.mean((1 + APR / 12) / ratio + lost))


def at_the_tie(recovery: float = 0.0, beta: float = 0.0) -> float:
    """The chance a year at which a dollar borrowed costs what a dollar's worth of BTC sold today does."""
    free, at_one = cost_of_a_dollar(0.0), cost_of_a_dollar(1.0, recovery, beta)
    return (1 - free) / (at_one - free)


@pytest.mark.parametrize(("recovery", "beta"), [(0.0, 0.0), (0.5765, 0.0), (0.0, 3.0), (0.5, 5.0)])
@pytest.mark.parametrize("borrows", [True, False])
def test_borrowing_and_selling_tie_at_a_chance_of_failure(recovery: float, beta: float, borrows: bool) -> None:
    failure_pa = at_the_tie(recovery, beta) * (0.999 if borrows else 1.001)
    offer = {"failure_pa": failure_pa, "failure_recovery_share": recovery, "failure_price_beta": beta}
    made = planned(company(**offer), fork(LOW * PRICE, HIGH * PRICE))
    assert bool(made.decisions.draws) is borrows
    cost = min(1.0, cost_of_a_dollar(failure_pa, recovery, beta))
    assert made.worth == pytest.approx(10 - 2 * cost, abs=1e-8)


def test_half_recovered_doubles_the_chance_at_the_tie() -> None:
    assert at_the_tie(recovery=0.5) == pytest.approx(2 * at_the_tie())


def test_a_pledge_in_custody_is_not_lost() -> None:
    kept = planned(company(rehypothecation=False, failure_pa=1.0), fork(LOW * PRICE, HIGH * PRICE))
    assert kept.worth == pytest.approx(10 - 2 * cost_of_a_dollar(0.0))


def test_what_is_lost_by_the_month() -> None:
    # Two BTC's price owed at an LTV of 40%: five are pledged. At half of the price a lender of beta 2 fails four times
    # as often, at 4% a month in place of 1%; a month later 4 of the 5 BTC are the debt's.
    terms = {"failure_pa": 0.12, "failure_price_beta": 2.0, "term_months": 2, "call_ltv": 0.95, "liquidation_ltv": 0.96}
    bank = {"failure_recovery_share": 0.25, "cure_target_ltv": 0.9, "tiers": [{"max_ltv": LTV, "apr": 0.0}]}
    asked = company(**terms, **bank).model_copy(update={"horizon_months": 2})
    made = planned(asked, path([PRICE, 0.5 * PRICE, 1.5 * PRICE]))
    lost = made.books.expected_failure_btc[:, 0]
    assert lost[0] == 0
    assert lost[1] == pytest.approx(0.04 * 0.75 * (5 - 2))
    assert lost[2] == pytest.approx(0.01 / 1.5**2 * 0.75 * (5 - 2 / 0.5))
    assert made.books.btc[2] == pytest.approx(made.books.btc[0] - made.decisions.sell_btc[1:].sum() - lost.sum())


def borrower(**terms: Any) -> Scenario:
    """Forty BTC, of which the board keeps 39, a bill of three, and two lenders to pay it with."""
    second = facility(name="Second", lender="House", interest="at_maturity", term_months=2, tiers=LADDER, **terms)
    return with_sources(
        treasury=treasury(btc_lots=[{"btc": 40.0, "cost_basis_usd": 0.0}], cash_usd=0.0),
        facilities=[facility(limit_usd=2 * PRICE, tiers=LADDER, **terms), second],
        liabilities=[liability(0, 3 * PRICE)],
        requirements=requirements(min_btc=39.0),
    )


LADDER = [{"max_ltv": 0.3, "apr": 0.12}]
RISKY = {"failure_pa": 0.03, "failure_recovery_share": 0.3, "failure_price_beta": 1.0}


def test_the_plan_passes_its_audit_and_replays_on_its_own_tree() -> None:
    made = planned(borrower(**RISKY), ten_nodes())
    assert (made.books.expected_failure_btc.sum(axis=0) > 0).all()
    assert_the_same(borrower(**RISKY), ten_nodes(), made.decisions)


@pytest.mark.parametrize(
    "untouched", [{"failure_recovery_share": 0.5, "failure_price_beta": 2.0}, {**RISKY, "rehypothecation": False}]
)
def test_without_a_chance_or_in_custody_the_model_is_the_same(untouched: dict[str, Any]) -> None:
    assert families(build(borrower(**untouched), ten_nodes())) == families(build(borrower(), ten_nodes()))


def test_off_the_tree_nothing_is_counted_beside_what_happens() -> None:
    asked, tree = company(failure_pa=0.1), fork(LOW * PRICE, HIGH * PRICE)
    made = planned(asked, tree)
    on_tree, _ = tree_paths(asked, tree)
    calm = on_tree.take(np.arange(len(on_tree)))
    assert calm.failures_expected
    played = replay(asked, tree, made.decisions, replace(calm, failures_expected=False))
    counted = replay(asked, tree, made.decisions, calm)
    lost = made.books.expected_failure_btc[1:, 0]
    assert played.btc[:, 1] - counted.btc[:, 1] == pytest.approx(lost)


def test_on_sampled_paths_lenders_fail_and_no_expectation_is_counted() -> None:
    tree = ten_nodes()
    asked = borrower(failure_pa=0.5, failure_recovery_share=0.3)
    made = planned(borrower(), tree)
    paths = sample(asked, 1, 0, 400)
    out = replay(asked, tree, made.decisions, paths)
    struck = (paths.failed_month[:, 0] > 0) & (out.pledged_btc[:, 0, 0] > 0)
    assert 0.05 < struck.mean() < 0.2
    assert fates(asked, out).lender_failed[struck].all()
    lost = out.lost_btc[struck].sum()
    assert lost > 0
    assert "expected_failure_btc" not in out.flows
    spared = replay(borrower(), tree, made.decisions, sample(borrower(), 1, 0, 400))
    unharmed = (paths.failed_month == 0).all(axis=1)
    assert out.net_btc[unharmed] == pytest.approx(spared.net_btc[unharmed])
    assert out.net_btc[struck, -1].mean() < spared.net_btc[struck, -1].mean()
