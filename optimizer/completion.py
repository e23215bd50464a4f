"""What the shell offers when Tab is pressed: scenario files, plans, ids of the catalogue, overrides, values to set.

The shell waits for each of these, so what is slow to import is imported where it is needed. A file that cannot be read
completes to nothing: there is no place to say why here, and the command itself does once it is run.
"""

from __future__ import annotations

import contextlib
import glob
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from optimizer.scenario.nodes import Node

# A value and what it is, shown beside it where the shell can. Of these the shell is given those that begin with what is
# typed.
Offers = list[tuple[str, str]]
_ALL = ("all", "all of them, side by side")

_SCENARIO_MARK = b"schema: hashlever/scenario/"
_MARK_WITHIN_BYTES = 4096
# A press of Tab is no search of the disk.
_MOST_FILES = 1000


def scenario_files(incomplete: str) -> Offers:
    """Scenarios in the folder that is typed and in the folders there."""
    return [
        (typed, "scenario")
        for suffix in (".yaml", ".yml")
        for typed, file in _found(incomplete, (f"*{suffix}", f"*/*{suffix}"))
        if _is_scenario(file)
    ]


def plan_folders(incomplete: str) -> Offers:
    """Folders that ``plan --out`` wrote: the one that is typed, and those up to two folders below."""
    found = _found(incomplete, ("*/plan.json", "*/*/plan.json"))
    return [(typed.removesuffix("/plan.json"), "plan") for typed, _ in found]


def plans_and_scenarios(incomplete: str) -> Offers:
    """What can be compared."""
    return [*plan_folders(incomplete), *scenario_files(incomplete)]


def loan_ids(ctx: typer.Context) -> Offers:
    """The catalogue's loans."""
    return _ids(ctx, "loans", "lender")


def loan_ids_and_all(ctx: typer.Context) -> Offers:
    """The catalogue's loans, and the word for all of them."""
    return [*loan_ids(ctx), _ALL]


def machine_ids_and_all(ctx: typer.Context) -> Offers:
    """The catalogue's machines, and the word for all of them."""
    return [*_ids(ctx, "asics", "name"), _ALL]


def override_names(ctx: typer.Context) -> Offers:
    """The named blocks of the scenario that stands in the call, and of those that it extends."""
    overrides = _scenario_of(ctx).get("overrides")
    names = overrides.mapping if overrides is not None else {}
    return [(name, "override") for name in names]


def settable_paths(ctx: typer.Context) -> Offers:
    """Paths of the single values that the scenario in the call writes, each with the value that it has."""
    from optimizer.scenario.merge import LOADER_KEYS

    written = {key: node for key, node in _scenario_of(ctx).items() if key not in LOADER_KEYS}
    return [(f"{path}=", f"now {value}"[:60]) for key, node in written.items() for path, value in _leaves(key, node)]


def _found(incomplete: str, patterns: Sequence[str]) -> list[tuple[str, Path]]:
    """Files that begin with what is typed and go on as one of ``patterns``, each as the shell would write it."""
    folder, slash, start = incomplete.rpartition("/")
    top = Path(folder + slash).expanduser()
    files: list[tuple[str, Path]] = []
    with contextlib.suppress(OSError, RuntimeError):
        for pattern in patterns:
            for file in islice(top.glob(glob.escape(start) + pattern), _MOST_FILES):
                below = file.relative_to(top)
                if not any(part.startswith(".") for part in below.parts):
                    files.append((folder + slash + below.as_posix(), file))
    return sorted(files)


def _is_scenario(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return _SCENARIO_MARK in opened.read(_MARK_WITHIN_BYTES)
    except OSError:
        return False


def _ids(ctx: typer.Context, kind: str, told: str) -> Offers:
    """Ids of the catalogue that the call names, or of the one that came with the package, with one field of each."""
    from optimizer.errors import HashleverError
    from optimizer.scenario.source import read_file
    from optimizer.workspace import shipped

    named = ctx.params.get("catalogue")
    with contextlib.suppress(HashleverError), contextlib.ExitStack() as packed:
        folder = Path(named) if named else packed.enter_context(shipped("models"))
        entries = read_file(folder / f"{kind}.yaml").mapping
        return [(name, _text(entry, told)) for name, entry in entries.items()]
    return []


def _text(entry: Node, field: str) -> str:
    return str(entry.mapping[field].value) if field in entry.mapping else ""


def _scenario_of(ctx: typer.Context) -> dict[str, Node]:
    """The sections of the scenario in the call, with what it extends; none if it cannot be read."""
    from optimizer.errors import HashleverError
    from optimizer.scenario.merge import read_chain

    # While an option waits for its value, arguments are not told apart yet.
    named = ctx.params.get("file") or next(iter(ctx.args), None)
    with contextlib.suppress(HashleverError):
        return read_chain(Path(named), []).mapping if named else {}
    return {}


def _leaves(path: str, node: Node) -> Iterator[tuple[str, object]]:
    """Every single value below ``path`` and its path, as --set reads it."""
    from optimizer.scenario.merge import label_of

    for key, child in node.mapping.items():
        yield from _leaves(f"{path}.{key}", child)
    labels = [label_of(entry) for entry in node.items]
    for index, entry in enumerate(node.items):
        label = labels[index]
        yield from _leaves(f"{path}[{label if label and labels.count(label) == 1 else index}]", entry)
    if not isinstance(node.value, dict | list):
        yield path, node.value
