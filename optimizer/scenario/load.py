"""From a YAML file to a validated `Scenario`, or every problem at once.

The file is laid over what it ``extends:``, then the chosen ``overrides:`` and ``--set`` values are laid over
it, then the catalogue fills in what products, presets and models supply, and all is validated and checked.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from optimizer.errors import Problem, ScenarioError
from optimizer.scenario.checks import issues_of
from optimizer.scenario.complete import CatalogueNodes, complete, read_catalogue
from optimizer.scenario.issues import Issue
from optimizer.scenario.merge import LOADER_KEYS, apply_overrides, apply_set, read_chain
from optimizer.scenario.nodes import Node, Place, mark_at, node_at, path_text, plain, problem_at, put, shown
from optimizer.scenario.schema import Scenario
from optimizer.scenario.source import is_readable
from optimizer.scenario.translate import problems_of

_PRICE_CSV: Place = ("market", "price", "csv")


@dataclass(frozen=True)
class LoadedScenario:
    """A scenario ready to plan, and where it came from.

    ``resolved``: the plain data that was validated, catalogue entries and overrides merged in; the path of a
    price history in it is absolute. ``sha256``: of that data, with the history's content in place of its
    path, so that it is the same on every machine. ``warnings``: what is allowed but worth a second look.
    """

    scenario: Scenario
    warnings: tuple[Problem, ...]
    path: Path
    resolved: dict[str, Any]
    sha256: str


def load_scenario(path: Path | str, overrides: Sequence[str] = (), sets: Sequence[str] = ()) -> LoadedScenario:
    """The scenario in the file at ``path`` with these named ``overrides`` and ``path=value`` sets, in order.

    Raises `ScenarioError` with every problem found; problems of reading come before those of meaning.
    """
    path = Path(path)
    problems: list[Problem] = []
    whole = apply_overrides(read_chain(path, problems), tuple(overrides), problems)
    for text in sets:
        whole = apply_set(whole, text, problems)
    whole, catalogue = _take_catalogue(whole, path, problems)
    completed = complete(whole, catalogue, problems)
    node = _with_csv(completed.node, path, problems)
    resolved = plain(node)
    assert isinstance(resolved, dict)
    try:
        scenario = Scenario.model_validate_json(json.dumps(resolved))
        broken: frozenset[str] = frozenset()
    except ValidationError as error:
        problems += problems_of(error, node, Scenario, (), completed.blank, completed.unknown, extra_keys=LOADER_KEYS)
        broken = frozenset(str(detail["loc"][0]) for detail in error.errors() if detail["loc"])
        scenario = _valid_sections(resolved, broken)
    issues = [(issue.warning, _problem(issue, node)) for issue in issues_of(scenario, broken)]
    problems += [problem for warning, problem in issues if not warning]
    if problems:
        raise ScenarioError(list(dict.fromkeys(problems)))
    warnings = tuple(sorted(problem for warning, problem in issues if warning))
    return LoadedScenario(scenario, warnings, path, resolved, sha256_of(resolved))


def _take_catalogue(whole: Node, path: Path, problems: list[Problem]) -> tuple[Node, CatalogueNodes | None]:
    """``whole`` without its ``catalogue`` key, and the catalogue that it names."""
    named = whole.mapping.get("catalogue")
    if named is None:
        return whole, None
    rest = Node({key: child for key, child in whole.mapping.items() if key != "catalogue"}, whole.at)
    if not isinstance(named.value, str):
        message, mend = "must be the path of a folder", "such as `catalogue: ../models`"
        raise ScenarioError([*problems, problem_at(named.at, "catalogue", message, shown(named), mend)])
    try:
        return rest, read_catalogue(_beside(named, path), named.at, problems)
    except ScenarioError as error:
        raise ScenarioError([*problems, *error.problems]) from None


def _beside(named: Node, path: Path) -> Path:
    """The path that ``named`` writes, relative to the file where it stands."""
    folder = Path(named.at.file).parent if named.at.line else path.parent
    return Path(os.path.normpath(folder / str(named.value)))


def _with_csv(whole: Node, path: Path, problems: list[Problem]) -> Node:
    """``whole`` with the path of a price history made absolute."""
    named = node_at(whole, _PRICE_CSV)
    if named is None or not isinstance(named.value, str):
        return whole
    csv = _beside(named, path)
    if not is_readable(csv):
        mend = "write the path of a CSV file, relative to this file"
        message = "there is no price history that can be read"
        problems.append(problem_at(named.at, path_text(_PRICE_CSV), message, shown(named), mend))
    return put(whole, _PRICE_CSV, Node(str(csv.absolute()), named.at))


def _valid_sections(resolved: dict[str, Any], broken: frozenset[str]) -> Scenario:
    """A scenario of the sections that are valid, for the checks that need no other."""
    types: dict[str, Any] = {name: field.annotation for name, field in Scenario.model_fields.items()}
    sections = {
        name: TypeAdapter(types[name]).validate_json(json.dumps(resolved[name]))
        for name in types
        if name in resolved and name not in broken
    }
    return Scenario.model_construct(**sections)


def _problem(issue: Issue, node: Node) -> Problem:
    place, value = issue.place, node_at(node, issue.place)
    return problem_at(mark_at(node, place), path_text(place), issue.message, shown(value), issue.mend)


def sha256_of(resolved: dict[str, Any]) -> str:
    """The hash of a scenario's resolved data, a price history's content in place of its path."""
    price = resolved["market"]["price"]
    if "csv" in price:
        with Path(price["csv"]).open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        market = {**resolved["market"], "price": {**price, "csv": content}}
        resolved = {**resolved, "market": market}
    canonical = json.dumps(resolved, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
