"""Folders that hashlever writes: put there whole or not at all, and never over what somebody else put there.

It loads nothing that takes time: whether a folder may be written is asked before a plan is made.
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from optimizer.errors import OutputError

# A document names its schema in so many bytes.
MOST_TO_SCHEMA = 200


@dataclass(frozen=True)
class Kind:
    """A kind of folder that hashlever writes: its ``document``, whose schema begins with ``schema``, the names of its
    ``tables``, and files ``beside`` them that hashlever puts there and may replace."""

    name: str
    document: str
    schema: str
    tables: Callable[[], tuple[str, ...]]
    beside: tuple[str, ...] = ()

    @property
    def files(self) -> set[str]:
        """Every file that such a folder may hold."""
        return {self.document, *self.beside, *(f"{table}.csv" for table in self.tables())}


def _plan_tables() -> tuple[str, ...]:
    from optimizer.report.tables import TABLES

    return tuple(TABLES)


def _replay_tables() -> tuple[str, ...]:
    from optimizer.report.tables_replay import PATH_TABLES, SUMMARY_TABLES

    return (*SUMMARY_TABLES, *PATH_TABLES)


REPORT, WORKBOOK = "report.html", "plan.xlsx"
PLAN = Kind("plan", "plan.json", "hashlever/plan/", _plan_tables, (REPORT, WORKBOOK))
REPLAY = Kind("replay", "replay.json", "hashlever/replay/", _replay_tables)
CHARTS = ("backtest.svg", "backtest.png")
BACKTEST = Kind("backtest", "backtest.json", "hashlever/backtest/", lambda: ("backtest",), CHARTS)


def write_folder(kind: Kind, files: Mapping[str, bytes], out: Path) -> list[Path]:
    """Put ``files`` into the folder ``out``, whole or not at all, and return them.

    A folder that is there already is replaced if it is empty, or holds an earlier one of this kind and nothing else.
    Raises `OutputError` otherwise and where nothing can be written; then nothing has changed.
    """
    out = out.resolve()
    refuse_foreign(out, kind)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        fresh = _sibling(out, "new")
        fresh.mkdir()
        try:
            for name, content in files.items():
                (fresh / name).write_bytes(content)
            _swap(fresh, out)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"Cannot write the {kind.name} to {out}: {error.strerror or error}.") from None
    return [out / name for name in files]


def refuse_foreign(out: Path, kind: Kind) -> None:
    """Raise `OutputError` if ``out`` is there and is not a folder that one of this kind may replace.

    Worth asking before a plan is made: solving takes longer than looking.
    """
    out = out.resolve()
    try:
        if not out.exists():
            return
        if not out.is_dir():
            raise OutputError(f"{out} is there already and is not a folder. Name a new folder.")
        held = sorted(path.name for path in out.iterdir())
        if not held:
            return _refuse_working_folder(out)
        if not _is_of(kind, out):
            raise OutputError(
                f"{out} is there already and holds no hashlever {kind.name}. Name a new or an empty folder."
            )
        foreign = [name for name in held if name not in kind.files]
        if foreign:
            raise OutputError(
                f"{out} holds {foreign[0]!r}, which hashlever did not write and would have to delete. "
                "Move it away or name another folder."
            )
        return _refuse_working_folder(out)
    except OSError as error:
        raise OutputError(f"Cannot read {out}: {error.strerror or error}.") from None


def _refuse_working_folder(out: Path) -> None:
    if out == Path.cwd().resolve():
        raise OutputError(f"{out} is the folder you are in; it cannot be replaced. Name a folder inside it.")


def _is_of(kind: Kind, out: Path) -> bool:
    """Whether a folder holds a document of this kind, of any version: its schema is the first that stands in it."""
    try:
        with (out / kind.document).open("rb") as file:
            start = file.read(MOST_TO_SCHEMA)
    except OSError:
        return False
    return re.match(rb'\s*\{\s*"schema"\s*:\s*"' + re.escape(kind.schema.encode()), start) is not None


def _swap(fresh: Path, out: Path) -> None:
    """Put ``fresh`` in the place of ``out``; what was there goes only once the new folder stands."""
    if not out.exists():
        fresh.rename(out)
        return
    old = _sibling(out, "old")
    try:
        out.rename(old)
        fresh.rename(out)
    except BaseException:
        if old.exists() and not out.exists():
            old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _sibling(out: Path, kind: str) -> Path:
    """A name beside ``out`` that nobody uses: the same file system, so that moving is one step."""
    return out.parent / f".{out.name}.{kind}-{secrets.token_hex(4)}"


def write_whole(file: Path, text: str) -> None:
    """Write one file whole or not at all, over an earlier one."""
    fresh = _sibling(file, "new")
    try:
        fresh.write_text(text, encoding="utf-8", newline="")
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)
