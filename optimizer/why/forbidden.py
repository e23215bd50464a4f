"""The next best plan: each thing that the plan does today, forbidden in turn, and solved again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from loky import ProcessPoolExecutor

from optimizer.engine.child import serve
from optimizer.errors import LimitError
from optimizer.scenario.schema import Scenario, SolverSettings
from optimizer.solve.highs import Bounds, NoPlanError, Solution, Solver
from optimizer.solve.linear_model import Floats, LinearModel

# In model units: less is no decision.
NOISE = 1e-6
WORKERS = 2
# What is owed after today's decisions follows from them.
BALANCES = ("machine_debt_usd",)


@dataclass(frozen=True)
class NextBest:
    """The plan without something that it does today. ``loses``: the plan's worth less the other's, in the numeraire;
    NaN, with ``why_not``, where there is no such plan. ``within_gap``: less than the solver's gap could hide."""

    without: str
    loses: float
    within_gap: bool
    why_not: str = ""


@dataclass(frozen=True)
class _Forbidden:
    words: str
    columns: tuple[int, ...]


def next_best(
    scenario: Scenario, model: LinearModel, plan: Solution, settings: SolverSettings, unit: float
) -> tuple[NextBest, ...]:
    """What the plan loses without each machine it orders today, lender or source that it uses, sale, or resale: least
    first. ``unit``: of the numeraire to one of the model's."""
    things = list(_done_today(scenario, model, plan.x))
    hidden = plan.gap * abs(plan.objective)
    with ProcessPoolExecutor(max_workers=WORKERS, initializer=serve, initargs=(os.getpid(),)) as pool:
        solving: Sequence[Future[float | str]] = [
            pool.submit(_cost_without, model, settings, thing.columns) for thing in things
        ]
        found = [
            _judged(thing, future.result(), plan.objective, hidden, unit)
            for thing, future in zip(things, solving, strict=True)
        ]
    return tuple(sorted(found, key=lambda other: (bool(other.why_not), other.loses)))


def _judged(thing: _Forbidden, cost: float | str, best: float, hidden: float, unit: float) -> NextBest:
    if isinstance(cost, str):
        return NextBest(thing.words, float("nan"), False, cost)
    return NextBest(thing.words, max(cost - best, 0.0) * unit, cost - best <= hidden)


def _cost_without(model: LinearModel, settings: SolverSettings, columns: tuple[int, ...]) -> float | str:
    """In a worker: the least cost with these columns at nothing, or why there is none."""
    bounds: Bounds = dict.fromkeys(columns, (0.0, 0.0))
    try:
        return Solver(model, settings, second_opinion=False).solve(bounds).objective
    except NoPlanError:
        return "breaks a requirement on some branch"
    except LimitError as stopped:
        return str(stopped)


def _done_today(scenario: Scenario, model: LinearModel, x: Floats) -> Iterator[_Forbidden]:
    """What the plan does at node 0, thing by thing, with all columns that do it there."""
    groups: dict[str, list[int]] = {}
    for family, columns in model.columns.items():
        for index, column in columns.items():
            words = _today_in_words(scenario, family, index if isinstance(index, tuple) else (index,))
            if words:
                groups.setdefault(words, []).append(column)
    for words, at in groups.items():
        if sum(abs(float(x[column])) for column in at) > NOISE:
            yield _Forbidden(words, tuple(at))


def _today_in_words(scenario: Scenario, family: str, index: tuple[Any, ...]) -> str:
    """What it is not to do what a column does; empty for columns that decide nothing today."""
    if index[0] != 0:
        return ""
    if family == "sell_btc":
        return "no BTC sold today"
    if family == "order_lots":
        return f"no {scenario.machines.specs[index[1]].name} ordered today"
    if family == "retire_ph":
        return f"every {scenario.machines.specs[index[1]].name} kept today"
    if family == "principal_usd" and index[3] == 0:
        return f"nothing drawn from {index[1]} today"
    if len(index) > 1 and index[1] in {source.name for source in scenario.sources} and family not in BALANCES:
        return f"{index[1]} not used today"
    return ""
