"""A sweep as one document of plain data, and as rows of a table; `docs/reference/sweep-json.md` says what keys mean.

Nothing in it tells how long anything took or which run planned what: equal questions, equal bytes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import cast

from optimizer import __version__
from optimizer.report.plain import Document, plain
from optimizer.sweep.asked import OVERRIDE
from optimizer.sweep.result import Result
from optimizer.sweep.store import POINTS
from optimizer.sweep.swept import Row, Swept

SCHEMA = "hashlever/sweep/1"
FIGURES = tuple(field.name for field in fields(Result))


def sweep_document(swept: Swept) -> Document:
    """The whole sweep as dicts, lists, text, numbers, true, false and null."""
    document = {
        "schema": SCHEMA,
        "version": __version__,
        "scenario": {"file": swept.rows[0].point.loaded.path.name},
        "compare": swept.making.compare,
        "monte_carlo": swept.making.monte_carlo,
        "points": [_point(row) for row in swept.rows],
        "frontier": [k for k, row in enumerate(swept.rows) if row in swept.frontier],
        "tornado": [
            {
                "path": bar.path,
                "span": bar.span,
                "ends": [{"factor": factor, "change": change} for factor, change in bar.ends],
            }
            for bar in swept.tornado
        ],
    }
    return cast(Document, plain(document))


def sweep_table(swept: Swept) -> list[Document]:
    """A row for each point: its name, a column for every path that any point changes, and its figures."""
    paths = list(dict.fromkeys(change.path for row in swept.rows for change in row.point.wanted.changes))
    found = []
    for row in swept.rows:
        point = _point(row)
        changed = {path: "" if path not in point["changes"] else _cell(point["changes"][path]) for path in paths}
        found.append(
            {
                **{key: point[key] for key in ("name", "kind")},
                **changed,
                **{key: point["figures"][key] if point["figures"] else None for key in FIGURES},
                **{key: point[key] for key in ("exit_code", "why_not", "plan", "sha256")},
            }
        )
    return [cast(Document, plain(row)) for row in found]


def _point(row: Row) -> Document:
    wanted = row.point.wanted
    return {
        "name": wanted.name,
        "kind": wanted.kind,
        "changes": _changes(row),
        "factor": wanted.factor,
        "sha256": row.point.loaded.sha256,
        "plan": f"{POINTS}/{row.point.key}" if row.result else None,
        "exit_code": int(row.exit_code),
        "why_not": row.why_not,
        "figures": asdict(row.result) if row.result else None,
    }


def _changes(row: Row) -> Document:
    """What each path is changed to; overrides, of which a point can have several, as a list."""
    wanted = row.point.wanted
    changes: Document = {change.path: change.value for change in wanted.changes if change.path != OVERRIDE}
    named = [change.value for change in wanted.changes if change.path == OVERRIDE]
    return {OVERRIDE: named, **changes} if named else changes


def _cell(value: object) -> object:
    """A value of a scenario in one cell."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return " ".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value
