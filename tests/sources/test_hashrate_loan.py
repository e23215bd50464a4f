"""Loans repaid by hashrate, by hand: where they tie with selling, what a pool keeps, what the low and machines bind.

Months have 30 days and 1 PH/s mines 0.01 BTC in one, worth $1,000 at $100,000.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from optimizer.decisions import Decisions, Use
from optimizer.ledger.replay import replay
from optimizer.market.tree_paths import tree_paths
from optimizer.scenario.schema import Scenario
from tests.formulation.planned import liability, no_cash, path, planned
from tests.formulation.regenerate_golden import ten_nodes
from tests.formulation.source_companies import COMPANIES, hashrate_forward, hashrate_loan, hundred_ph, with_sources
from tests.ledger.cases import broken_rules
from tests.ledger.company import PRICE, decisions
from tests.ledger.test_replay_tree import assert_the_same

BILL = 1_000_000.0


def company(btc: float = 40.0, *beside: dict[str, Any], **asked: Any) -> Scenario:
    """So many BTC, 100 PH/s that stand in racks, a bill of $1m today, a loan of 40% without a fee. Terms of the loan by
    name, the rest in ``changes``."""
    changes = {"horizon_months": 3, "decision_months": [0], "liabilities": [liability(0, BILL)]}
    changes |= asked.pop("changes", {})
    held = no_cash(btc_lots=[{"btc": btc, "cost_basis_usd": 0.0}])
    terms = {"origination_fee_share": 0.0, "term_months": 12, "early_repayment": False, **asked}
    return with_sources(hashrate_loan(**terms), *beside, treasury=held, machines=scrap(), **changes)


def scrap() -> dict[str, Any]:
    return {"owned": [{**owned, "resale_usd": 0.0} for owned in hundred_ph()["owned"]]}


def drawn(made_of: Decisions) -> float:
    return sum(use.amount for use in made_of.uses if use.what == "draw_usd")


@pytest.mark.parametrize("pointed", [20.0, 100.0])
@pytest.mark.parametrize("share", [0.3, 1.0])
@pytest.mark.parametrize(("growth", "draws"), [(1.0095, False), (1.0105, True)])
def test_it_ties_with_selling_where_price_grows_as_fast_as_it_costs(
    growth: float, draws: bool, share: float, pointed: float
) -> None:
    """What the pool keeps it sells at the day's price: when it is repaid does not move the tie, its rate does."""
    given = company(pointed_ph_per_usd_m=pointed, repaid_share=share)
    made = planned(given, path([PRICE * growth**t for t in range(4)]))
    assert drawn(made.decisions) == pytest.approx(BILL if draws else 0.0, abs=1.0)


def test_a_pool_keeps_its_share_until_it_is_repaid() -> None:
    """$1m at 1% a month; 50 PH/s are pointed, half of their 0.5 BTC is the pool's: $25,000, then $50,000 at twice the
    price. In month 3, at forty times it, $1m would be kept and $954,601 are owed."""
    made = planned(company(), path([PRICE, PRICE, 2 * PRICE, 40 * PRICE]))
    first = BILL * 1.01 - 25_000
    second = first * 1.01 - 50_000
    assert drawn(made.decisions) == pytest.approx(BILL)
    books = made.books.sources
    assert books.owed_usd == pytest.approx([BILL, first, second, 0.0], abs=1e-3)
    assert books.btc == pytest.approx([0.0, -0.25, -0.25, -second * 1.01 / (40 * PRICE)])
    assert books.tied_btc == pytest.approx([25.0, first / 0.4 / PRICE, second / 0.8 / PRICE, 0.0])
    assert books.cash_usd == pytest.approx([BILL, 0.0, 0.0, 0.0], abs=1e-3)


def test_interest_that_is_not_paid_runs_up_and_the_rest_is_due_at_the_end() -> None:
    market = path([PRICE, PRICE * 1.2, PRICE * 1.5], btc_per_ph=[0.0, 0.0001, 0.0001])
    made = planned(company(term_months=2, changes={"horizon_months": 2}), market)
    first = BILL * 1.01 - 25 * 0.0001 * PRICE * 1.2
    due = first * 1.01 - 25 * 0.0001 * PRICE * 1.5
    assert made.books.sources.owed_usd == pytest.approx([BILL, first, 0.0], abs=1e-3)
    assert made.books.sources.cash_usd[2] == pytest.approx(-due)


@pytest.mark.parametrize(("racks", "share", "draws"), [(1.0, 0.25, 500_000.0), (1.0, 1.0, BILL), (0.3, 1.0, 600_000.0)])
def test_machines_stand_behind_what_is_pointed(racks: float, share: float, draws: float) -> None:
    """50 PH/s a million: a quarter of 100 PH/s carries half a million, 30 PH/s carry $600,000."""
    fleet = {"owned": [{**scrap()["owned"][0], "units": round(1000 * racks)}]}
    given = company(max_share_of_fleet=share, changes={})
    given = with_sources(
        *(source.model_dump(mode="json") for source in given.sources),
        horizon_months=3,
        decision_months=[0],
        liabilities=[liability(0, BILL)],
        treasury=no_cash(btc_lots=[{"btc": 40.0, "cost_basis_usd": 0.0}]),
        machines=fleet,
    )
    made = planned(given, path([PRICE * 1.1**t for t in range(4)]))
    assert drawn(made.decisions) == pytest.approx(draws, rel=1e-6)


def test_no_machine_mines_for_two() -> None:
    """A forward at twice the spot hashprice takes all 100 PH/s: none can be pointed."""
    forward = hashrate_forward(
        hashprice_usd_per_ph_day=200 / 3, discount_share=0.0, term_months=3, limit_ph=100.0, max_share_of_fleet=1.0
    )
    forward["margin_share"] = 0.0
    given = company(40.0, forward, changes={"liabilities": [liability(0, 2 * BILL)]})
    made = planned(given, path([PRICE * 1.02**t for t in range(4)]))
    sold = sum(use.amount for use in made.decisions.uses if use.what == "sell_ph")
    assert sold + drawn(made.decisions) / BILL * 50 == pytest.approx(100.0, rel=1e-6)


def test_early_repayment_frees_hashrate_and_pledge() -> None:
    """A flat price after a rise: from month 1 on the loan only costs, and selling repays it."""
    market = path([PRICE, PRICE * 1.5, PRICE * 1.5, PRICE * 1.5])
    kept, repaid = planned(company(), market), planned(company(early_repayment=True), market)
    (draw, use) = repaid.decisions.uses
    assert (draw.what, use.node, use.what) == ("draw_usd", 1, "repay_month_0_usd")
    assert use.amount == pytest.approx(BILL * 1.01 - 25 * 0.01 * PRICE * 1.5)
    assert repaid.books.sources.owed_usd[1:] == pytest.approx(0.0, abs=1e-3)
    assert repaid.books.sources.btc[2:] == pytest.approx(0.0, abs=1e-9)
    # Two months' interest on what was owed is saved, in BTC at the end.
    left, interest = use.amount, 0.0
    for _ in range(2):
        interest += left * 0.01
        left = left * 1.01 - 25 * 0.01 * PRICE * 1.5
    assert repaid.worth - kept.worth == pytest.approx(interest / (PRICE * 1.5), rel=1e-6)


def test_the_months_low_binds_what_can_be_drawn() -> None:
    """All BTC at a low of half the price: 65% of what they are worth may be owed; the rest of the bill is sold for."""
    bill = {"liabilities": [liability(0, 3e6)]}
    given = company(limit_usd=3e6, pointed_ph_per_usd_m=10.0, changes=bill)
    made = planned(given, path([PRICE * 1.1**t for t in range(4)], lows=[PRICE, PRICE * 0.5, PRICE * 1.2, PRICE * 1.3]))
    owed, sold = drawn(made.decisions), made.decisions.sell_btc[0]
    assert owed + sold * PRICE == pytest.approx(3e6)
    by_low, by_ltv = (40 - sold) * PRICE * 0.5 * 0.65, (40 - sold) * PRICE * 0.4
    assert owed == pytest.approx(min(by_low, by_ltv), rel=1e-6)
    assert by_low < by_ltv


def frozen_plan() -> tuple[Scenario, Any]:
    frozen = (frozenset(), frozenset({"Bank"}), frozenset(), frozenset())
    return company(early_repayment=True), path([PRICE, PRICE * 2, PRICE * 2, PRICE * 2], frozen=frozen)


def test_a_frozen_lender_keeps_the_pledge() -> None:
    made = planned(*frozen_plan())
    assert made.books.sources.owed_usd[1] == pytest.approx(0.0, abs=1e-3)
    assert made.books.sources.tied_btc == pytest.approx([25.0, 25.0, 0.0, 0.0], abs=1e-6)


def use(node: int, what: str, amount: float) -> Use:
    return Use(node, "Pool", what, amount)


def test_the_audit_sees_what_breaks_the_rules() -> None:
    scenario, tree = frozen_plan()
    draw = use(0, "draw_usd", BILL)
    kept = use(1, "leave_btc", 25.0 - (BILL * 1.01 - 50_000) / 0.4 / PRICE / 2)
    assert not broken_rules(scenario, tree, decisions(tree, uses=(draw, kept)))
    assert "a frozen lender keeps the pledge" in broken_rules(scenario, tree, decisions(tree, uses=(draw,)))
    assert "owed on a hashrate loan" in broken_rules(
        scenario, tree, decisions(tree, uses=(use(0, "draw_usd", 2.1e6), kept))
    )
    assert "hashrate loans drawn in their window" in broken_rules(
        scenario, tree, decisions(tree, uses=(use(2, "draw_usd", 1e5), draw))
    )
    too_much = (draw, kept, use(2, "repay_month_0_usd", 1.1e6))
    assert "no more repaid than is owed" in broken_rules(scenario, tree, decisions(tree, uses=too_much))
    assert "no negative amounts" in broken_rules(
        scenario, tree, decisions(tree, uses=(draw, kept, use(2, "repay_month_0_usd", -1e5)))
    )
    strict = company(changes={})
    early = (draw, use(2, "repay_month_0_usd", 1e5))
    assert "no early repayment of hashrate loans" in broken_rules(strict, tree, decisions(tree, uses=early))
    few = company(pointed_ph_per_usd_m=150.0, max_share_of_fleet=0.5)
    assert "machines behind hashrate pointed" in broken_rules(few, tree, decisions(tree, uses=(draw,)))
    assert "hashrate promised once" in broken_rules(few, tree, decisions(tree, uses=(draw,)))
    falls = path([PRICE] * 4, lows=[PRICE, PRICE * 0.5, PRICE, PRICE])
    assert "top-ups come from free BTC" in broken_rules(company(btc=25.0), falls, decisions(falls, uses=(draw,)))


@pytest.mark.parametrize("early", [True, False])
def test_it_replays_on_its_own_tree(early: bool) -> None:
    given, tree = COMPANIES["hashrate_loan"](), ten_nodes()
    sources = tuple(
        source.model_copy(update={"early_repayment": early}) if source.kind == "hashrate_loan" else source
        for source in given.sources
    )
    changed = given.model_copy(update={"sources": sources})
    assert_the_same(changed, tree, planned(changed, tree).decisions)


@pytest.mark.parametrize(("low", "sold_usd"), [(0.65, 0.0), (0.45, (1e6 - 0.5 * 25 * 45_000) / 0.48)])
def test_off_the_tree_the_lender_sells_down_to_its_target(low: float, sold_usd: float) -> None:
    """$1m on 25 BTC, nothing free, and machines that do not pay to run. At 45% the LTV is 89%: of $1.125m it sells s,
    where 1m - 0.98 s = 0.5 (1.125m - s). Interest, and what the pool keeps for the month, are on what is left."""
    scenario, tree = company(btc=25.0, changes={"horizon_months": 1}), path([PRICE, PRICE])
    made = decisions(tree, uses=(use(0, "draw_usd", BILL),))
    paths, _ = tree_paths(scenario, path([PRICE, PRICE], lows=[PRICE, PRICE * low]))
    out = replay(scenario, tree, made, paths)
    left = BILL - 0.98 * sold_usd
    kept_usd = 25_000 * left / BILL
    assert -out.sources_usd[0, 1] == pytest.approx(left * 1.01 - kept_usd)
    assert out.btc[0, 1] == pytest.approx(25.0 - sold_usd / (PRICE * low) - kept_usd / PRICE)


def test_off_the_tree_nothing_is_pledged_or_owed_that_is_not_there() -> None:
    """Forty rough markets, unknown to the plan: BTC and dollars add up, and no balance is below nothing."""
    scenario, tree = COMPANIES["hashrate_loan"](), ten_nodes()
    made = planned(scenario, tree).decisions
    rng = np.random.default_rng(1)
    steps = np.exp(rng.normal(-0.1, 0.3, size=(40, 3)))
    closes = PRICE * np.cumprod(np.hstack([np.ones((40, 1)), steps]), axis=1)
    paths, _ = tree_paths(scenario, path([PRICE] * 4))
    paths = replace(paths.take(np.zeros(40, dtype=np.int64)), close_usd=closes, low_usd=0.9 * closes)
    out = replay(scenario, tree, made, paths)
    assert out.free_btc.min() >= -1e-9
    assert (out.sources_usd <= 1e-6).all()
    assert (-out.sources_usd[:, 0] > 1e6).all()
