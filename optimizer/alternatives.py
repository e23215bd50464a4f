"""What a plan is measured against: the same company told to do the obvious, valued as the plan is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimizer.decisions import Decisions
from optimizer.ledger.books import keep_books
from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario
from optimizer.valuation import value_of

if TYPE_CHECKING:
    from optimizer.compare.split import Split


@dataclass(frozen=True)
class Comparator:
    """An alternative to the plan, in the numeraire; numbers are NaN where it has no plan (see ``why_not``).

    ``loses``: the plan's objective less this one's. ``sell_btc``, ``borrow_usd``, ``machines_usd``: today's.
    ``outcomes``: net worth at each leaf, in the order of `Value.leaves`; empty where it has no plan.
    ``split``: what its worth is made of, by the ledger's account of it, and ``decisions``; None where it has no plan.
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
    decisions: Decisions | None = None

    @property
    def feasible(self) -> bool:
        """Whether the alternative meets every requirement."""
        return not self.why_not


def comparator_of(
    name: str, told_to: str, given: Scenario, tree: Tree, chosen: Decisions | str, value: float
) -> Comparator:
    """An alternative as the plan's tables hold it: its decisions, or why it has none; ``value``: the plan's."""
    from optimizer.compare.split import split_of

    if isinstance(chosen, str):
        none = float("nan")
        return Comparator(name, told_to, chosen, none, none, none, none, none, none, none, none)
    books = keep_books(given, tree, chosen)
    worth = value_of(given, tree, books)
    prices = {c.model: c.price_usd or given.machines.specs[c.model].price_usd for c in given.machines.candidates}
    return Comparator(
        name=name,
        told_to=told_to,
        why_not="",
        value=worth.value,
        expected=worth.expected,
        cvar=worth.cvar,
        worst=worth.worst,
        loses=value - worth.value,
        sell_btc=float(chosen.sell_btc[0]),
        borrow_usd=sum(draw.amount_usd for draw in chosen.draws if draw.node == 0),
        machines_usd=sum(order.units * (prices[order.model] or 0.0) for order in chosen.orders if order.node == 0),
        outcomes=tuple(worth.outcomes.tolist()),
        split=split_of(given, tree, chosen, books),
        decisions=chosen,
    )
