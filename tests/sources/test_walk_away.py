"""Walking away from machine loans of limited recourse, by hand: what the choice is worth, and where it is taken.

Twenty machines of 200 TH/s at $4,000 are to be had, and $16,000 in cash; a lender advances four fifths of the price
without interest, to be repaid in three months. Price stands still, so that 10 BTC may pay for whatever is short. The
first month pays so well that no order waits; after it mining is good or bad.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from optimizer.decisions import Order, Retirement, Use
from optimizer.ledger.books import keep_books
from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario
from optimizer.scenario.taxes import Taxes
from tests.formulation.planned import Planned, market, no_cash, planned
from tests.formulation.regenerate_golden import ten_nodes
from tests.formulation.source_companies import machine_loan, walker, with_sources
from tests.ledger.cases import broken_rules
from tests.ledger.company import PRICE, candidate, decisions, site, tree
from tests.ledger.test_replay_tree import assert_the_same

UNITS, DRAWN_USD, BTC = 20, 64_000.0, 10.0
# What a PH/s earns in the first month, and in a good one.
FIRST_USD, GOOD_USD = 40_000.0, 8_000.0
PH = UNITS * 0.2
# 4 kW at $50 per MWh for 30 days, per PH/s.
POWER_USD_PER_PH = 144 / 0.2
# A used machine fetches 80% of what a new one costs; machine prices fall to a tenth in the bad branch.
RESALE_BAD_USD = UNITS * 4_000 * 0.8 * 0.1


def company(recourse: str = "limited", **changes: Any) -> Scenario:
    terms: dict[str, Any] = {
        "apr": 0.0,
        "term_months": 3,
        "advance_share": 0.8,
        "origination_fee_share": 0.0,
        "covenant_ltv": None,
        "early_repayment": False,
        "models": ["new"],
        "recourse": recourse,
        "until_month": 0,
        "limit_usd": 1_000_000.0,
    }
    mine = {name: changes.pop(name) for name in list(changes) if name in terms or name == "name"}
    return with_sources(
        machine_loan(**{**terms, **mine}),
        **{
            "treasury": no_cash(
                btc_lots=[{"btc": BTC, "cost_basis_usd": 0.0}], cash_usd=16_000.0, max_cash_months=60.0
            ),
            "machines": {"candidates": [candidate(lead_months=0, max_units=UNITS)]},
            "market": market(asic_prices={"elasticity": 1.0, "ageing_pa": 0.2, "resale_discount_share": 0.2}),
            "decision_months": [0, 1],
            **changes,
        },
    )


def two_branches(bad_usd_per_ph: float, bad_factor: float = 0.1) -> Tree:
    """One month of plenty, then two good or two bad ones. What a PH/s earns in a bad month is said."""
    earned = np.array([0.0, FIRST_USD, FIRST_USD, GOOD_USD, bad_usd_per_ph, GOOD_USD, bad_usd_per_ph])
    factor = [1.0, 1.0, bad_factor, 1.0, bad_factor, 1.0, bad_factor]
    parents = (-1, 0, 0, 1, 2, 3, 4)
    return tree(parents, btc_per_ph=earned / PRICE, revenue_usd_per_ph=earned, asic_price_factor=factor)


def earned_at_tie() -> float:
    """What a PH/s earns in a bad month where the machines are worth what is owed: two margins and what they fetch."""
    return (DRAWN_USD - RESALE_BAD_USD) / 2 / PH + POWER_USD_PER_PH


def walks(made: Planned) -> dict[int, float]:
    return {use.node: use.amount for use in made.decisions.uses if use.what.startswith("walk_away")}


def draws(made: Planned) -> dict[int, float]:
    return {use.node: use.amount for use in made.decisions.uses if use.what == "draw_usd"}


# ---- what it is worth -------------------------------------------------------------------------------------


@pytest.mark.parametrize("off_usd", [-3_000.0, -50.0, 50.0])
def test_the_plan_walks_where_the_machines_are_worth_less_than_is_owed(off_usd: float) -> None:
    bad = two_branches(earned_at_tie() + off_usd)
    limited, full = planned(company(), bad), planned(company("full"), bad)
    for made in (limited, full):
        assert sum(order.units for order in made.decisions.orders) == pytest.approx(UNITS)
    worth_usd = 2 * PH * (earned_at_tie() + off_usd - POWER_USD_PER_PH) + RESALE_BAD_USD
    option_usd = 0.5 * max(0.0, DRAWN_USD - worth_usd)
    assert limited.worth - full.worth == pytest.approx(option_usd / PRICE, abs=1e-9)
    assert walks(full) == {}
    if off_usd < 0:
        assert walks(limited) == pytest.approx({2: DRAWN_USD})
        [gone] = [r for r in limited.decisions.retirements if r.seized_by]
        assert gone == Retirement(2, "new", "Plains", pytest.approx(UNITS), 1, "Equipment")
        assert limited.books.sources.owed_usd == pytest.approx([64e3, 64e3 * 2 / 3, 0, 64e3 / 3, 0, 0, 0], abs=1e-6)
        assert limited.books.fleet.mined_btc[[4, 6]] == pytest.approx(0.0)
    else:
        assert walks(limited) == {}
    assert_the_same(company(), bad, limited.decisions)


def test_by_hand_what_each_branch_ends_with() -> None:
    """Bad: the first month's margin, and nothing else is earned or owed. Good: three margins, the
    machines, three payments."""
    made = planned(company(), two_branches(earned_at_tie() - 1_000))
    first, margin = PH * (FIRST_USD - POWER_USD_PER_PH), PH * (GOOD_USD - POWER_USD_PER_PH)
    ends = made.books.net_btc[[5, 6]] * PRICE
    good = BTC * PRICE + first + 2 * margin + UNITS * 4_000 * 0.8 - DRAWN_USD
    assert ends == pytest.approx([good, BTC * PRICE + first])


def test_a_loan_is_not_walked_away_from_before_its_machines_have_come() -> None:
    """With two months of lead nothing can be given back in month 1, when the bad months are known to come; in month 2
    it can."""
    machines = {"candidates": [candidate(lead_months=2, max_units=UNITS)]}
    bad = two_branches(earned_at_tie() - 3_000)
    early = company(machines=machines, decision_months=[0, 1])
    order, draw = Order(0, "new", "Plains", UNITS), Use(0, "Equipment", "draw_usd", DRAWN_USD)
    assert "machine_walk_usd" in planned(early, bad).formulation.pyomo.component_map()
    assert not list(planned(early, bad).formulation.pyomo.machine_walk_usd)
    later = planned(company(machines=machines, decision_months=[0, 1, 2]), bad)
    assert {n for n, _, _ in later.formulation.pyomo.machine_walk_usd} == {3, 4}
    gone = Retirement(2, "new", "Plains", UNITS, 1, "Equipment")
    made = decisions(bad, orders=(order,), uses=(draw, Use(2, "Equipment", "walk_away_month_0_usd", DRAWN_USD)))
    broken = broken_rules(early, bad, replace(made, retirements=(gone,)))
    assert "machines are delivered before they are handed over" in broken


def test_a_part_of_a_draw_and_its_machines_can_be_given_back() -> None:
    """Of the twenty eight go, with two fifths of the debt and of the payments."""
    bad = two_branches(5_000.0)
    order, draw = Order(0, "new", "Plains", UNITS), Use(0, "Equipment", "draw_usd", DRAWN_USD)
    part = Use(2, "Equipment", "walk_away_month_0_usd", 0.4 * DRAWN_USD)
    gone = Retirement(2, "new", "Plains", 8.0, 1, "Equipment")
    made = decisions(bad, orders=(order,), uses=(draw, part), retirements=(gone,), sell_btc={0: 1.0})
    books = keep_books(company(), bad, made)
    assert books.sources.owed_usd[[2, 4]] == pytest.approx([0.6 * DRAWN_USD * 2 / 3, 0.6 * DRAWN_USD / 3])
    assert books.sources.cash_usd[[2, 4]] == pytest.approx([-0.6 * DRAWN_USD / 3] * 2)
    assert books.fleet.racked_units[:, 0] == pytest.approx([20, 20, 12, 20, 12, 20, 12])
    assert books.fleet.resale_usd == pytest.approx(np.zeros(7))
    assert broken_rules(company(), bad, made) == set()
    assert_the_same(company(), bad, made)


def test_a_covenant_is_cured_by_walking_away() -> None:
    """Machines fall to half: with full recourse the breach forbids the draw, with limited it is walked away from."""
    bad = two_branches(POWER_USD_PER_PH + 100, bad_factor=0.5)
    terms = {"covenant_ltv": 1.0, "advance_share": 0.75}
    assert draws(planned(company("full", **terms), bad)) == {}
    made = planned(company(**terms), bad)
    assert draws(made) == pytest.approx({0: 60_000.0})
    assert walks(made) == pytest.approx({2: 60_000.0})


def test_a_lender_that_has_been_walked_away_from_lends_no_more() -> None:
    """After the first month machines cost 30% and mine as before, and there is room for no more than twenty. To give
    the old ones back and borrow on new ones is not to be had: all the money there is buys 18.4."""
    cheap = replace(two_branches(8_000.0, bad_factor=0.3), btc_per_ph=np.array([0, 5, 5, 8, 8, 8, 8]) * 1_000 / PRICE)
    given = company(
        until_month=1,
        machines={"candidates": [candidate(lead_months=0, lot_units=1)]},
        sites=[site(power_mw=0.08)],
        treasury=no_cash(cash_usd=18_000.0, btc_lots=[{"btc": 0.03, "cost_basis_usd": 0.0}], max_cash_months=60.0),
    )
    made, free_to = planned(given, cheap), planned(given, cheap, relaxed=True)
    money_usd = 18_000 + 3_000 - 16_000 + PH * (5_000 - POWER_USD_PER_PH)
    assert walks(made) == pytest.approx({2: DRAWN_USD})
    assert draws(made) == pytest.approx({0: DRAWN_USD})
    assert [o.units for o in made.decisions.orders if o.node == 2] == pytest.approx([money_usd / 1_200])
    # A lender that forgets would be drawn on again at once.
    assert draws(free_to)[2] > 1_000.0
    assert free_to.worth > made.worth + 0.01
    assert_the_same(given, cheap, made.decisions)


def test_the_last_payment_can_be_walked_away_from_too() -> None:
    """After two payments a third of the debt is left: $21,333, against machines that earn nothing and fetch $6,400."""
    bad = two_branches(0.0)
    made = planned(company(decision_months=[0, 3]), bad)
    assert walks(made) == pytest.approx({6: DRAWN_USD / 3})
    assert_the_same(company(decision_months=[0, 3]), bad, made.decisions)


def test_machines_of_the_site_that_the_plan_names_are_handed_over() -> None:
    """Two sites, one with dear power: half a draw is given back, and the dear site's machines go."""
    sites = [site(name="Dear", power_usd_per_mwh=120.0, power_mw=0.04), site(power_mw=0.04)]
    given = company(sites=sites)
    bad = replace(two_branches(5_000.0), power_usd_per_mwh=np.tile([120.0, 50.0], (7, 1)))
    orders = (Order(0, "new", "Dear", 10.0), Order(0, "new", "Plains", 10.0))
    uses = (
        Use(0, "Equipment", "draw_usd", DRAWN_USD),
        Use(2, "Equipment", "walk_away_month_0_usd", DRAWN_USD / 2),
    )
    gone = Retirement(2, "new", "Dear", 10.0, 1, "Equipment")
    made = decisions(bad, orders=orders, uses=uses, retirements=(gone,), sell_btc={0: 1.0})
    assert broken_rules(given, bad, made) == set()
    assert_the_same(given, bad, made)


def test_debt_that_is_forgiven_is_income() -> None:
    terms = {"rate": 0.25, "year_end_month": 12, "interest_deductible": True, "mined_income": True}
    taxes = Taxes.model_validate(terms)
    given, bad = company().model_copy(update={"taxes": taxes}), two_branches(earned_at_tie() - 3_000)
    made = planned(given, bad)
    assert walks(made) == pytest.approx({2: DRAWN_USD})
    mined = (FIRST_USD - POWER_USD_PER_PH) * PH
    assert made.books.taxes.income_usd[2] == pytest.approx(mined + DRAWN_USD)
    assert made.books.taxes.income_usd[1] == pytest.approx(mined)


def test_the_golden_company_walks_and_replays_on_its_own_tree() -> None:
    made = planned(walker(), ten_nodes())
    assert_the_same(walker(), ten_nodes(), made.decisions)


def test_full_recourse_has_no_such_choice() -> None:
    made = planned(company("full"), two_branches(0.0))
    for name in ("machine_walk_usd", "seized_ph", "machine_lends"):
        assert not list(made.formulation.pyomo.component(name))


def rough_tree(rng: np.random.Generator) -> Tree:
    """Fifteen nodes, two branches each month, power at $50 and $120; mining and machines may fall to nothing."""
    parents = (-1, *(n for n in range(7) for _ in range(2)))
    later = np.arange(15) > 0
    price = PRICE * np.where(later, rng.uniform(0.5, 1.5, 15), 1.0)
    earned = rng.choice([0.0, 2_000.0, 8_000.0, 20_000.0], 15) * later
    return tree(
        parents,
        price_usd=price,
        low_usd=0.9 * price,
        btc_per_ph=earned / price,
        revenue_usd_per_ph=earned,
        asic_price_factor=np.where(later, rng.uniform(0.05, 1.2, 15), 1.0),
        power_usd_per_mwh=np.tile([50.0, 120.0], (15, 1)),
    )


@pytest.mark.parametrize("first", [0, 8, 16])
def test_whatever_comes_the_plan_passes_its_audit_and_replays(first: int) -> None:
    """Two lenders on the same machines, one of limited recourse: worth no less than two of full recourse."""
    walked = 0
    for seed in range(first, first + 8):
        rng = np.random.default_rng(seed)
        limited, on = two_lenders(rng), rough_tree(rng)
        bound = tuple(source.model_copy(update={"recourse": "full"}) for source in limited.sources)
        made = planned(limited, on)
        assert made.worth >= planned(limited.model_copy(update={"sources": bound}), on).worth - 1e-6
        assert_the_same(limited, on, made.decisions)
        walked += bool(walks(made))
    assert walked > 1


def two_lenders(rng: np.random.Generator) -> Scenario:
    """A company with dear power at one of two sites, and a lender of each recourse, on any terms."""
    terms = {
        "apr": float(rng.uniform(0, 0.3)),
        "term_months": int(rng.integers(1, 5)),
        "advance_share": float(rng.uniform(0.5, 1.0)),
        "covenant_ltv": [None, 2.0][int(rng.integers(2))],
        "until_month": int(rng.integers(0, 3)),
    }
    changes: dict[str, Any] = {
        "decision_months": [0, 1, 2, 3],
        "machines": {"candidates": [candidate(lead_months=int(rng.integers(0, 2)), deposit_share=0.5, lot_units=1)]},
        "sites": [site(power_mw=0.2), site(name="Dear", power_usd_per_mwh=120.0, power_mw=0.2)],
    }
    limited = company(**terms, **changes)
    second = company("full", name="Second", **{**terms, "models": None}, **changes)
    return limited.model_copy(update={"sources": (*limited.sources, *second.sources)})
