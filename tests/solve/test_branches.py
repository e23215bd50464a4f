"""Splitting a model at its tree's first branching loses nothing, and is refused where it would."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.errors import SplitError
from optimizer.formulation.build import build
from optimizer.market.build_tree import build_tree
from optimizer.market.tree import Ints, Tree
from optimizer.scenario.load import load_scenario
from optimizer.solve.branches import split
from optimizer.solve.linear_model import LinearModel, to_arrays
from tests.cli.command import SCENARIOS, SMALL


def _model(name: str, *sets: str) -> tuple[LinearModel, Tree]:
    given = load_scenario(SCENARIOS / f"{name}.yaml", (), [text.removeprefix("--set=") for text in sets]).scenario
    tree, _ = build_tree(given)
    return to_arrays(build(given, tree)), tree


@pytest.mark.parametrize(
    ("name", "sets"), [("teach_walk_away", ()), ("cases_bull_base_bear", ()), ("fleet_refresh", SMALL)]
)
def test_branches_together_are_the_model(name: str, sets: tuple[str, ...]) -> None:
    model, tree = _model(name, *sets)
    branches = split(model, tree)
    assert len(branches) == sum(tree.probability[k] > 0 for k in tree.children[0])
    assert sum(branch.probability for branch in branches) == pytest.approx(1)
    cost = np.zeros(len(model.cost))
    for branch in branches:
        cost[branch.columns] += branch.probability * branch.cost
        # Whatever a row of the branch uses is a column of it.
        assert set(model.matrix.tocsr()[branch.rows].indices) <= set(branch.columns)
        shared = branch.columns[: branch.shared]
        assert (shared == branches[0].columns[: branches[0].shared]).all()
    assert cost == pytest.approx(model.cost, rel=1e-12, abs=1e-15)
    assert set(np.concatenate([branch.rows for branch in branches])) == set(range(len(model.rows)))
    # Two branches have in common what comes before them and what is under stress, and nothing else.
    own = [set(branch.columns[branch.shared :]) for branch in branches]
    stressed = {j for columns in model.columns.values() for i, j in columns.items() if _stressed(i, tree.stress)}
    assert set.intersection(*own) == stressed


@pytest.mark.parametrize("asked", ["liquidation_probability=0.05", "min_dscr=1"])
def test_a_limit_on_what_happens_on_average_cannot_be_split(asked: str) -> None:
    tied = _model("fleet_refresh", *SMALL, f"requirements.{asked}")
    with pytest.raises(SplitError, match=rf"tie the branches of the tree together.*: {asked.split('=')[0]} \("):
        split(*tied)


def test_one_future_is_not_split() -> None:
    one = _model("teach_borrow_or_sell")
    with pytest.raises(SplitError, match="does not branch"):
        split(*one)


def _stressed(index: object, stress: Ints) -> bool:
    node = index[0] if isinstance(index, tuple) else index
    return isinstance(node, int) and bool(stress[node] >= 0)
