"""Loans, risk and the price view: plans whose optimum is arithmetic on paper."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

from optimizer.decisions import OPENING
from optimizer.market.build_tree import build_tree
from optimizer.market.tree import Tree
from tests.ledger.company import PRICE, facility, loan, site, tree

from .planned import fork, liability, market, no_cash, path, planned, scenario

BILL_USD = 990_000.0  # with the 1% fee of the facility, a draw of $1m pays it
DRAW_USD = 1_000_000.0
SALE_FEE = 0.001


# ---- borrow or sell ---------------------------------------------------------------------------------------


def lender(**changes: Any) -> dict[str, Any]:
    """One tier, no margin call in sight: what remains is rate and fee."""
    tiers = [{"max_ltv": 0.5, "apr": 0.12}]
    return facility(**{"tiers": tiers, "interest": "at_maturity", "draw_until_month": 0, **changes})


def growing(total: float, months: int = 6) -> Tree:
    return path([PRICE * total ** (t / months) for t in range(months + 1)])


def tie_monthly(months: int = 6) -> float:
    """Growth at which interest of 1% a month, paid by selling at each month's price, ties with selling today:
    1 - fee = 1 / g + 0.01 sum_t g^(-t / T)."""

    def gap(g: float) -> float:
        return 1 / g + sum(0.01 * g ** (-t / months) for t in range(1, months + 1)) - 0.99

    return float(brentq(gap, 1.0, 2.0))


@pytest.mark.parametrize(("interest", "sale_fee"), [("at_maturity", 0.0), ("at_maturity", 0.02), ("monthly", 0.0)])
def test_borrowing_ties_with_selling_at_the_drift_of_its_cost(interest: str, sale_fee: float) -> None:
    """At maturity: selling A today costs A / (1 - s) of BTC, borrowing A (1 + r T) / (1 - f) / g: they tie at
    g = (1 + r T) (1 - s) / (1 - f)."""
    tie = (1 + 0.12 * 6 / 12) * (1 - sale_fee) / (1 - 0.01) if interest == "at_maturity" else tie_monthly()
    given = scenario(
        horizon_months=6,
        decision_months=[0],
        facilities=[lender(interest=interest)],
        treasury=no_cash(sell_fee_share=sale_fee),
        liabilities=[liability(0, BILL_USD)],
    )
    above, below = planned(given, growing(tie * 1.002)), planned(given, growing(tie * 0.998))
    sold_btc = BILL_USD / PRICE / (1 - sale_fee)
    assert [draw.amount_usd for draw in above.decisions.draws] == [pytest.approx(DRAW_USD)]
    assert above.decisions.sell_btc[0] == pytest.approx(0.0, abs=1e-9)
    assert below.decisions.draws == ()
    assert below.decisions.sell_btc[0] == pytest.approx(sold_btc)
    assert below.worth == pytest.approx(100.0 - sold_btc)
    at_tie = planned(given, growing(tie))
    assert at_tie.worth == pytest.approx(100.0 - sold_btc, rel=1e-6)


@pytest.mark.parametrize(("btc", "tier"), [(100.0, 0), (30.0, 1)])
def test_the_cheap_tier_is_taken_unless_btc_is_short(btc: float, tier: int) -> None:
    """$1m at 25% LTV (6%) pledges 40 BTC, at 50% (12%) 20 BTC."""
    given = scenario(
        horizon_months=4,
        decision_months=[0],
        facilities=[facility(draw_until_month=0)],
        treasury=no_cash(btc_lots=[{"btc": btc, "cost_basis_usd": 0.0}]),
        liabilities=[liability(0, BILL_USD)],
    )
    plan = planned(given, growing(2.0, 4))
    (draw,) = plan.decisions.draws
    assert (draw.tier, draw.amount_usd) == (tier, pytest.approx(DRAW_USD))
    assert plan.position.pledged_btc[0, 0] == pytest.approx(10.0 / (0.25, 0.5)[tier])


# ---- a loan's life ----------------------------------------------------------------------------------------


def borrower(prices: list[float], lows: list[float] | None = None, **terms: Any) -> Any:
    """A company whose best plan is to borrow $1m today at 50% LTV against 20 BTC and to hold on."""
    given = scenario(
        horizon_months=len(prices) - 1,
        decision_months=[0, 2],
        facilities=[lender(**{"interest": "monthly", **terms})],
        treasury=no_cash(sell_fee_share=SALE_FEE),
        liabilities=[liability(0, BILL_USD)],
    )
    return planned(given, path(prices, lows))


def test_the_top_up_before_a_call_is_what_the_low_asks() -> None:
    """At $60,000 and 70% - 5%: D / (cap * low) - C = 1,000,000 / 39,000 - 20 BTC."""
    plan = borrower([PRICE, PRICE, 4 * PRICE], [PRICE, 60_000.0, PRICE], early_repayment=False)
    (pledge,) = plan.decisions.pledges
    assert pledge.node == 1
    assert pledge.top_up_btc == pytest.approx(1_000_000 / 39_000 - 20.0)
    assert plan.position.pledged_btc[:, 0] == pytest.approx([20.0] + [1_000_000 / 39_000] * 2)


@pytest.mark.parametrize("release_ltv", [0.4, None])
def test_collateral_comes_back_on_a_price_rise_only_by_a_release_clause(release_ltv: float | None) -> None:
    """At $400,000 and 40% the lender keeps 1,000,000 / 160,000 = 6.25 of 20 BTC."""
    plan = borrower([PRICE, 4 * PRICE, 4 * PRICE, 4 * PRICE], release_ltv=release_ltv, early_repayment=False)
    released = [(p.node, p.release_btc) for p in plan.decisions.pledges]
    assert released == ([(2, pytest.approx(13.75))] if release_ltv else [])
    assert plan.position.pledged_btc[3, 0] == pytest.approx(6.25 if release_ltv else 20.0)


def test_a_bullet_loan_is_repaid_at_its_maturity_and_its_collateral_returns() -> None:
    plan = borrower([PRICE, 2 * PRICE, 4 * PRICE, 8 * PRICE], term_months=2, interest="at_maturity")
    (repayment,) = plan.decisions.repayments
    assert (repayment.node, repayment.drawn_node) == (2, 0)
    assert repayment.principal_usd == pytest.approx(DRAW_USD)
    assert plan.position.pledged_btc[:, 0] == pytest.approx([20.0, 20.0, 0.0, 0.0])
    assert plan.position.owed_usd[:, 0] == pytest.approx([DRAW_USD, DRAW_USD * 1.01, 0.0, 0.0])
    assert plan.decisions.sell_btc[2] == pytest.approx(DRAW_USD * 1.02 / (4 * PRICE) / (1 - SALE_FEE))


def test_an_amortising_loan_falls_by_level_payments() -> None:
    """$1.2m at 1% a month in three payments of $408,026.53; the pledge of 30 BTC shrinks with the balance."""
    payment = 1_200_000 * 0.01 / (1 - 1.01**-3)
    owed = [1_200_000.0, 1_200_000 * 1.01 - payment, payment / 1.01, 0.0, 0.0]
    assert round(payment, 2) == 408_026.53
    given = scenario(loans=[loan(repayment="amortising", early_repayment=False)], treasury=no_cash())
    plan = planned(given, path([PRICE] * 5))
    assert plan.position.owed_usd[:, 0] == pytest.approx(owed)
    assert plan.position.pledged_btc[:, 0] == pytest.approx([30 * usd / 1_200_000 for usd in owed])
    payments = plan.decisions.sell_btc * PRICE
    assert payments == pytest.approx([0.0, payment, payment, payment, 0.0])
    assert {r.drawn_node for r in plan.decisions.repayments} == {OPENING}


# ---- risk and the drift trap ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tail_share", "probability", "cvar"),
    [
        (0.5, [0.25, 0.25, 0.25, 0.25], (12.5 + 15.0) / 2),
        (0.375, [0.25, 0.25, 0.25, 0.25], (12.5 * 0.25 + 15.0 * 0.125) / 0.375),
        (0.2, [0.4, 0.3, 0.2, 0.1], (12.5 * 0.1 + 15.0 * 0.1) / 0.2),
        (1.0, [0.4, 0.3, 0.2, 0.1], 30.0 * 0.4 + 20.0 * 0.3 + 15.0 * 0.2 + 12.5 * 0.1),
    ],
)
def test_the_tail_mean_of_four_leaves(tail_share: float, probability: list[float], cvar: float) -> None:
    """10 BTC and $1m are worth 30, 20, 15 and 12.5 BTC at $50,000, 100,000, 200,000 and 400,000."""
    ten = no_cash(btc_lots=[{"btc": 10.0, "cost_basis_usd": 0.0}], cash_usd=1_000_000.0, sell_fee_share=0.5)
    given = scenario(
        horizon_months=1,
        decision_months=[0],
        treasury=ten,
        risk={"weight": 0.25, "tail_share": tail_share},
    )
    on = fork(50_000.0, 100_000.0, 200_000.0, 400_000.0, probability=[1.0, *probability])
    plan = planned(given, on)
    mean = float(np.dot(probability, [30.0, 20.0, 15.0, 12.5]))
    assert plan.solution.objective == pytest.approx(-(0.75 * mean + 0.25 * cvar), rel=1e-9)
    assert plan.value.cvar == pytest.approx(cvar)


def gbm(view: Any) -> dict[str, Any]:
    return market(
        price={"process": "gbm", "view": view, "volatility_pa": 0.5},
        fan={"paths": 200, "seed": 3},
        tree={"branching": [{"month": 1, "children": 3}, {"month": 3, "children": 2}], "low_quantile": 0.1},
    )


def test_a_neutral_view_offers_no_gain_from_trading_btc() -> None:
    """The drift trap: selling all, buying it back later and holding tie, at every node of the tree."""
    given = scenario(
        market=gbm("btc_neutral"),
        treasury=no_cash(buy_btc=True, max_cash_months=60.0),
        sites=[site(power_mw=1_000.0)],  # sets the bills by which the ceiling on cash is counted
        horizon_months=6,
        decision_months=[0],
    )
    on, _ = build_tree(given)
    assert 100 * on.price_usd.max() < 60 * 1_000 * 730.5 * 50
    assert planned(given, on).worth == pytest.approx(100.0, rel=1e-6)


def test_the_ceiling_on_cash_keeps_the_treasury_from_the_drift_trap() -> None:
    """With a flat median price E[1/P] rises by more than 5% in six months: who counts in BTC would sell."""
    view = gbm({"median_growth_pa": 0.0})
    given = scenario(market=view, treasury=no_cash(), horizon_months=6, decision_months=[0])
    on, _ = build_tree(given)
    assert on.probability[on.leaves] @ (PRICE / on.price_usd[on.leaves]) > 1.05
    plan = planned(given, on)
    assert plan.decisions.sell_btc == pytest.approx(0.0, abs=1e-9)
    assert plan.worth == pytest.approx(100.0)
    without = given.treasury.model_copy(update={"max_cash_months": 60.0})
    trapped = planned(given.model_copy(update={"treasury": without}), on)
    assert trapped.decisions.sell_btc[0] > 99.0
    assert trapped.worth > 105.0


def test_a_stress_that_asks_nothing_changes_nothing() -> None:
    """Its nodes have no probability, yet what the plan shows there is not arbitrary."""
    given = scenario(
        horizon_months=2,
        decision_months=[0],
        machines={"owned": [{"model": "new", "site": "Plains", "units": 10}]},
    )
    calm = planned(given, tree([-1, 0, 1, 0, 3], stressed=[3, 4]))
    assert calm.decisions.sell_btc == pytest.approx(0.0, abs=1e-9)
