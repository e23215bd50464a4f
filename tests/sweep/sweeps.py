"""A sweep of twenty small points, and what must be the same whenever it is run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from optimizer.errors import Problem
from optimizer.sweep import asked
from optimizer.sweep.points import Making, Point, points_of
from optimizer.sweep.store import DOCUMENT, INFEASIBLE, LOCK, PAGE, POINTS, TABLE
from tests.cli.command import SCENARIOS

TEACH = SCENARIOS / "teach_borrow_or_sell.yaml"
MAKING = Making(compare=False, monte_carlo=0)
PRICE = "market.price.cases[0].price[0].usd"
# 9 BTC cannot pay the transformer, sold or pledged: two of the twenty points have no plan.
TWENTY = ("treasury.btc_lots[0].btc=9,30,40,50,60,70,80,90,100,110", f"{PRICE}=109000,115000")


def points(*vary: str, file: Path = TEACH) -> tuple[Point, ...]:
    """The points of a grid."""
    problems: list[Problem] = []
    wanted = asked.grid(vary, problems)
    return points_of(file, wanted, (), MAKING, problems=problems)


def kept(out: Path) -> dict[str, Any]:
    """All that a sweep's folder holds: the summary to the byte, each plan without the seconds it took, and the names
    of the files beside it. Nothing else may be there."""
    assert {path.name for path in out.iterdir()} - {LOCK} == {DOCUMENT, TABLE, PAGE, POINTS, INFEASIBLE}
    found: dict[str, Any] = {name: (out / name).read_bytes() for name in (DOCUMENT, TABLE, PAGE)}
    for path in (out / INFEASIBLE).iterdir():
        found[path.name] = path.read_bytes()
    for folder in (out / POINTS).iterdir():
        plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
        del plan["solver"]["seconds"]
        found[folder.name] = plan, sorted(path.name for path in folder.iterdir())
    return found


def quiet(stage: str, detail: str) -> None:
    """A listener who does not care."""
