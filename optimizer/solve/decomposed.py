"""Large trees: the top solved as a mixed-integer problem, every subtree below it as a linear program of its own.

The two-level L-shaped method (R. M. Van Slyke and R. Wets, SIAM Journal on Applied Mathematics 17, 1969). The top
proposes today's choices; every subtree answers what they cost it and how that changes; the answers become floors under
which no plan can be cheaper. Steps go a part of the way from the best point to the floors' own ("in-out": W. Ben-Ameur
and J. Neto, Networks 49, 2007), so that early floors, far off, do not throw the search about; and it begins where the
plan of a coarse tree stands, with one average future after each of the top's last nodes. First all integers are taken
for shares; then the top is solved with whole ones, and what is continuous is refined with those held.

The lower bound is the top's with all floors; the upper one is a plan. Switches below the cut (`SWITCHES`) are taken for
shares in the lower bound; in the plan they are held at 0, or, where that is too dear, chosen subtree by subtree with
the top as it is. Both bounds stay true, and where they do not meet the tree is solved whole.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

import numpy as np

from optimizer.decisions import Decisions, Position
from optimizer.errors import LimitError, SolverError
from optimizer.formulation.build import build
from optimizer.formulation.extract import decisions, position
from optimizer.formulation.objective import tie_break
from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario
from optimizer.solve.crew import Crew, Origin, Question
from optimizer.solve.highs import Bounds, NoPlanError, Solver
from optimizer.solve.joined import joined, positions
from optimizer.solve.linear_model import Floats, LinearModel, load_solution, to_arrays
from optimizer.solve.master import Master
from optimizer.solve.recourse import Without
from optimizer.solve.search import NotDecomposableError, Progress, Search
from optimizer.solve.shares import coarse, cut_month, deal, top_of

# Integers below the cut that may be taken for shares while looking for the plan.
SWITCHES = frozenset({"release"})


@dataclass(frozen=True)
class PlanInParts:
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
        """Optimal, in HiGHS' word, or why not."""
        return "Stopped short of the gap" if self.hit_limit else "Optimal"


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


class CutModel:
    """A scenario's model on a tree that is cut: the top here, the subtrees with a crew.

    Raises `NotDecomposableError`, and what a crew may.
    """

    def __init__(self, scenario: Scenario, tree: Tree, crew: Crew) -> None:
        against = reason_against(scenario, tree)
        month = cut_month(tree)
        if against or month is None:
            raise NotDecomposableError(against or "")
        self._started = time.perf_counter()
        self.scenario, self.tree, self._crew, self._month = scenario, tree, crew, month
        above = top_of(tree, month)
        self.f = build(scenario, above.tree)
        self.top = to_arrays(self.f)
        names = {(family, index): j for family, columns in self.top.columns.items() for index, j in columns.items()}
        shares = deal(tree, month, crew.size())
        origins = [Origin(scenario, share, names) for share in shares]
        self._shares = [above, *shares]
        crew.begin(origins)
        self._first = _first_point(scenario, tree, month, self.top)
        self._outlines = crew.outlines()
        self._integers = sum((Counter(outline.integers) for outline in self._outlines), Counter[str]())
        if set(self._integers) - SWITCHES:
            kinds = ", ".join(sorted(set(self._integers) - SWITCHES))
            raise NotDecomposableError(f"choices after month {month} are whole numbers ({kinds})")
        most = 10 * (self.f.data.btc_bound + 1) * max(1.0, float(self.f.data.price.max()))
        self._master = Master(self.top, self._outlines, scenario.solver, most)
        self._built = time.perf_counter()

    def plan(self, progress: Progress) -> PlanInParts:
        """The best plan. Raises `NoPlanError` (not even with integers taken for shares is there one),
        `NotDecomposableError` (its bounds do not meet), `LimitError` (stopped by the time limit before any plan) and
        `SolverError`."""
        scenario = self.scenario
        search = Search(self._master, self._crew, scenario.solver, progress, self._started)
        self.point, lower = search.run(self._first, bool(self._integers))
        chosen, claimed, own_tie_break = self._taken_out(search)
        offset = self.top.offset + sum(outline.offset - self.top.offset for outline in self._outlines)
        objective, least = self.point.value - self.point.fines + offset, lower + offset
        if scenario.risk.weight > 0:
            threshold = float(self.f.pyomo.threshold[0].value)
            objective -= _of_a_better_threshold(scenario, self.tree, claimed, threshold)
        sizes = [_size(self.top), *(outline.size for outline in self._outlines)]
        return PlanInParts(
            decisions=chosen,
            position=claimed,
            objective=objective,
            tie_break=own_tie_break,
            gap=max(0.0, objective - least) / max(abs(objective), 1e-9),
            hit_limit=search.out_of_time,
            size=tuple(np.sum(sizes, axis=0).tolist()),
            integers=int(self.top.integral.sum()) + sum(self._integers.values()),
            cut_month=self._month,
            subtrees=len(self._master.links),
            rounds=search.rounds,
            build_seconds=self._built - self._started,
            seconds=time.perf_counter() - self._started,
        )

    def told(self, bounds: Bounds, without: Without) -> Decisions:
        """The best plan of the same company with columns of the top within other bounds and some things not done at
        all. Floors of the plan hold here too: who may do less does no better. Raises as `plan`."""
        started, floors = time.perf_counter(), self._master.rows
        search = Search(self._master, self._crew, self.scenario.solver, lambda seconds, gap: None, started, without)
        self._master.limit(bounds)
        try:
            self.point, _ = search.run(self._master.relax()[0], bool(self._integers))
            return self._taken_out(search)[0]
        finally:
            self._master.limit({})
            # Its own floors are of a company that may do less: too high for the others.
            self._master.forget(floors)

    def _taken_out(self, search: Search) -> tuple[Decisions, Position, float]:
        """The decisions of the point found, the position claimed for them, and what their tie-break comes to."""
        point, f = self.point, self.f
        parts = self._crew.plan(Question(point.x, point.dearer, point.switches, search.without))
        load_solution(f, self.top, point.x)
        own = tie_break(f)
        return (
            joined([decisions(f), *(part.decisions for part in parts)], self._shares),
            positions([position(f), *(part.position for part in parts)], self._shares),
            own + sum(part.tie_break - own for part in parts),
        )


def _of_a_better_threshold(scenario: Scenario, tree: Tree, claimed: Position, threshold: float) -> float:
    """What the objective gains where the tail's threshold v, fixed at the top before the leaves' worth W was known, is
    chosen for them:  weight * (max_v (v - E[max(v - W, 0)] / tail) - the same at v); the best v is one of W."""
    leaves = np.flatnonzero((tree.probability > 0) & (tree.month == scenario.horizon_months))
    worth = claimed.net_btc[leaves]
    if scenario.numeraire == "usd":
        worth = worth * tree.price_usd[leaves] / scenario.market.btc_price_usd
    order = np.argsort(worth)
    worth, chance = worth[order], tree.probability[leaves][order]
    below = np.concatenate([[0.0], np.cumsum(chance)[:-1]])
    shortfall = worth * below - np.concatenate([[0.0], np.cumsum(chance * worth)[:-1]])
    best = float((worth - shortfall / scenario.risk.tail_share).max())
    as_fixed = threshold - float(chance @ np.maximum(threshold - worth, 0.0)) / scenario.risk.tail_share
    return scenario.risk.weight * max(best - as_fixed, 0.0)


def _size(model: LinearModel) -> tuple[int, int, int]:
    return len(model.rows), len(model.cost), int(model.matrix.nnz)


def _first_point(scenario: Scenario, tree: Tree, month: int, top: LinearModel) -> Floats:
    """Where to ask first: the top of the plan for one average future after each of its last nodes, without integers."""
    model = to_arrays(build(scenario, coarse(tree, month, scenario.numeraire)))
    solver = Solver(model, scenario.solver)
    # By largest values: quicker than HiGHS' own choice here, and a little rounding harms no first point.
    solver.highs.setOptionValue("simplex_scale_strategy", 4)
    try:
        x = solver.relax({}, model.cost)
    except (NoPlanError, LimitError, SolverError):
        return np.clip(np.zeros(len(top.cost)), top.lower, top.upper)
    point = np.zeros(len(top.cost))
    for family, columns in top.columns.items():
        there = model.columns.get(family, {})
        for index, j in columns.items():
            point[j] = x[there[index]] if index in there else 0.0
    return point
