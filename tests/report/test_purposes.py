"""What borrowed money is for."""

from __future__ import annotations

import pytest

from optimizer.planning import Plan
from optimizer.report.machine_finance import machine_finance
from optimizer.report.purposes import purposes_of
from optimizer.report.terminal import print_plan

from .conftest import printed


def test_a_loan_for_a_bill_is_defensive(borrow_or_sell: Plan) -> None:
    purposes = purposes_of(borrow_or_sell)
    assert purposes.borrowed_usd == pytest.approx(1e6)
    assert purposes.bills_usd == pytest.approx(1e6)
    assert purposes.btc_usd == purposes.machines_usd == purposes.debts_usd == 0
    said = printed(lambda console: print_plan(borrow_or_sell, console))
    assert "that is borrowed, fees deducted: $1.00M for bills; none of it to buy BTC." in said


def test_what_is_borrowed_is_spent_once(small: Plan) -> None:
    p = purposes_of(small)
    assert p.borrowed_usd == pytest.approx(p.debts_usd + p.machines_usd + p.bills_usd + p.btc_usd + p.cash_usd)


def test_machines_paid_from_cash_cost_their_price(one_machine: Plan) -> None:
    found = machine_finance(one_machine)
    assert found is not None
    cost, borrowed = found
    assert borrowed == 0
    assert cost.nominal_usd_per_th == cost.price_usd_per_th == pytest.approx(1_398 / 216)
    # 216 TH at $45 a PH and day less 3,564 W at $50 a MWh: scenarios/README.md.
    margin = (0.216 * 45 - 3.564 * 24 * 0.050) * 30.4375
    assert cost.payback_months == pytest.approx(1_398 / margin, rel=1e-3)
    assert cost.payback_extension_months == 0


def test_borrowed_machines_cost_interest_and_fees(small: Plan) -> None:
    found = machine_finance(small)
    assert found is not None
    cost, borrowed = found
    draws = [d for d in small.decisions.draws if d.node == 0]
    offers = {offer.name: offer for offer in small.scenario.facilities}
    extra_usd = sum(
        d.amount_usd
        * (
            offers[d.facility].tiers[d.tier].apr * offers[d.facility].term_months / 12
            + offers[d.facility].origination_fee_share
        )
        for d in draws
    )
    dearer = extra_usd / sum(d.amount_usd for d in draws)
    assert cost.nominal_usd_per_th == pytest.approx(cost.price_usd_per_th * (1 + borrowed * dearer))
    assert cost.payback_extension_months == pytest.approx(cost.payback_months * borrowed * dearer)


def test_without_an_order_there_is_nothing_to_say(borrow_or_sell: Plan) -> None:
    assert machine_finance(borrow_or_sell) is None
