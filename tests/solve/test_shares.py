"""A cut tree: every node once, the top's numbers the same in every share, and averages where there are many."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from optimizer.market.build_tree import build_tree
from optimizer.market.tree import Tree
from optimizer.scenario.load import load_scenario
from optimizer.solve.shares import coarse, cut_month, deal, roots, top_of

FLAGSHIP = Path(__file__).parents[2] / "scenarios" / "fleet_refresh.yaml"


@pytest.fixture(scope="module")
def tree() -> Tree:
    branching = "market.tree.branching=[{month: 1, children: 3}, {month: 4, children: 4}, {month: 13, children: 2}]"
    return build_tree(load_scenario(FLAGSHIP, (), (branching,)).scenario)[0]


def test_it_is_cut_where_it_branches_and_the_top_is_small(tree: Tree) -> None:
    assert cut_month(tree) == 4
    assert len(top_of(tree, 4).tree) == (tree.month < 4).sum() == 1 + 3 * 3 + 3 * 3


def test_a_tree_without_branches_is_not_cut() -> None:
    alone = load_scenario(FLAGSHIP, (), ("market.tree.branching=[]",)).scenario
    assert cut_month(build_tree(alone)[0]) is None


@pytest.mark.parametrize("shares", [1, 2, 5, 40])
def test_every_node_below_the_cut_is_in_one_share(tree: Tree, shares: int) -> None:
    top, dealt = top_of(tree, 4), deal(tree, 4, shares)
    own = np.concatenate([share.nodes[share.top :] for share in dealt])
    assert sorted([*top.nodes, *own]) == list(range(len(tree)))
    assert len(dealt) == min(shares, 12 + 3)
    for share in dealt:
        assert np.array_equal(share.nodes[: share.top], top.nodes)
        assert np.array_equal(share.tree.price_usd, tree.price_usd[share.nodes])
        later = np.arange(1, len(share.tree))
        assert (share.tree.parent[later] < later).all()
        assert np.array_equal(share.nodes[share.tree.parent[later]], tree.parent[share.nodes[later]])
    sizes = [len(share.tree) - share.top for share in dealt]
    assert max(sizes) - min(sizes) <= 2 * 33


def test_the_coarse_tree_keeps_the_top_and_averages_below(tree: Tree) -> None:
    top, small = top_of(tree, 4), coarse(tree, 4, "btc")
    assert small.price_usd[: len(top.tree)] == pytest.approx(top.tree.price_usd, rel=1e-12)
    assert np.array_equal(small.parent[: len(top.tree)], top.tree.parent)
    assert len(small) < len(tree) / 3
    last = small.month == 24
    assert small.probability[last].sum() == pytest.approx(1.0)
    leaves = tree.month == 24
    harmonic = tree.probability[leaves] @ (1 / tree.price_usd[leaves])
    assert small.probability[last] @ (1 / small.price_usd[last]) == pytest.approx(harmonic)
    stressed = tree.price_usd[tree.stress >= 0]
    assert sorted(small.price_usd[small.stress >= 0]) == pytest.approx(sorted(stressed), rel=1e-12)


def test_roots_are_nodes_of_the_cut_month(tree: Tree) -> None:
    root = roots(tree, 4)
    assert set(tree.month[root[root >= 0]]) == {4}
    assert (root[tree.month < 4] == -1).all()
