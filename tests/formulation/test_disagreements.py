"""Small companies on which model, ledger and contract do not agree yet. Each case passes once they do: then it
fails here for being marked, its mark goes, and so does its line in `random_companies.in_dispute`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optimizer.errors import SolverError
from tests.ledger import company
from tests.ledger.company import PRICE, candidate, facility, loan, requirements, site, specs, treasury, tree

from .planned import liability, no_cash, path, planned, scenario

HOLD = {"interest": "at_maturity", "early_repayment": False, "draw_until_month": 0}
ONE_TIER = [{"max_ltv": 0.5, "apr": 0.12}]


def open_question(reason: str) -> Any:
    return pytest.mark.xfail(strict=True, reason=reason)


def btc(amount: float) -> list[dict[str, float]]:
    return [{"btc": amount, "cost_basis_usd": 0.0}]


@open_question("a draw and a release at the same node get round the tier's LTV")
def test_a_draw_pledges_what_its_tier_asks() -> None:
    tiers = [{"max_ltv": 0.25, "apr": 0.01}, {"max_ltv": 0.5, "apr": 0.2}]
    given = scenario(
        horizon_months=2,
        decision_months=[0],
        treasury=no_cash(btc_lots=btc(30.0)),
        facilities=[facility(release_ltv=0.45, tiers=tiers, draw_until_month=0)],
        liabilities=[liability(0, 990_000.0)],
    )
    plan = planned(given, path([PRICE, 2 * PRICE, 2 * PRICE]))
    (draw,) = plan.decisions.draws
    assert plan.position.pledged_btc[0, 0] >= draw.amount_usd / PRICE / tiers[draw.tier]["max_ltv"] - 1e-6


@open_question("what is released at the close is missing at the low before it")
def test_a_release_at_the_close_leaves_the_month_s_low_alone() -> None:
    """The low of month 2 is $100,000, before the price rises and 13.75 BTC come back."""
    given = scenario(
        horizon_months=3,
        decision_months=[0, 2],
        facilities=[facility(tiers=ONE_TIER, release_ltv=0.4, **HOLD)],
        treasury=no_cash(sell_fee_share=0.001),
        liabilities=[liability(0, 990_000.0)],
    )
    plan = planned(given, path([PRICE, PRICE, 4 * PRICE, 4 * PRICE]))
    assert plan.position.pledged_btc[2, 0] < 10.0


@open_question("what one lender releases at the close tops up another at the low before it")
def test_a_release_does_not_fund_an_earlier_top_up() -> None:
    terms = {"tiers": ONE_TIER, "limit_usd": 1_000_000.0, **HOLD}
    given = scenario(
        horizon_months=3,
        decision_months=[0, 2],
        treasury=no_cash(btc_lots=btc(40.5)),
        facilities=[
            facility(name="A", release_ltv=0.3, **{**terms, "call_ltv": 0.94, "liquidation_ltv": 0.95}),
            facility(name="B", **terms),
        ],
        liabilities=[liability(0, 1_980_000.0)],
    )
    planned(given, path([PRICE, PRICE, 4 * PRICE, 4 * PRICE], [PRICE, PRICE, 0.6 * PRICE, 4 * PRICE]))


@open_question("the model takes the quote, the ledger the catalogue")
def test_what_an_owned_machine_fetches_when_nothing_is_said() -> None:
    owned = [{"model": "new", "site": "Plains", "units": 100}]
    planned(scenario(machines={"owned": owned, "candidates": [candidate(price_usd=4_500.0)]}), tree())


@open_question("the model leaves promised retirements out of the fleet, the ledger counts what still runs")
def test_the_fleet_whose_break_even_is_capped() -> None:
    rich = {"revenue_usd_per_ph": [0.0] + [30_000.0] * 4, "btc_per_ph": [0.0] + [0.3] * 4}
    given = scenario(
        machines={
            "owned": [{"model": "old", "site": "Plains", "units": 95, "resale_usd": 100.0}],
            "candidates": [candidate(lead_months=2)],
        },
        sites=[site(power_mw=0.4)],
        decision_months=[0],
        requirements=requirements(max_fleet_breakeven_usd_per_ph_day=24.5),
    )
    planned(given, path([PRICE] * 5, **rich))


@open_question("a freeze at a draw month closes the facility earlier in the model than in the ledger")
def test_when_a_facility_closes_that_could_not_be_drawn_in_a_freeze() -> None:
    calm, bank = frozenset[str](), frozenset({"Bank"})
    on = tree(
        [-1, 0, 1, 2, 3, 0, 5, 6, 7],
        stressed=[5, 6, 7, 8],
        price_usd=[PRICE * r for r in (1, 2, 4, 8, 8, 1, 1, 1, 1)],
        low_usd=[PRICE * r for r in (1, 1, 1, 1, 1, 0.7, 1, 1, 1)],
        frozen=(calm, calm, calm, calm, calm, calm, bank, calm, calm),
    )
    terms = {**HOLD, "tiers": ONE_TIER, "term_months": 3, "draw_until_month": 2}
    given = scenario(
        horizon_months=4,
        decision_months=[0, 2],
        treasury=no_cash(sell_fee_share=0.001),
        facilities=[facility(**terms)],
        liabilities=[liability(0, 990_000.0)],
    )
    planned(given, on)


@open_question("collateral held back by a freeze counts as a top-up from free BTC")
def test_a_loan_can_be_repaid_in_a_freeze_with_every_btc_pledged() -> None:
    calm, bank = frozenset[str](), frozenset({"Bank"})
    on = tree([-1, 0, 1, 0, 3], stressed=[3, 4], frozen=(calm, calm, calm, bank, bank))
    given = scenario(
        horizon_months=2,
        decision_months=[0],
        treasury=treasury(btc_lots=btc(30.0), cash_usd=1_500_000.0),
        loans=[loan(matures_month=1, early_repayment=False)],
    )
    planned(given, on)


@open_question("the ledger counts accrued interest twice where the LTV counts the full term")
def test_accrued_interest_of_a_loan_that_pays_monthly_and_counts_the_full_term() -> None:
    terms = {"interest": "monthly", "ltv_counts": "full_term", "early_repayment": False}
    planned(scenario(loans=[loan(accrued_usd=200_000.0, pledged_btc=20.0, **terms)]), tree())


@open_question("debt service cover is asked of months without debt")
@pytest.mark.parametrize("machines", [{}, {"owned": [{"model": "new", "site": "Plains", "units": 1}]}])
def test_no_debt_needs_no_cover(machines: dict[str, Any]) -> None:
    given = scenario(
        treasury=treasury(overhead_usd_per_month=1_000.0),
        machines=machines,
        facilities=[facility(term_months=1, draw_until_month=0)],
        requirements=requirements(min_dscr=1.0),
    )
    planned(given, tree())


@open_question("the loader lets a machine of unknown cooling stand anywhere, the model nowhere")
def test_a_machine_of_unknown_cooling_can_be_bought() -> None:
    machine = {"manufacturer": "Maker", "as_of": "2026-01-01", "source": "made up"}
    bare = {"name": "bare", "hashrate_ths": 200.0, "power_w": 4_000.0, "price_usd": 3_000.0, **machine}
    given = scenario(machines={"specs": specs(bare=bare), "candidates": [candidate(model="bare")]})
    rich = path([PRICE] * 5, revenue_usd_per_ph=[0.0] + [300_000.0] * 4, btc_per_ph=[0.0] + [3.0] * 4)
    assert planned(given, rich).decisions.orders


@open_question(
    "a resale price above the quote, without a deposit, is an unbounded bet: a refusal should say so"
)
def test_machines_worth_more_than_they_cost_end_in_words() -> None:
    owned = [{"model": "new", "site": "Plains", "units": 1, "resale_usd": 5_000.0}]
    bet = {"owned": owned, "candidates": [candidate(deposit_share=0.0, lead_months=4)]}
    try:
        planned(scenario(machines=bet), tree())
    except SolverError as error:
        pytest.fail(str(error))


@open_question("in a stress the tie-break is below the solver's tolerance: BTC is sold for no reason")
def test_a_stress_that_asks_nothing_changes_nothing() -> None:
    on = company.tree([-1, 0, 1, 0, 3], stressed=[3, 4])
    given = scenario(
        horizon_months=2,
        decision_months=[0],
        machines={"owned": [{"model": "new", "site": "Plains", "units": 10}]},
        requirements=requirements(min_btc=50.0),
    )
    assert planned(given, on).decisions.sell_btc == pytest.approx(np.zeros(5), abs=1e-9)


def called(**terms: Any) -> Any:
    """A loan of $1.2m in a tree where one branch falls by half in a month and liquidation is allowed."""
    given = scenario(
        horizon_months=2,
        decision_months=[0],
        treasury=treasury(btc_lots=btc(30.0), cash_usd=0.0, max_cash_months=0.0),
        loans=[loan(early_repayment=False, matures_month=4, **terms)],
        requirements=requirements(liquidation_probability=0.5),
    )
    prices = [PRICE * r for r in (1, 2, 0.45, 2, 0.45)]
    lows = [PRICE * r for r in (1, 1, 0.45, 2, 0.45)]
    return planned(given, tree([-1, 0, 0, 1, 2], price_usd=prices, low_usd=lows))


@open_question("the sale of an amortising loan's collateral earns a negative fee for early repayment")
def test_a_lender_s_sale_costs_no_fee_for_early_repayment() -> None:
    called(repayment="amortising", early_repayment_fee_share=0.05)
