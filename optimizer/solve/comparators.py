"""The same company told to do the obvious: what the plan must beat.

Each alternative is the plan's own model with some columns' bounds changed, so that everything else (market,
lenders, requirements, later choices) is equal. Nothing is rebuilt. They are solved by other processes while the
plan itself is solved in this one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from loky import ProcessPoolExecutor

from optimizer.decisions import OPENING, Decisions
from optimizer.engine.child import serve
from optimizer.errors import LimitError
from optimizer.formulation.build import build
from optimizer.formulation.extract import decisions
from optimizer.formulation.linear import NOISE
from optimizer.formulation.model import Formulation
from optimizer.market.average import mean_path
from optimizer.scenario.schema import SolverSettings
from optimizer.solve.highs import Bounds, NoPlanError, Solution, Solver
from optimizer.solve.linear_model import Floats, LinearModel, load_solution, to_arrays

# "At most" means at least this share of the most.
NEARLY = 0.98
BREAKS = "breaks a requirement on some branch"


@dataclass(frozen=True)
class Alternative:
    """An alternative and its solution; ``why_not`` says why there is none."""

    name: str
    told_to: str
    solution: Solution | None
    why_not: str = ""


@dataclass(frozen=True)
class Asked:
    """What is to be solved: the model within ``bounds``. With ``most_debt`` (column of a draw -> the lender's
    least), first the most that can be drawn today within them; with ``certain``, first that model of the average
    future, whose decisions of today then hold."""

    bounds: Bounds
    most_debt: dict[int, float] | None = None
    certain: LinearModel | None = None


@dataclass(frozen=True)
class Wanted:
    """An alternative; ``recipe``: of (formulation, model, the plan) what is asked, or why there is nothing to ask."""

    name: str
    told_to: str
    recipe: Callable[[Formulation, LinearModel, Solution | None], Asked | str]


class Alternatives:
    """The alternatives of one plan. Those that need not know the plan start at once, in other processes."""

    def __init__(self, f: Formulation, model: LinearModel, settings: SolverSettings) -> None:
        self._f, self._model, self._settings = f, model, settings
        workers = min(len(AT_ONCE), os.cpu_count() or 1)
        self._pool = ProcessPoolExecutor(max_workers=workers, initializer=_give_way, initargs=(os.getpid(),))
        self._at_once = [self._start(wanted, None) for wanted in AT_ONCE]

    def results(self, plan: Solution) -> list[Alternative]:
        """All alternatives, once the plan is known; waits for the workers."""
        started = [*self._at_once, *(self._start(wanted, plan) for wanted in AFTER_PLAN)]
        return [_finished(wanted, result) for wanted, result in started]

    def close(self) -> None:
        """Stop the workers, finished or not (loky needs psutil to do so cleanly)."""
        self._pool.shutdown(wait=True, kill_workers=True)

    def _start(self, wanted: Wanted, plan: Solution | None) -> tuple[Wanted, str | Future[Solution | str]]:
        order = wanted.recipe(self._f, self._model, plan)
        if isinstance(order, str):
            return wanted, order
        return wanted, self._pool.submit(_work, self._model, self._settings, order)


def decisions_of(f: Formulation, model: LinearModel, alternative: Alternative) -> Decisions | str:
    """What an alternative decides, or why it has no plan. Loads its solution into ``f``."""
    if alternative.solution is None:
        return alternative.why_not
    load_solution(f, model, alternative.solution.x)
    return decisions(f)


def solve_at_once(f: Formulation, model: LinearModel, settings: SolverSettings) -> list[Alternative]:
    """The alternatives that need not know the plan, solved one after the other in this process."""
    orders = [(wanted, wanted.recipe(f, model, None)) for wanted in AT_ONCE]
    return [
        _finished(wanted, order if isinstance(order, str) else _work(model, settings, order))
        for wanted, order in orders
    ]


def _finished(wanted: Wanted, result: str | Solution | Future[Solution | str]) -> Alternative:
    solved = result.result() if isinstance(result, Future) else result
    if isinstance(solved, str):
        return Alternative(wanted.name, wanted.told_to, None, solved)
    return Alternative(wanted.name, wanted.told_to, solved)


def _give_way(parent: int) -> None:
    """The plan itself comes first: workers take what processor time it leaves."""
    serve(parent)
    if hasattr(os, "nice"):
        os.nice(10)


def _work(model: LinearModel, settings: SolverSettings, order: Asked) -> Solution | str:
    """In a worker: the solution, or why there is none."""
    solver = Solver(model, settings, second_opinion=False)
    try:
        bounds = order.bounds
        if order.most_debt is not None:
            bounds = _with_most_debt(solver, bounds, order.most_debt)
        if order.certain is not None:
            try:
                bounds = today_of(order.certain, Solver(order.certain, coarser(settings)).solve().x, model)
            except NoPlanError:
                return "even the average future has no plan"
        return solver.solve(bounds)
    except NoPlanError:
        return BREAKS
    except LimitError as stopped:
        return str(stopped)


def coarser(settings: SolverSettings) -> SolverSettings:
    """For a sure future, which needs no fine answer; a tenth of a percent of it takes seconds of whole lots."""
    return settings.model_copy(update={"gap_share": max(settings.gap_share, 0.005)})


def _with_most_debt(solver: Solver, bounds: Bounds, least_draws: dict[int, float]) -> Bounds:
    """Bounds that hold today's draws close to the most that every later requirement still allows. Machines are
    taken by the fraction here, so this is a linear program; `NEARLY` leaves room for whole lots."""
    cost: Floats = solver.model.cost * 0.0
    cost[list(least_draws)] = -1.0
    most = solver.relax(bounds, cost)
    held = dict(bounds)
    for column, least_draw in least_draws.items():
        least = most[column] * NEARLY
        held[column] = (least, most[column]) if least > max(least_draw, NOISE) else (0.0, 0.0)
    return held


def _draws(model: LinearModel) -> dict[tuple[int, str, int, int], int]:
    """(node, facility, tier, drawn) -> column, of principal drawn in the plan, not before it."""
    found = {}
    for index, column in model.columns.get("principal_usd", {}).items():
        assert isinstance(index, tuple)
        if index[3] != OPENING:
            found[index] = column
    return found


def _no_draws(f: Formulation, model: LinearModel, plan: Solution | None) -> Asked | str:
    columns = list(_draws(model).values())
    return Asked(dict.fromkeys(columns, (0.0, 0.0))) if columns else "the scenario offers no loan"


def _no_orders(f: Formulation, model: LinearModel, plan: Solution | None) -> Asked | str:
    columns = list(model.columns.get("order_lots", {}).values())
    return Asked(dict.fromkeys(columns, (0.0, 0.0))) if columns else "the scenario offers no machine"


def _most_debt_today(f: Formulation, model: LinearModel, plan: Solution | None) -> Asked | str:
    """Today's largest draws, each at its lender's highest LTV."""
    highest = {debt.name: len(debt.tiers) - 1 for debt in f.data.debts}
    least = {debt.name: debt.min_draw for debt in f.data.debts}
    today = {key: column for key, column in _draws(model).items() if key[0] == 0}
    if not today:
        return "no loan can be drawn today"
    lower_tiers = [column for (_, name, tier, _), column in today.items() if tier != highest[name]]
    return Asked(
        dict.fromkeys(lower_tiers, (0.0, 0.0)),
        {column: least[name] for (_, name, tier, _), column in today.items() if tier == highest[name]},
    )


def _btc_for_machines(f: Formulation, model: LinearModel, plan: Solution | None) -> Asked | str:
    assert plan is not None
    orders = model.columns.get("order_lots", {})
    spent = sum(float(plan.x[orders[0, *pair.key]]) * pair.price for pair in f.data.pairs if (0, *pair.key) in orders)
    if spent <= 0:
        return "the plan orders no machines today"
    bought = spent / (1 + f.data.scenario.treasury.buy_fee_share)
    bounds = dict.fromkeys(orders.values(), (0.0, 0.0))
    return Asked({**bounds, model.columns["buy_btc"][0]: (bought, bought)})


def _plan_of_mean_path(f: Formulation, model: LinearModel, plan: Solution | None) -> Asked | str:
    """Today's decisions of the plan made as if the average future were certain. What the tree's plan gains over
    it is the value of the stochastic solution."""
    scenario = f.data.scenario
    if len(f.data.tree.leaves) < 2:
        return "there is only one future"
    return Asked({}, certain=to_arrays(build(scenario, mean_path(f.data.tree, scenario.numeraire))))


def today_of(certain: LinearModel, x: Floats, model: LinearModel) -> Bounds:
    """Bounds that hold today's decisions as they are in the solution of another model of the same company."""
    bounds: Bounds = {}
    for name in ("order_lots", "retire_ph", "tier_open", "principal_usd"):
        for index, column in model.columns.get(name, {}).items():
            assert isinstance(index, tuple)
            today = name == "tier_open" or index[0] == 0
            if today and not (name == "principal_usd" and index[3] == OPENING):
                at = certain.columns[name].get(index)
                value = 0.0 if at is None else float(x[at])
                bounds[column] = (value, value)
    return bounds


AT_ONCE = (
    Wanted("sell_only", "sell BTC for every bill, draw no loan", _no_draws),
    Wanted("no_machines", "order no machines, now or later", _no_orders),
    Wanted("borrow_most", "draw today as much as lenders and requirements allow", _most_debt_today),
)
AFTER_PLAN = (
    Wanted("btc_instead", "buy BTC today with the money the plan spends on machines", _btc_for_machines),
    # It need not know the plan; it waits so that the one before it, which must, does not have to.
    Wanted("mean_path", "follow the plan of the average future, then adapt", _plan_of_mean_path),
)
