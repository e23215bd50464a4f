"""Lots by rule: the order by hand, what it costs, and that the plan's own choice is never worse."""

from __future__ import annotations

import itertools
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scipy.optimize import brentq

from optimizer import load_scenario
from optimizer.decisions import LotSale
from optimizer.errors import ScenarioError
from optimizer.ledger.audit import audit
from optimizer.market.calendar import month_end
from optimizer.market.tree import Tree
from optimizer.scenario.money import BtcLot
from optimizer.scenario.schema import Scenario
from optimizer.scenario.taxes import LotMethod, Taxes
from tests.builders import minimal_scenario_dict, write_scenario
from tests.formulation.planned import Planned, fork, no_cash, path, planned
from tests.formulation.regenerate_golden import every_feature, ten_nodes
from tests.formulation.source_companies import COMPANIES, taxed
from tests.ledger.company import PRICE, site
from tests.ledger.test_replay_tree import assert_the_same
from tests.sources.test_taxes import RATE, company, gain_of_borrowing, sold

LOTS = ((3.0, 10_000.0), (3.0, 90_000.0), (3.0, 50_000.0))
METHODS: tuple[LotMethod, ...] = ("plan", "fifo", "hifo")


def under(method: LotMethod, **terms: Any) -> Taxes:
    return Taxes(rate=RATE, lot_method=method, **terms)


@pytest.mark.parametrize(
    ("method", "lots", "gain"),
    [
        ("fifo", {(0, "held 0"): 3.0, (0, "held 1"): 1.0}, 3 * 90_000 + 10_000),
        ("hifo", {(0, "held 1"): 3.0, (0, "held 2"): 1.0}, 3 * 10_000 + 50_000),
    ],
)
def test_a_bill_paid_out_of_three_lots(method: LotMethod, lots: dict[tuple[int, str], float], gain: float) -> None:
    """Four coins at $100,000: which they are is the rule's."""
    made = planned(company(under(method, count_deferred=False), *LOTS, no_note=True), path([PRICE] * 2))
    assert sold(made) == lots
    assert made.books.taxes.owed_usd[-1] == pytest.approx(RATE * gain)
    assert made.worth == pytest.approx(5 - RATE * gain / PRICE, abs=1e-5)


def test_of_all_ways_to_pay_a_bill_the_plan_finds_the_best() -> None:
    """Four coins out of lots of three whole coins each, every way of it: hifo is the best of them, fifo one of them."""
    ways = [w for w in itertools.product(range(4), repeat=3) if sum(w) == 4]
    gains = [sum(n * (PRICE - cost) for n, (_, cost) in zip(way, LOTS, strict=True)) for way in ways]
    worth = {
        m: planned(company(under(m, count_deferred=False), *LOTS, no_note=True), path([PRICE] * 2)).worth
        for m in METHODS
    }
    assert worth["plan"] == pytest.approx(5 - RATE * min(gains) / PRICE, abs=1e-5)
    assert worth["hifo"] == pytest.approx(worth["plan"], abs=1e-9)
    assert worth["fifo"] == pytest.approx(5 - RATE * gains[ways.index((3, 1, 0))] / PRICE, abs=1e-5)


@pytest.mark.parametrize(("beyond", "borrows"), [(0.995, False), (1.005, True)])
@pytest.mark.parametrize(("method", "cost"), [("fifo", 20_000.0), ("hifo", 70_000.0), ("plan", 70_000.0)])
def test_borrowing_ties_with_selling_at_the_basis_that_the_rule_brings(
    method: LotMethod, cost: float, beyond: float, borrows: bool
) -> None:
    """Two lots of ten coins: the same bill, the same note, and the price at which they tie is the rule's."""
    tie = brentq(gain_of_borrowing, 0.4, 1.2, args=(RATE, cost, 0.01))
    terms = under(method, count_deferred=False, interest_deductible=False)
    lots = ((10.0, 20_000.0), (10.0, 70_000.0))
    made = planned(company(terms, *lots, apr=0.12), fork(PRICE * 1.2, PRICE * tie * beyond))
    assert bool(made.decisions.uses) is borrows


@pytest.mark.parametrize("method", METHODS)
def test_one_lot_is_sold_whatever_the_rule(method: LotMethod) -> None:
    made = planned(company(under(method), (10.0, 40_000.0), no_note=True), fork(1.3 * PRICE, 0.6 * PRICE))
    assert sold(made)[0, "held 0"] == pytest.approx(4.0)
    assert made.worth == pytest.approx(WORTH_OF_ONE_LOT, abs=1e-5)


# 6 coins; tax on 4 sold at $100,000 and 6 kept at $130,000 or $60,000, in coins of that price, either as likely.
WORTH_OF_ONE_LOT = 6 - RATE * ((4 * 60 + 6 * 90) / 130 + (4 * 60 + 6 * 20) / 60) / 2


def miner(method: LotMethod, **treasury: Any) -> tuple[Scenario, Tree]:
    """Five months from 3 October: 1 BTC mined a month, at $80,000, $90,000 and then $100,000; two coins held, one that
    cost $85,000 and one that cost $95,000. Bills of three coins in month 3, the first of the new year, and of two in
    month 5."""
    lots = [{"btc": 1.0, "cost_basis_usd": usd} for usd in (85_000.0, 95_000.0)]
    machines = {"owned": [{"model": "old", "site": "Plains", "units": 100, "resale_usd": 0.0}]}
    bills = [{"name": str(m), "month": m, "amount_usd": coins * PRICE} for m, coins in ((3, 3.0), (5, 2.0))]
    given = company(
        under(method, count_deferred=False),
        horizon_months=5,
        no_note=True,
        liabilities=bills,
        treasury=no_cash(btc_lots=lots, overhead_usd_per_month=0.0, **treasury),
        machines=machines,
        sites=[site(power_usd_per_mwh=0.0)],
    )
    prices = [PRICE, 0.8 * PRICE, 0.9 * PRICE, PRICE, PRICE, PRICE]
    free = {"power_usd_per_mwh": [[0.0]] * 6, "revenue_usd_per_ph": [0.0] + [8_000.0] * 5}
    return given, path(prices, btc_per_ph=[0.0] + [0.1] * 5, **free)


def test_by_age_and_by_cost() -> None:
    """In month 3 also the tax on $170,000 of last year is paid: $42,500, so 3.425 coins are sold, and 2 in month 5. By
    age: those held, then last year's. By cost: this year's at $100,000, $95,000, of two lots at $85,000 the older."""
    out = {method: sold(planned(*miner(method))) for method in METHODS}
    assert out["fifo"] == {
        (3, "held 0"): 1.0,
        (3, "held 1"): 1.0,
        (3, "mined 2026"): 1.425,
        (5, "mined 2026"): 0.575,
        (5, "mined 2027"): 1.425,
    }
    by_cost = {(3, "mined 2027"): 1.0, (3, "held 1"): 1.0, (3, "held 0"): 1.0, (3, "mined 2026"): 0.425}
    assert out["hifo"] == {**by_cost, (5, "mined 2027"): 2.0}
    assert sum(btc for (n, _), btc in out["plan"].items() if n == 3) == pytest.approx(3.425)


def test_what_was_bought_goes_by_its_month() -> None:
    """$100,000 buy a coin and a ninth at $90,000, beside one held that cost half as much. A coin and a half pays the
    bill when price is back: by age the one held and part of the other, by cost the other and part of the one held."""
    lots = [{"btc": 1.0, "cost_basis_usd": 45_000.0}]
    treasury = no_cash(btc_lots=lots, buy_btc=True, cash_usd=PRICE, max_cash_months=60.0)
    bills = [{"name": "bill", "month": 3, "amount_usd": 1.5 * PRICE}]
    out = {}
    for method in METHODS:
        given = company(under(method), horizon_months=3, no_note=True, liabilities=bills, treasury=treasury)
        out[method] = sold(planned(given, path([PRICE, 0.9 * PRICE, 0.95 * PRICE, PRICE])))
    rest = pytest.approx(0.5 - 1 / 9, abs=1e-5)
    assert out["fifo"] == {(3, "held 0"): 1.0, (3, "bought 1"): 0.5}
    assert out["hifo"] == {(3, "held 0"): rest, (3, "bought 1"): pytest.approx(10 / 9, abs=1e-5)}


def in_turn(given: Scenario, tree: Tree, made: Planned) -> dict[tuple[int, str], float]:
    """Lots that leave at each node if all that leaves there is taken from them one after another, in plain steps."""
    taxes, books = given.taxes, made.books.taxes
    assert taxes is not None
    year = [taxes.year_of(month_end(given.as_of, month)) for month in range(int(tree.month.max()) + 1)]
    gone = {(sale.node, sale.lot): sale.btc for sale in made.decisions.lot_sales}
    left = [dict[str, float]() for _ in range(len(tree))]
    found = {}
    for n in range(len(tree)):
        way, p = tree.paths[n], int(tree.parent[n])
        there, cost, age = dict[str, float](), dict[str, float](), dict[str, float]()
        for k, lot in enumerate(books.lots):
            kind, which = lot.split()
            held = given.treasury.btc_lots[int(which)] if kind == "held" else None
            before = left[p].get(lot, 0.0) if n else (held.btc if held else 0.0)
            booked = books.left_btc[p, k] if n else (held.btc if held else 0.0)
            there[lot] = before + books.left_btc[n, k] - booked + gone.get((n, lot), 0.0)
            months = [m for m in way if kind == "mined" and year[tree.month[m]] == int(which)]
            mined = sum(tree.btc_per_ph[m] for m in months)
            worth = sum(tree.btc_per_ph[m] * tree.price_usd[m] for m in months)
            bought_at = tree.price_usd[way[min(int(which), len(way) - 1)]] * (1 + given.treasury.buy_fee_share)
            of_mined = (worth / mined if mined else tree.price_usd[months[-1]] if months else 0.0) * taxes.mined_income
            cost[lot] = held.cost_basis_usd if held else of_mined if kind == "mined" else bought_at
            first = next((m for m in range(len(year)) if year[m] == int(which)), 0)
            age[lot] = {"held": -1.0, "mined": first, "bought": int(which) + 0.5}[kind]
        rank = {lot: age[lot] if taxes.lot_method == "fifo" else -round(cost[lot], 2) for lot in there}
        out = sum(btc for (node, _), btc in gone.items() if node == n)
        for lot in sorted(there, key=lambda lot: (rank[lot], age[lot])):
            found[n, lot] = min(out, max(there[lot], 0.0))
            there[lot] -= found[n, lot]
            out -= found[n, lot]
        left[n] = there
    return {key: pytest.approx(btc, abs=1e-5) for key, btc in found.items() if btc > 1e-5}


def companies() -> dict[str, Scenario]:
    """Two lots where there is one, with every source of money in turn, liquidation, mining and buying."""
    found = {kind: make() for kind, make in COMPANIES.items()}
    found |= {"taxed": taxed(), "every": every_feature(liquidation_probability=0.1)}
    for name, given in found.items():
        half = [{"btc": given.treasury.btc / 2, "cost_basis_usd": usd} for usd in (90_000.0, 30_000.0)]
        lots = tuple(BtcLot.model_validate(lot) for lot in half)
        buys = {"btc_lots": lots, "buy_btc": name in ("note", "btc_put")}
        found[name] = given.model_copy(update={"treasury": given.treasury.model_copy(update=buys)})
    return found


@pytest.mark.parametrize("mined_income", [True, False])
@pytest.mark.parametrize("name", sorted(companies()))
def test_a_rule_is_kept_and_costs_no_less_than_nothing(name: str, mined_income: bool) -> None:
    given, tree, worth = companies()[name], ten_nodes(), {}
    for method in METHODS:
        asked = given.model_copy(update={"taxes": under(method, mined_income=mined_income, year_end_month=11)})
        made = planned(asked, tree)
        worth[method] = made.worth
        if method != "plan":
            sales = {(sale.node, sale.lot): sale.btc for sale in made.decisions.lot_sales if sale.btc > 1e-5}
            assert sales == in_turn(asked, tree, made)
        assert_the_same(asked, tree, made.decisions)
    assert worth["plan"] >= max(worth["fifo"], worth["hifo"]) - 1e-6


@pytest.mark.parametrize("method", ["fifo", "hifo"])
def test_the_audit_sees_a_lot_out_of_turn(method: LotMethod) -> None:
    given, tree = company(under(method), *LOTS, no_note=True), path([PRICE] * 2)
    made = planned(given, tree)
    other = {"fifo": ("held 0", "held 2"), "hifo": ("held 1", "held 0")}[method]
    bent = (LotSale(0, other[0], 2.0), LotSale(0, other[1], 2.0))
    found = audit(given, tree, replace(made.decisions, lot_sales=bent), made.position).violations
    (breach,) = [finding for finding in found if finding.rule == f"lots in their order ({method})"]
    # Three coins of the third lot were to wait too.
    assert breach.by == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("method", "dates", "good"),
    [
        ("fifo", ["2024-01-01", None, "2023-12-31"], False),
        ("fifo", ["2023-12-31", None, "2024-01-01"], True),
        ("hifo", ["2024-01-01", None, "2023-12-31"], True),
    ],
)
def test_lots_that_go_by_age_are_listed_by_it(tmp_path: Path, method: str, dates: list[str | None], good: bool) -> None:
    raw = minimal_scenario_dict()
    raw["taxes"] = {"rate": RATE, "lot_method": method}
    lot = {"btc": 40.0, "cost_basis_usd": 30_000.0}
    raw["treasury"]["btc_lots"] = [{**lot, "acquired": day} if day else lot for day in dates]
    file = write_scenario(tmp_path, raw)
    said = r"btc_lots\[2\].acquired: acquired 2023-12-31, listed after a lot of 2024-01-01"
    with nullcontext() if good else pytest.raises(ScenarioError, match=said):
        load_scenario(file)


def test_a_plan_of_its_own_choice_is_under_no_rule() -> None:
    made = planned(company(under("plan"), *LOTS, no_note=True), path([PRICE] * 2))
    names = {row[0] for row in made.model.rows}
    assert not names & {"lot_waits", "lot_is_empty", "lots_empty_in_turn"}
    assert not made.model.integral.any()
