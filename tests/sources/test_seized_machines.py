"""Off the tree: lenders on machines that are not paid take them, and nothing appears or is lost by it. By hand.

Twenty machines of $4,000, on which a lender has advanced $64,000 at 12%, in three payments; the company has no more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from optimizer.decisions import Decisions, Order, Retirement, Use
from optimizer.ledger.company import Company, machines_usd, open_books, set_up
from optimizer.ledger.fleet import pairs_in_use
from optimizer.ledger.intents import NearestNode
from optimizer.ledger.lender_days import play_month
from optimizer.ledger.lending import level_payment, level_remaining_share
from optimizer.ledger.month_end import close_month
from optimizer.ledger.outcome import Outcome
from optimizer.ledger.record import Record
from optimizer.ledger.replay import replay
from optimizer.ledger.sources import kinds_of
from optimizer.market.paths import Paths
from optimizer.market.tree import Tree
from optimizer.market.tree_paths import tree_paths
from optimizer.scenario.schema import Scenario
from tests.formulation.planned import liability, no_cash, path
from tests.formulation.regenerate_golden import ten_nodes
from tests.formulation.source_companies import machine_loan, walker, with_sources
from tests.ledger.company import PRICE, candidate, decisions, facility
from tests.ledger.test_replay_conservation import CASH_IN, CASH_OUT
from tests.sources.test_walk_away import DRAWN_USD, UNITS, company

CLAIM_USD = DRAWN_USD * 1.01
PAYMENT_USD = float(level_payment(DRAWN_USD, 0.01, 3))
# A used machine fetches 80% of what a new one costs.
NEW_FETCH_USD = UNITS * 4_000 * 0.8


def borrower(recourse: str = "limited", btc: float = 0.0, cash_usd: float = 0.0, **changes: Any) -> Scenario:
    lots = [{"btc": btc, "cost_basis_usd": 0.0}] if btc else []
    purse = no_cash(btc_lots=lots, cash_usd=16_000.0 + cash_usd, max_cash_months=60.0)
    return company(recourse, apr=0.12, **{"treasury": purse, **changes})


def bought(**changes: Any) -> Decisions:
    asked = {
        "orders": (Order(0, "new", "Plains", UNITS),),
        "uses": (Use(0, "Equipment", "draw_usd", DRAWN_USD),),
    }
    return decisions(months(), **{**asked, **changes})


def months(earned_usd: tuple[float, ...] = (8_000.0,) * 3, factor: tuple[float, ...] = (1.0,) * 3) -> Tree:
    """Price stands still; what a PH/s earns in a month and what machines cost at its end are said."""
    earned = np.array([0.0, *earned_usd])
    changes = {
        "btc_per_ph": earned / PRICE,
        "revenue_usd_per_ph": earned,
        "asic_price_factor": np.array([1.0, *factor]),
    }
    return path([PRICE] * 4, **changes)


def met(given: Scenario, on: Tree, made: Decisions | None = None) -> Outcome:
    """What becomes of a plan for good months where others come."""
    return replay(given, months(), made or bought(), tree_paths(given, on)[0])


# ---- a payment that cannot be made ------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [0.5, 1.2])
def test_without_recourse_the_machines_go_the_debt_with_them_and_the_company_lives_on(factor: float) -> None:
    """Nothing is mined in month 1. What the machines fetch beyond the debt is the company's, what they fetch short of
    it the lender's loss; good months come too late."""
    out = met(borrower(), months((0.0, 8_000.0, 8_000.0), (factor,) * 3))
    fetch = NEW_FETCH_USD * factor
    assert out.seized_units[0] == pytest.approx([0, UNITS, 0, 0])
    assert out.cash_usd[0, 1:] == pytest.approx([max(0.0, fetch - CLAIM_USD)] * 3)
    assert out.flows["machine_debt_forgiven_usd"][0] == pytest.approx(max(0.0, CLAIM_USD - fetch))
    assert out.sources_usd[0, 1:] == pytest.approx([0.0] * 3)
    assert out.machines_usd[0, 1:] == pytest.approx([0.0] * 3)
    assert out.btc[0] == pytest.approx([0.0] * 4)
    assert out.unpaid_usd[0] == pytest.approx([0.0] * 4)
    assert not out.insolvent.any()


def test_with_full_recourse_what_the_machines_do_not_cover_stays_owed() -> None:
    out = met(borrower("full"), months((0.0, 8_000.0, 8_000.0), (0.5,) * 3))
    short = CLAIM_USD - NEW_FETCH_USD * 0.5
    assert out.seized_units[0] == pytest.approx([0, UNITS, 0, 0])
    assert out.unpaid_usd[0, 1:] == pytest.approx([short] * 3)
    assert out.net_btc[0, 1:] * PRICE == pytest.approx([-short] * 3)
    assert out.sources_usd[0, 1] == pytest.approx(0.0)
    assert out.flows["shortfall_usd"][0] == pytest.approx(short)
    assert out.flows["machine_debt_forgiven_usd"][0] == 0
    assert out.insolvent[0].tolist() == [False, True, True, True]


def test_with_full_recourse_what_is_over_pays_for_the_rest() -> None:
    out = met(borrower("full"), months((0.0, 0.0, 0.0), (1.2,) * 3))
    assert out.cash_usd[0, 1] == pytest.approx(NEW_FETCH_USD * 1.2 - CLAIM_USD)
    assert out.unpaid_usd[0, 1] == 0
    assert out.insolvent[0, 1]


def test_nothing_is_taken_while_coins_can_pay() -> None:
    """Full recourse or limited: a payment that can be made is made, where the plan does not say otherwise."""
    for recourse in ("full", "limited"):
        out = met(borrower(recourse, btc=1.0), months((0.0, 8_000.0, 8_000.0), (0.5,) * 3))
        assert out.seized_units.sum() == 0
        assert out.btc[0, 1] == pytest.approx(1 - PAYMENT_USD / PRICE)


def test_what_is_left_pays_other_bills_first() -> None:
    """A bill of $10,000 could be paid, but not the loan's payment too: with limited recourse that is left, and there is
    no default."""
    bill = [liability(1, 10_000.0)]
    out = met(borrower(cash_usd=10_000.0, liabilities=bill), months((0.0,) * 3, (0.5,) * 3))
    assert out.cash_usd[0, 1] == pytest.approx(0.0)
    assert not out.insolvent.any()
    assert out.seized_units[0, 1] == pytest.approx(UNITS)
    bound = met(borrower("full", cash_usd=10_000.0, liabilities=bill), months((0.0,) * 3, (0.5,) * 3))
    assert bound.insolvent[0, 1]
    # The bill does not go with the machines: it is paid of what would have gone to the lender.
    assert bound.unpaid_usd[0, 1] == pytest.approx(CLAIM_USD - NEW_FETCH_USD * 0.5)


def test_the_last_payment_is_secured_too() -> None:
    """Two months pay for themselves; in the third nothing is mined and no cash is left to pay with."""
    given = borrower(liabilities=[liability(2, 8_000 * 0.2 * UNITS * 2 - 144 * UNITS * 2 - 2 * PAYMENT_USD)])
    out = met(given, months((8_000.0, 8_000.0, 0.0), (0.5,) * 3))
    assert out.cash_usd[0, 2] == pytest.approx(0.0, abs=1e-6)
    assert out.btc[0, 2] == pytest.approx(0.0, abs=1e-9)
    assert out.seized_units[0] == pytest.approx([0, 0, 0, UNITS])
    assert out.cash_usd[0, 3] == pytest.approx(NEW_FETCH_USD * 0.5 - PAYMENT_USD)


def test_machines_under_way_are_taken_too_and_the_vendor_is_paid_all_the_same() -> None:
    machines = {"candidates": [candidate(lead_months=2, max_units=UNITS, freight_usd_per_unit=50.0)]}
    out = met(borrower(machines=machines), months(factor=(0.5,) * 3))
    assert out.seized_units[0] == pytest.approx([0, UNITS, 0, 0])
    assert out.machines_usd[0, 1:] == pytest.approx([-50 * UNITS, 0, 0])
    assert out.unpaid_usd[0, 2] == pytest.approx(50 * UNITS)
    assert out.btc[0] == pytest.approx([0.0] * 4)


def test_two_lenders_and_the_machines_of_each() -> None:
    """Beside ten machines that are the company's own, one lender each for five and five: the one without recourse to
    anything else is not paid, so that the other is."""
    terms = {"apr": 0.12, "term_months": 3, "advance_share": 0.8, "covenant_ltv": None, "origination_fee_share": 0.0}
    second = machine_loan(name="Second", recourse="full", early_repayment=False, **terms)
    # All but $6,000 of what is not in machines goes for a bill; each payment is $5,440.
    given = borrower(cash_usd=64_000.0, liabilities=[liability(0, 26_000.0)])
    given = given.model_copy(update={"sources": (*given.sources, *with_sources(second).sources)})
    uses = (Use(0, "Equipment", "draw_usd", 16_000.0), Use(0, "Second", "draw_usd", 16_000.0))
    payment = float(level_payment(16_000.0, 0.01, 3))
    out = met(given, months((0.0, 8_000.0, 8_000.0), (0.5,) * 3), bought(uses=uses))
    assert out.seized_units[0] == pytest.approx([0, 5, 0, 0])
    assert out.cash_usd[0, 1] == pytest.approx(6_000.0 - payment)
    assert out.sources_usd[0, 1] == pytest.approx(-16_000.0 * float(level_remaining_share(1, 0.01, 3)))
    assert not out.insolvent.any()


# ---- walking away off the tree ----------------------------------------------------------------------------


def test_off_the_tree_a_walk_is_cut_to_what_was_drawn() -> None:
    """Half of the order can be paid for: half is drawn, and all of that is walked away from, with its machines."""
    walk = Use(1, "Equipment", "walk_away_month_0_usd", DRAWN_USD)
    made = bought(uses=(*bought().uses, walk), retirements=(Retirement(1, "new", "Plains", UNITS, 1, "Equipment"),))
    out = met(borrower(btc=0.5, liabilities=[liability(0, 58_000.0)]), months(), made)
    # 8,000 of its own and 32,000 of the lender's buy ten.
    assert out.seized_units[0] == pytest.approx([0, 10, 0, 0])
    assert out.machines_usd[0, 0] == pytest.approx(10 * 4_000 * 0.8)
    assert out.machines_usd[0, 1] == pytest.approx(0.0)
    assert out.sources_usd[0] == pytest.approx([-32_000.0, 0, 0, 0])
    assert out.flows["machine_debt_forgiven_usd"][0] == pytest.approx(32_000.0)
    assert not out.insolvent.any()


def test_off_the_tree_nothing_is_walked_away_from_before_delivery() -> None:
    """The plan's machines come a month late: the plan's month 1 is too early to give them back."""
    walk = Use(1, "Equipment", "walk_away_month_0_usd", DRAWN_USD)
    made = bought(uses=(*bought().uses, walk), retirements=(Retirement(1, "new", "Plains", UNITS, 1, "Equipment"),))
    lead = {"candidates": [candidate(lead_months=1, max_units=UNITS)]}
    given = borrower(btc=2.0, machines=lead)
    paths, _ = tree_paths(given, months())
    on_time, late = (replay(given, months(), made, replace(paths, delivery_delay_months=np.array([d]))) for d in (0, 1))
    assert on_time.seized_units[0, 1] == pytest.approx(UNITS)
    assert late.seized_units.sum() == 0
    assert late.sources_usd[0, 1] < -1_000.0


# ---- on any path ------------------------------------------------------------------------------------------


def rough(given: Scenario, paths: int, seed: int) -> Paths:
    """Markets unknown to the plan: prices, mining and machine prices move by a third a month, deliveries are late."""
    rng = np.random.default_rng(seed)
    flat, _ = tree_paths(given, path([PRICE] * 4))
    flat = flat.take(np.zeros(paths, dtype=np.int64))
    closes = PRICE * np.exp(np.cumsum(rng.normal(-0.1, 0.3, size=flat.close_usd.shape), axis=1))
    closes[:, 0] = PRICE
    earned = 8_000 * np.exp(rng.normal(-0.5, 1.0, size=flat.revenue_usd_per_ph.shape)) * (np.arange(4) > 0)
    factor = np.exp(np.cumsum(rng.normal(-0.2, 0.4, size=flat.asic_price_factor.shape), axis=1))
    factor[:, 0] = 1.0
    return replace(
        flat,
        close_usd=closes,
        low_usd=0.9 * closes,
        btc_per_ph=earned / closes[:, flat.month_end],
        revenue_usd_per_ph=earned,
        asic_price_factor=factor,
        delivery_delay_months=rng.integers(0, 2, paths),
    )


def played(given: Scenario, tree: Tree, made: Decisions, paths: Paths) -> tuple[Outcome, Company, Any]:
    """A replay with what the company is left with."""
    s = set_up(given, paths, pairs_in_use(given, made))
    policy, c, r = NearestNode(s, tree, made), open_books(s), Record(s)
    sources = tuple(kind.on_paths(s) for kind in kinds_of(given))
    for month in range(paths.months + 1):
        if month:
            play_month(s, c, month, r)
        close_month(s, c, month, policy.intents(s, c, month), r, sources)
        r.balances(c, month, sources)
    assert r.outcome().machines_usd[:, -1] == pytest.approx(machines_usd(s, c, paths.months))
    return r.outcome(), c, s


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_machines_dollars_and_worth_add_up_whatever_comes(seed: int) -> None:
    """A loan of each recourse, a facility on BTC, sixty rough markets; the plan walks away on its bad branch."""
    base = walker()
    full = base.sources[0].model_copy(update={"name": "Bank", "recourse": "full", "apr": 0.15})
    lots = tuple(lot.model_copy(update={"btc": 2.5}) for lot in base.treasury.btc_lots)
    purse = {"btc_lots": lots, "cash_usd": 60_000.0, "overhead_usd_per_month": 15_000.0}
    quotes = tuple(quote.model_copy(update={"lead_months": 1}) for quote in base.machines.candidates)
    given = base.model_copy(
        update={
            "machines": base.machines.model_copy(update={"candidates": quotes}),
            "sources": (*base.sources, full),
            "facilities": borrower(facilities=[facility(draw_until_month=0)]).facilities,
            "treasury": base.treasury.model_copy(update=purse),
        }
    )
    orders = (Order(0, "new", "Plains", 60), Order(1, "new", "Plains", 20), Order(2, "new", "Plains", 20))
    uses = (
        Use(0, "Equipment", "draw_usd", 80_000.0),
        Use(0, "Bank", "draw_usd", 40_000.0),
        Use(1, "Equipment", "walk_away_month_0_usd", 40_000.0),
        Use(2, "Bank", "draw_usd", 50_000.0),
        Use(4, "Equipment", "walk_away_month_0_usd", 20_000.0),
    )
    gone = tuple(Retirement(n, "new", "Plains", units, int(m), "Equipment") for n, units, m in ((1, 20, 1), (4, 12, 2)))
    made = decisions(ten_nodes(), orders=orders, uses=uses, retirements=gone, sell_btc={0: 0.4})
    out, c, _ = played(given, ten_nodes(), made, rough(given, 60, seed))
    there = c.racked_units.sum(axis=1) + c.arriving_units[:, 4:].sum(axis=(1, 2))
    assert there + out.seized_units.sum(axis=1) == pytest.approx(c.ordered_units.sum(axis=1))
    assert c.racked_units.min() >= -1e-9
    assert c.arriving_units.min() >= -1e-9

    flows = {name: out.flows.get(name, np.zeros(60)) for name in (*CASH_IN, *CASH_OUT, "sources_usd")}
    came = given.treasury.cash_usd + sum(flows[name] for name in (*CASH_IN, "sources_usd"))
    assert out.cash_usd[:, -1] + sum(flows[name] for name in CASH_OUT) == pytest.approx(came, rel=1e-9)
    dollars = out.cash_usd + out.machines_usd + out.sources_usd - out.owed_usd - out.unpaid_usd + out.receivable_usd
    assert out.btc * out.price_usd + dollars == pytest.approx(out.net_btc * out.price_usd, abs=1e-3)
    assert (out.sources_usd <= 1e-6).all()
    # Of everything some: machines handed over or seized on some paths, not on all; defaults; forgiven debt.
    taken = out.seized_units.sum(axis=1) > 0
    assert taken.any()
    assert not taken.all()
    assert out.defaults.sum() > 0
    assert (out.flows["machine_debt_forgiven_usd"] > 0).any()
    # Some lose machines and go on.
    assert (taken & ~out.insolvent[:, -1]).any()
