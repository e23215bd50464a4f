"""How fast the ledger replays a plan on paths that it was not made for."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from benchmarks.asked import Asked, medians
from benchmarks.measured import PeakMemory, apart, hashlever
from benchmarks.tables import Column, Row, Table
from benchmarks.trees import FLAGSHIP, SHAPES

PATHS, MOST_NODES = 20_000, 500
COLUMNS = (
    Column("workers", "workers", "d"),
    Column("paths", "paths", ",d"),
    Column("months", "months", "d"),
    Column("seconds", "s", ".1f"),
    Column("path_months_per_second", "path-months/s", ",.0f"),
    Column("peak_mb", "peak, MB", ",.0f"),
)


def measure(asked: Asked) -> list[Table]:
    """The flagship's plan on its own market, drawn anew, by one worker and by two."""
    nodes = max([nodes for nodes in asked.nodes if nodes <= MOST_NODES], default=asked.nodes[0])
    # A tenth of the paths for a tree that is only there to try the command.
    paths = PATHS if nodes >= MOST_NODES else PATHS // 10
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "plan"
        asked.tell(f"the flagship's plan on {nodes:,} nodes, to replay")
        hashlever("plan", FLAGSHIP, "--no-compare", "--monte-carlo=0", f"--out={out}", *SHAPES[nodes].options)
        for workers in (1, 2):
            asked.tell(f"{paths:,} paths, {workers} at a time")
            taken = [apart(replayed, out, paths, workers) for _ in range(asked.times(1))]
            rows.append(_row(workers, paths, medians(taken)))
    return [Table("ledger", COLUMNS, rows)]


def replayed(plan: Path, paths: int, workers: int) -> dict[str, float]:
    """One replay in this process, paths drawn and carried through all months."""
    from optimizer.replay.monte_carlo import monte_carlo
    from optimizer.replay.saved import read_plan

    saved = read_plan(plan)
    memory, started = PeakMemory(os.getpid()), time.perf_counter()
    memory.start()
    outcome = monte_carlo(saved.scenario, saved.tree, saved.decisions, paths=paths, seed=1, workers=workers)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "months": outcome.months, "peak_mb": memory.stop() / 2**20}


def _row(workers: int, paths: int, taken: dict[str, float]) -> Row:
    months = int(taken["months"])
    speed = paths * months / taken["seconds"]
    return {"workers": workers, "paths": paths, **taken, "months": months, "path_months_per_second": speed}
