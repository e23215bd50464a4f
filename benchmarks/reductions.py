"""``python -m benchmarks.reductions [--set PATH=VALUE]``: what each reduction of the model saves on the flagship.

From the model with all of them undone, one after the other is taken; a line each: rows, columns, non-zeros, seconds of
processor time to build the model as arrays and to solve it at the scenario's gap, and what was found. A problem is
stopped after ``--limit`` seconds, with the gap that it has come to.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from optimizer import load_scenario
from optimizer.errors import LimitError
from optimizer.formulation.implied import implied_rows
from optimizer.market.build_tree import build_tree
from optimizer.scenario.schema import SolverSettings
from optimizer.solve.highs import Solver
from optimizer.solve.linear_model import LinearModel, to_arrays, without_rows
from tests.formulation.plain_forms import FORMS, in_dollars_and_terahashes, plain

Result = TypeVar("Result")

FLAGSHIP = Path(__file__).parents[1] / "scenarios" / "fleet_refresh.yaml"
TAKEN = {
    "RunVariable": "dispatch as data",
    "OwnedEverywhere": "ownership only at decision nodes",
    "PledgeOfDraws": "collateral per facility",
    "FreeBtcVariable": "all BTC as the state",
    "PrincipalEverywhere": "principal as a share of an earlier one",
    "PowerEverywhere": "power rows only where machines arrive",
    "EveryLender": "a lender's share only where it can hold",
}


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """What it returns and the seconds of processor time that it took."""
    started = time.process_time()
    return work(), time.process_time() - started


def line(name: str, model: LinearModel, build_s: float, settings: SolverSettings) -> str:
    """One row of the table."""
    rows, columns = model.matrix.shape
    shape = f"| {name} | {rows:,} | {columns:,} | {model.matrix.nnz:,} | {build_s:.1f} |"
    started = time.process_time()
    try:
        best = Solver(model, settings).solve()
    except LimitError:
        return f"{shape} no plan after {settings.time_limit_s:g} | |"
    solved_s = time.process_time() - started
    stopped = " (stopped)" if best.hit_limit else ""
    return f"{shape} {solved_s:.1f}{stopped} | {-best.objective:.2f} ({best.gap:.3%}) |"


def main() -> None:
    """Print the table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--set", action="append", default=[], help="as of hashlever plan")
    asked.add_argument("--limit", type=float, default=120.0, help="seconds for each problem")
    given = asked.parse_args()
    scenario = load_scenario(FLAGSHIP, sets=given.set).scenario
    settings = scenario.solver.model_copy(update={"time_limit_s": given.limit})
    tree, _ = build_tree(scenario)
    print(f"{scenario.name}, {len(tree):,} nodes")
    print("| model | rows | columns | non-zeros | build s | solve s | BTC (gap) |")
    print("|---|---|---|---|---|---|---|")
    (f, model), build_s = timed(lambda: ((made := plain(scenario, tree, *FORMS)), to_arrays(made)))
    dollars, _ = in_dollars_and_terahashes(model, f.data.money_usd)
    print(line("all undone", dollars, build_s, settings), flush=True)
    print(line("+ units of today's BTC price, PH/s", model, build_s, settings), flush=True)
    for k, form in enumerate(FORMS, start=1):
        left = FORMS[k:]
        (f, model), build_s = timed(lambda left=left: ((made := plain(scenario, tree, *left)), to_arrays(made)))
        print(line(f"+ {TAKEN[form.__name__]}", model, build_s, settings), flush=True)
    shorter, more_s = timed(lambda: without_rows(model, implied_rows(f)))
    print(line("+ without LTV rows that others imply", shorter, build_s + more_s, settings), flush=True)


if __name__ == "__main__":
    main()
