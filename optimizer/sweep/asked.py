"""What a sweep is asked to plan: options and a file of points, as changes of one scenario that are not yet checked."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

from optimizer.errors import Problem, ScenarioError
from optimizer.scenario.nodes import Mark, Node, plain, problem_at, shown
from optimizer.scenario.shape import did_you_mean
from optimizer.scenario.source import read_file, read_text

# What stands where a path would, to vary named overrides; a scenario has no such key.
OVERRIDE = "override"
# In its place: none of the file's overrides.
NO_OVERRIDE = "none"
RISK_WEIGHT = "risk.weight"
MOST_POINTS = 2_000

Kind = Literal["base", "grid", "list", "frontier", "tornado"]


@dataclass(frozen=True)
class Change:
    """``value`` (plain data) at ``path``, or with `OVERRIDE` as path the override of that name. ``at``: where it was
    asked for."""

    path: str
    value: object
    at: Mark

    @property
    def text(self) -> str:
        """As ``--set`` reads it."""
        return f"{self.path}={_text(self.value)}"


@dataclass(frozen=True)
class Wanted:
    """A point by its changes, the later over the earlier. ``factor``: of a tornado, what the value is multiplied by."""

    name: str
    kind: Kind
    changes: tuple[Change, ...] = ()
    factor: float | None = None

    @property
    def overrides(self) -> tuple[str, ...]:
        """The named overrides that it lays over the file."""
        named = [str(change.value) for change in self.changes if change.path == OVERRIDE]
        return tuple(name for name in named if name != NO_OVERRIDE)

    @property
    def sets(self) -> tuple[str, ...]:
        """Its other changes, as ``--set`` reads them."""
        return tuple(change.text for change in self.changes if change.path != OVERRIDE)


@dataclass(frozen=True)
class Factors:
    """A value that a tornado multiplies, and by what."""

    path: str
    factors: tuple[float, ...]
    at: Mark


def grid(texts: Sequence[str], problems: list[Problem]) -> list[Wanted]:
    """The product of ``PATH=VALUE,VALUE`` texts; the last varies fastest."""
    axes = []
    for text in texts:
        mark = Mark(f"--vary {text}")
        path, equals, values = text.partition("=")
        if not (equals and path.strip()):
            problems.append(problem_at(mark, "", "must be PATH=VALUE,VALUE", mend="such as risk.weight=0,0.3"))
            continue
        read = _values(values, mark, problems)
        # By its text, since a list is a value too: one that is written twice is one.
        axes.append([Change(path.strip(), value, mark) for value in {_text(value): value for value in read}.values()])
    size = math.prod(len(axis) for axis in axes)
    if size > MOST_POINTS:
        problems.append(problem_at(Mark("--vary"), "", f"makes {size:,} points", mend=f"at most {MOST_POINTS:,}"))
        return []
    if not axes or size == 0:
        return []
    return [Wanted(", ".join(map(_shown, changes)), "grid", changes) for changes in product(*axes)]


def listed(path: Path, problems: list[Problem]) -> list[Wanted]:
    """The points of a YAML file: a mapping of names to what each changes, ``override`` (a name or a list of names)
    and ``set`` (a mapping of paths to values)."""
    try:
        file = read_file(path)
    except ScenarioError as error:
        problems += error.problems
        return []
    found = [Wanted(name, "list", tuple(_changes(name, node, problems))) for name, node in file.mapping.items()]
    if len(found) > MOST_POINTS:
        problems.append(problem_at(file.at, "", f"holds {len(found):,} points", mend=f"at most {MOST_POINTS:,}"))
    return found


def frontier(text: str, problems: list[Problem]) -> list[Wanted]:
    """A point for each risk weight of ``W,W``, in rising order."""
    mark = Mark(f"--frontier {text}")
    weights = _numbers(text, mark, problems, "such as 0,0.1,0.3,0.6,1")
    changes = [Change(RISK_WEIGHT, weight, mark) for weight in sorted(set(weights))]
    return [Wanted(_shown(change), "frontier", (change,)) for change in changes]


def tornado(texts: Sequence[str], problems: list[Problem]) -> list[Factors]:
    """The values to multiply of ``PATH:FACTOR,FACTOR`` texts."""
    found = []
    for text in texts:
        mark, mend = Mark(f"--tornado {text}"), "such as market.btc_price_usd:0.8,1.2"
        path, colon, factors = text.rpartition(":")
        if not (colon and path.strip()):
            problems.append(problem_at(mark, "", "must be PATH:FACTOR,FACTOR", mend=mend))
            continue
        read = [factor for factor in _numbers(factors, mark, problems, mend) if factor != 1]
        found.append(Factors(path.strip(), tuple(sorted(set(read))), mark))
    return found


def multiplied(asked: Factors, node: Node | None, problems: list[Problem]) -> list[Wanted]:
    """The points of one bar of a tornado: ``node`` is what stands at its path in the completed scenario."""
    value = node.value if node else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value == 0:
        message, mend = "only a number other than 0 can be multiplied", "vary it instead, with --vary"
        problems.append(problem_at(asked.at, asked.path, message, shown(node) or "nothing", mend))
        return []
    return [
        Wanted(
            f"{asked.path} x {factor:g}", "tornado", (Change(asked.path, _rounded(value * factor), asked.at),), factor
        )
        for factor in asked.factors
    ]


def _changes(name: str, node: Node, problems: list[Problem]) -> Iterator[Change]:
    """The changes that a file's point ``name`` writes."""
    if not isinstance(node.value, dict):
        message, mend = "must be a mapping with `override` or `set`", "write below it `set: {risk.weight: 0.3}`"
        problems.append(problem_at(node.at, name, message, shown(node), mend))
        return
    for key, child in node.mapping.items():
        path = f"{name}.{key}"
        if key == OVERRIDE:
            for item in child.items or [child]:
                if isinstance(item.value, str):
                    yield Change(OVERRIDE, item.value, item.at)
                else:
                    problems.append(problem_at(item.at, path, "must be a name or a list of names", shown(item)))
        elif key == "set" and isinstance(child.value, dict):
            for where, value in child.mapping.items():
                yield Change(where, plain(value), value.at)
        elif key == "set":
            message, mend = "must be a mapping of paths to values", "such as `set: {risk.weight: 0.3}`"
            problems.append(problem_at(child.at, path, message, shown(child), mend))
        else:
            problems.append(
                problem_at(child.at, path, "there is no such key here", mend=did_you_mean(key, [OVERRIDE, "set"]))
            )


def _values(text: str, mark: Mark, problems: list[Problem]) -> list[object]:
    """Values between commas, each read as a scenario's are: the text is the inside of a YAML list."""
    try:
        node = read_text(f"[{text}]", mark.file)
    except ScenarioError as error:
        problems += [Problem(mark.file, 0, 0, "", p.message, p.found, p.mend) for p in error.problems]
        return []
    if node is None or not node.items:
        problems.append(problem_at(mark, "", "there is no value", mend="write values with commas between them"))
        return []
    return [plain(item) for item in node.items]


def _numbers(text: str, mark: Mark, problems: list[Problem], mend: str) -> list[float]:
    numbers = []
    for value in _values(text, mark, problems):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            problems.append(problem_at(mark, "", "must be numbers with commas between them", _text(value), mend))
        else:
            numbers.append(value)
    return numbers


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _shown(change: Change) -> str:
    return f"{change.path}={change.value if isinstance(change.value, str) else _text(change.value)}"


def _rounded(value: float) -> float | int:
    """Without the dust of binary multiplication; a whole number as one, which a number of months must be."""
    rounded = float(f"{value:.12g}")
    return int(rounded) if rounded.is_integer() else rounded
