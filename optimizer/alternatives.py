"""What a plan is measured against: the same company told to do the obvious, valued as the plan is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimizer.ledger.books import keep_books
from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario
from optimizer.valuation import value_of

if TYPE_CHECKING:
    from optimizer.compare.split import Split
    from optimizer.formulation.model import Formulation
    from optimizer.solve.comparators import Alternative
    from optimizer.solve.linear_model import LinearModel


@dataclass(frozen=True)
class Comparator:
    """An alternative to the plan, in the numeraire; numbers are NaN where it has no plan (see ``why_not``).

    ``loses``: the plan's objective less this one's. ``sell_btc``, ``borrow_usd``, ``machines_usd``: today's.
    ``outcomes``: net worth at each leaf, in the order of `Value.leaves`; empty where it has no plan.
    ``split``: what its worth is made of, by the ledger's account of it; None where it has no plan.
    """

    name: str
    told_to: str
    why_not: str
    value: float
    expected: float
    cvar: float
    worst: float
    loses: float
    sell_btc: float
    borrow_usd: float
    machines_usd: float
    outcomes: tuple[float, ...] = ()
    split: Split | None = None

    @property
    def feasible(self) -> bool:
        """Whether the alternative meets every requirement."""
        return not self.why_not


def comparator_of(
    f: Formulation, model: LinearModel, alternative: Alternative, given: Scenario, tree: Tree, value: float
) -> Comparator:
    """An alternative's solution as the plan's tables hold it; ``value``: the plan's. Loads the solution into ``f``."""
    from optimizer.compare.split import split_of
    from optimizer.formulation.extract import decisions
    from optimizer.solve.comparators import done_today
    from optimizer.solve.linear_model import load_solution

    if alternative.solution is None:
        none = float("nan")
        return Comparator(
            alternative.name, alternative.told_to, alternative.why_not, none, none, none, none, none, none, none, none
        )
    load_solution(f, model, alternative.solution.x)
    sold, borrowed, machines = done_today(f)
    chosen = decisions(f)
    books = keep_books(given, tree, chosen)
    worth = value_of(given, tree, books)
    return Comparator(
        name=alternative.name,
        told_to=alternative.told_to,
        why_not="",
        value=worth.value,
        expected=worth.expected,
        cvar=worth.cvar,
        worst=worth.worst,
        loses=value - worth.value,
        sell_btc=sold,
        borrow_usd=borrowed,
        machines_usd=machines,
        outcomes=tuple(worth.outcomes.tolist()),
        split=split_of(given, tree, chosen, books),
    )
