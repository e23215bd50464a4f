"""The search of the two-level method: which point of the top to ask about next, and when its bounds meet."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from optimizer.errors import LimitError
from optimizer.scenario.schema import SolverSettings
from optimizer.solve.crew import Crew, Question
from optimizer.solve.highs import NoPlanError
from optimizer.solve.linear_model import Floats
from optimizer.solve.master import Master
from optimizer.solve.recourse import Switches, Without

# A row broken by no more than this is kept, in the model's units: the solver's rounding.
KEPT = 1e-5
# How far from the best point to the floors' own a step goes at first, and how it grows while it brings something.
STEP, GROW = 0.5, 1.5
# The first rounds: how far from the best point the next may lie, in shares of its size; and to which gap they go.
RADIUS, LEAST_RADIUS, ROUGH = 0.2, 0.002, 0.002
# Shares of the gap asked for at which the linear phases and the mixed-integer one stop.
LINEAR_SHARE, WHOLE_SHARE = 0.3, 0.3
DEAREST = 1e4
# Bounds nearer than this are rounding; and so are they where so many rounds bring them no nearer.
FINEST, PATIENCE = 1e-8, 60
# Whole steps by which rows that are broken a little are mended, before breaking them is made dearer.
MENDS = 8


class NotDecomposableError(Exception):
    """The scenario's tree cannot be cut; the text says why, for a planner."""


# Called now and then: (seconds, gap or None).
Progress = Callable[[float, float | None], None]


@dataclass(frozen=True)
class Point:
    """``x`` of the top; ``value``: cost there without constants; ``broken``: by how much a row is broken at most;
    ``fines``: what breaking rows, be it by rounding, adds to the value; ``switches``: how those below were treated;
    ``dearer``: how many times the first price broken rows cost."""

    x: Floats
    value: float
    broken: float
    fines: float
    switches: Switches
    dearer: float

    @property
    def is_plan(self) -> bool:
        """Whether every row is kept, rounding aside."""
        return self.broken <= KEPT


class Search:
    """One search. ``dearer``: how many times the first price broken rows cost by now; ``rounds``: how often the
    subtrees were asked; ``without``: what is not done below the cut."""

    def __init__(
        self,
        master: Master,
        crew: Crew,
        settings: SolverSettings,
        progress: Progress,
        started: float,
        without: Without = frozenset(),
    ) -> None:
        self.master, self._crew, self._settings, self.without = master, crew, settings, without
        self._started, self._progress = started, progress
        self.dearer, self.rounds, self.out_of_time = 1.0, 0, False

    def run(self, first: Floats, switches: bool) -> tuple[Point, float]:
        """The best plan and a lower bound on every plan's cost."""
        gap, lower = max(self._settings.gap_share, FINEST), -np.inf
        if not self._refine(self._approach(first), "shares").is_plan and self._left() > 0:
            raise NoPlanError
        best: Point | None = None
        tried: set[bytes] = set()
        while True:
            try:
                whole, bound = self.master.solve(WHOLE_SHARE * gap, max(self._left(), 1.0))
            except LimitError:
                if best is None:
                    raise
                self.out_of_time = True
                return best, lower
            lower = max(lower, bound)
            seen = self.master.integers(whole).tobytes()
            again = seen in tried
            enough = np.inf if again else lower + gap * max(abs(lower), 1.0)
            with closing(self._with_integers_of(whole, switches, enough, best is None)) as points:
                for point in points:
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
            if again:
                apart = "" if best is None else f", which leaves its bounds {self._apart(best.value, lower):.2%} apart"
                raise NotDecomposableError(f"choices after the cut are whole numbers{apart}")
            tried.add(seen)

    def _approach(self, x: Floats) -> Floats:
        """A point near the best, by steps that stay where the floors known so far say something (a trust region: J.
        Linderoth and S. Wright, Computational Optimization and Applications 24, 2003)."""
        best, radius = self._ask(x, "shares"), RADIUS
        for _ in range(PATIENCE):
            self.master.stay_near(best.x, radius)
            try:
                proposed, low = self.master.relax()
            finally:
                self.master.stay_near(None, radius)
            self._tell(None)
            if self._apart(best.value, low) <= ROUGH or radius < LEAST_RADIUS or self._left() <= 0:
                break
            point = self._ask(proposed, "shares")
            gained, hoped = best.value - point.value, best.value - low
            best = point if gained > 0 else best
            radius = radius * 2 if gained > 0.5 * hoped else radius if gained > 0.1 * hoped else radius / 3
        return best.x

    def _with_integers_of(self, whole: Floats, switches: bool, enough: float, no_plan_yet: bool) -> Generator[Point]:
        """Plans with the top's integers as in a point: with the switches below held at 0, then with them chosen, which
        takes long: only where shares of them cost no more than ``enough``, or where nothing else gives a plan."""
        self.master.hold_integers(whole)
        try:
            floors = self.master.rows
            try:
                point = self._refine(self.master.relax()[0], "closed" if switches else "shares")
                no_plan_yet = no_plan_yet and not point.is_plan
                yield point
            finally:
                if switches:
                    # A floor of closed switches may lie above the cost with open ones.
                    self.master.forget(floors)
            if switches:
                point = self._refine(point.x, "shares")
                if no_plan_yet or point.value <= enough:
                    yield self._ask(point.x, "whole")
        finally:
            self.master.hold_integers(None)

    def _refine(self, x: Floats, switches: Switches) -> Point:
        """The best of the top as the master has it now, to within a share of the gap; it asks about ``x`` first. A
        plan, unless there is none or time is up."""
        best: Point | None = None
        plan: Point | None = None
        enough = max(LINEAR_SHARE * self._settings.gap_share, FINEST)
        closest, stale, step, mended = np.inf, 0, STEP, 0
        while True:
            point = self._ask(x, switches)
            better = best is None or point.value < best.value
            best = point if best is None or better else best
            if point.is_plan and (plan is None or point.value < plan.value):
                plan = point
            proposed, low = self.master.relax()
            apart = self._apart(best.value, low)
            self._tell(None)
            closest, stale = (apart, 0) if apart < 0.99 * closest else (closest, stale + 1)
            near = apart <= enough
            mended += near
            no_further = (
                stale > PATIENCE or mended > MENDS or (near and np.allclose(proposed, x, rtol=0.0, atol=FINEST))
            )
            if plan is not None and (no_further or self._apart(plan.value, low) <= enough):
                return plan
            if self._left() <= 0 or (no_further and self.dearer >= DEAREST):
                return plan or best
            if no_further:
                self.dearer *= 10
                x, best, closest, stale, mended = best.x, None, np.inf, 0, 0
            elif near:
                # Only a step all the way leaves the little behind by which the best point breaks rows.
                x = proposed
            else:
                step = min(1.0, GROW * step) if better else STEP
                x = best.x + step * (proposed - best.x)

    def _ask(self, x: Floats, switches: Switches) -> Point:
        answers = self._crew.ask(Question(x, self.dearer, switches, self.without))
        if switches != "whole":
            self.master.learn(x, answers)
        self.rounds += 1
        return Point(
            x=x,
            value=float(self.master.cost @ x) + sum(answer.cost for answer in answers),
            broken=max(answer.broken for answer in answers),
            fines=sum(answer.fines for answer in answers),
            switches=switches,
            dearer=self.dearer,
        )

    def _apart(self, value: float, low: float) -> float:
        return (value - low) / max(abs(value), 1.0)

    def _left(self) -> float:
        return self._settings.time_limit_s - (time.perf_counter() - self._started)

    def _tell(self, gap: float | None) -> None:
        self._progress(time.perf_counter() - self._started, gap)
