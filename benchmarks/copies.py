"""A larger plan without solving one: every branch below today of a small plan so many times over, as if the market had
split there into futures that are alike. It is feasible, and worth what the small one is."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from optimizer.decisions import Decisions, Position
from optimizer.ledger.audit import audit
from optimizer.market.tree import Tree
from optimizer.planning import Plan
from optimizer.valuation import value_of


def copied(plan: Plan, copies: int) -> tuple[Tree, Decisions, Position]:
    """The tree with every branch that has a probability ``copies`` times, and the plan on all of them."""
    tree = plan.tree
    times = np.where((tree.probability > 0) & (tree.month > 0), copies, 1)
    old, copy = np.repeat(np.arange(len(tree)), times), np.concatenate([np.arange(n) for n in times])
    first = np.cumsum(times) - times

    def at(node: int, k: int) -> int:
        return int(first[node]) + (k if times[node] > 1 else 0)

    def arrays(of: Tree | Position) -> dict[str, Any]:
        named = {field.name: getattr(of, field.name) for field in fields(of)}
        return {name: values[old] for name, values in named.items() if isinstance(values, np.ndarray)}

    def decided(rows: tuple[Any, ...]) -> tuple[Any, ...]:
        out = [(row, k) for row in rows for k in range(times[row.node])]
        return tuple(replace(row, node=at(row.node, k), **drawn_node(row, k)) for row, k in out)

    def drawn_node(row: Any, k: int) -> dict[str, int]:
        drawn = getattr(row, "drawn_node", -1)
        return {"drawn_node": at(drawn, k)} if drawn > 0 else {}

    parent = [-1, *(at(int(tree.parent[n]), int(k)) for n, k in zip(old[1:], copy[1:], strict=True))]
    larger = replace(
        tree,
        **arrays(tree) | {"parent": np.array(parent), "probability": (tree.probability / times)[old]},
        frozen=tuple(tree.frozen[n] for n in old),
    )
    named = {field.name: getattr(plan.decisions, field.name) for field in fields(plan.decisions)}
    made = {name: values[old] if isinstance(values, np.ndarray) else decided(values) for name, values in named.items()}
    return larger, Decisions(**made), Position(**arrays(plan.position))


def audited(plan: Plan, tree: Tree, decisions: Decisions, position: Position) -> Plan:
    """The plan on another tree, audited and valued there."""
    found = audit(plan.scenario, tree, decisions, position)
    found.raise_if_failed()
    value = value_of(plan.scenario, tree, found.books)
    solver = replace(plan.solver, nodes=len(tree), leaves=len(tree.leaves))
    return replace(plan, tree=tree, decisions=decisions, position=position, audit=found, value=value, solver=solver)
