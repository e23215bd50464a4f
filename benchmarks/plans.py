"""`hashlever plan` as a whole process, from its start to its end, on trees of several sizes."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.asked import Asked, medians
from benchmarks.measured import NO_PLAN_IN_TIME, hashlever
from benchmarks.tables import Column, Row, Table
from benchmarks.trees import FLAGSHIP, FULL_MENU, SHAPES

FULL_MENU_NODES = 2_250
# The growth is told from trees of so many nodes on: below, what does not grow with the tree shows.
GROWS_FROM = 2_000
STAGES = ("read", "market", "build", "solve", "audit", "report", "rest")
NODES = (
    Column("scenario", "scenario"),
    Column("nodes", "nodes", ",d"),
    Column("method", "solved"),
    Column("seconds", "all, s", ".1f"),
    Column("processor_seconds", "processors, s", ".1f"),
    Column("solve", "solve, s", ".1f"),
    Column("gap", "gap", ".3%"),
    Column("rows", "rows", ",d"),
    Column("nonzeros", "non-zeros", ",d"),
    Column("peak_mb", "peak, MB", ",.0f"),
)
SHARES = (NODES[0], NODES[1], NODES[2], NODES[3], *(Column(f"{stage}_share", stage, ".0%") for stage in STAGES))


@dataclass(frozen=True)
class Case:
    """A scenario on a tree of about so many nodes, solved by a method."""

    scenario: Path
    nodes: int
    method: str


def measure(asked: Asked) -> list[Table]:
    """The flagship on every tree, whole and in parts, and every source of money at once on one of them."""
    cases = [Case(FLAGSHIP, nodes, "decomposed") for nodes in asked.nodes]
    cases += [Case(FLAGSHIP, nodes, "whole") for nodes in asked.whole]
    menu = [nodes for nodes in asked.nodes if nodes <= FULL_MENU_NODES][-1:]
    cases += [Case(FULL_MENU, nodes, "auto") for nodes in menu]
    rows = []
    for case in cases:
        asked.tell(f"{case.scenario.stem}, {case.nodes:,} nodes, {case.method}")
        rows.append(planned(case, asked.times(1)))
    return [
        Table("nodes", NODES, rows, growth(rows)),
        Table("shares", SHARES, [row for row in rows if row["gap"] is not None]),
    ]


def planned(case: Case, times: int) -> Row:
    """The medians of so many runs; of one without a plan in time only its seconds."""
    runs = [_run(case) for _ in range(times)]
    named: Row = {"scenario": case.scenario.stem, "nodes": case.nodes, "method": case.method, "gap": None}
    facts = runs[0][0]
    return named | medians([figures for _, figures in runs]) | facts


def growth(rows: list[Row]) -> tuple[str, ...]:
    """With which power of the nodes the seconds of the flagship in parts grow: least squares over logarithms."""
    told = []
    flagship = [row for row in rows if row["scenario"] == FLAGSHIP.stem and row["method"] == "decomposed"]
    large = [row for row in flagship if row["gap"] is not None and float(row["nodes"] or 0) >= GROWS_FROM]
    if len(large) > 1:
        nodes = np.log([float(row["nodes"] or 0) for row in large])
        for key, what in (("solve", "Solving"), ("seconds", "The whole command")):
            power = np.polyfit(nodes, np.log([float(row[key] or 0) for row in large]), 1)[0]
            span = f"{large[0]['nodes']:,} to {large[-1]['nodes']:,} nodes"
            told.append(f"{what} in parts takes time in proportion to nodes^{power:.2f} from {span}.")
    return tuple(told)


def _run(case: Case) -> tuple[Row, dict[str, float]]:
    """What the plan says of itself, and what it took."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "plan"
        took = hashlever(
            *("plan", case.scenario, "--no-compare", "--monte-carlo=0", f"--method={case.method}", f"--out={out}"),
            *SHAPES[case.nodes].options,
        )
        figures = {key: getattr(took, key) for key in ("seconds", "processor_seconds", "peak_mb")}
        if took.exit_code == NO_PLAN_IN_TIME:
            return {"method": f"{case.method}: no plan in time"}, figures
        solver = json.loads((out / "plan.json").read_text(encoding="utf-8"))["solver"]
    inside = {stage: float(solver["seconds"][stage]) for stage in ("market", "build", "solve", "audit")}
    stages = {"read": took.stages["market"]} | inside
    stages["report"] = took.stages["wrote"] - took.stages["audit"] - inside["audit"]
    stages["rest"] = took.seconds - sum(stages.values())
    figures |= stages | {f"{stage}_share": seconds / took.seconds for stage, seconds in stages.items()}
    return {key: solver[key] for key in ("nodes", "method", "gap", "rows", "nonzeros")}, figures
