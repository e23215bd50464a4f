"""A sweep's summary as files beside its plans: `sweep.csv`, `sweep.html` and, when these stand, `sweep.json`."""

from __future__ import annotations

import csv
import io
import json

from optimizer.report.folder import write_whole
from optimizer.report.sweep_html import sweep_html
from optimizer.report.sweep_json import sweep_document, sweep_table
from optimizer.report.write import csv_cell
from optimizer.sweep.store import DOCUMENT, PAGE, TABLE, Store
from optimizer.sweep.swept import Swept


def write_sweep(swept: Swept, store: Store) -> None:
    """Write the summary, each file whole or not at all, over an earlier one."""
    write_whole(store.out / TABLE, _csv(swept))
    write_whole(store.out / PAGE, sweep_html(swept))
    text = json.dumps(sweep_document(swept), indent=1, allow_nan=False, ensure_ascii=False)
    write_whole(store.out / DOCUMENT, text + "\n")


def _csv(swept: Swept) -> str:
    rows, text = sweep_table(swept), io.StringIO()
    writer = csv.writer(text)
    writer.writerow(map(csv_cell, rows[0]))
    for row in rows:
        writer.writerow(map(csv_cell, row.values()))
    return text.getvalue()
