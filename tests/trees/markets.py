"""A small company whose plan depends on the tree, and one in whose market nothing can happen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from optimizer.formulation.build import build
from optimizer.market.build_tree import build_tree
from optimizer.scenario.load import LoadedScenario, load_scenario
from optimizer.solve.highs import Solution, Solver
from optimizer.solve.linear_model import LinearModel, to_arrays
from optimizer.trees.sampled import with_seed
from optimizer.trees.today import only_today
from tests.builders import write_scenario
from tests.report.conftest import company

# Fewer branches than in reports: what is tested here is tried on every tree.
BRANCHING = [{"month": 1, "children": 2}, {"month": 4, "children": 2}]


def random_company(folder: Path, **changes: Any) -> Path:
    """The reports' company, whose loan and early repayment move with the tree; ``changes`` of its treasury."""
    data = company()
    data["horizon_months"] = 12
    data["market"]["tree"]["branching"] = BRANCHING
    data["treasury"] |= changes
    return write_scenario(folder, data)


def certain_company(folder: Path) -> Path:
    """The same where price only grows, so that every sampled tree is the same; solved to the end."""
    data = company()
    data["horizon_months"] = 12
    data["market"]["price"]["volatility_pa"] = 0
    data["market"]["tree"]["branching"] = BRANCHING
    data["solver"] = {"gap_share": 0}
    return write_scenario(folder, data)


class SolvedTree:
    """The tree of one seed and its plan."""

    def __init__(self, loaded: LoadedScenario, seed: int) -> None:
        self.scenario = with_seed(loaded, seed).scenario
        self.tree = build_tree(self.scenario)[0]
        self.whole: LinearModel = to_arrays(build(self.scenario, self.tree))
        self.best: Solution = Solver(self.whole, self.scenario.solver).solve()
        self.model = only_today(self.whole)


def solved(path: Path, seed: int) -> SolvedTree:
    """The tree of ``seed`` of the scenario at ``path``, solved."""
    return SolvedTree(load_scenario(path), seed)
