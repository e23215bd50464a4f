"""A check: one rule of the game, measured wherever it applies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from optimizer.market.tree import Floats, Ints, Tree
from optimizer.scenario.schema import Scenario

if TYPE_CHECKING:
    from optimizer.ledger.books import Books

TOLERANCE = 1e-6
NOT_APPLICABLE = -np.inf


@dataclass(frozen=True)
class Check:
    """``excess[row, column]``: by how much ``rule`` is broken, in ``unit`` (negative: room left; -inf: the
    rule does not apply). ``node[row]``: where. ``who[column]``: for whom (a facility, a site, a model, or
    nobody). ``scale``: what an excess is measured against.
    """

    rule: str
    unit: str
    scale: float
    node: Ints
    excess: Floats
    who: tuple[str, ...]


@dataclass(frozen=True)
class Scale:
    """The size of the company today, at least one BTC: what BTC and USD differences are measured against."""

    btc: float
    usd: float


def company_scale(scenario: Scenario, tree: Tree, books: Books) -> Scale:
    """BTC, cash and the resale value of the machines of today, before any decision."""
    price = float(tree.price_usd[0])
    machines = sum(pair.units_today * pair.resale_usd for pair in books.fleet.pairs)
    btc = max(1.0, scenario.treasury.btc + (scenario.treasury.cash_usd + machines) / price)
    return Scale(btc, btc * price)


def at_nodes(
    rule: str, unit: str, scale: float, excess: Floats, who: Iterable[str] = ("",), nodes: Ints | None = None
) -> Check:
    """A check of every node (or of ``nodes``), ``excess`` ``[row]`` or ``[row, who]``."""
    names = tuple(who)
    rows = np.arange(len(excess)) if nodes is None else nodes
    return Check(rule, unit, scale, rows, excess.reshape(len(rows), len(names)), names)


def per_decision(rule: str, unit: str, scale: float, rows: Iterable[tuple[int, float, str]]) -> list[Check]:
    """Checks of single decisions: (node, excess, for whom); one check for each name."""
    by_name: dict[str, list[tuple[int, float]]] = {}
    for node, excess, name in rows:
        by_name.setdefault(name, []).append((node, excess))
    return [
        at_nodes(
            rule,
            unit,
            scale,
            np.array([excess for _, excess in found], dtype=np.float64),
            (name,),
            np.array([node for node, _ in found], dtype=np.int64),
        )
        for name, found in by_name.items()
    ]


def where(applies: npt.NDArray[np.bool_], excess: Floats) -> Floats:
    """``excess`` where the rule applies."""
    return np.where(applies, excess, NOT_APPLICABLE)
