"""Large trees: the top solved as a mixed-integer problem, every subtree below it as a linear program of its own.

The two-level L-shaped method (R. M. Van Slyke and R. Wets, SIAM Journal on Applied Mathematics 17, 1969). The top
proposes today's choices; every subtree answers what they cost it and how that changes; the answers become floors under
which no plan can be cheaper. Steps go half way from the best point to the floors' own ("in-out": W. Ben-Ameur and
J. Neto, Networks 49, 2007), so that early floors, far off, do not throw the search about. First all integers are taken
for shares; then the top is solved with whole ones, and what is continuous is refined with those held.

The lower bound is the top's with all floors; the upper one is a plan. Switches below the cut (`SWITCHES`) are taken for
shares in the lower bound; in the plan they are held at 0, or, where that is too dear, chosen subtree by subtree with
the top as it is. Both bounds stay true, and where they do not meet the tree is solved whole.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

import numpy as np

from optimizer.decisions import Decisions, Position, numbered
from optimizer.errors import LimitError
from optimizer.formulation.build import build
from optimizer.formulation.extract import decisions, position
from optimizer.formulation.objective import tie_break
from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario
from optimizer.solve.crew import Crew, Origin, Question
from optimizer.solve.highs import NoPlanError, Solver
from optimizer.solve.linear_model import Floats, LinearModel, load_solution, to_arrays
from optimizer.solve.master import Master
from optimizer.solve.recourse import Switches
from optimizer.solve.shares import Share, coarse, cut_month, deal, top_of

# Integers below the cut that may be taken for shares while looking for the plan.
SWITCHES = frozenset({"release"})
# Rows broken by no more than this are kept, in the model's units.
KEPT = 1e-6
# How far from the best point to the floors' own a step goes, until they are this close.
STEP, NEAR = 0.5, 0.003
# Shares of the gap asked for at which the linear phases and the mixed-integer one stop.
LINEAR_SHARE, WHOLE_SHARE = 0.3, 0.3
DEAREST = 1e4


@dataclass(frozen=True)
class Found:
    """A plan and how it was found. ``objective``: minimised, in the model's unit; ``gap`` relative, proven, of it.
    ``size``: rows, columns, non-zeros of all parts. ``rounds``: how often the subtrees were asked. ``seconds``: of wall
    time, ``build_seconds`` of them until the parts' models stood."""

    decisions: Decisions
    position: Position
    objective: float
    tie_break: float
    gap: float
    hit_limit: bool
    size: tuple[int, int, int]
    integers: int
    cut_month: int
    subtrees: int
    rounds: int
    build_seconds: float
    seconds: float

    @property
    def status(self) -> str:
        """In HiGHS' words."""
        return "Stopped short of the gap" if self.hit_limit else "Optimal"


class NotDecomposableError(Exception):
    """The scenario's tree cannot be cut; the text says why, for a planner."""


# Called now and then: (seconds, gap or None).
Progress = Callable[[float, float | None], None]


def reason_against(scenario: Scenario, tree: Tree) -> str | None:
    """Why the scenario cannot be solved in parts; None where nothing is known against it before its model is built."""
    if cut_month(tree) is None:
        return "the tree has no branches to cut it at"
    if scenario.requirements.min_dscr is not None:
        return "min_dscr counts with the mean over all branches"
    if scenario.requirements.liquidation_probability > 0:
        return "liquidation_probability counts over all branches"
    if scenario.taxes is not None:
        return "taxes keep lots over the whole way to a node"
    return None


def solve_decomposed(scenario: Scenario, tree: Tree, crew: Crew, progress: Progress) -> Found:
    """The plan of a scenario on a tree, top and subtrees apart.

    Raises `NotDecomposableError`, `NoPlanError` (not even with integers taken for shares is there a plan), `LimitError`
    (stopped by the time limit before any plan) and `SolverError`.
    """
    against = reason_against(scenario, tree)
    if against:
        raise NotDecomposableError(against)
    started = time.perf_counter()
    month = cut_month(tree)
    assert month is not None
    above = top_of(tree, month)
    f = build(scenario, above.tree)
    top = to_arrays(f)
    names = {(family, index): j for family, columns in top.columns.items() for index, j in columns.items()}
    plan_key = uuid.uuid4().hex
    shares = deal(tree, month, crew.size())
    origins = [Origin(f"{plan_key}/{k}", scenario, share, names) for k, share in enumerate(shares)]
    outlines = crew.begin(origins)
    built = time.perf_counter() - started
    integers = sum((Counter(outline.integers) for outline in outlines), Counter[str]())
    if set(integers) - SWITCHES:
        kinds = ", ".join(sorted(set(integers) - SWITCHES))
        raise NotDecomposableError(f"choices after month {month} are whole numbers ({kinds})")
    most = 10 * (f.data.btc_bound + 1) * max(1.0, float(f.data.price.max()))
    search = _Search(Master(top, outlines, scenario.solver, most), crew, scenario, started, progress)
    point, lower = search.run(_first_point(scenario, tree, month, top), bool(integers))
    parts = crew.plan(Question(point.x, search.dearer, point.switches))
    load_solution(f, top, point.x)
    offset = top.offset + sum(outline.offset - top.offset for outline in outlines)
    own_tie_break = tie_break(f)
    return Found(
        decisions=_joined([decisions(f), *(part.decisions for part in parts)], [above, *shares]),
        position=_positions([position(f), *(part.position for part in parts)], [above, *shares]),
        objective=point.value + offset,
        tie_break=own_tie_break + sum(part.tie_break - own_tie_break for part in parts),
        gap=max(0.0, point.value - lower) / abs(point.value + offset),
        hit_limit=search.out_of_time,
        size=tuple(np.sum([_size(top), *(outline.size for outline in outlines)], axis=0).tolist()),
        integers=int(top.integral.sum()) + sum(integers.values()),
        cut_month=month,
        subtrees=len(search.master.links),
        rounds=search.rounds,
        build_seconds=built,
        seconds=time.perf_counter() - started,
    )


def _size(model: LinearModel) -> tuple[int, int, int]:
    return len(model.rows), len(model.cost), int(model.matrix.nnz)


def _first_point(scenario: Scenario, tree: Tree, month: int, top: LinearModel) -> Floats:
    """Where to ask first: the top of the plan for one average future after each of its last nodes, without integers."""
    model = to_arrays(build(scenario, coarse(tree, month, scenario.numeraire)))
    solver = Solver(model, scenario.solver)
    try:
        x = solver.relax({}, model.cost)
    except (NoPlanError, LimitError):
        return np.clip(np.zeros(len(top.cost)), top.lower, top.upper)
    point = np.zeros(len(top.cost))
    for family, columns in top.columns.items():
        there = model.columns.get(family, {})
        for index, j in columns.items():
            point[j] = x[there[index]] if index in there else 0.0
    return point


@dataclass(frozen=True)
class _Point:
    """``x`` of the top; ``value``: cost there without constants; ``broken``: by how much rows are broken;
    ``switches``: how those below the cut were treated."""

    x: Floats
    value: float
    broken: float
    switches: Switches

    @property
    def is_plan(self) -> bool:
        return self.broken <= KEPT


class _Search:
    def __init__(self, master: Master, crew: Crew, scenario: Scenario, started: float, progress: Progress) -> None:
        self.master, self._crew, self._settings = master, crew, scenario.solver
        self._started, self._progress = started, progress
        self.dearer, self.rounds, self.out_of_time = 1.0, 0, False

    def run(self, first: Floats, switches: bool) -> tuple[_Point, float]:
        """The best plan and a lower bound on every plan's cost."""
        gap, lower = self._settings.gap_share, -np.inf
        if not self._refine(first, "shares").is_plan:
            raise NoPlanError
        best: _Point | None = None
        tried: set[bytes] = set()
        while True:
            whole, bound = self.master.solve(WHOLE_SHARE * gap, max(self._left(), 1.0))
            lower = max(lower, bound)
            for point in self._with_integers_of(whole, switches):
                if point.is_plan and (best is None or point.value < best.value):
                    best = point
                if best is not None and self._apart(best.value, lower) <= gap:
                    return best, lower
            self._tell(None if best is None else self._apart(best.value, lower))
            if self._left() <= 0:
                if best is None:
                    limit = self._settings.time_limit_s
                    raise LimitError(f"stopped by the limit of {limit:g} s before any plan was found")
                self.out_of_time = True
                return best, lower
            seen = self.master.integers(whole).tobytes()
            if seen in tried:
                apart = "" if best is None else f", which leaves its bounds {self._apart(best.value, lower):.2%} apart"
                raise NotDecomposableError(f"choices after the cut are whole numbers{apart}")
            tried.add(seen)

    def _with_integers_of(self, whole: Floats, switches: bool) -> Iterator[_Point]:
        """Plans with the top's integers as in a point: with the switches below held at 0, then with them chosen."""
        self.master.hold_integers(whole)
        try:
            floors = self.master.rows
            point = self._refine(self.master.relax()[0], "closed" if switches else "shares")
            yield point
            if switches:
                # A floor of closed switches may lie above the cost with open ones.
                self.master.forget(floors)
                point = self._refine(point.x, "shares")
                yield self._ask(point.x, "whole")
        finally:
            self.master.hold_integers(None)

    def _refine(self, x: Floats, switches: Switches) -> _Point:
        """The best of the top as the master has it now, to within a share of the gap; it asks about ``x`` first."""
        best: _Point | None = None
        while True:
            point = self._ask(x, switches)
            better = best is None or point.value < best.value
            best = point if best is None or better else best
            proposed, low = self.master.relax()
            apart = self._apart(best.value, low)
            self._tell(None)
            if apart <= LINEAR_SHARE * self._settings.gap_share or self._left() <= 0:
                if best.is_plan or self.dearer >= DEAREST or self._left() <= 0:
                    return best
                self.dearer *= 10
                x, best = best.x, None
                continue
            step = 1.0 if apart < NEAR and better else STEP
            x = best.x + step * (proposed - best.x)

    def _ask(self, x: Floats, switches: Switches) -> _Point:
        answers = self._crew.ask(Question(x, self.dearer, switches))
        if switches != "whole":
            self.master.learn(x, answers)
        self.rounds += 1
        return _Point(
            x=x,
            value=float(self.master.cost @ x) + sum(answer.cost for answer in answers),
            broken=sum(answer.broken for answer in answers),
            switches=switches,
        )

    def _apart(self, value: float, low: float) -> float:
        return (value - low) / max(abs(value), 1.0)

    def _left(self) -> float:
        return self._settings.time_limit_s - (time.perf_counter() - self._started)

    def _tell(self, gap: float | None) -> None:
        self._progress(time.perf_counter() - self._started, gap)


def _joined(made: list[Decisions], shares: list[Share]) -> Decisions:
    """One plan's decisions: the top's of the top, each share's of its own nodes, numbered as in the whole tree."""
    nodes = sum(len(share.tree) for share in shares) - (len(shares) - 1) * shares[0].top
    first = made[0]
    kept: dict[str, object] = {}
    for field in fields(Decisions):
        values = getattr(first, field.name)
        if isinstance(values, np.ndarray):
            kept[field.name] = _at_nodes([getattr(part, field.name) for part in made], shares, nodes)
        else:
            kept[field.name] = tuple(
                numbered(item, share.nodes)
                for k, (part, share) in enumerate(zip(made, shares, strict=True))
                for item in getattr(part, field.name)
                if k == 0 or item.node >= share.top
            )
    return Decisions(**kept)  # type: ignore[arg-type]


def _positions(found: list[Position], shares: list[Share]) -> Position:
    nodes = sum(len(share.tree) for share in shares) - (len(shares) - 1) * shares[0].top
    return Position(
        **{
            field.name: _at_nodes([getattr(position, field.name) for position in found], shares, nodes)
            for field in fields(Position)
        }
    )


def _at_nodes(values: list[Floats], shares: list[Share], nodes: int) -> Floats:
    """[node of the whole tree, ...] of the values of every share's own nodes."""
    out = np.zeros((nodes, *values[0].shape[1:]))
    for k, (part, share) in enumerate(zip(values, shares, strict=True)):
        own = slice(0 if k == 0 else share.top, None)
        out[share.nodes[own]] = part[own]
    return out
