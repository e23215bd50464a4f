"""Small companies on which model, ledger and contract once disagreed: releases, freezes, handovers, liquidations."""

from __future__ import annotations

from typing import Any

import pytest

from optimizer.errors import SolverError
from tests.ledger.company import PRICE, candidate, facility, loan, requirements, site, specs, treasury, tree

from .mixed import mixed, mixed_tree
from .planned import liability, no_cash, path, planned, scenario

HOLD = {"interest": "at_maturity", "early_repayment": False, "draw_until_month": 0}
ONE_TIER = [{"max_ltv": 0.5, "apr": 0.12}]


def btc(amount: float) -> list[dict[str, float]]:
    return [{"btc": amount, "cost_basis_usd": 0.0}]


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


def test_a_release_of_one_draw_is_not_taken_from_the_next() -> None:
    """Collateral of the first draw comes back when price quadruples; the draw that replaces it pledges its own."""
    given = scenario(
        horizon_months=4,
        decision_months=[0, 1, 2],
        treasury=no_cash(btc_lots=btc(30.0)),
        facilities=[
            facility(release_ltv=0.45, tiers=ONE_TIER, draw_until_month=2, term_months=2, early_repayment=False)
        ],
        liabilities=[liability(0, 990_000.0)],
    )
    plan = planned(given, path([PRICE, 4 * PRICE, 4 * PRICE, 8 * PRICE, 8 * PRICE]))
    again = sum(draw.amount_usd for draw in plan.decisions.draws if draw.node == 2)
    assert again > 0
    assert plan.position.pledged_btc[2, 0] >= again / (0.5 * 4 * PRICE) - 1e-6


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


def test_what_an_owned_machine_fetches_when_nothing_is_said() -> None:
    owned = [{"model": "new", "site": "Plains", "units": 100}]
    planned(scenario(machines={"owned": owned, "candidates": [candidate(price_usd=4_500.0)]}), tree())


@pytest.mark.parametrize("arrives_month", [1, 2, 4, 9])
def test_machines_on_order_with_every_requirement(arrives_month: int) -> None:
    """Racks are full (480 slots): some of the old machines make room. One branch delays by a month."""
    coming = {"site": "Plains", "arrives_month": arrives_month, "due_usd_per_unit": 700.0}
    machines = {
        **mixed().model_dump(mode="json")["machines"],
        "on_order": [{**coming, "model": "new", "units": 200}, {**coming, "model": "old", "units": 20}],
    }
    asked = requirements(min_runway_months=2.0, max_fleet_breakeven_usd_per_ph_day=45.0, min_dscr=0.1)
    plan = planned(mixed(machines=machines, requirements=asked), mixed_tree())
    assert plan.books.fleet.racked_by_site.max() <= 480 + 1e-6


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


def test_accrued_interest_of_a_loan_that_pays_monthly_and_counts_the_full_term() -> None:
    terms = {"interest": "monthly", "ltv_counts": "full_term", "early_repayment": False}
    planned(scenario(loans=[loan(accrued_usd=200_000.0, pledged_btc=20.0, **terms)]), tree())


@pytest.mark.parametrize("machines", [{}, {"owned": [{"model": "new", "site": "Plains", "units": 1}]}])
def test_no_debt_needs_no_cover(machines: dict[str, Any]) -> None:
    given = scenario(
        treasury=treasury(overhead_usd_per_month=1_000.0),
        machines=machines,
        facilities=[facility(term_months=1, draw_until_month=0)],
        requirements=requirements(min_dscr=1.0),
    )
    planned(given, tree())


def test_a_machine_of_unknown_cooling_can_be_bought() -> None:
    machine = {"manufacturer": "Maker", "as_of": "2026-01-01", "source": "made up"}
    bare = {"name": "bare", "hashrate_ths": 200.0, "power_w": 4_000.0, "price_usd": 3_000.0, **machine}
    given = scenario(machines={"specs": specs(bare=bare), "candidates": [candidate(model="bare")]})
    rich = path([PRICE] * 5, revenue_usd_per_ph=[0.0] + [300_000.0] * 4, btc_per_ph=[0.0] + [3.0] * 4)
    assert planned(given, rich).decisions.orders


def test_machines_worth_more_than_they_cost_end_in_words() -> None:
    owned = [{"model": "new", "site": "Plains", "units": 1, "resale_usd": 5_000.0}]
    bet = {"owned": owned, "candidates": [candidate(deposit_share=0.0, lead_months=4)]}
    try:
        planned(scenario(machines=bet), tree())
    except SolverError as error:
        pytest.fail(str(error))


def called(low: float = 0.45, **terms: Any) -> Any:
    """A loan of $1.2m against 30 BTC; one branch falls to a ``low`` share and liquidation is allowed."""
    given = scenario(
        horizon_months=2,
        decision_months=[0],
        treasury=treasury(btc_lots=btc(40.0), cash_usd=500_000.0),
        loans=[loan(early_repayment=False, matures_month=4, **terms)],
        requirements=requirements(liquidation_probability=0.5),
    )
    prices = [PRICE * r for r in (1, 2, low, 2, low)]
    lows = [PRICE * r for r in (1, 1, low, 2, low)]
    return planned(given, tree([-1, 0, 0, 1, 2], price_usd=prices, low_usd=lows))


def test_a_lender_s_sale_costs_no_fee_for_early_repayment() -> None:
    called(repayment="amortising", early_repayment_fee_share=0.05)


def test_a_lender_sells_no_more_than_it_holds() -> None:
    """At $32,000 the 30 BTC do not cover $1.2m and the fee: the contract's sale ends at 30 BTC."""
    plan = called(low=0.32)
    assert all(sale.seized_btc <= 30.0 + 1e-6 for sale in plan.decisions.liquidations)
