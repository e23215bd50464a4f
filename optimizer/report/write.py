"""The plan as a folder: plan.json and one CSV file per table, put in place as a whole or not at all."""

from __future__ import annotations

import csv
import json
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pandas as pd

from optimizer.errors import OutputError
from optimizer.report.plan_json import plan_document, records
from optimizer.report.tables import TABLES

if TYPE_CHECKING:
    from optimizer.planning import Plan

PLAN_FILE = "plan.json"
SCHEMA_PREFIX = "hashlever/plan/"
# Other files that hashlever puts beside a plan and may replace with it.
BESIDE_PLAN = ("report.html", "plan.xlsx")
# A spreadsheet takes a cell that begins so for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_plan(plan: Plan, out: Path) -> list[Path]:
    """Write the plan into the folder ``out`` and return the files written.

    A folder that is there already is replaced if it is empty, or holds an earlier plan and nothing else.
    Raises `OutputError` otherwise and where nothing can be written; then nothing has changed.
    """
    out = out.resolve()
    tables = cast("dict[str, pd.DataFrame]", plan.tables)
    refuse_foreign(out)
    document = json.dumps(plan_document(plan), indent=1, allow_nan=False, ensure_ascii=False)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        fresh = _sibling(out, "new")
        fresh.mkdir()
        try:
            (fresh / PLAN_FILE).write_text(document + "\n", encoding="utf-8")
            for name, table in tables.items():
                _write_csv(table, fresh / f"{name}.csv")
            _swap(fresh, out)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"Cannot write the plan to {out}: {error.strerror or error}.") from None
    return [out / PLAN_FILE, *(out / f"{name}.csv" for name in tables)]


def refuse_foreign(out: Path) -> None:
    """Raise `OutputError` if ``out`` is there and is not a folder that a plan may replace.

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
        if not _is_plan(out / PLAN_FILE):
            raise OutputError(f"{out} is there already and holds no hashlever plan. Name a new or an empty folder.")
        foreign = [name for name in held if name not in {PLAN_FILE, *BESIDE_PLAN, *(f"{name}.csv" for name in TABLES)}]
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


def _is_plan(path: Path) -> bool:
    """Whether a file is a plan document of any version."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(document, dict) and str(document.get("schema", "")).startswith(SCHEMA_PREFIX)


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


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    """One row per record, digits as in plan.json; a blank cell where a value is null there."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table.columns)
        for row in records(table):
            writer.writerow(_cell(value) for value in row.values())


def _cell(value: object) -> object:
    """A value as a CSV cell; text that a spreadsheet would run as a formula gets an apostrophe in front."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return value
