"""What a company could decide on a day: the plan, and the same company told to do the obvious, each as decisions."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from optimizer.decisions import Decisions
from optimizer.errors import InfeasibleError, LimitError
from optimizer.formulation.build import build
from optimizer.formulation.extract import decisions
from optimizer.ledger.books import keep_books
from optimizer.ledger.intents import PolicyName
from optimizer.market.build_tree import build_tree
from optimizer.market.tree import Floats, Tree
from optimizer.planning import plan
from optimizer.replay.tested import STRATEGIES
from optimizer.scenario.load import LoadedScenario
from optimizer.solve.comparators import solve_at_once
from optimizer.solve.linear_model import load_solution, to_arrays


@dataclass(frozen=True)
class Strategy:
    """Decisions on a tree and the policy that carries them off it. ``expected_btc``: net worth that the tree expects at
    each month's end, ``[month]``. Without decisions ``why_not`` says why there are none."""

    name: str
    decisions: Decisions | None
    policy: PolicyName = "nearest_node"
    expected_btc: Floats | None = None
    why_not: str = ""


def strategies(loaded: LoadedScenario) -> tuple[Tree, list[Strategy]]:
    """The scenario's tree and what `STRATEGIES` names, in that order.

    ``hold`` buys, borrows and resells nothing and sells BTC only for bills, lenders' included.
    """
    scenario = loaded.scenario
    try:
        made = plan(loaded, compare=False, monte_carlo=0)
    except (InfeasibleError, LimitError) as error:
        tree, _ = build_tree(scenario)
        unplanned = [Strategy(name, None, why_not=str(error)) for name in STRATEGIES if name != "hold"]
        return tree, [*unplanned, _hold(tree)]
    tree = made.tree
    found = {"plan": Strategy("plan", made.decisions), "hold": _hold(tree)}
    f = build(scenario, tree)
    model = to_arrays(f)
    for other in solve_at_once(f, model, scenario.solver):
        if other.solution is None:
            found[other.name] = Strategy(other.name, None, why_not=other.why_not)
            continue
        load_solution(f, model, other.solution.x)
        found[other.name] = Strategy(other.name, decisions(f))
    for name, strategy in found.items():
        if strategy.decisions is not None and name != "hold":
            net_btc = keep_books(scenario, tree, strategy.decisions).net_btc
            found[name] = replace(strategy, expected_btc=_expected(tree, net_btc))
    return tree, [found[name] for name in STRATEGIES]


def _hold(tree: Tree) -> Strategy:
    nothing = np.zeros(len(tree))
    return Strategy("hold", Decisions(nothing, nothing, (), (), (), (), ()), "sell_only")


def _expected(tree: Tree, by_node: Floats) -> Floats:
    """The mean over the nodes of each month that have a probability, ``[month]``."""
    return np.asarray(np.bincount(tree.month, weights=tree.probability * by_node), dtype=np.float64)
