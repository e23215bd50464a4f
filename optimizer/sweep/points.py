"""A sweep's points: each a completed, checked scenario with the key under which its plan is kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from optimizer import __version__
from optimizer.errors import Problem, ScenarioError, SweepError
from optimizer.scenario.load import LoadedScenario, load_scenario
from optimizer.scenario.merge import place_of
from optimizer.scenario.nodes import Mark, Node, node_at, problem_at
from optimizer.sweep.asked import MOST_POINTS, OVERRIDE, Factors, Wanted, multiplied


@dataclass(frozen=True)
class Making:
    """How every point is planned; see `optimizer.planning.plan`."""

    compare: bool
    monte_carlo: int


@dataclass(frozen=True)
class Point:
    """A point and its scenario. ``key``: of all that its plan is made from (`key_of`)."""

    wanted: Wanted
    loaded: LoadedScenario
    key: str


def key_of(sha256: str, making: Making) -> str:
    """The key of a plan: a hash of its completed scenario's hash, hashlever's version and how it is made."""
    inputs = [__version__, sha256, making.compare, making.monte_carlo]
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:32]


def points_of(
    file: Path,
    wanted: Sequence[Wanted],
    factors: Sequence[Factors],
    making: Making,
    overrides: Sequence[str] = (),
    sets: Sequence[str] = (),
    problems: Sequence[Problem] = (),
) -> tuple[Point, ...]:
    """The points of the scenario in ``file`` with these overrides and sets below all of them.

    ``problems``: what is already known to be wrong. Raises `ScenarioError` with it and every problem of every point,
    before anything is planned, and `SweepError` when there are no points or too many.
    """
    found = list(problems)
    loaded: dict[int, LoadedScenario] = {}
    everything = list(wanted)
    if factors:
        base = Wanted("base", "base")
        everything.insert(0, base)
        given = _load(file, base, overrides, sets, found)
        if given is not None:
            everything += _tornado(given, factors, found)
    if len(everything) > MOST_POINTS:
        raise SweepError(f"{len(everything):,} points are more than {MOST_POINTS:,}. Ask for fewer values.")
    for index, point in enumerate(everything):
        scenario = _load(file, point, overrides, sets, found)
        if scenario is not None:
            loaded[index] = scenario
    if found:
        raise ScenarioError(list(dict.fromkeys(found)))
    if not everything:
        raise SweepError("There is nothing to sweep. Ask for --vary, --points, --frontier or --tornado.")
    return tuple(
        Point(point, loaded[index], key_of(loaded[index].sha256, making)) for index, point in enumerate(everything)
    )


def _load(
    file: Path, point: Wanted, overrides: Sequence[str], sets: Sequence[str], problems: list[Problem]
) -> LoadedScenario | None:
    try:
        return load_scenario(file, (*overrides, *point.overrides), (*sets, *point.sets))
    except ScenarioError as error:
        problems += [_where_asked(problem, point) for problem in error.problems]
        return None


def _where_asked(problem: Problem, point: Wanted) -> Problem:
    """A problem of a change at the option or line that asked for it: nobody typed the ``--set`` made of it."""
    for change in point.changes:
        made = f"--override {change.value}" if change.path == OVERRIDE else f"--set {change.text}"
        if problem.file == made:
            return replace(problem, file=change.at.file, line=change.at.line, column=change.at.column)
    return problem


def _tornado(base: LoadedScenario, factors: Sequence[Factors], problems: list[Problem]) -> list[Wanted]:
    """The points of a tornado around the completed ``base``, defaults and catalogue in."""
    whole = _nodes(base.scenario.model_dump(mode="json"))
    wanted = []
    for asked in factors:
        try:
            place = place_of(asked.path, whole)
        except LookupError as error:
            message, mend = error.args
            problems.append(problem_at(asked.at, asked.path, message, mend=mend))
            continue
        wanted += multiplied(asked, node_at(whole, place), problems)
    return wanted


def _nodes(value: object) -> Node:
    """Plain data as nodes without a place."""
    mark = Mark("")
    if isinstance(value, dict):
        return Node({str(key): _nodes(child) for key, child in value.items()}, mark)
    if isinstance(value, list):
        return Node([_nodes(child) for child in value], mark)
    assert value is None or isinstance(value, (bool, int, float, str))
    return Node(value, mark)
