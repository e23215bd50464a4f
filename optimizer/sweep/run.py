"""Running a sweep: what is there already is read, the rest is planned, by whatever engine does the work."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from optimizer.engine.work import Died, Engine
from optimizer.errors import ExitCode, HashleverError, InfeasibleError, OutputError
from optimizer.planning import plan
from optimizer.report.write import plan_files
from optimizer.sweep.points import Making, Point
from optimizer.sweep.store import Store
from optimizer.sweep.swept import Row, Swept

# Called as work goes on: (how far, what was done and the time left).
Tell = Callable[[str, str], None]
DIED = "the process that planned it ended without a word; the machine may be short of memory"
# The files of a plan's folder, by name.
Files = dict[str, bytes]


@dataclass(frozen=True)
class Fate:
    """How the planning of a point ended. ``trace``: of a bug, where it is."""

    why_not: str = ""
    exit_code: ExitCode = ExitCode.DONE
    lasting: bool = False
    trace: str = ""


def run(points: Sequence[Point], making: Making, store: Store, engine: Engine, tell: Tell) -> Swept:
    """Plan every point that ``store`` lacks and put it there. Only this process writes: ``engine`` gives back plans.

    A point without a plan is told and does not stop the others. Points of equal keys are planned once. A point that
    is known to be infeasible is not tried again; one that was stopped before any plan, or broke, is.
    """
    by_key = {point.key: point for point in points}
    missing = [p for p in by_key.values() if store.why_not(p.key) is None and not store.result(p.key, p.loaded.sha256)]
    tell(f"{len(by_key) - len(missing)} of {len(by_key)}", f"there already, {len(missing)} to plan")
    fates: dict[str, Fate] = {}
    started = time.perf_counter()
    for point, planned in engine.each(_Job(making), missing):
        fate = fates[point.key] = _kept(point, planned, store)
        left = len(missing) - len(fates)
        spent = time.perf_counter() - started
        done = f"no plan: {_first_line(fate)}" if fate.why_not else "planned"
        tell(
            f"{len(by_key) - left} of {len(by_key)}",
            f"{point.wanted.name}: {done}" + (f"; about {duration(spent / len(fates) * left)} left" if left else ""),
        )
        if fate.trace:
            tell("a bug", fate.trace)
    return Swept(tuple(_rows(points, store, fates)), making, sum(not fate.why_not for fate in fates.values()))


def duration(seconds: float) -> str:
    """A time in words: 40 s, 3 min, 2 h 05 min."""
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


@dataclass(frozen=True)
class _Job:
    """The whole work of a point; sent to a worker with each."""

    making: Making

    def __call__(self, point: Point) -> Files | Fate:
        try:
            return plan_files(plan(point.loaded, compare=self.making.compare, monte_carlo=self.making.monte_carlo))
        except InfeasibleError as error:
            return Fate(str(error), error.exit_code, lasting=True)
        except HashleverError as error:
            return Fate(str(error), error.exit_code)
        except Exception as error:  # whatever it is, the other points are planned; its trace is shown
            return Fate(
                f"a bug in hashlever: {type(error).__name__}: {error}", ExitCode.BUG, trace=traceback.format_exc()
            )


def _kept(point: Point, planned: Files | Fate | Died, store: Store) -> Fate:
    """How the planning of a point ended, once what came of it is in the store."""
    if isinstance(planned, Died):
        return Fate(DIED, ExitCode.BUG)
    if isinstance(planned, Fate):
        if planned.lasting:
            store.keep_why_not(point.key, planned.why_not)
        return planned
    try:
        store.keep(point.key, planned)
    except OutputError as error:
        return Fate(str(error), error.exit_code)
    return Fate()


def _first_line(fate: Fate) -> str:
    return fate.why_not.splitlines()[0]


def _rows(points: Sequence[Point], store: Store, fates: dict[str, Fate]) -> Iterator[Row]:
    for point in points:
        fate = fates.get(point.key, Fate())
        result = None if fate.why_not else store.result(point.key, point.loaded.sha256)
        if result is not None:
            stopped = ExitCode.LIMIT_WITH_PLAN if result.hit_limit else ExitCode.DONE
            yield Row(point, result, exit_code=stopped)
        elif (why_not := store.why_not(point.key)) is not None:
            yield Row(point, None, why_not, ExitCode.NO_FEASIBLE_PLAN)
        elif fate.why_not:
            yield Row(point, None, fate.why_not, fate.exit_code)
        else:
            raise AssertionError(f"the plan of {point.key} was written and cannot be read")


def sweep_into(points: Sequence[Point], making: Making, out: Path, engine: Engine, tell: Tell) -> Swept:
    """`run` in the folder ``out``, and its summary written there. Raises `OutputError`."""
    from optimizer.report.sweep_write import write_sweep
    from optimizer.sweep.store import opened

    with opened(out) as store:
        swept = run(points, making, store, engine, tell)
        write_sweep(swept, store)
    return swept
