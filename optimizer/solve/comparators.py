"""The same company told to do the obvious: what the plan must beat.

Each alternative is today's model with some columns' bounds changed, so that everything else (market, lenders,
requirements, later choices) is equal. Nothing is rebuilt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from optimizer.decisions import OPENING
from optimizer.errors import LimitError
from optimizer.formulation.build import build
from optimizer.formulation.extract import NOISE, load_solution
from optimizer.formulation.model import Formulation
from optimizer.formulation.objective import net_worth
from optimizer.market.build_tree import mean_path
from optimizer.solve.highs import Bounds, Floats, Infeasible, Solution, Solver


# "At most" means at least this share of the most.
NEARLY = 0.98


@dataclass(frozen=True)
class Alternative:
    """An alternative and its solution; ``why_not`` says why there is none."""

    name: str
    told_to: str
    solution: Solution | None
    why_not: str = ""


def alternatives(solver: Solver, plan: Solution) -> list[Alternative]:
    """Sell only, borrow at most, buy no machines, buy BTC instead, and the plan of the mean path."""
    recipes: list[tuple[str, str, Callable[[Solver, Solution], Bounds | str]]] = [
        ("sell_only", "sell BTC for every bill, draw no loan", _no_draws),
        ("borrow_most", "draw today as much as lenders and requirements allow", _most_debt_today),
        ("no_machines", "order no machines, now or later", _no_orders),
        ("btc_instead", "buy BTC today with the money the plan spends on machines", _btc_for_machines),
        ("mean_path", "follow the plan of the average future, then adapt", _plan_of_mean_path),
    ]
    found = []
    for name, told_to, recipe in recipes:
        try:
            bounds = recipe(solver, plan)
            if isinstance(bounds, str):
                found.append(Alternative(name, told_to, None, bounds))
            else:
                found.append(Alternative(name, told_to, solver.solve(bounds)))
        except Infeasible:
            found.append(Alternative(name, told_to, None, "breaks a requirement on some branch"))
        except LimitError as stopped:
            found.append(Alternative(name, told_to, None, str(stopped)))
    return found


def _columns(solver: Solver, name: str) -> dict[object, int]:
    component = getattr(solver.formulation.pyomo, name)
    return {
        index: solver.column[id(var)] for index, var in component.items() if id(var) in solver.column
    }


def _no_draws(solver: Solver, plan: Solution) -> Bounds | str:
    columns = [
        column
        for index, column in _columns(solver, "principal_usd").items()
        if isinstance(index, tuple) and index[3] != OPENING
    ]
    return dict.fromkeys(columns, (0.0, 0.0)) if columns else "the scenario offers no loan"


def _no_orders(solver: Solver, plan: Solution) -> Bounds | str:
    columns = _columns(solver, "order_lots").values()
    return dict.fromkeys(columns, (0.0, 0.0)) if columns else "the scenario offers no machine"


def _most_debt_today(solver: Solver, plan: Solution) -> Bounds | str:
    """The largest draws today, each at its lender's highest LTV, that every later requirement still allows; then
    the best plan that starts with nearly that much. The first step takes machines by the fraction, so it is a
    linear program; the margin leaves room for whole lots."""
    f = solver.formulation
    highest = {debt.name: len(debt.tiers) - 1 for debt in f.data.debts if debt.tiers}
    bounds: Bounds = {}
    draws = {}
    for index, column in _columns(solver, "principal_usd").items():
        if isinstance(index, tuple) and index[0] == 0 and index[3] != OPENING:
            draws[index[1], index[2]] = column
            if index[2] != highest[index[1]]:
                bounds[column] = (0.0, 0.0)
    if not draws:
        return "no loan can be drawn today"
    cost: Floats = solver.cost * 0.0
    cost[list(draws.values())] = -1.0
    most = solver.relax(bounds, cost)
    for debt in f.data.debts:
        for tier in range(len(debt.tiers)):
            if (debt.name, tier) not in draws:
                continue
            column = draws[debt.name, tier]
            least = most[column] * NEARLY
            bounds[column] = (least, most[column]) if least > max(debt.min_draw, NOISE) else (0.0, 0.0)
    return bounds


def _btc_for_machines(solver: Solver, plan: Solution) -> Bounds | str:
    f = solver.formulation
    spent = sum(
        plan.x[column] * pair.price
        for pair in f.data.pairs
        if pair.candidate
        for index, column in _columns(solver, "order_lots").items()
        if index == (0, *pair.key)
    )
    if spent <= 0:
        return "the plan orders no machines today"
    bounds = _no_orders(solver, plan)
    assert not isinstance(bounds, str)
    bought = spent / (1 + f.data.scenario.treasury.buy_fee_share)
    return {**bounds, solver.column[id(f.pyomo.buy_btc[0])]: (bought, bought)}


def _plan_of_mean_path(solver: Solver, plan: Solution) -> Bounds | str:
    """Today's decisions of the plan made as if the average future were certain. What the tree's plan gains over
    it is the value of the stochastic solution."""
    f = solver.formulation
    scenario = f.data.scenario
    if len(f.data.tree.leaves) < 2:
        return "there is only one future"
    mean = build(scenario, mean_path(f.data.tree, scenario.numeraire))
    certain = Solver(mean, scenario.solver)
    try:
        load_solution(mean, certain.variables, certain.solve().x)
    except Infeasible:
        return "even the average future has no plan"
    bounds: Bounds = {}
    for name in ("order_lots", "retire_ph", "tier_open"):
        values = getattr(mean.pyomo, name)
        for index, column in _columns(solver, name).items():
            if not isinstance(index, tuple) or (name != "tier_open" and index[0] != 0):
                continue
            value = float(values[index].value)
            bounds[column] = (value, value)
    values = mean.pyomo.principal_usd
    for index, column in _columns(solver, "principal_usd").items():
        if isinstance(index, tuple) and index[0] == 0 and index[3] != OPENING:
            bounds[column] = (float(values[index].value),) * 2
    return bounds


def today(f: Formulation) -> tuple[Floats, float, float, float]:
    """Of the solution loaded in ``f``: net worth at each leaf in the numeraire, BTC sold today, USD drawn today
    and USD of machines ordered today (ex works)."""
    usd = f.data.money_usd
    unit = 1.0 if f.data.scenario.numeraire == "btc" else usd
    outcomes = np.array([net_worth(f, leaf).value() * unit for leaf in f.data.tree.leaves])
    drawn = sum(
        var.value
        for (node, key), (_, var) in f.principal.items()
        if node == 0 and key[2] != OPENING
    )
    machines = sum(f.pyomo.order_lots[0, *p.key].value * p.price for p in f.data.pairs if p.candidate)
    return outcomes, float(f.pyomo.sell_btc[0].value), float(drawn * usd), float(machines * usd)
