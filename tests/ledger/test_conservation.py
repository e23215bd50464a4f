"""Nothing appears and nothing is lost: whatever is decided, what comes in and what goes out balance.

Decisions are arbitrary, rules or no rules. Two independent accounts are kept here along each branch: one of
where every coin is, and one of why the company's worth in dollars changed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.decisions import OPENING, Decisions, Draw, Liquidation, Order, Pledge, Repayment, Retirement
from optimizer.ledger.books import Books, keep_books
from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario

from .company import candidate, decisions, facility, loan, scenario, site, treasury, tree

Game = tuple[Scenario, Tree, Decisions]
amounts = st.floats(0.0, 50.0)
usd = st.floats(0.0, 3e6)


@st.composite
def games(draw: st.DrawFn) -> Game:
    """A company with an old loan, two offers and two kinds of machines on a random tree decides at will."""
    parents = [-1]
    for node in range(1, draw(st.integers(2, 9))):
        parents.append(draw(st.integers(0, node - 1)))
    n = len(parents)
    each = lambda low, high: [draw(st.floats(low, high)) for _ in range(n)]  # noqa: E731
    price = each(2e4, 3e5)
    stressed = [node for node in range(1, n) if draw(st.booleans())]
    on = tree(
        parents,
        stressed=stressed,
        sites=2,
        price_usd=price,
        low_usd=[p * 0.8 for p in price],
        power_usd_per_mwh=[[p, 2 * p] for p in each(5.0, 90.0)],
        asic_price_factor=each(0.2, 2.0),
        revenue_usd_per_ph=[0.0, *each(100.0, 2_000.0)[1:]],
        delivery_delay_months=[0, *[draw(st.integers(0, 2))] * (n - 1)],
        frozen=tuple(frozenset(draw(st.sets(st.sampled_from(["Bank", "Fund"])))) for _ in range(n)),
    )
    interest = st.sampled_from(["monthly", "at_maturity"])
    repayment = st.sampled_from(["bullet", "amortising"])
    counts = st.sampled_from(["accrued", "full_term"])
    contract = lambda: {  # noqa: E731
        "interest": draw(interest),
        "repayment": draw(repayment),
        "ltv_counts": draw(counts),
        "early_repayment_fee_share": draw(st.sampled_from([0.0, 0.03])),
        "term_months": draw(st.integers(1, 6)),
    }
    company = scenario(
        treasury=treasury(overhead_usd_per_month=20_000.0, buy_btc=True, buy_fee_share=0.02),
        sites=[
            site(pue=1.1, duty_share=0.2, fixed_usd_per_month=1_000.0),
            site(name="Hills", uptime_share=0.9),
        ],
        machines={
            "owned": [{"model": "old", "site": "Hills", "units": 50}],
            "on_order": [
                {
                    "model": "old",
                    "site": site_name,
                    "units": draw(st.integers(1, 40)),
                    "arrives_month": draw(st.integers(1, 4)),
                    "due_usd_per_unit": draw(st.sampled_from([0.0, 700.0])),
                }
                for site_name in draw(st.lists(st.sampled_from(["Plains", "Hills"]), max_size=3))
            ],
            "candidates": [
                candidate(lead_months=draw(st.integers(0, 3)), deposit_share=0.3, freight_usd_per_unit=40.0)
            ],
        },
        loans=[loan(**contract(), accrued_usd=draw(st.sampled_from([0.0, 30_000.0])))],
        facilities=[facility(**contract()), facility(name="Note", lender="Fund", **contract())],
        liabilities=[{"name": "tax", "month": 1, "amount_usd": 5_000.0}],
    )
    node = st.integers(0, n - 1)
    lines = st.sampled_from(["Line", "Note"])
    anyone = st.sampled_from(["Old loan", "Line", "Note"])
    places = st.sampled_from([("new", "Plains"), ("new", "Hills"), ("old", "Hills")])
    some = lambda decision: tuple(draw(st.lists(decision, max_size=4)))  # noqa: E731
    draws = some(st.builds(Draw, node, lines, st.integers(0, 1), usd))
    known = [(d.facility, d.tier, d.node) for d in draws] + [("Old loan", 0, OPENING)]
    of_known = st.sampled_from(known)
    return (
        company,
        on,
        decisions(
            on,
            sell_btc=dict(enumerate(each(0.0, 5.0))),
            buy_btc=dict(enumerate(each(0.0, 5.0))),
            orders=some(st.builds(Order, node, st.just("new"), st.sampled_from(["Plains", "Hills"]), amounts)),
            retirements=some(
                st.builds(
                    lambda n, at, units, later: Retirement(n, *at, units, int(on.month[n]) + later),
                    node,
                    places,
                    amounts,
                    st.integers(0, 3),
                )
            ),
            draws=draws,
            repayments=some(st.builds(lambda n, who, x: Repayment(n, *who, x), node, of_known, usd)),
            pledges=some(st.builds(Pledge, node, anyone, amounts, amounts)),
            liquidations=some(
                st.builds(
                    lambda n, who, btc, x: Liquidation(n, who[0], btc, ((who[1], who[2], x),)),
                    st.integers(1, n - 1),
                    of_known,
                    amounts,
                    usd,
                )
            ),
        ),
    )


def close_to(expected: float, scale: float) -> Any:
    return pytest.approx(expected, rel=0, abs=1e-9 * scale)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(games())
def test_every_coin_is_somewhere(game: Game) -> None:
    company, on, decided = game
    books = keep_books(company, on, decided)
    for node, path in enumerate(on.paths):
        came = company.treasury.btc + books.mined_btc[path].sum() + decided.buy_btc[path].sum()
        went = decided.sell_btc[path].sum()
        went += sum(q.seized_btc for q in decided.liquidations if q.node in path)
        here = books.free_btc[node] + books.pledged_btc[node].sum()
        assert here == close_to(came - went, 1_000.0)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(games())
def test_every_dollar_is_somewhere(game: Game) -> None:
    company, on, decided = game
    books = keep_books(company, on, decided)
    scale = 1e6 + np.abs(books.cash_usd).max() + np.abs(books.owed_usd).max()
    for node, path in enumerate(on.paths):
        cash = company.treasury.cash_usd + sum(_cash_moved(company, on, decided, books, n) for n in path)
        assert books.cash_usd[node] == close_to(cash, scale)
        principal = sum(loan.balance_usd for loan in company.loans)
        principal += sum(d.amount_usd for d in decided.draws if d.node in path)
        principal -= sum(r.principal_usd for r in decided.repayments if r.node in path)
        principal -= sum(x for q in decided.liquidations if q.node in path for *_, x in q.principal_usd)
        assert books.debt.principal_usd[node].sum() == close_to(principal, scale)
        assert sum(_units(company, decided, path, on)) == close_to(books.fleet.owned_units[node].sum(), 1e3)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(games())
def test_worth_changes_for_reasons_only(game: Game) -> None:
    # Moving money between cash, coins, machines and loans changes nothing; prices, income and fees do.
    company, on, decided = game
    books = keep_books(company, on, decided)
    debt, fleet, price = books.debt, books.fleet, on.price_usd
    worth = books.net_btc * price
    scale = 1e6 + np.abs(worth).max() + 1e3 * price.max()
    for node in range(1, len(on)):
        p = int(on.parent[node])
        earned = books.mined_btc[node] * price[node] - books.power_usd[node]
        spent = books.overhead_usd[node] + books.liabilities_usd[node] + books.sale_fee_usd[node]
        spent += (debt.early_fee_usd + debt.origination_fee_usd)[node].sum()
        # The interest of the month; what a lender's sale met had accrued until the month before.
        spent += (debt.accrued_paid_usd + debt.interest_usd + debt.liquidated_interest_usd)[node].sum()
        accrued = debt.owed_usd - debt.principal_usd
        spent += (accrued[node] - accrued[p]).sum()
        spent += debt.liquidation_fee_usd[node].sum()
        seized = books.seized_btc[node] * (price[node] - on.low_usd[node])
        coins = books.btc[p] * (price[node] - price[p])
        bought_machines = _liability_of_orders(company, on, decided, node)
        machines = fleet.worth_usd[node] - fleet.worth_usd[p] + fleet.resale_usd[node] - bought_machines
        assert worth[node] - worth[p] == close_to(earned - spent - seized + coins + machines, scale)


def _liability_of_orders(company: Scenario, on: Tree, decided: Decisions, node: int) -> float:
    """All that the orders of a node will ever cost, whenever it is paid."""
    quote = company.machines.candidates[0]
    assert quote.price_usd is not None
    total = 0.0
    for order in decided.orders:
        if order.node == node:
            place = next(s for s in company.sites if s.name == order.site)
            price = quote.price_usd * on.asic_price_factor[node] * (1 + place.duty_share)
            total += order.units * (price + quote.freight_usd_per_unit + place.installation_usd_per_unit)
    return total


def _cash_moved(company: Scenario, on: Tree, decided: Decisions, books: Books, node: int) -> float:
    """Cash of a node from the decisions themselves, with the flows that dispatch and contracts set."""
    purse, debt = company.treasury, books.debt
    cash = decided.sell_btc[node] * on.price_usd[node] * (1 - purse.sell_fee_share)
    cash -= decided.buy_btc[node] * on.price_usd[node] * (1 + purse.buy_fee_share)
    cash += sum(0.99 * d.amount_usd for d in decided.draws if d.node == node)
    cash -= sum(r.principal_usd for r in decided.repayments if r.node == node)
    cash -= (debt.interest_usd + debt.accrued_paid_usd + debt.early_fee_usd)[node].sum()
    for q in decided.liquidations:
        if q.node == node:
            cash += 0.98 * q.seized_btc * on.low_usd[node] - sum(x for *_, x in q.principal_usd)
    cash -= debt.liquidated_interest_usd[node].sum()
    cash -= books.power_usd[node] + books.fleet.capex_usd[node] - books.fleet.resale_usd[node]
    if on.month[node] > 0:
        cash -= 21_000.0
    return float(cash - 5_000.0 * (on.month[node] == 1))


def _units(company: Scenario, decided: Decisions, path: list[int], on: Tree) -> list[float]:
    """Machines bought less machines sold on a branch up to its last node."""
    now = int(on.month[path[-1]])
    return [
        *(float(held.units) for held in company.machines.held),
        *(order.units for order in decided.orders if order.node in path),
        *(-r.units for r in decided.retirements if r.node in path and r.month <= now),
    ]
