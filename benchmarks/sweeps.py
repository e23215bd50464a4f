"""What a second worker is worth to a sweep."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from benchmarks.asked import Asked
from benchmarks.measured import hashlever
from benchmarks.tables import Column, Row, Table
from benchmarks.trees import FLAGSHIP, SHAPES

WEIGHTS = (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
MOST_NODES = 100
COLUMNS = (
    Column("points", "points", "d"),
    Column("nodes", "nodes of each, about", ",d"),
    Column("workers", "workers", "d"),
    Column("seconds", "s", ".1f"),
    Column("speedup", "times as fast", ".2f"),
)


def measure(asked: Asked) -> list[Table]:
    """Eight risk weights of the flagship on a small tree, as a whole process, by one worker and by two."""
    nodes = min(MOST_NODES, *asked.nodes)
    rows: list[Row] = []
    for workers in (1, 2):
        asked.tell(f"{len(WEIGHTS)} points, {workers} at a time")
        seconds = statistics.median(_swept(nodes, workers) for _ in range(asked.times(1)))
        alone = float(rows[0]["seconds"] or 0) if rows else seconds
        row: Row = {"points": len(WEIGHTS), "nodes": nodes, "workers": workers, "seconds": seconds}
        rows.append(row | {"speedup": alone / seconds})
    return [Table("sweep", COLUMNS, rows)]


def _swept(nodes: int, workers: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        weights = ",".join(map(str, WEIGHTS))
        return hashlever(
            *("sweep", FLAGSHIP, f"--out={Path(folder) / 'sweep'}", f"--vary=risk.weight={weights}"),
            *("--no-compare", "--monte-carlo=0", f"--workers={workers}"),
            *SHAPES[nodes].options,
        ).seconds
