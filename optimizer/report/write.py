"""A plan, a replay or a backtest as a folder: its document and a CSV file per table, put there whole or not at all."""

from __future__ import annotations

import csv
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pandas as pd
from pandas.api.types import is_numeric_dtype

from optimizer.errors import OutputError
from optimizer.report.backtest_json import backtest_document
from optimizer.report.plain import Document, json_text, plain_columns
from optimizer.report.plan_json import plan_document
from optimizer.report.replay_json import replay_document
from optimizer.report.tables import TABLES
from optimizer.report.tables_replay import PATH_TABLES, SUMMARY_TABLES, tables_of
from optimizer.uncollected import uncollected

if TYPE_CHECKING:
    from optimizer.planning import Plan
    from optimizer.replay.replayed import Replayed
    from optimizer.replay.tested import Backtest
    from optimizer.report.html.drawing import Artist

# A document names its schema in so many bytes.
MOST_TO_SCHEMA = 200
# A spreadsheet takes a cell that begins so for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Kind:
    """A kind of folder that hashlever writes: its ``document``, whose schema begins with ``schema``, its tables, and
    files ``beside`` them that hashlever puts there and may replace."""

    name: str
    document: str
    schema: str
    tables: tuple[str, ...]
    beside: tuple[str, ...] = ()

    @property
    def files(self) -> set[str]:
        """Every file that such a folder may hold."""
        return {self.document, *self.beside, *(f"{table}.csv" for table in self.tables)}


REPORT, WORKBOOK = "report.html", "plan.xlsx"
PLAN = Kind("plan", "plan.json", "hashlever/plan/", tuple(TABLES), (REPORT, WORKBOOK))
REPLAY = Kind("replay", "replay.json", "hashlever/replay/", (*SUMMARY_TABLES, *PATH_TABLES))
CHARTS = ("backtest.svg", "backtest.png")
BACKTEST = Kind("backtest", "backtest.json", "hashlever/backtest/", ("backtest",), CHARTS)


@uncollected()
def plan_files(plan: Plan, artist: Artist | None = None) -> dict[str, bytes]:
    """What a plan's folder holds, by name: its document, tables, report and workbook. ``artist``: who draws the
    report's charts; by default this process."""
    from optimizer.report.html.drawing import Artist
    from optimizer.report.html.page import begin_report
    from optimizer.report.workbook.book import workbook

    document = plan_document(plan)
    report = begin_report(document, artist or Artist())
    tables = _files(PLAN, document, cast("dict[str, pd.DataFrame]", plan.tables))
    return {**tables, WORKBOOK: workbook(document), REPORT: report().encode()}


def write_plan(plan: Plan, out: Path, artist: Artist | None = None) -> list[Path]:
    """Write the plan, its report and its workbook into the folder ``out`` and return the files written; see
    `write_folder` and `plan_files`."""
    refuse_foreign(out, PLAN)
    return write_folder(PLAN, plan_files(plan, artist), out)


def write_replay(replayed: Replayed, out: Path) -> list[Path]:
    """The same for a replay, over an empty folder or an earlier replay."""
    return write_folder(REPLAY, _files(REPLAY, replay_document(replayed), tables_of(replayed)), out)


def write_backtest(tested: Backtest, out: Path) -> list[Path]:
    """The same for a backtest with its chart, over an empty folder or an earlier backtest."""
    from optimizer.report.backtest_chart import chart_png, chart_svg

    charts = dict(zip(CHARTS, (chart_svg(tested).encode(), chart_png(tested)), strict=True))
    files = _files(BACKTEST, backtest_document(tested), {"backtest": tested.table})
    return write_folder(BACKTEST, {**files, **charts}, out)


def _files(kind: Kind, document: Document, tables: Mapping[str, pd.DataFrame]) -> dict[str, bytes]:
    return {kind.document: json_text(document).encode(), **{f"{name}.csv": _csv(t) for name, t in tables.items()}}


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


def _csv(table: pd.DataFrame) -> bytes:
    """One row per record, digits as in plan.json; a blank cell where a value is null there."""
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(table.columns)
    columns = plain_columns(table)
    texts = (name for name in columns if not is_numeric_dtype(table[name]))
    writer.writerows(zip(*(columns | {name: map(csv_cell, columns[name]) for name in texts}).values(), strict=True))
    return text.getvalue().encode()


def csv_cell(value: object) -> object:
    """A value as a CSV cell; text that a spreadsheet would run as a formula gets an apostrophe in front."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return value
