"""A plan, a replay or a backtest as a folder: its document and a CSV file per table."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pandas as pd
from pandas.api.types import is_numeric_dtype

from optimizer.report.backtest_json import backtest_document
from optimizer.report.folder import BACKTEST, CHARTS, PLAN, REPLAY, REPORT, WORKBOOK, Kind, refuse_foreign, write_folder
from optimizer.report.plain import Document, json_text, plain_columns
from optimizer.report.plan_json import plan_document
from optimizer.report.replay_json import replay_document
from optimizer.report.tables_replay import tables_of
from optimizer.uncollected import uncollected

if TYPE_CHECKING:
    from optimizer.planning import Plan
    from optimizer.replay.replayed import Replayed
    from optimizer.replay.tested import Backtest
    from optimizer.report.html.drawing import Artist

# A spreadsheet takes a cell that begins so for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


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
