"""Credit lines by hand: where drawing ties with selling, what the low asks, what freezing keeps, a lender's sale."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from optimizer.decisions import Decisions, Use
from optimizer.errors import AuditError
from optimizer.ledger.replay import replay
from optimizer.market.tree_paths import tree_paths
from optimizer.scenario.schema import Scenario
from tests.formulation.planned import fork, liability, no_cash, path, planned
from tests.formulation.regenerate_golden import ten_nodes
from tests.formulation.source_companies import COMPANIES, credit_line, with_sources
from tests.ledger.cases import broken_rules
from tests.ledger.company import PRICE, decisions, loan

ONE_TIER = [{"max_ltv": 0.5, "apr": 0.12}]


def company(btc: float = 40.0, **asked: Any) -> Scenario:
    """So many BTC, a bill of $1m today, a line; nothing else. Terms of the line by name, the rest in ``changes``."""
    changes = {"horizon_months": 1, "decision_months": [0], "liabilities": [liability(0, 1_000_000.0)], "sites": []}
    changes |= asked.pop("changes", {})
    held = no_cash(btc_lots=[{"btc": btc, "cost_basis_usd": 0.0}])
    return with_sources(credit_line(**{"tiers": ONE_TIER, **asked}), treasury=held, machines={}, **changes)


def drawn(made_of: Decisions) -> float:
    return sum(use.amount for use in made_of.uses if use.node == 0 and use.what.startswith("draw"))


@pytest.mark.parametrize(("apr", "draws"), [(0.119, True), (0.121, False)])
def test_a_line_ties_with_selling_where_price_grows_as_fast_as_it_costs(apr: float, draws: bool) -> None:
    made = planned(company(tiers=[{"max_ltv": 0.5, "apr": apr}]), path([PRICE, PRICE * 1.01]))
    assert (drawn(made.decisions) > 0) is draws


@pytest.mark.parametrize(("growth", "sold_btc"), [(0.018, 2.5), (0.0187, 0.0)])
def test_a_dear_dollar_takes_collateral_from_cheap_ones(growth: float, sold_btc: float) -> None:
    # 0.5% a month up to 20%, 1.5% up to 50%. For a BTC that is not sold 4/3 of its price more is dear, 1/3 less cheap.
    tiers = [{"max_ltv": 0.2, "apr": 0.06}, {"max_ltv": 0.5, "apr": 0.18}]
    made = planned(company(tiers=tiers), path([PRICE, PRICE * (1 + growth)]))
    assert made.decisions.sell_btc[0] == pytest.approx(sold_btc, abs=1e-6)


@pytest.mark.parametrize("ltv", [0.2, 0.25, 0.35, 0.5])
def test_the_split_pays_the_cheapest_mix_of_two_tiers(ltv: float) -> None:
    tiers = [{"max_ltv": 0.2, "apr": 0.059}, {"max_ltv": 0.5, "apr": 0.139}]
    made = planned(company(btc=10 / ltv, tiers=tiers), path([PRICE, PRICE * 1.05]))
    cheap = (1 / ltv - 2) / 3
    interest = 1_000_000 * (cheap * 0.059 + (1 - cheap) * 0.139) / 12
    assert drawn(made.decisions) == pytest.approx(1_000_000)
    assert made.worth == pytest.approx(10 / ltv - (1_000_000 + interest) / (PRICE * 1.05), rel=1e-6)


def test_it_is_repaid_and_drawn_again() -> None:
    """A bill today and in month 2; between them a price at which selling to repay is worth the interest saved."""
    two = {"horizon_months": 3, "decision_months": [0, 2], "liabilities": [liability(0, 1e6), liability(2, 1e6)]}
    made = planned(company(changes=two), path([PRICE, PRICE * 1.2, PRICE * 1.0, PRICE * 1.2]))
    owed = made.books.sources.owed_usd
    assert owed[:3] == pytest.approx([1e6, 0.0, 1e6], abs=1.0)


@pytest.mark.parametrize(("fall", "draws_usd"), [(0.1, 1_000_000.0), (0.5, 40 * 50_000 * 0.65)])
def test_the_months_low_binds_what_can_be_drawn(fall: float, draws_usd: float) -> None:
    """40 BTC at the low, all of them: 65% of what they are worth may be owed; the rest is sold."""
    bill = {"liabilities": [liability(0, min(draws_usd * 1.2, 1_000_000.0) if fall == 0.1 else 3_000_000.0)]}
    made = planned(company(limit_usd=3e6, changes=bill), path([PRICE, PRICE * 1.1], lows=[PRICE, PRICE * (1 - fall)]))
    owed, sold = drawn(made.decisions), made.decisions.sell_btc[0]
    room = (40 - sold) * PRICE * (1 - fall) * 0.65
    assert owed == pytest.approx(room if fall == 0.5 else draws_usd, rel=1e-6)
    assert owed + sold * PRICE == pytest.approx(bill["liabilities"][0]["amount_usd"], rel=1e-6)


@pytest.mark.parametrize(("btc", "draws_all"), [(51.29, True), (51.27, False)])
def test_top_ups_come_from_what_is_free_beside_other_lenders(btc: float, draws_all: bool) -> None:
    """$1m on 20 BTC, and a loan of the same: at a low of 60% the 65% ask 25.64 each, so 11.28 must have been free."""
    other = loan(balance_usd=1e6, pledged_btc=20.0, apr=0.0, early_repayment=False)
    made = planned(company(btc=btc, changes={"loans": [other]}), fork(PRICE * 0.6, PRICE * 4))
    assert bool(made.decisions.sell_btc[0] < 1e-9) is draws_all
    if draws_all:
        needed = 1e6 / (0.65 * 0.6 * PRICE) - 20
        assert made.books.sources.top_up_btc[1] == pytest.approx(needed, rel=1e-6)
        assert made.books.debt.top_up_btc[1, 0] == pytest.approx(needed, rel=1e-6)


def frozen_plan() -> tuple[Scenario, Any]:
    tree = path([PRICE, PRICE * 2, PRICE * 2], frozen=(frozenset(), frozenset({"Bank"}), frozenset()))
    return company(changes={"horizon_months": 2}), tree


def test_a_frozen_lender_keeps_the_pledge() -> None:
    made = planned(*frozen_plan())
    # It is repaid at twice the price, with interest to save, and comes back a month later.
    assert made.books.sources.owed_usd == pytest.approx([1e6, 0.0, 0.0], abs=1.0)
    assert made.books.sources.tied_btc == pytest.approx([20.0, 20.0, 0.0], abs=1e-6)


def use(node: int, what: str, amount: float) -> Use:
    return Use(node, "Revolver", what, amount)


def test_the_audit_sees_what_breaks_the_lines_rules() -> None:
    scenario, tree = frozen_plan()
    paid = {"sell_btc": {0: 10.0}}
    draw = use(0, "draw_tier_1_usd", 1e6)
    assert "a frozen lender keeps the pledge" in broken_rules(
        scenario, tree, decisions(tree, uses=(draw,), sell_btc={1: 0.1, 2: 0.1})
    )
    assert "owed on the line" in broken_rules(scenario, tree, decisions(tree, uses=(use(0, "draw_tier_1_usd", 2.1e6),)))
    late = (use(2, "draw_tier_1_usd", 1e5),)
    assert "draws in the line's window" in broken_rules(scenario, tree, decisions(tree, uses=late, **paid))
    assert "no more is repaid than is owed" in broken_rules(
        scenario, tree, decisions(tree, uses=(use(1, "repay_tier_1_usd", 1e5),))
    )
    assert "tiers that the line has" in broken_rules(
        scenario, tree, decisions(tree, uses=(use(0, "draw_tier_2_usd", 1e5),), **paid)
    )
    falls = path([PRICE, PRICE], lows=[PRICE, PRICE * 0.5])
    assert "top-ups come from free BTC" in broken_rules(company(btc=25.0), falls, decisions(falls, uses=(draw,)))
    with pytest.raises(AuditError):
        broken_rules(scenario, tree, decisions(tree, uses=(use(0, "issue_usd", 1e5),)))


@pytest.mark.parametrize(("low", "sold_usd"), [(0.65, 0.0), (0.6, 833_333.33), (0.3, 600_000.0)])
def test_off_the_tree_the_lender_sells_down_to_its_target(low: float, sold_usd: float) -> None:
    """$1m on 20 BTC and nothing free. At 60% the LTV is 83%: of $1.2m it sells s, where 1m - 0.98 s = 0.5 (1.2m - s).
    At 30% it sells all, and $412,000 are due at once: the company is broke."""
    scenario, tree = company(btc=20.0), path([PRICE, PRICE])
    made = decisions(tree, uses=(use(0, "draw_tier_1_usd", 1e6),))
    crashed = path([PRICE, PRICE], lows=[PRICE, PRICE * low])
    paths, _ = tree_paths(scenario, crashed)
    out = replay(scenario, tree, made, paths)
    sold = 20.0 - out.btc[0, 1]
    interest_btc = 10_000 / PRICE
    if low < 0.5:
        assert out.btc[0, 1] == pytest.approx(0.0, abs=1e-9)
        assert out.unpaid_usd[0, 1] == pytest.approx(1e6 - 600_000 * 0.98 + 10_000, rel=1e-6)
        assert np.sum(out.defaults) > 0
        return
    assert -out.sources_usd[0, 1] == pytest.approx(1e6 - sold_usd * 0.98, rel=1e-4)
    assert sold == pytest.approx(sold_usd / (PRICE * low) + (interest_btc if sold_usd else 0.0), abs=1e-3)


def test_off_the_tree_nothing_is_pledged_or_owed_that_is_not_there() -> None:
    """Forty rough markets, unknown to the plan: BTC and dollars add up, and no balance is below nothing."""
    scenario, tree = COMPANIES["credit_line"](), ten_nodes()
    made = planned(scenario, tree).decisions
    rng = np.random.default_rng(1)
    steps = np.exp(rng.normal(-0.1, 0.3, size=(40, 3)))
    closes = PRICE * np.cumprod(np.hstack([np.ones((40, 1)), steps]), axis=1)
    paths, _ = tree_paths(scenario, path([PRICE] * 4))
    paths = replace(paths.take(np.zeros(40, dtype=np.int64)), close_usd=closes, low_usd=0.9 * closes)
    out = replay(scenario, tree, made, paths)
    assert out.free_btc.min() >= -1e-9
    assert (out.sources_usd <= 0).all()
    assert (-out.sources_usd <= 2_000_000 + 1e-6).all()
    owes = out.sources_usd[:, 1:] < 0
    assert owes.any()
    assert not owes.all()  # some are sold out by the lender
    held = np.array(out.btc * out.price_usd + out.cash_usd + out.sources_usd - out.unpaid_usd) / out.price_usd
    assert held == pytest.approx(out.net_btc, abs=1e-6)
