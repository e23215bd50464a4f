"""The alternatives of a plan made in parts: the cut model again, with columns of the top held and some things not done.

They are solved one after the other by the crew that solved the plan, from the floors that the plan left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optimizer.decisions import Decisions
from optimizer.errors import LimitError, SolverError
from optimizer.formulation.build import build
from optimizer.market.average import mean_path
from optimizer.solve.comparators import AFTER_PLAN, AT_ONCE, BREAKS, Asked, Wanted, coarser, today_of
from optimizer.solve.decomposed import CutModel
from optimizer.solve.highs import Bounds, NoPlanError, Solution, Solver
from optimizer.solve.linear_model import to_arrays
from optimizer.solve.recourse import Without
from optimizer.solve.search import NotDecomposableError

# What an alternative does not do below the cut.
WITHOUT: dict[str, Without] = {
    "sell_only": frozenset({"draws"}),
    "no_machines": frozenset({"orders"}),
    "btc_instead": frozenset({"orders"}),
}
# The most that lenders and requirements allow is a question to all subtrees at once.
NOT_IN_PARTS = {"borrow_most": "it is asked of trees that are solved whole only (--method whole)"}


@dataclass(frozen=True)
class Told:
    """What an alternative is told, and what it then decides, or why it has no plan."""

    name: str
    told_to: str
    decisions: Decisions | str


def alternatives_in_parts(cut: CutModel) -> Iterator[Told]:
    """The alternatives of a plan, once `CutModel.plan` has found it."""
    plan = Solution(cut.point.x, cut.point.value, 0.0, "", 0.0, False)
    for wanted in (*AT_ONCE, *AFTER_PLAN):
        yield Told(wanted.name, wanted.told_to, _decisions(cut, wanted, plan))


def _decisions(cut: CutModel, wanted: Wanted, plan: Solution) -> Decisions | str:
    if wanted.name in NOT_IN_PARTS:
        return NOT_IN_PARTS[wanted.name]
    try:
        if wanted.name == "mean_path":
            return cut.told(_today_on_average(cut), frozenset())
        asked = wanted.recipe(cut.f, cut.top, plan)
        return cut.told(asked.bounds, WITHOUT[wanted.name]) if isinstance(asked, Asked) else asked
    except NoPlanError:
        return BREAKS
    except (LimitError, NotDecomposableError, SolverError) as stopped:
        return str(stopped)


def _today_on_average(cut: CutModel) -> Bounds:
    """Today's decisions of the plan for the average future, as bounds of the top's columns."""
    certain = to_arrays(build(cut.scenario, mean_path(cut.tree, cut.scenario.numeraire)))
    return today_of(certain, Solver(certain, coarser(cut.scenario.solver)).solve().x, cut.top)
