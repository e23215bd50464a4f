"""Machines in the books: orders, payments, deliveries, dispatch, resale, all worked by hand.

A ``new`` machine (0.2 PH/s, 4 kW): mines 0.002 BTC a month, uses 2.88 MWh in 30 days, $144 at $50/MWh.
"""

from __future__ import annotations

from typing import Any

import pytest

from optimizer.decisions import Order, Retirement
from optimizer.errors import AuditError
from optimizer.ledger.books import keep_books

from .company import candidate, decisions, requirements, scenario, site, specs, treasury, tree

CHEAP = [[20.0]] * 5
OWNED = [{"model": "old", "site": "Plains", "units": 100}]


def books_of(on: Any, company: dict[str, Any], **decided: Any) -> Any:
    return keep_books(scenario(**company), on, decisions(on, **decided))


def offer(**changes: Any) -> dict[str, Any]:
    return {"machines": {"candidates": [candidate(**changes)]}}


@pytest.mark.parametrize(("lead", "running_ph"), [(0, [0, 2, 2, 2, 2]), (1, [0, 0, 2, 2, 2]), (3, [0, 0, 0, 0, 2])])
def test_machines_hash_in_the_month_after_they_arrive(lead: int, running_ph: list[float]) -> None:
    books = books_of(tree(), offer(lead_months=lead), orders=(Order(0, "new", "Plains", 10.0),))
    assert books.fleet.running_ph.tolist() == pytest.approx(running_ph)
    assert books.mined_btc.tolist() == pytest.approx([ph * 0.01 for ph in running_ph])
    assert books.power_usd.tolist() == pytest.approx([ph / 0.2 * 144 for ph in running_ph])
    assert books.btc[-1] == pytest.approx(100 + 0.01 * sum(running_ph))


def test_deposit_with_the_order_and_the_rest_on_delivery() -> None:
    land = {"sites": [site(duty_share=0.1, installation_usd_per_unit=50.0)]}
    quote = offer(lead_months=2, deposit_share=0.3, freight_usd_per_unit=25.0)
    on = tree(asic_price_factor=[1.0, 0.5, 0.5, 0.5, 0.5])
    books = books_of(on, {**land, **quote}, orders=(Order(0, "new", "Plains", 10.0),))
    rest = 10 * (0.7 * 4_000 + 0.1 * 4_000 + 25 + 50)
    assert books.fleet.capex_usd.tolist() == pytest.approx([12_000, 0, rest, 0, 0])
    assert books.fleet.payable_usd.tolist() == pytest.approx([rest, rest, 0, 0, 0])
    assert books.cash_usd[:3].tolist() == pytest.approx([988_000, 988_000, 988_000 - rest])


def test_the_price_is_that_of_the_order() -> None:
    on = tree(asic_price_factor=[1.0, 0.9, 0.5, 2.0, 2.0])
    books = books_of(on, offer(lead_months=1, deposit_share=0.25), orders=(Order(2, "new", "Plains", 1.0),))
    assert books.fleet.capex_usd.tolist() == pytest.approx([0, 0, 500, 1_500, 0])


def test_the_catalogue_price_where_none_is_quoted() -> None:
    books = books_of(tree(), offer(price_usd=None, lead_months=0), orders=(Order(0, "new", "Plains", 1.0),))
    assert books.fleet.capex_usd[0] == pytest.approx(3_000)


def test_a_delayed_delivery_hashes_and_is_paid_later_on_its_branch_only() -> None:
    # Nodes 1..4 a branch on time, 5..8 a stress with two months' delay.
    on = tree((-1, 0, 1, 2, 3, 0, 5, 6, 7), stressed=[5, 6, 7, 8], delivery_delay_months=[0, 0, 0, 0, 0, 2, 2, 2, 2])
    books = books_of(on, offer(lead_months=1, deposit_share=0.5), orders=(Order(0, "new", "Plains", 10.0),))
    assert books.fleet.running_ph.tolist() == pytest.approx([0, 0, 2, 2, 2, 0, 0, 0, 2])
    assert books.fleet.capex_usd.tolist() == pytest.approx([20_000, 20_000, 0, 0, 0, 0, 0, 20_000, 0])


def test_what_is_delivered_today_is_not_delayed() -> None:
    on = tree((-1, 0, 1, 0, 3), stressed=[3, 4], delivery_delay_months=[0, 0, 0, 2, 2])
    order = (Order(0, "new", "Plains", 10.0),)
    books = books_of(on, offer(lead_months=0, deposit_share=0.5), orders=order)
    assert books.fleet.capex_usd.tolist() == pytest.approx([40_000, 0, 0, 0, 0])
    assert books.fleet.running_ph.tolist() == pytest.approx([0, 2, 2, 2, 2])


def test_an_order_past_the_horizon_is_an_asset_and_a_debt() -> None:
    quote = offer(lead_months=9, deposit_share=0.25)
    on = tree(asic_price_factor=[1.0, 1.0, 1.0, 1.0, 0.5])
    books = books_of(on, quote, orders=(Order(0, "new", "Plains", 10.0),))
    # Worth 10 * 4,000 * 0.8 * 0.5; 3,000 each still to be paid; 10,000 of deposit are gone.
    assert books.net_btc[-1] == pytest.approx(100 + (990_000 + 16_000 - 30_000) / 100_000)


COMING = {"model": "new", "site": "Plains", "units": 10, "arrives_month": 2, "due_usd_per_unit": 3_000.0}


def test_machines_on_order_are_paid_when_they_arrive_and_hash_from_the_month_after() -> None:
    # Nodes 1..4 a branch on time, 5..8 a stress with a month's delay.
    on = tree((-1, 0, 1, 2, 3, 0, 5, 6, 7), stressed=[5, 6, 7, 8], delivery_delay_months=[0, 0, 0, 0, 0, 1, 1, 1, 1])
    books = books_of(on, {"machines": {"on_order": [COMING]}})
    assert books.fleet.capex_usd.tolist() == pytest.approx([0, 0, 30_000, 0, 0, 0, 0, 30_000, 0])
    assert books.fleet.running_ph.tolist() == pytest.approx([0, 0, 0, 2, 2, 0, 0, 0, 2])
    assert books.fleet.installed_mw[:, 0].tolist() == pytest.approx([0, 0, 0.04, 0.04, 0.04, 0, 0, 0.04, 0.04])
    assert books.fleet.payable_usd.tolist() == pytest.approx([30_000, 30_000, 0, 0, 0, 30_000, 30_000, 0, 0])
    # The catalogue's $3,000 less 20%, owned from today on.
    assert books.fleet.worth_usd.tolist() == pytest.approx([24_000.0] * 9)
    assert books.net_btc[0] == pytest.approx(100 + (1_000_000 + 24_000 - 30_000) / 100_000)
    assert not books.fleet.ordered_units.any()


def test_machines_on_order_past_the_horizon_are_an_asset_and_a_debt() -> None:
    late = {**COMING, "arrives_month": 9, "resale_usd": 500.0}
    books = books_of(tree(asic_price_factor=[1.0, 1.0, 1.0, 1.0, 0.5]), {"machines": {"on_order": [late]}})
    assert books.net_btc[-1] == pytest.approx(100 + (1_000_000 + 10 * 250 - 30_000) / 100_000)
    assert not books.fleet.racked_units.any()


def test_two_batches_of_a_machine_that_also_stands_here() -> None:
    machines = {
        "owned": [{"model": "new", "site": "Plains", "units": 5, "resale_usd": 700.0}],
        "on_order": [COMING, {**COMING, "units": 20, "arrives_month": 3, "due_usd_per_unit": 0.0}],
    }
    books = books_of(tree(), {"machines": machines})
    assert books.fleet.racked_units[:, 0].tolist() == [5, 5, 15, 35, 35]
    assert books.fleet.owned_units[:, 0].tolist() == [35] * 5
    assert books.fleet.worth_usd.tolist() == pytest.approx([35 * 700.0] * 5)
    assert books.fleet.capex_usd.sum() == pytest.approx(30_000)


def test_owned_machines_hash_from_month_one() -> None:
    books = books_of(tree(power_usd_per_mwh=CHEAP), {"machines": {"owned": OWNED}})
    assert books.fleet.running_ph.tolist() == pytest.approx([0, 10, 10, 10, 10])
    assert books.fleet.installed_mw[:, 0].tolist() == pytest.approx([0.4] * 5)


def test_a_retired_machine_hashes_through_its_last_month_and_is_sold_there() -> None:
    on = tree(
        (-1, 0, 1, 2, 1, 4),
        asic_price_factor=[1.0, 0.9, 0.8, 0.7, 0.6, 0.5],
        power_usd_per_mwh=[[20.0]] * 6,
    )
    retirement = Retirement(0, "old", "Plains", 40.0, month=2)
    books = books_of(on, {"machines": {"owned": OWNED}}, retirements=(retirement,))
    # 1,000 less the 20% discount, at the branch's own price of month 2: nodes 2 and 4.
    assert books.fleet.resale_usd.tolist() == pytest.approx([0, 0, 40 * 640, 0, 40 * 480, 0])
    assert books.fleet.running_ph.tolist() == pytest.approx([0, 10, 10, 6, 10, 6])
    assert books.fleet.racked_units[:, 0].tolist() == pytest.approx([100, 100, 60, 60, 60, 60])


def test_a_machine_retired_at_once() -> None:
    retirement = Retirement(0, "old", "Plains", 100.0, month=0)
    books = books_of(tree(), {"machines": {"owned": OWNED}}, retirements=(retirement,))
    assert books.cash_usd.tolist() == pytest.approx([1_080_000.0] * 5)
    assert not books.mined_btc.any()


@pytest.mark.parametrize(
    ("owned", "quote", "worth"),
    [
        ({"model": "old", "resale_usd": 333.0}, "new", 333.0),
        ({"model": "old"}, "new", 800.0),  # catalogue 1,000
        ({"model": "new"}, "new", 2_400.0),  # owned: the catalogue's 3,000, not the quote's 4,000
        ({"model": "new", "resale_usd": 0.0}, "new", 0.0),
    ],
)
def test_what_owned_machines_are_worth(owned: dict[str, Any], quote: str, worth: float) -> None:
    machines = {
        "owned": [{"site": "Plains", "units": 10, **owned}],
        "candidates": [candidate(model=quote)],
    }
    books = books_of(tree(), {"machines": machines})
    assert books.fleet.worth_usd[0] == pytest.approx(10 * worth)


def test_owned_machines_without_a_catalogue_price_are_worth_what_a_quote_says() -> None:
    unpriced = {**specs()["old"], "price_usd": None}
    machines = {
        "owned": OWNED,
        "candidates": [candidate(model="old", price_usd=500.0)],
        "specs": specs(old=unpriced),
    }
    assert books_of(tree(), {"machines": machines}).fleet.worth_usd[0] == pytest.approx(100 * 400)


def test_a_machine_that_loses_money_is_off() -> None:
    # 100 old machines: $10,000 of revenue a month, 288 MWh: off from $34.72/MWh on.
    on = tree(power_usd_per_mwh=[[50.0], [34.7], [34.8], [10.0], [500.0]])
    books = books_of(on, {"machines": {"owned": OWNED}})
    assert books.fleet.running_ph.tolist() == pytest.approx([0, 10, 0, 10, 0])


def test_cooling_and_uptime_count_in_power_and_btc() -> None:
    company = {"machines": {"owned": OWNED}, "sites": [site(pue=1.2, uptime_share=0.9)]}
    books = books_of(tree(power_usd_per_mwh=CHEAP), company)
    assert books.power_usd[1] == pytest.approx(100 * 2.88 * 1.2 * 20 * 0.9)
    assert books.mined_btc[1] == pytest.approx(0.1 * 0.9)
    assert books.fleet.installed_mw[0, 0] == pytest.approx(0.48)


@pytest.mark.parametrize(
    ("use", "price", "ph", "mwh"),
    [
        (True, 30.0, 8.0, 2_000 * 100 * 720 / 1e6),  # the eco mode earns most
        (True, 1.0, 12.0, 6_000 * 100 * 720 / 1e6),  # nearly free power: turbo
        (False, 30.0, 10.0, 4_000 * 100 * 720 / 1e6),
    ],
)
def test_the_best_firmware_mode(use: bool, price: float, ph: float, mwh: float) -> None:
    modes = [
        {"name": "eco", "hashrate_ths": 80.0, "power_w": 2_000.0},
        {"name": "turbo", "hashrate_ths": 120.0, "power_w": 6_000.0},
    ]
    machines = {
        "owned": OWNED,
        "specs": specs(old={**specs()["old"], "modes": modes}),
        "use_firmware_modes": use,
    }
    books = books_of(tree(power_usd_per_mwh=[[price]] * 5), {"machines": machines})
    assert books.fleet.running_ph[1] == pytest.approx(ph)
    assert books.power_usd[1] == pytest.approx(mwh * price)
    # Room on site is kept for the most the machine may draw.
    assert books.fleet.installed_mw[0, 0] == pytest.approx(0.6 if use else 0.4)


def test_bills_fall_due_from_month_one_and_liabilities_in_theirs() -> None:
    company = {
        "treasury": treasury(overhead_usd_per_month=10_000.0),
        "sites": [site(fixed_usd_per_month=5_000.0)],
        "liabilities": [
            {"name": "tax", "month": 0, "amount_usd": 7_000.0},
            {"name": "rent", "month": 2, "amount_usd": 3_000.0},
        ],
    }
    books = books_of(tree((-1, 0, 1, 1)), company)
    assert books.cash_usd.tolist() == pytest.approx([993_000, 978_000, 960_000, 960_000])


def test_trading_pays_its_fee() -> None:
    company = {"treasury": treasury(buy_btc=True, buy_fee_share=0.02)}
    books = books_of(tree(), company, sell_btc={1: 2.0}, buy_btc={2: 1.0})
    assert books.cash_usd.tolist() == pytest.approx([1e6, 1.198e6, 1.096e6, 1.096e6, 1.096e6])
    assert books.btc.tolist() == pytest.approx([100, 98, 99, 99, 99])


def test_runway_counts_everything_at_full_power() -> None:
    company = {
        "treasury": treasury(overhead_usd_per_month=10_000.0),
        "machines": {"owned": OWNED},
        "requirements": requirements(),
    }
    books = books_of(tree(), company)
    bills = 10_000 + 100 * 0.004 * 24 * 30.4375 * 50
    assert books.runway_months[0] == pytest.approx(11e6 / bills)


@pytest.mark.parametrize(
    "decided",
    [
        {"orders": (Order(0, "old", "Plains", 1.0),)},
        {"orders": (Order(0, "new", "Moon", 1.0),)},
        {"orders": (Order(99, "new", "Plains", 1.0),)},
        {"retirements": (Retirement(0, "abacus", "Plains", 1.0, 0),)},
    ],
)
def test_decisions_on_what_does_not_exist_are_refused(decided: dict[str, Any]) -> None:
    with pytest.raises(AuditError):
        books_of(tree(), offer(), **decided)
