"""Putting a scenario together from files: ``extends:``, ``overrides:`` and ``--set path=value``.

Mappings merge key by key and the later one wins. A list is replaced, unless every entry of both lists has a
label: its ``name``, or else ``product``, ``preset`` or ``model`` (with ``site`` where it has one). Then
entries with the same label merge, new ones are appended, and ``remove: true`` drops one. A mapping whose
``process`` changes is replaced whole, since a price process shares little with another.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from optimizer.errors import Problem, ScenarioError
from optimizer.scenario.nodes import Mark, Node, Place, path_text, problem_at, put, shown
from optimizer.scenario.schema import SCHEMA, Scenario
from optimizer.scenario.shape import did_you_mean, shape_of
from optimizer.scenario.source import is_readable, read_file, read_text

# Keys of the file that are not fields of the scenario.
LOADER_KEYS = ("schema", "extends", "catalogue", "overrides")
MAX_CHAIN = 20

_STEP = re.compile(r"\.?(?P<key>[^.\[\]=]+)|\[(?P<label>[^\]]+)\]")


def label_of(entry: Node) -> str | None:
    """What an entry of a list is called: its name, or else the product, preset or model it is made of."""
    for key in ("name", "product", "preset", "model"):
        node = entry.mapping.get(key)
        if node is not None and isinstance(node.value, str):
            return node.value
    return None


def merge(base: Node, change: Node, problems: list[Problem], place: Place = ()) -> Node:
    """``base`` with ``change`` laid over it; see the module for the rules."""
    both = isinstance(base.value, dict) and isinstance(change.value, dict)
    if both and not _changes_process(base, change):
        entries = dict(base.mapping)
        for key, child in change.mapping.items():
            entries[key] = merge(entries[key], child, problems, (*place, key)) if key in entries else child
        return Node(entries, change.at)
    if isinstance(base.value, list) and isinstance(change.value, list):
        return _merge_lists(base, change, problems, place)
    return change


def _changes_process(base: Node, change: Node) -> bool:
    before, after = base.mapping.get("process"), change.mapping.get("process")
    return before is not None and after is not None and before.value != after.value


def _identity(entry: Node) -> tuple[str, str | None] | None:
    label, site = label_of(entry), entry.mapping.get("site")
    return None if label is None else (label, str(site.value) if site else None)


def _merge_lists(base: Node, change: Node, problems: list[Problem], place: Place) -> Node:
    before = {_identity(entry): entry for entry in base.items}
    after = {_identity(entry): entry for entry in change.items}
    # Without labels, or with one twice, there is no telling which entry is meant.
    if None in before or None in after or len(before) < len(base.items) or len(after) < len(change.items):
        return change
    for label, entry in after.items():
        if not _removes(entry):
            before[label] = merge(before[label], entry, problems, place) if label in before else entry
        elif before.pop(label, None) is None:
            known = [str(label_of(e)) for e in base.items]
            message = f"there is no {label_of(entry)} to remove"
            mend = did_you_mean(str(label_of(entry)), known)
            problems.append(problem_at(entry.at, path_text(place), message, mend=mend))
    return Node(list(before.values()), change.at)


def _removes(entry: Node) -> bool:
    remove = entry.mapping.get("remove")
    return remove is not None and remove.value is True


def read_chain(path: Path, problems: list[Problem]) -> Node:
    """The scenario file at ``path`` laid over the files it extends.

    Raises `ScenarioError` when a file of the chain cannot be read or the chain runs in a circle.
    """
    nodes = [_checked_schema(read_file(path), problems)]
    seen = {path.resolve(): str(path)}
    while (link := nodes[-1].mapping.get("extends")) is not None:
        path = _extended_path(link, path)
        if not is_readable(path):
            message, mend = "there is no such file to read", "write a path relative to this file"
            raise ScenarioError([problem_at(link.at, "extends", message, str(path), mend)])
        if path.resolve() in seen or len(seen) == MAX_CHAIN:
            chain = " -> ".join([*seen.values(), str(path)])
            message = "the chain of extends is too long" if len(seen) == MAX_CHAIN else "a circle of extends"
            raise ScenarioError([problem_at(link.at, "extends", f"{message}: {chain}", mend="break it")])
        seen[path.resolve()] = str(path)
        nodes.append(_checked_schema(read_file(path), problems))
    whole = nodes.pop()
    while nodes:
        whole = merge(whole, nodes.pop(), problems)
    if "schema" not in whole.mapping:
        mend = f"write `schema: {SCHEMA}` as the first line"
        problems.append(problem_at(whole.at, "schema", "is required", mend=mend))
    return Node({key: child for key, child in whole.mapping.items() if key not in ("schema", "extends")}, whole.at)


def _extended_path(link: Node, path: Path) -> Path:
    name = link.value
    is_yaml = isinstance(name, str) and name.endswith((".yaml", ".yml"))
    if is_yaml and not Path(str(name)).is_absolute():
        return Path(os.path.normpath(path.parent / str(name)))
    message = "must be the path of a YAML file (.yaml or .yml), relative to this file"
    raise ScenarioError([problem_at(link.at, "extends", message, shown(link), "such as `extends: base.yaml`")])


def _checked_schema(node: Node, problems: list[Problem]) -> Node:
    schema = node.mapping.get("schema")
    if schema is not None and schema.value != SCHEMA:
        message = f"this version reads {SCHEMA}"
        problems.append(problem_at(schema.at, "schema", message, shown(schema), f"write `schema: {SCHEMA}`"))
    return node


def apply_overrides(whole: Node, names: tuple[str, ...], problems: list[Problem]) -> Node:
    """``whole`` without its ``overrides`` section, with the blocks of these names laid over it in order."""
    section = whole.mapping.get("overrides")
    node = Node({key: child for key, child in whole.mapping.items() if key != "overrides"}, whole.at)
    blocks = section.mapping if section else {}
    if section is not None and not isinstance(section.value, dict):
        message, mend = "must be a mapping of names to changes", "write `NAME:` and below it what changes"
        problems.append(problem_at(section.at, "overrides", message, shown(section), mend))
    for name, block in blocks.items():
        if not isinstance(block.value, dict):
            message, mend = "must be a mapping of keys to changed values", "write below it what changes"
            problems.append(problem_at(block.at, f"overrides.{name}", message, shown(block), mend))
        elif name not in names:  # what is chosen is validated with the rest
            problems += _unknown_keys(name, block, block)
    for name in names:
        if name in blocks:
            node = merge(node, blocks[name], problems) if isinstance(blocks[name].value, dict) else node
        else:
            mark, mend = Mark(f"--override {name}"), did_you_mean(name, blocks)
            problems.append(problem_at(mark, "", "the scenario has no override of this name", name, mend))
    return node


def _unknown_keys(name: str, block: Node, here: Node, place: Place = ()) -> Iterator[Problem]:
    """Problems of an override that is not chosen and so not validated: at least its keys can be checked."""
    known = _known_keys(place, block)
    in_list = bool(place) and isinstance(place[-1], int)
    for key, child in here.mapping.items():
        below = (*place, key)
        if shape_of(Scenario).at(below, block) or key in known:
            yield from _unknown_keys(name, block, child, below)
        elif not (in_list and key == "remove"):
            path = path_text(("overrides", name, *below))
            yield problem_at(child.at, path, "there is no such key here", mend=did_you_mean(key, known))
    for index, item in enumerate(here.items):
        yield from _unknown_keys(name, block, item, (*place, index))


def apply_set(whole: Node, text: str, problems: list[Problem]) -> Node:
    """``whole`` with one ``path=value`` applied, such as ``facilities[ledn].limit_usd=1e6``."""
    mark = Mark(f"--set {text}")
    path, equals, value_text = text.partition("=")
    if not equals:
        problems.append(problem_at(mark, "", "must be path=value", mend="such as treasury.cash_usd=5e6"))
        return whole
    try:
        value = read_text(value_text, mark.file)
    except ScenarioError as error:
        problems += [replace(p, line=0, column=0) for p in error.problems]
        return whole
    try:
        place = place_of(path.strip(), whole)
    except LookupError as error:
        message, mend = error.args
        problems.append(problem_at(mark, path, message, mend=mend))
        return whole
    return put(whole, place, _without_position(value, mark) if value else Node(None, mark))


def _without_position(node: Node, mark: Mark) -> Node:
    if isinstance(node.value, dict):
        return Node({key: _without_position(child, mark) for key, child in node.value.items()}, mark)
    if isinstance(node.value, list):
        return Node([_without_position(child, mark) for child in node.value], mark)
    return Node(node.value, mark)


def place_of(path: str, whole: Node) -> Place:
    """The place that ``path`` names; LookupError with what is wrong and how to mend it."""
    place: Place = ()
    here: Node | None = whole
    end = 0
    while match := _STEP.match(path, end):
        end = match.end()
        step = match["key"] or match["label"]
        if here is not None and isinstance(here.value, list):
            index = _index(step, here, path_text(place), bracketed=match["label"] is not None)
            place, here = (*place, index), here.items[index]
        else:
            _check_key(step, place, whole, here)
            place, here = (*place, step), here.mapping.get(step) if here else None
    if end < len(path) or not place:
        raise LookupError("is not a path", "such as treasury.cash_usd or facilities[ledn].limit_usd")
    return place


def _index(step: str, entries: Node, path: str, bracketed: bool) -> int:
    labels = [label_of(entry) or str(i) for i, entry in enumerate(entries.items)]
    if not bracketed:
        raise LookupError(f"{path} is a list: name an entry as {path}[NAME]", did_you_mean(step, labels))
    if labels.count(step) > 1:
        raise LookupError(f"{path} has several {step}", f"use a number from 0 to {len(labels) - 1}")
    if step in labels:
        return labels.index(step)
    if step.isdecimal() and int(step) < len(labels):
        return int(step)
    raise LookupError(f"{path} has no entry {step}", did_you_mean(step, labels))


def _check_key(step: str, place: Place, whole: Node, here: Node | None) -> None:
    known = [*_known_keys(place, whole), *(here.mapping if here else ())]
    if step not in known and not shape_of(Scenario).at((*place, step), whole):
        where = f"{path_text(place)} has" if place else "the scenario has"
        raise LookupError(f"{where} no key {step}", did_you_mean(step, known))


def _known_keys(place: Place, whole: Node) -> list[str]:
    return [*shape_of(Scenario).known_keys(place, whole), *(() if place else ("catalogue",))]
