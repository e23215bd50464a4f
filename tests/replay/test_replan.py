"""Planning anew on the way: nothing is lost when a company becomes a scenario, and with all known nothing changes."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import fields, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from optimizer.decisions import Decisions, Order, Retirement
from optimizer.ledger.company import Company, Setting, owed_usd, set_up
from optimizer.ledger.fleet import pairs_in_use
from optimizer.ledger.intents import NearestNode
from optimizer.ledger.outcome import Outcome
from optimizer.ledger.replay import follow, replay
from optimizer.market.build_tree import build_tree
from optimizer.market.paths import Paths
from optimizer.market.sampled import sample
from optimizer.market.tree import Tree
from optimizer.market.tree_paths import tree_paths
from optimizer.replay.replan import Replan, _month_ended, replan, solve, standing
from optimizer.replay.standing import scenario_at
from optimizer.scenario.checks import issues_of
from optimizer.scenario.schema import Scenario
from optimizer.solve.highs import NoPlanError
from optimizer.valuation import value_of
from tests.formulation.mixed import mixed, mixed_tree
from tests.formulation.planned import Planned, liability, market, planned, scenario
from tests.formulation.planned import path as one_branch
from tests.formulation.random_companies import random_company
from tests.ledger.company import PRICE, candidate, decisions, facility, loan, requirements, site, specs, treasury
from tests.ledger.company import tree as four_months

GAP = 0.01
REPLANNED = 3
NEW = {"model": "new", "site": "Plains", "resale_usd": 300.0}


# ---- one future, known in full -----------------------------------------------------------------------------


@cache
def known() -> tuple[Scenario, Tree, Planned]:
    """A company with one future, which borrows, replaces its machines and repays: decisions in months 0 and 3."""
    case = {
        "name": "rise",
        "probability": 1.0,
        "price": [{"month": 2, "usd": 0.9 * PRICE}, {"month": 6, "usd": 1.8 * PRICE}],
    }
    network = {"hashrate_ehs": 900.0, "growth_pa": 0.1, "response": 0.8, "fair_hashprice_usd_per_ph_day": 45.0}
    given = scenario(
        horizon_months=8,
        decision_months=[0, REPLANNED],
        market=market(
            price={"process": "cases", "cases": [case], "low_below_close_share": 0.1},
            block_height=1_050_000 - 144 * 160,
            network={**network, "efficiency_gain_pa": 0.1},
            fees={"share": 0.02},
        ),
        treasury=treasury(btc_lots=[{"btc": 60.0, "cost_basis_usd": 0.0}], cash_usd=100_000.0, max_cash_months=3.0),
        sites=[site(power_mw=0.4, power_usd_per_mwh=30.0, seasonality=[1 + 0.02 * m for m in range(12)])],
        machines={
            "owned": [{"model": "old", "site": "Plains", "units": 95, "resale_usd": 100.0}],
            "on_order": [{**NEW, "units": 60, "arrives_month": 4, "due_usd_per_unit": 900.0}],
            "specs": specs(),
            "candidates": [candidate(price_usd=800.0, lot_units=1, max_units=35, deposit_share=0.4)],
        },
        facilities=[facility(interest="at_maturity", limit_usd=2_000_000.0, draw_until_month=REPLANNED)],
        liabilities=[liability(0, 700_000.0), liability(3, 400_000.0), liability(5, 200_000.0)],
        requirements=requirements(min_cash_usd=50_000.0),
    )
    assert all(issue.warning for issue in issues_of(given))
    tree, _ = build_tree(given)
    return given, tree, planned(given, tree)


class Spy(NearestNode):
    """The plan's own decisions; keeps the company as it stood at a decision month, its bills paid."""

    def __init__(self, s: Setting, tree: Tree, decisions: Decisions, nodes: Any, month: int) -> None:
        super().__init__(s, tree, decisions, nodes)
        self.month = month

    def intents(self, s: Setting, c: Company, month: int) -> Any:
        if month == self.month:
            self.seen = deepcopy(c)
            self.ended = _month_ended(s, c, month)
        return super().intents(s, c, month)


def stood(given: Scenario, tree: Tree, decided: Decisions, month: int) -> tuple[Setting, Spy]:
    """The company on every branch of its own tree, following its plan, seen in a month."""
    paths, nodes = tree_paths(given, tree)
    s = set_up(given, paths, pairs_in_use(given, decided))
    spy = Spy(s, tree, decided, nodes, month)
    follow(s, spy)
    return s, spy


def test_the_market_of_the_day_leads_to_the_same_future() -> None:
    given, tree, plan = known()
    s, spy = stood(given, tree, plan.decisions, REPLANNED)
    left = scenario_at(given, standing(s, spy.ended, REPLANNED, 0))
    assert (left.as_of.isoformat(), left.horizon_months, left.decision_months) == ("2027-01-03", 5, (0,))
    on, _ = build_tree(left)
    for name in ("price_usd", "hashprice_usd_per_ph_day", "network_ehs"):
        assert getattr(on, name) == pytest.approx(getattr(tree, name)[REPLANNED:], rel=1e-9)
    for name in ("low_usd", "btc_per_ph", "revenue_usd_per_ph", "power_usd_per_mwh", "days"):
        assert getattr(on, name)[1:] == pytest.approx(getattr(tree, name)[REPLANNED + 1 :], rel=1e-9)
    factor = tree.asic_price_factor[REPLANNED]
    assert on.asic_price_factor * factor == pytest.approx(tree.asic_price_factor[REPLANNED:], rel=1e-9)
    assert left.machines.on_order[0].resale_usd == pytest.approx(300.0 * factor)
    assert left.machines.candidates == ()  # the vendor's 35 are bought


def test_with_all_known_the_plan_is_worth_the_same_planned_anew() -> None:
    given, tree, plan = known()
    s, spy = stood(given, tree, plan.decisions, REPLANNED)
    anew = solve(scenario_at(given, standing(s, spy.ended, REPLANNED, 0)))
    assert anew is not None
    worth = value_of(anew.scenario, build_tree(anew.scenario)[0], anew.books).value
    # Whole machines on that day, and the gap, may cost a little; nothing can be gained.
    assert plan.worth * (1 - GAP) <= worth <= plan.worth * (1 + 1e-6)


def test_with_all_known_the_company_ends_where_its_plan_does() -> None:
    given, tree, plan = known()
    paths, _ = tree_paths(given, tree)
    outcome = replan(given, tree, plan.decisions, paths)
    assert (outcome.flows["replans"], outcome.flows["replans_without_plan"]) == (1, 0)
    assert outcome.net_btc[0, :REPLANNED] == pytest.approx(plan.books.net_btc[:REPLANNED], rel=1e-6)
    assert outcome.net_btc[0, -1] == pytest.approx(plan.books.net_btc[-1], rel=GAP)
    assert outcome.net_btc[0, -1] > replay(given, tree, plan.decisions, paths, "sell_only").net_btc[0, -1]
    # 60 old machines, promised away for the month in which new ones come, go once: 5 stay.
    worth_usd = (95 * 300.0 + 5 * 100.0) * tree.asic_price_factor[-1]
    assert outcome.machines_usd[0, -1] == pytest.approx(worth_usd, rel=1e-6)


# ---- nothing is lost ---------------------------------------------------------------------------------------


def left_of(given: Scenario, tree: Tree, decided: Decisions, month: int) -> list[tuple[Scenario, dict[str, float]]]:
    """For every branch that is still there: what is left to plan, and what the engine says the company has."""
    s, spy = stood(given, tree, decided, month)
    c, found = spy.ended, []
    for path in range(len(s.paths)):
        has = {
            "btc": c.free_btc[path] + c.pledged_btc[path].sum(),
            "cash": c.cash_usd[path],
            "owed": owed_usd(s, c, month)[path].sum(),
            "pledged": (c.pledged_btc[path] * (s.by_facility(c.principal_usd)[path] > 0.01)).sum(),
            "machines": np.floor(c.racked_units[path] + 1e-6).sum(),
            "coming": np.floor(c.arriving_units[path, month + 1 :] + 1e-6).sum(),
            "due": c.due_usd[path, month + 1 :].sum(),
        }
        found.append((scenario_at(given, standing(s, c, month, path)), has))
    return found


def conserves(left: Scenario, has: dict[str, float], promised_usd: float) -> None:
    """BTC, cash, debts, pledges and machines of a scenario are the company's."""
    assert left.treasury.btc == pytest.approx(has["btc"], rel=1e-12)
    bills = sum(owed.amount_usd for owed in left.liabilities)
    due = sum(batch.units * batch.due_usd_per_unit for batch in left.machines.on_order)
    assert left.treasury.cash_usd - bills - due == pytest.approx(has["cash"] - promised_usd - has["due"], abs=0.1)
    assert sum(loan.balance_usd + loan.accrued_usd for loan in left.loans) == pytest.approx(has["owed"], abs=0.1)
    assert sum(loan.pledged_btc for loan in left.loans) == pytest.approx(has["pledged"], abs=1e-9)
    assert sum(owned.units for owned in left.machines.owned) == has["machines"]
    assert sum(batch.units for batch in left.machines.on_order) == has["coming"]


def test_the_company_of_a_plan_is_all_in_what_is_left() -> None:
    coming = {"model": "old", "site": "Plains", "units": 20, "arrives_month": 4, "due_usd_per_unit": 300.0}
    base = mixed().model_dump(mode="json")["machines"]
    given = mixed(machines={**base, "on_order": [coming]}, liabilities=[liability(1, 9e5), liability(4, 5e4)])
    decided = planned(given, mixed_tree()).decisions
    for left, has in left_of(given, mixed_tree(), decided, 2):
        conserves(left, has, promised_usd=50_000.0)
        assert has["owed"] > 0
        assert has["coming"] >= 20
        assert Scenario.model_validate(left.model_dump()) == left


@cache
def any_company(seed: int) -> tuple[Scenario, Tree, Decisions]:
    """A random company that has a plan, on its own tree: the first from this seed on."""
    given = random_company(seed)
    tree, _ = build_tree(given)
    try:
        return given, tree, planned(given, tree).decisions
    except NoPlanError:
        return any_company(seed + 1_000)


@pytest.mark.parametrize("seed", range(12))
def test_any_company_is_all_in_what_is_left(seed: int) -> None:
    given, tree, decided = any_company(seed)
    month = given.decision_months[-1]
    promised = sum(owed.amount_usd for owed in given.liabilities if owed.month > month)
    for left, has in left_of(given, tree, decided, month):
        conserves(left, has, promised)
        assert Scenario.model_validate(left.model_dump()) == left


def test_machines_bought_and_resold_are_bought_all_the_same() -> None:
    """10 ordered today; 4 of them gone in month 2: the vendor has 40 of 50 left."""
    given = scenario(machines={"candidates": [candidate(max_units=50)]})
    bought = (Order(0, "new", "Plains", 10.0),)
    decided = decisions(four_months(), orders=bought, retirements=(Retirement(0, "new", "Plains", 4.0, month=2),))
    s, spy = stood(given, four_months(), decided, 2)
    now = standing(s, spy.ended, 2, 0)
    assert [(stock.racked_units, stock.ordered_units) for stock in now.stocks] == [(6.0, 10.0)]
    assert scenario_at(given, now).machines.candidates[0].max_units == 40


@pytest.mark.parametrize("seed", range(8))
def test_any_company_plans_anew_on_paths_of_its_market(seed: int) -> None:
    """Every new plan passes its audit, and nothing goes below nothing."""
    given, tree, decided = any_company(seed)
    outcome = replan(given, tree, decided, sample(given, seed, 0, 2))
    assert (outcome.flows["replans"] == 1).all()
    for balance in (outcome.free_btc, outcome.pledged_btc, outcome.cash_usd, outcome.owed_usd):
        assert balance.min() >= -1e-6
    assert np.isfinite(outcome.net_btc).all()


def test_looking_at_the_month_s_end_changes_nothing() -> None:
    given, on = mixed(), mixed_tree()
    decided = planned(given, on).decisions
    s, spy = stood(given, on, decided, 2)
    before = deepcopy(spy.seen)
    _month_ended(s, spy.seen, 2)
    for field in fields(Company):
        assert np.array_equal(getattr(spy.seen, field.name), getattr(before, field.name))


# ---- what a company does -----------------------------------------------------------------------------------


@cache
def uncertain() -> tuple[Scenario, Tree, Decisions, Paths]:
    """The mixed company with two lots of decisions, on the branches of its tree that have a probability."""
    given = mixed()
    paths, _ = tree_paths(given, mixed_tree())
    return given, mixed_tree(), planned(given, mixed_tree()).decisions, paths.take(np.arange(4))


def same(one: Outcome, other: Outcome, paths: Any = slice(None), months: Any = slice(None)) -> None:
    for field in fields(Outcome):
        if field.name != "flows":
            mine, theirs = getattr(one, field.name)[paths, months], getattr(other, field.name)[paths, months]
            assert np.array_equal(mine, theirs, equal_nan=True), field.name


def test_the_same_every_time_and_path_by_path() -> None:
    given, tree, decided, paths = uncertain()
    said: list[str] = []
    first = replan(given, tree, decided, paths, tell=lambda stage, detail: said.append(detail))
    same(first, replan(given, tree, decided, paths))
    alone = replan(given, tree, decided, paths.take(np.array([2])))
    for name in ("net_btc", "cash_usd", "owed_usd"):
        assert getattr(alone, name)[0] == pytest.approx(getattr(first, name)[2], rel=1e-9)
    assert said == [f"month 2, path {n} of 4" for n in (1, 2, 3, 4)]


def test_what_comes_after_a_day_changes_nothing_on_it() -> None:
    given, tree, decided, paths = uncertain()
    later = replace(paths, close_usd=paths.close_usd.copy(), low_usd=paths.low_usd.copy())
    later.close_usd[:, 3:] *= 0.7
    later.low_usd[:, 3:] *= 0.7
    same(replan(given, tree, decided, later), replan(given, tree, decided, paths), months=slice(0, 3))


def test_without_a_plan_the_company_sells_only_and_it_is_counted() -> None:
    given, tree, decided, paths = uncertain()
    # Nine tenths of the price are gone: no plan keeps 30 BTC and pays what is owed.
    fallen = replace(paths, close_usd=paths.close_usd.copy(), low_usd=paths.low_usd.copy())
    fallen.close_usd[0, 2:] = fallen.low_usd[0, 2:] = 0.1 * PRICE
    outcome = replan(given, tree, decided, fallen)
    assert outcome.flows["replans"].tolist() == [1, 1, 1, 1]
    assert outcome.flows["replans_without_plan"].tolist() == [1, 0, 0, 0]
    same(outcome, replay(given, tree, decided, fallen, "sell_only"), paths=slice(0, 1))


@pytest.mark.parametrize(
    ("price", "pledged_btc"),
    [
        (0.7, 1_200_000 / (0.5 * 70_000)),  # up to the board's LTV
        (1.0, 30.0),
        (2.0, 1_200_000 / (0.3 * 200_000)),  # down to the lender's release LTV
    ],
)
def test_collateral_is_moved_as_the_new_plan_says(price: float, pledged_btc: float) -> None:
    old = loan(matures_month=12, early_repayment=False, release_ltv=0.3)
    asked = requirements(max_ltv=0.5, calls={"policy": "top_up_ahead", "buffer_ltv": 0.0})
    given = scenario(loans=[old], requirements=asked)
    paths, _ = tree_paths(given, one_branch([PRICE, PRICE, *[price * PRICE] * 3]))
    outcome = replan(given, four_months(), decisions(four_months()), paths)
    assert outcome.flows["replans_without_plan"] == 0
    assert outcome.pledged_btc[0, :3, 0] == pytest.approx([30.0, 30.0, pledged_btc], rel=1e-6)


def test_the_new_plan_is_done_to_the_dollar() -> None:
    """On the day itself the books of the new plan and the engine's are the same."""
    given, tree, decided, paths = uncertain()
    s = set_up(given, paths, pairs_in_use(given, decided))
    policy, seen = Replan(s, tree, decided), {}

    class Watched:
        def intents(self, s: Setting, c: Company, month: int) -> Any:
            if month == 2:
                seen["ended"] = _month_ended(s, c, month)
            return policy.intents(s, c, month)

    outcome = follow(s, Watched())
    for path in range(len(paths)):
        anew = solve(scenario_at(given, standing(s, seen["ended"], 2, path)))
        assert anew is not None
        assert outcome.cash_usd[path, 2] == pytest.approx(anew.books.cash_usd[0], abs=1.0)
        assert outcome.btc[path, 2] == pytest.approx(anew.books.btc[0], abs=1e-5)
        assert outcome.owed_usd[path, 2] == pytest.approx(anew.books.owed_usd[0].sum(), abs=1.0)
        assert outcome.pledged_btc[path, 2].sum() == pytest.approx(anew.books.pledged_btc[0].sum(), abs=1e-5)
