"""The model of a whole tree solved as hashlever solves it, and the same model from an MPS file in bare HiGHS."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.asked import Asked, medians
from benchmarks.measured import apart
from benchmarks.tables import Column, Row, Table
from benchmarks.trees import FLAGSHIP, SHAPES

ROUNDS = 3
COLUMNS = (
    Column("nodes", "nodes", ",d"),
    Column("rows", "rows", ",d"),
    Column("columns", "columns", ",d"),
    Column("nonzeros", "non-zeros", ",d"),
    Column("hashlever", "hashlever, s", ".2f"),
    Column("bare", "bare HiGHS, s", ".2f"),
    Column("ratio", "ratio", ".2f"),
    Column("processor_ratio", "of processor seconds", ".2f"),
    Column("apart", "objectives apart", ".1e"),
    Column("ended", "ended"),
)


def measure(asked: Asked) -> list[Table]:
    """Every tree that is solved whole, the two taking turns in who goes first."""
    rows = []
    for nodes in asked.whole:
        rounds = asked.times(ROUNDS)
        asked.tell(f"{nodes:,} nodes whole, and in bare HiGHS, {rounds} times")
        rows.append(apart(beside, SHAPES[nodes].sets, rounds))
    note = "Seconds of solving, the model already in HiGHS; the same gap, threads and seed; medians."
    return [Table("bare", COLUMNS, rows, (note,))]


def beside(sets: tuple[str, ...], rounds: int) -> Row:
    """Both on one tree. Raises `RuntimeError` where they do not come to the same within their gaps."""
    from optimizer.scenario.load import load_scenario
    from optimizer.solving import model_of_tree

    given = load_scenario(FLAGSHIP, sets=sets).scenario
    modelled = model_of_tree(given, lambda stage, detail: None)
    model = modelled.model
    ways = {"hashlever": lambda: _as_hashlever(model, given.solver), "bare": lambda: _bare(mps, given.solver)}
    found: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        mps = _written(model, Path(folder) / "model.mps")
        for turn in range(rounds):
            order = list(ways)[:: 1 if turn % 2 == 0 else -1]
            found.append({f"{way}{key}": value for way in order for key, value in ways[way]().items()})
    middle = medians(found)
    difference = abs(middle["hashlever_loss"] - middle["bare_loss"]) / abs(middle["bare_loss"])
    in_time = not (middle["hashlever_limit"] or middle["bare_limit"])
    if in_time and difference > 2 * given.solver.gap_share:
        raise RuntimeError(
            f"the same model, two answers: {middle['hashlever_loss']:.9g}, bare {middle['bare_loss']:.9g}"
        )
    size = {"rows": len(model.rows), "columns": len(model.cost), "nonzeros": int(model.matrix.nnz)}
    compared = {
        "ratio": middle["hashlever"] / middle["bare"],
        "processor_ratio": middle["hashlever_processor"] / middle["bare_processor"],
        "apart": difference,
        "ended": "proven" if in_time else "at the limit",
    }
    return {"nodes": len(modelled.tree), **size, **middle, **compared}


def _as_hashlever(model: Any, settings: Any) -> dict[str, float]:
    from optimizer.solve.highs import Solver

    solver = Solver(model, settings)
    with _Timed() as took:
        best = solver.solve(progress=lambda seconds, gap: None)
    return {"": took.seconds, "_processor": took.processor_seconds, "_loss": best.objective, "_limit": best.hit_limit}


def _bare(mps: Path, settings: Any) -> dict[str, float]:
    import highspy

    from optimizer.solve.highs import COST_SCALE

    highs = highspy.Highs()
    options = {
        "output_flag": False,
        "threads": settings.threads,
        "random_seed": settings.seed,
        "mip_rel_gap": settings.gap_share,
        "time_limit": settings.time_limit_s,
    }
    for name, value in options.items():
        highs.setOptionValue(name, value)
    _must(highs.readModel(str(mps)))
    with _Timed() as took:
        _must(highs.run())
    loss = highs.getInfo().objective_function_value / COST_SCALE
    limit = highs.getModelStatus() != highspy.HighsModelStatus.kOptimal
    return {"": took.seconds, "_processor": took.processor_seconds, "_loss": loss, "_limit": limit}


def _written(model: Any, mps: Path) -> Path:
    import highspy

    from optimizer.solve.highs import to_highs

    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    _must(highs.passModel(to_highs(model)))
    highs.writeModel(str(mps))  # A warning, that rows and columns have no names, is none of ours.
    if not mps.is_file():
        raise RuntimeError(f"HiGHS wrote no {mps.name}")
    return mps


def _must(status: Any) -> None:
    import highspy

    if status == highspy.HighsStatus.kError:
        raise RuntimeError("HiGHS ended with an error")


class _Timed:
    """Seconds of the clock, and of this process' processors in all its threads."""

    def __enter__(self) -> _Timed:
        self.seconds, self.processor_seconds = -time.perf_counter(), -time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter()
        self.processor_seconds += time.process_time()
