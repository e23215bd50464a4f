"""A sweep that was run: its points in order, each with what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from optimizer.errors import ExitCode
from optimizer.sweep.points import Making, Point
from optimizer.sweep.result import Result

# What a sweep ends with when several of its points ended badly: the first of these that one ended with.
GRAVEST = (
    ExitCode.BUG,
    ExitCode.AUDIT_FAILED,
    ExitCode.BAD_INPUT,
    ExitCode.LIMIT_WITHOUT_PLAN,
    ExitCode.NO_FEASIBLE_PLAN,
    ExitCode.LIMIT_WITH_PLAN,
)


@dataclass(frozen=True)
class Row:
    """A point and what its plan came to; or no plan, why, and the exit code that `hashlever plan` would end with."""

    point: Point
    result: Result | None
    why_not: str = ""
    exit_code: ExitCode = ExitCode.DONE


@dataclass(frozen=True)
class Bar:
    """What a value of a tornado does to the plan's worth: ``ends`` are the factors in rising order and the change of
    worth against the base's plan, None where there is no plan."""

    path: str
    ends: tuple[tuple[float, float | None], ...]

    @property
    def span(self) -> float:
        """From the lowest to the highest change, nothing being one of them."""
        found = [change for _, change in self.ends if change is not None]
        return max(0.0, *found) - min(0.0, *found) if found else 0.0


@dataclass(frozen=True)
class Swept:
    """A sweep. ``planned``: how many plans this run made; the others were there already."""

    rows: tuple[Row, ...]
    making: Making
    planned: int

    @property
    def failed(self) -> tuple[Row, ...]:
        """The points without a plan."""
        return tuple(row for row in self.rows if row.result is None)

    @property
    def exit_code(self) -> ExitCode:
        """0, or the gravest way in which a point ended."""
        ways = {row.exit_code for row in self.rows}
        return next((code for code in GRAVEST if code in ways), ExitCode.DONE)

    @property
    def frontier(self) -> tuple[Row, ...]:
        """The points of the frontier that have a plan, by rising risk weight."""
        return tuple(row for row in self.rows if row.point.wanted.kind == "frontier" and row.result is not None)

    @property
    def base(self) -> Result | None:
        """What the tornado is measured from; None without one, or where the base has no plan."""
        return next((row.result for row in self.rows if row.point.wanted.kind == "base"), None)

    @cached_property
    def tornado(self) -> tuple[Bar, ...]:
        """The bars of the tornado, the longest first; none where the base has no plan."""
        base = self.base
        if base is None:
            return ()
        ends: dict[str, list[tuple[float, float | None]]] = {}
        for row in self.rows:
            wanted = row.point.wanted
            if wanted.factor is not None:
                change = row.result.value - base.value if row.result else None
                ends.setdefault(wanted.changes[0].path, []).append((wanted.factor, change))
        return tuple(sorted((Bar(path, tuple(found)) for path, found in ends.items()), key=lambda bar: -bar.span))
