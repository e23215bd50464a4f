"""Machines: the optimum found by trying everything, and calendars, halving, power and handover by hand."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from optimizer.decisions import Order
from optimizer.ledger.books import keep_books
from optimizer.market.build_tree import build_tree
from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario
from optimizer.valuation import value_of
from tests.ledger.company import PRICE, candidate, decisions, requirements, site, specs, treasury, tree

from .planned import market, no_cash, path, planned, scenario


def shop(**changes: Any) -> dict[str, Any]:
    """Three machines on offer for a little money, power and rack space."""
    machine = {"manufacturer": "Maker", "cooling": "air", "as_of": "2026-01-01", "source": "made up"}
    third = {"name": "third", "hashrate_ths": 150.0, "power_w": 3_500.0, "price_usd": 1_900.0, **machine}
    return {
        "horizon_months": 4,
        "decision_months": [0],
        "treasury": no_cash(btc_lots=[{"btc": 1.2, "cost_basis_usd": 0.0}], sell_fee_share=0.01),
        "machines": {
            "specs": specs(third=third),
            "candidates": [
                candidate(model="new", price_usd=4_000.0, lot_units=5, max_units=15, deposit_share=0.5),
                candidate(model="old", price_usd=1_000.0, lot_units=7, max_units=35),
                candidate(model="third", price_usd=1_900.0, lot_units=4, max_units=24),
            ],
        },
        "requirements": requirements(min_btc=0.35),
        **changes,
    }


def best_by_trying(given: Scenario, on: Tree) -> tuple[float, tuple[int, ...]]:
    """The best worth over every number of lots, each bill paid by selling just enough: with a price that
    never falls later sales are never worse."""
    quotes = given.machines.candidates
    most = [(c.max_units or 0) // c.lot_units for c in quotes]
    fee, best = given.treasury.sell_fee_share, (-np.inf, (0, 0, 0))
    for lots in product(*(range(m + 1) for m in most)):
        orders = tuple(
            Order(0, c.model, "Plains", float(n * c.lot_units)) for c, n in zip(quotes, lots, strict=True) if n
        )
        short_usd = np.maximum(0.0, -keep_books(given, on, decisions(on, orders=orders)).cash_usd)
        short_usd = np.maximum.accumulate(short_usd)
        sold = dict(enumerate(np.diff(short_usd, prepend=0.0) / (on.price_usd * (1 - fee))))
        books = keep_books(given, on, decisions(on, orders=orders, sell_btc=sold))
        slots = given.sites[0].rack_slots or 0
        fits = (
            books.fleet.installed_mw.max() <= given.sites[0].power_mw + 1e-9
            and books.fleet.racked_by_site.max() <= slots + 1e-9
            and books.btc.min() >= given.requirements.min_btc - 1e-9
        )
        if fits:
            best = max(best, (value_of(given, on, books).value, lots))
    return best


@pytest.mark.parametrize(("power_mw", "discount"), [(0.165, 0.05), (0.1, 0.05), (0.1, 0.08), (0.1, 0.5)])
def test_the_machines_chosen_are_the_best_of_every_combination(power_mw: float, discount: float) -> None:
    ageing = {"elasticity": 1.0, "ageing_pa": 0.0, "resale_discount_share": discount}
    given = scenario(**shop(market=market(asic_prices=ageing), sites=[site(power_mw=power_mw, rack_slots=45)]))
    on = path([PRICE] * 5, power_usd_per_mwh=np.full((5, 1), 20.0))
    worth, lots = best_by_trying(given, on)
    plan = planned(given, on)
    assert plan.worth == pytest.approx(worth, rel=1e-9)
    bought = {order.model: order.units for order in plan.decisions.orders}
    wanted = {c.model: n * c.lot_units for c, n in zip(given.machines.candidates, lots, strict=True) if n}
    assert bought == pytest.approx(wanted)
    assert (len(wanted) == 0) == (discount == 0.5)


def test_a_machine_pays_hashes_and_fetches_by_its_calendar() -> None:
    """Lead 1: the deposit today, the rest in month 1, first hash in month 2; a stress delays both by 2."""
    on = tree(
        [-1, 0, 1, 2, 3, 0, 5, 6, 7],
        stressed=[5, 6, 7, 8],
        delivery_delay_months=[0, 0, 0, 0, 0, 2, 2, 2, 2],
        revenue_usd_per_ph=[0.0] + [20_000.0] * 8,
        btc_per_ph=[0.0] + [0.2] * 8,
    )
    company = site(duty_share=0.1, installation_usd_per_unit=50.0)
    quote = candidate(deposit_share=0.25, freight_usd_per_unit=30.0, max_units=10)
    given = scenario(machines={"candidates": [quote]}, sites=[company], decision_months=[0])
    plan = planned(given, on)
    assert plan.decisions.orders == (Order(0, "new", "Plains", 10.0),)
    deposit, rest = 10 * 4_000 * 0.25, 10 * (4_000 * 0.75 + 4_000 * 0.1 + 80)
    power = 10 * 0.004 * 24 * 30 * 50
    paid = -np.diff(plan.position.cash_usd, prepend=1_000_000.0)
    assert paid[:5] == pytest.approx([deposit, rest, power, power, power])
    # On the stress branch BTC may be sold for no reason: what it brings is not the machines'.
    sold_usd = plan.books.sale_usd - plan.books.sale_fee_usd
    spent = plan.position.cash_usd[on.parent[5:]] - (plan.position.cash_usd - sold_usd)[5:]
    assert spent == pytest.approx([0.0, 0.0, rest, power], abs=1e-3)
    mined = np.diff(plan.position.btc[:5])
    assert mined == pytest.approx([0.0, 0.4, 0.4, 0.4])
    assert plan.books.fleet.running_ph[5:] == pytest.approx([0.0, 0.0, 0.0, 2.0])


def test_mining_halves_in_the_month_of_block_1050000() -> None:
    """Today's block is 45 days before the halving: month 2 (days 32 to 61) has 14 days of 3.125 BTC and 16 of
    1.5625."""
    flat = {
        "name": "flat",
        "probability": 1.0,
        "price": [{"month": 1, "usd": PRICE}],
        "network_growth_pa": 0.0,
    }
    process = {"process": "cases", "cases": [flat], "low_below_close_share": 0.0}
    given = scenario(
        market=market(price=process, block_height=1_050_000 - 144 * 45, fees={"share": 0.0}),
        machines={"owned": [{"model": "new", "site": "Plains", "units": 1_000}]},
        sites=[site(uptime_share=0.5, power_usd_per_mwh=1.0)],
        horizon_months=3,
        decision_months=[0],
    )
    on, _ = build_tree(given)
    mined = np.diff(planned(given, on).position.btc)
    per_subsidy = 144 * 200 / 964_000 * 0.5  # blocks a day, share of the network in PH/s, uptime
    assert mined == pytest.approx(
        [31 * 3.125 * per_subsidy, (14 * 3.125 + 16 * 1.5625) * per_subsidy, 31 * 1.5625 * per_subsidy],
        rel=1e-9,
    )


def test_power_limits_orders_and_old_machines_leave_when_new_ones_arrive() -> None:
    """0.4 MW hold 100 machines of 4 kW. The old ones (95) run until the new ones arrive in month 2."""
    rich = {"revenue_usd_per_ph": [0.0] + [30_000.0] * 4, "btc_per_ph": [0.0] + [0.3] * 4}
    given = scenario(
        machines={
            "owned": [{"model": "old", "site": "Plains", "units": 95, "resale_usd": 100.0}],
            "candidates": [candidate(lead_months=2)],
        },
        sites=[site(power_mw=0.4)],
        decision_months=[0],
    )
    plan = planned(given, path([PRICE] * 5, **rich))
    assert plan.decisions.orders == (Order(0, "new", "Plains", 100.0),)
    (leaving,) = plan.decisions.retirements
    assert (leaving.node, leaving.month, leaving.units) == (0, 2, pytest.approx(95.0))
    assert plan.books.fleet.running_ph == pytest.approx([0.0, 9.5, 9.5, 20.0, 20.0])
    assert plan.books.fleet.installed_mw[:, 0] == pytest.approx([0.38, 0.38, 0.4, 0.4, 0.4])
    kept = planned(given.model_copy(update={"sites": given.sites}), path([PRICE] * 5))  # mining does not pay
    assert kept.decisions.orders == ()


def coming(**changes: Any) -> dict[str, Any]:
    return {"model": "new", "site": "Plains", "units": 100, "arrives_month": 2, "due_usd_per_unit": 500.0, **changes}


def test_machines_on_order_arrive_are_paid_and_take_the_racks_of_the_old() -> None:
    """0.4 MW hold 100 machines of 4 kW: 95 old ones run until the 100 that were ordered long ago arrive in month 2,
    and no decision node is needed then."""
    rich = {"revenue_usd_per_ph": [0.0] + [30_000.0] * 4, "btc_per_ph": [0.0] + [0.3] * 4}
    old = {"model": "old", "site": "Plains", "units": 95, "resale_usd": 100.0}
    given = scenario(machines={"owned": [old], "on_order": [coming()]}, sites=[site(power_mw=0.4)], decision_months=[0])
    plan = planned(given, path([PRICE] * 5, **rich))
    (leaving,) = plan.decisions.retirements
    assert (leaving.model, leaving.month, leaving.units) == ("old", 2, pytest.approx(95.0))
    assert plan.books.fleet.running_ph == pytest.approx([0.0, 9.5, 9.5, 20.0, 20.0])
    power = 95 * 0.004 * 24 * 30 * 50, 100 * 0.004 * 24 * 30 * 50
    paid = -np.diff(plan.position.cash_usd)
    assert paid == pytest.approx([power[0], power[0] + 50_000 - 9_500, power[1], power[1]])


def test_machines_on_order_may_be_resold_only_once_delivered() -> None:
    """They fetch twice in month 1 what they do in month 3: a mine that does not pay would sell them then."""
    on = path([PRICE] * 5, revenue_usd_per_ph=[0.0] * 5, asic_price_factor=[2.0, 2.0, 1.0, 0.5, 0.1])
    given = scenario(machines={"on_order": [coming(resale_usd=900.0)]}, decision_months=[0, 1, 2, 3])
    plan = planned(given, on)
    (sold,) = plan.decisions.retirements
    assert (sold.node, sold.month, sold.units) == (2, 2, pytest.approx(100.0))
    assert plan.worth == pytest.approx(100 + (1_000_000 + 100 * (900.0 - 500.0)) / PRICE)


def test_a_stress_delays_machines_on_order() -> None:
    on = tree(
        [-1, 0, 1, 2, 3, 0, 5, 6, 7],
        stressed=[5, 6, 7, 8],
        delivery_delay_months=[0, 0, 0, 0, 0, 1, 1, 1, 1],
        revenue_usd_per_ph=[0.0] + [20_000.0] * 8,
        btc_per_ph=[0.0] + [0.2] * 8,
    )
    plan = planned(scenario(machines={"on_order": [coming()]}, decision_months=[0]), on)
    assert plan.books.fleet.running_ph == pytest.approx([0, 0, 0, 20, 20, 0, 0, 0, 20])
    assert plan.books.fleet.payable_usd == pytest.approx([5e4, 5e4, 0, 0, 0, 5e4, 5e4, 0, 0])


def test_an_order_of_today_is_the_same_paid_up_front_or_before() -> None:
    """What node 0 orders, stated as ordered already with the deposit gone, is the same company from then on."""
    rich = {"revenue_usd_per_ph": [0.0] + [30_000.0] * 4, "btc_per_ph": [0.0] + [0.3] * 4}
    quote = candidate(lead_months=2, deposit_share=0.25, max_units=100)
    on = path([PRICE] * 5, **rich)
    bought = planned(scenario(machines={"candidates": [quote]}, decision_months=[0]), on)
    assert bought.decisions.orders == (Order(0, "new", "Plains", 100.0),)
    held = coming(due_usd_per_unit=3_000.0, resale_usd=3_200.0)
    purse = treasury(cash_usd=900_000.0)
    had = planned(scenario(machines={"on_order": [held]}, decision_months=[0], treasury=purse), on)
    assert had.worth == pytest.approx(bought.worth, rel=1e-9)
    for mine, theirs in zip(vars(had.position).values(), vars(bought.position).values(), strict=True):
        assert mine == pytest.approx(theirs)
