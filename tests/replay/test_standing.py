"""What is left to plan for a company that stands somewhere: each figure by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from optimizer.market.network import hashprice_usd_today
from optimizer.replay.standing import Debt, Standing, Stock, scenario_at
from optimizer.scenario.schema import Scenario
from tests.formulation.planned import liability, market, scenario
from tests.ledger.company import candidate, facility, loan, requirements, site, treasury

MONTH = 3
NOW = Standing(
    month=MONTH,
    days=92,
    price_usd=80_000.0,
    network_ehs=900.0,
    hashprice_usd_per_ph_day=42.0,
    machine_price_factor=0.5,
    cash_usd=250_000.0,
    btc=40.0,
    debts=(),
    stocks=(),
    due_usd=(),
    closed=frozenset(),
)


def company(**changes: Any) -> Scenario:
    """A year with decisions in months 0, 3 and 6."""
    return scenario(**{"horizon_months": 12, "decision_months": [0, MONTH, 6], **changes})


def left(given: Scenario | None = None, **changes: Any) -> Scenario:
    return scenario_at(given or company(), replace(NOW, **changes))


def stock(**changes: Any) -> Stock:
    return replace(Stock("old", "Plains", 0.0, (), 0.0, 400.0), **changes)


# ---- time and market ---------------------------------------------------------------------------------------


def test_the_calendar_moves_on() -> None:
    found = left(company(requirements=requirements(max_fleet_breakeven_usd_per_ph_day=40.0, breakeven_from_month=5)))
    assert (found.as_of.isoformat(), found.horizon_months) == ("2027-01-03", 9)
    assert found.decision_months == (0, 3)
    assert found.requirements.breakeven_from_month == 2
    assert found.market.block_height == 960_000 + 144 * 92


@pytest.mark.parametrize("hashprice_usd", [35.0, 42.0, 60.0, 900.0])
def test_mining_earns_what_it_does_on_the_day(hashprice_usd: float) -> None:
    found = left(hashprice_usd_per_ph_day=hashprice_usd)
    assert hashprice_usd_today(found.market) == pytest.approx(hashprice_usd, rel=1e-9)
    # Without fees 900 EH/s at $80,000 give $40: less, or more than any fees explain, is the network's doing.
    assert (found.market.network.hashrate_ehs == pytest.approx(900.0)) == (hashprice_usd in (42.0, 60.0))


def test_the_fair_hashprice_falls_with_time() -> None:
    network = {"hashrate_ehs": 964.0, "growth_pa": 0.0, "response": 1.0, "fair_hashprice_usd_per_ph_day": 40.0}
    found = left(company(market=market(network={**network, "efficiency_gain_pa": 0.2})), days=365)
    assert found.market.network.fair_hashprice_usd_per_ph_day == pytest.approx(32.0)


def test_named_cases_keep_the_prices_that_are_still_to_come() -> None:
    prices = {"fall": [(2, 70_000.0), (5, 60_000.0)], "done": [(3, 90_000.0)]}
    cases = [
        {"name": name, "probability": 0.5, "price": [{"month": m, "usd": usd} for m, usd in points]}
        for name, points in prices.items()
    ]
    process = {"process": "cases", "cases": cases, "low_below_close_share": 0.1}
    found = left(company(market=market(price=process))).market.price.model_dump()
    assert [case["price"] for case in found["cases"]] == [
        ({"month": 2, "usd": 60_000.0},),
        ({"month": 1, "usd": 80_000.0},),
    ]


@pytest.mark.parametrize(
    ("children", "month", "branching"),
    [([], 3, []), ([8, 3], 3, [(1, 4), (4, 2)]), ([2], 3, [(1, 2), (4, 2)]), ([8, 3], 6, [(1, 4)])],
)
def test_the_tree_is_small_and_branches_only_where_the_plan_s_does(
    children: list[int], month: int, branching: list[tuple[int, int]]
) -> None:
    shape = {"low_quantile": 0.05, "branching": [{"month": 1 + i, "children": n} for i, n in enumerate(children)]}
    found = left(company(market=market(tree=shape, fan={"paths": 9_000, "seed": 5})), month=month)
    assert [(b.month, b.children) for b in found.market.tree.branching] == branching
    assert (found.market.fan.paths, found.market.fan.seed) == (400, 5)
    assert found.solver.gap_share == 0.01


def test_a_stress_is_asked_again_as_far_as_the_horizon_goes() -> None:
    fall = [{"month": 4, "change": -0.5}, {"month": 8, "change": -0.75}]
    stress = {
        "name": "crash",
        "price": fall,
        "low_below_close_share": 0.1,
        "until_month": 11,
        "frozen_lenders": ["Bank", "Fund"],
    }
    lines = [facility(draw_until_month=6), facility(name="Note", lender="Fund", draw_until_month=0)]
    given = company(market=market(stress=[stress]), facilities=lines)
    (found,) = left(given, month=6).market.stress
    # Half way from month 4 to month 8 in logs: a half times the root of a half.
    assert [(point.month, point.change) for point in found.price] == [(4, -0.5), (6, pytest.approx(0.5**1.5 - 1))]
    assert (found.until_month, found.frozen_lenders) == (6, ("Bank",))
    (early,) = left(given).market.stress
    assert (len(early.price), early.until_month) == (2, 9)


# ---- money -------------------------------------------------------------------------------------------------


def test_coins_and_cash() -> None:
    found = left().treasury
    assert (found.btc, found.cash_usd) == (40.0, 250_000.0)
    assert found.btc_lots[0].cost_basis_usd == 30_000.0


def test_a_bill_that_cash_does_not_cover_is_due_today() -> None:
    found = left(company(liabilities=[liability(3, 1.0), liability(7, 5e4)]), cash_usd=-90_000.0)
    assert found.treasury.cash_usd == 0.0
    assert [(owed.month, owed.amount_usd) for owed in found.liabilities] == [(4, 5e4), (0, 9e4)]


def test_the_cash_ceiling_stays_where_it_was() -> None:
    """A month at full power costs 10 MW * 730.5 h * $50 = $365,250; the company opened with $1m."""
    for months, kept in ((1.0, 1e6 / 365_250), (5.0, 5.0)):
        found = left(company(treasury=treasury(max_cash_months=months)))
        assert found.treasury.max_cash_months == pytest.approx(kept)


def debt(**changes: Any) -> Debt:
    return replace(Debt(1, 0, "Line (tier 2, month 0)", 0.12, 12, 400_000.0, 12_000.0, 9.0), **changes)


def test_a_draw_becomes_a_loan_by_its_contract() -> None:
    line = facility(interest="at_maturity", early_repayment_fee_share=0.02, release_ltv=0.3, draw_until_month=6)
    found = left(company(facilities=[line]), debts=(debt(),))
    (owed,) = found.loans
    assert (owed.name, owed.lender, owed.term_months, owed.matures_month) == ("Line (tier 2, month 0)", "Bank", 12, 9)
    assert (owed.balance_usd, owed.accrued_usd, owed.pledged_btc, owed.apr) == (400_000.0, 12_000.0, 9.0, 0.12)
    assert (owed.interest, owed.call_ltv, owed.release_ltv) == ("at_maturity", 0.7, 0.3)
    assert owed.early_repayment_fee_share == 0.02
    (offer,) = found.facilities
    assert (offer.limit_usd, offer.draw_from_month, offer.draw_until_month) == (4_600_000.0, 0, 3)


def test_an_old_loan_runs_on() -> None:
    given = company(loans=[loan(matures_month=10)])
    old = debt(tranche=0, name="Old loan", matures_month=10, principal_usd=1.1e6, accrued_usd=0.0, pledged_btc=30.0)
    (owed,) = left(given, debts=(old,)).loans
    assert (owed.name, owed.matures_month, owed.term_months, owed.balance_usd) == ("Old loan", 7, 12, 1.1e6)


@pytest.mark.parametrize(
    ("offer", "changes"),
    [
        ({"draw_until_month": 2}, {}),  # its window is over
        ({"draw_from_month": 4, "draw_until_month": 5}, {}),  # no decision falls in it
        ({"draw_until_month": 6}, {"closed": frozenset({0})}),  # the lender is frozen or gone
        ({"draw_until_month": 6, "limit_usd": 400_000.0}, {"debts": (debt(),)}),  # all of it is drawn
        ({"draw_until_month": 6, "limit_usd": 500_000.0, "min_draw_usd": 2e5}, {"debts": (debt(),)}),
    ],
)
def test_what_can_no_longer_be_drawn_is_no_offer(offer: dict[str, Any], changes: dict[str, Any]) -> None:
    assert left(company(facilities=[facility(**offer)]), **changes).facilities == ()


# ---- machines ----------------------------------------------------------------------------------------------


def test_machines_are_whole_and_at_the_day_s_price() -> None:
    found = left(stocks=(stock(racked_units=10.7), stock(model="new", racked_units=4.9999999), stock(site="Hills")))
    assert [(m.model, m.units, m.resale_usd) for m in found.machines.owned] == [("old", 10, 200.0), ("new", 5, 200.0)]


def test_what_is_due_in_a_month_is_shared_by_what_comes_in_it() -> None:
    stocks = (
        stock(coming=((5, 30.0), (6, 0.4))),
        stock(model="new", coming=((5, 10.0), (7, 2.0))),
    )
    found = left(stocks=stocks, due_usd=((5, 80_000.0), (6, 700.0), (20, 300.0)))
    batches = [(b.model, b.units, b.arrives_month, b.due_usd_per_unit) for b in found.machines.on_order]
    assert batches == [("old", 30, 2, 2_000.0), ("new", 10, 2, 2_000.0), ("new", 2, 4, 0.0)]
    # Not a whole machine comes in month 6, and its bill stays; what is due past the horizon is not of this plan.
    assert [(owed.month, owed.amount_usd) for owed in found.liabilities] == [(3, 700.0)]


def test_quotes_at_the_day_s_price_for_what_the_vendor_has_left() -> None:
    sites = [site(), site(name="Hills")]
    quotes = [candidate(max_units=50), candidate(model="old", price_usd=None, max_units=20)]
    given = company(machines={"candidates": quotes}, sites=sites)
    bought = (stock(model="new", ordered_units=10.5), stock(model="new", site="Hills", ordered_units=5.0))
    found = left(given, stocks=(*bought, stock(ordered_units=19.5)))
    (quote,) = found.machines.candidates
    assert (quote.model, quote.price_usd, quote.max_units) == ("new", 2_000.0, 34)
    # The catalogue's $1,000 at half the price.
    assert left(given).machines.candidates[1].price_usd == 500.0


def test_the_chance_that_a_lender_fails_is_that_at_the_price_of_now() -> None:
    risky = {"failure_pa": 0.1, "failure_price_beta": 2.0}
    given = company(facilities=[facility(**risky, draw_until_month=6)])
    (offer,) = left(given).facilities
    assert offer.failure_pa == pytest.approx(0.1 / 0.8**2)
    (offer,) = left(given, price_usd=10_000.0).facilities
    assert offer.failure_pa == 1.0
