"""Reading YAML as people mean it, safely, without losing where each thing was written.

A file becomes a tree of `Node`. Never a Python object from a tag, never an alias bomb, never a duplicate key
that silently wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import yaml

from optimizer.errors import Problem, ScenarioError
from optimizer.scenario.nodes import Mark, Node, Scalar, problem_at

MAX_BYTES = 1_000_000
MAX_NODES = 50_000
MAX_DEPTH = 40
MAX_NUMBER = 1e18

_NUMBER = re.compile(r"[-+]?(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][-+]?\d+)?")
_LEADING_ZERO = re.compile(r"[-+]?0[\d_]+")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|nan)", re.IGNORECASE)
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# What the parser says, as a piece of its text -> what to do about it.
_MENDS = {
    "tab": "indent with spaces: YAML does not allow tabs",
    "cannot start any token": "put the value in quotes, and indent with spaces, not tabs",
    "mapping values are not allowed": "check the indentation, and put text that holds ': ' in quotes",
    "end of stream": "close the quotes",
    "unknown escape": "use single quotes, or double the backslash",
    "',' or ']'": "close the list with ]",
    "',' or '}'": "close the mapping with }",
    "undefined alias": "define the anchor (&name) above the alias (*name)",
}
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_file(path: Path, shown: str | None = None) -> Node:
    """The mapping that a YAML file holds; ``shown`` is the file's name in messages.

    Raises `ScenarioError` when the file cannot be read or is not one safe YAML mapping.
    """
    name = shown or str(path)
    try:
        if not path.exists():
            _refuse(Mark(name), "there is no such file", mend="check the name and the folder")
        if not path.is_file():
            _refuse(Mark(name), "this is not a file", mend="name a YAML file")
        if path.stat().st_size > MAX_BYTES:
            _refuse(Mark(name), f"the file is larger than {MAX_BYTES:,} bytes", mend="split or shorten it")
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        _refuse(Mark(name), f"the file cannot be read: {reason}")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        _refuse(Mark(name, line, column), "the file is not UTF-8 text", mend="save it with encoding UTF-8")
    node = read_text(text, name)
    if node is None:
        _refuse(Mark(name, 1, 1), "the file is empty", mend="start with `schema: hashlever/scenario/1`")
    if not isinstance(node.value, dict):
        _refuse(node.at, "the file must be a mapping of keys to values", mend="write `key: value` lines")
    return node


def is_readable(path: Path) -> bool:
    """Whether ``path`` is a file that can be opened; False for whatever stands in the way of knowing."""
    try:
        if path.is_file():  # a pipe would wait for ever
            path.open("rb").close()
            return True
    except (OSError, ValueError):
        pass
    return False


def read_text(text: str, name: str) -> Node | None:
    """The one document in ``text``, or None when it is empty. Raises `ScenarioError` with what is wrong."""
    try:
        return _Reader(text, name).document()
    except yaml.reader.ReaderError as error:
        before = text[: error.position] if isinstance(error.position, int) else ""
        mark = Mark(name, before.count("\n") + 1, len(before) - before.rfind("\n"))
        _refuse(mark, "a control character is not allowed here", mend="delete the invisible character")
    except yaml.MarkedYAMLError as error:
        # An unclosed quote or bracket is best mended where it was opened.
        opened = error.context_mark if error.context and "scalar" in error.context else None
        place = opened or error.problem_mark or error.context_mark
        mark = Mark(name, place.line + 1, place.column + 1) if place else Mark(name)
        said = str(error.problem or error.context or error)
        mend = next((mend for piece, mend in _MENDS.items() if piece in said), "check this line and the one above")
        _refuse(mark, f"this is not YAML: {said}", mend=mend)
    except yaml.YAMLError as error:
        _refuse(Mark(name), f"this is not YAML: {error}")


def read_scalar(text: str) -> Scalar:
    """What an unquoted scalar means (YAML 1.2): a number, true, false, null, or else the text itself.

    ``1.5e6`` and ``1_000_000`` are numbers; ``NO``, ``12:30:00``, ``2026-10-03`` and ``007`` stay text. A
    number without a fraction is an int however it is written. Raises ValueError for NaN, infinity and numbers
    beyond `MAX_NUMBER`.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _NOT_FINITE.fullmatch(text):
        raise ValueError("a number must be finite")
    if not _NUMBER.fullmatch(text) or _LEADING_ZERO.fullmatch(text):
        return text
    digits = text.replace("_", "")
    number = float(digits)
    if abs(number) > MAX_NUMBER:
        raise ValueError(f"a number may not be beyond {MAX_NUMBER:g}")
    if not number.is_integer():
        return number
    return int(digits) if digits.lstrip("+-").isdigit() else int(number)


def _refuse(mark: Mark, message: str, found: str = "", mend: str = "") -> NoReturn:
    raise ScenarioError([problem_at(mark, "", message, found, mend)])


def _height(node: Node) -> int:
    children = [*node.mapping.values(), *node.items]
    return 1 + max(map(_height, children)) if children else 0


class _Reader:
    """Builds nodes from the parser's events, counting as it goes; problems that can wait are gathered."""

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self.events: Iterator[yaml.Event] = iter(yaml.parse(text, Loader=_Loader))
        self.nodes = 0
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.open_anchors: set[str] = set()
        self.problems: list[Problem] = []

    def document(self) -> Node | None:
        """The only document of the stream, or None if there is none."""
        next(self.events)  # the stream's start
        first = next(self.events)
        if isinstance(first, yaml.StreamEndEvent):
            return None
        node = self.build(next(self.events), depth=0)
        next(self.events)  # the document's end
        after = next(self.events)
        if not isinstance(after, yaml.StreamEndEvent):
            _refuse(self.mark(after), "a second document starts here", mend="one document a file: no `---`")
        if self.problems:
            raise ScenarioError(self.problems)
        # An empty document is a null scalar without a place of its own.
        return None if node.value is None else node

    def mark(self, event: yaml.Event) -> Mark:
        place = event.start_mark
        return Mark(self.name, place.line + 1, place.column + 1) if place else Mark(self.name)

    def note(self, event: yaml.Event, message: str, found: str = "", mend: str = "") -> None:
        self.problems.append(problem_at(self.mark(event), "", message, found, mend))

    def count(self, nodes: int, mark: Mark) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            _refuse(mark, f"more than {MAX_NODES:,} values, aliases counted in full", mend="shorten the file")

    def build(self, event: yaml.Event, depth: int) -> Node:
        """The node that ``event`` begins."""
        mark = self.mark(event)
        if isinstance(event, yaml.AliasEvent):
            return replace(self.alias(event, depth), at=mark)
        assert isinstance(event, yaml.NodeEvent)
        if depth > MAX_DEPTH:
            _refuse(mark, f"nested more than {MAX_DEPTH} deep", mend="flatten it")
        self.count(1, mark)
        self.refuse_tag(event)
        before = self.nodes - 1
        if event.anchor:
            self.open_anchors.add(event.anchor)
        if isinstance(event, yaml.ScalarEvent):
            node = Node(self.scalar(event), mark)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = Node(self.sequence(depth), mark)
        else:
            node = Node(self.block(depth), mark)
        if event.anchor:
            self.open_anchors.discard(event.anchor)
            self.anchors[event.anchor] = node, self.nodes - before
        return node

    def refuse_tag(self, event: yaml.NodeEvent) -> None:
        tag = getattr(event, "tag", None)
        if tag is not None:
            self.note(event, "tags are not allowed", tag, "write the plain value without the tag")

    def alias(self, event: yaml.AliasEvent, depth: int) -> Node:
        name, mark = event.anchor, self.mark(event)
        if name in self.open_anchors:
            _refuse(mark, "an alias may not stand inside its own anchor", f"*{name}", "remove it")
        if name not in self.anchors:
            _refuse(mark, "this alias has no anchor above it", f"*{name}", f"define &{name} first")
        node, size = self.anchors[name]
        self.count(size, mark)
        if depth + _height(node) > MAX_DEPTH:
            _refuse(mark, f"nested more than {MAX_DEPTH} deep", f"*{name}", "flatten it")
        return node

    def scalar(self, event: yaml.ScalarEvent) -> Scalar:
        text = str(event.value)
        if any("\ud800" <= c <= "\udfff" for c in text):
            self.note(event, "a lone surrogate is not text", mend="write the character itself")
            return ""
        if event.style:  # quoted or block: always text
            return text
        try:
            return read_scalar(text)
        except ValueError as error:
            self.note(event, str(error), text, "write a plausible number")
            return 0

    def sequence(self, depth: int) -> list[Node]:
        items = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.build(event, depth + 1))
        return items

    def block(self, depth: int) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            mark = self.mark(event)
            if not isinstance(event, yaml.ScalarEvent) or not event.value:
                _refuse(mark, "a key must be plain text", mend="write `key: value`")
            self.refuse_tag(event)
            self.count(1, mark)
            key = event.value
            if key == "<<" and not event.style:
                self.note(event, "merge keys are not read", "<<", "use `extends:` or `overrides:`")
            elif key in entries:
                first = entries[key].at.line
                self.note(event, f"the key {key} stands here twice, first on line {first}", mend="keep one")
            child = self.build(next(self.events), depth + 1)
            entries.setdefault(key, replace(child, at=mark))
        return entries
