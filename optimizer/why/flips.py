"""Where the advice flips: the value of an assumption at which borrowing, or buying machines, stops being worth it.

Found by planning anew, market and all, at values that close in on it; so a flip is a bracket, with opposite advice at
its ends. What is asked of each plan is what it does at any time: whether a loan is drawn today or in a quarter may be
worth less than the solver's gap, whether to borrow at all is not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from loky import ProcessPoolExecutor

from optimizer.decisions import Decisions
from optimizer.engine.child import serve
from optimizer.errors import LimitError
from optimizer.formulation.build import build
from optimizer.formulation.extract import decisions
from optimizer.market.build_tree import build_tree
from optimizer.market.tree import Floats, Tree
from optimizer.scenario.schema import Scenario
from optimizer.solve.highs import NoPlanError, Solver
from optimizer.solve.linear_model import load_solution, to_arrays
from optimizer.why.assumptions import Assumption, assumptions_of

Question = Literal["borrow", "buy_machines"]
QUESTIONS: tuple[Question, ...] = ("borrow", "buy_machines")
# Debts among the sources of money, by what their uses are called.
BORROWING = ("draw", "issue", "defer")
# Of the company's worth today: less borrowed or ordered, expected, is not advice.
LEAST_SHARE = 1e-3
# Of the range that is tried: how close the ends of a bracket come.
CLOSE_SHARE = 0.02
# Of the way to an end of the range: how far is tried where there is no plan further out.
NEARER = (1.0, 0.75, 0.5, 0.25)
# A flip needs no fine answer, and many solves.
GAP_SHARE = 0.003
TIME_LIMIT_S = 30.0
WORKERS = 2


@dataclass(frozen=True)
class Advice:
    """Whether the plan borrows, and orders machines."""

    borrow: bool
    buy_machines: bool


@dataclass(frozen=True)
class Flip:
    """An assumption at which an answer turns. ``now``: the plan's own; ``assumed``: the value that it was made with,
    None where its view states none. ``holds`` and ``turns``: the values next to each other, in the assumption's unit,
    at which the answer still holds and no longer does. Where it holds all the way to both ends of what was tried,
    ``turns`` is None and ``holds`` too. ``tried``: nearer than the assumption's range where no plan is further out."""

    key: str
    words: str
    unit: str
    question: Question
    now: bool
    assumed: float | None
    holds: float | None
    turns: float | None
    tried: tuple[float, float]


def flips(scenario: Scenario, tree: Tree, decided: Decisions) -> tuple[Flip, ...]:
    """Where each answer of the plan turns, for every assumption, on either side of what is assumed."""
    now = advice_of(scenario, tree, decided)
    with ProcessPoolExecutor(max_workers=WORKERS, initializer=serve, initargs=(os.getpid(),)) as pool:
        asked: list[Future[list[Flip]]] = [
            pool.submit(_flips_of, scenario, assumption.key, now) for assumption in assumptions_of(scenario)
        ]
        return tuple(flip for future in asked for flip in future.result())


def advice_of(scenario: Scenario, tree: Tree, decided: Decisions) -> Advice:
    """What a plan advises: expected over its tree, whenever it is done."""
    return _advice(scenario, decided, tree.probability)


def advice_today(scenario: Scenario, decided: Decisions) -> Advice:
    """What a plan advises to do at once."""
    decided = replace(
        decided,
        draws=tuple(draw for draw in decided.draws if draw.node == 0),
        uses=tuple(use for use in decided.uses if use.node == 0),
        orders=tuple(order for order in decided.orders if order.node == 0),
    )
    return _advice(scenario, decided, np.ones(1))


def _advice(scenario: Scenario, decided: Decisions, chance: Floats) -> Advice:
    """What decisions come to, each weighed by the chance of its node."""
    price, treasury = scenario.market.btc_price_usd, scenario.treasury
    least_usd = LEAST_SHARE * max(treasury.btc * price + treasury.cash_usd, price)
    borrowed = sum(draw.amount_usd * chance[draw.node] for draw in decided.draws)
    borrowed += sum(
        use.amount * chance[use.node]
        for use in decided.uses
        if use.what.startswith(BORROWING) and use.what.endswith("_usd")
    )
    quoted_usd = {quote.model: scenario.machines.quoted_usd(quote) for quote in scenario.machines.candidates}
    ordered = sum(order.units * quoted_usd[order.model] * chance[order.node] for order in decided.orders)
    return Advice(bool(borrowed > least_usd), bool(ordered > least_usd))


def advice_at(scenario: Scenario) -> Advice | None:
    """What the plan of a scenario advises; None where there is no plan, or none was found in time."""
    settings = scenario.solver.model_copy(
        update={
            "gap_share": max(scenario.solver.gap_share, GAP_SHARE),
            "time_limit_s": min(scenario.solver.time_limit_s, TIME_LIMIT_S),
        }
    )
    tree = build_tree(scenario)[0]
    f = build(scenario, tree)
    model = to_arrays(f)
    try:
        solution = Solver(model, settings, second_opinion=False).solve()
    except (NoPlanError, LimitError):
        return None
    load_solution(f, model, solution.x)
    return advice_of(scenario, tree, decisions(f))


def _flips_of(scenario: Scenario, key: str, now: Advice) -> list[Flip]:
    """In a worker: all flips of one assumption."""
    assumption = next(found for found in assumptions_of(scenario) if found.key == key)

    @cache
    def at(value: float) -> Advice | None:
        return advice_at(assumption.moved(scenario, value))

    return [flip for question in QUESTIONS for flip in _around(assumption, question, getattr(now, question), at)]


def _around(
    assumption: Assumption, question: Question, now: bool, at: Callable[[float], Advice | None]
) -> Iterator[Flip]:
    """Flips below and above what is assumed; one Flip without a turn where there are none."""
    base, found = assumption.now, []
    ends = (assumption.low, assumption.high)
    if base is None:
        # A view that states no growth: the side on which today's advice is given is found first.
        holding = [end for end in ends if _same(at(end), question, now)]
        starts = [(holding[0], next(end for end in ends if end != holding[0]))] if len(holding) == 1 else []
    else:
        starts = [(base, _furthest(base, end, at)) for end in ends]
        ends = (starts[0][1], starts[1][1])
    close = CLOSE_SHARE * (assumption.high - assumption.low)
    for start, end in starts:
        if start == end or _same(at(end), question, now):
            continue
        holds, turns = start, end
        while abs(turns - holds) > close:
            middle = (holds + turns) / 2
            if at(middle) is None:
                break
            holds, turns = (middle, turns) if _same(at(middle), question, now) else (holds, middle)
        found.append((holds, turns))
    told = (assumption.key, assumption.words, assumption.unit, question, now, base)
    for holds, turns in found:
        yield Flip(*told, holds, turns, ends)
    if not found:
        yield Flip(*told, None, None, ends)


def _furthest(base: float, end: float, at: Callable[[float], Advice | None]) -> float:
    """The end of the range, or what is nearer to it with a plan; what is assumed where there is none."""
    tried = (base + share * (end - base) for share in NEARER)
    return next((value for value in tried if at(value) is not None), base)


def _same(advice: Advice | None, question: Question, now: bool) -> bool:
    return advice is not None and getattr(advice, question) is now
