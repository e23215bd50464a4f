from pathlib import Path

import numpy as np
import pytest

from optimizer.decisions import facility_names
from optimizer.market.build_tree import build_tree
from optimizer.market.tree_paths import tree_paths
from optimizer.scenario.load import load_scenario

BY_NODE = {
    "close_usd": "price_usd",
    "low_usd": "low_usd",
    "btc_per_ph": "btc_per_ph",
    "revenue_usd_per_ph": "revenue_usd_per_ph",
    "hashprice_usd_per_ph_day": "hashprice_usd_per_ph_day",
    "network_ehs": "network_ehs",
    "power_usd_per_mwh": "power_usd_per_mwh",
    "asic_price_factor": "asic_price_factor",
}


@pytest.fixture(scope="module")
def flagship():
    """Three stress branches, two of them shorter than the horizon, with a freeze and a delay."""
    path = Path(__file__).parents[2] / "scenarios" / "fleet_refresh.yaml"
    fewer_paths = ["market.fan.paths=500"]
    scenario = load_scenario(path, sets=fewer_paths).scenario
    tree, _ = build_tree(scenario)
    return scenario, tree, *tree_paths(scenario, tree)


def test_each_step_is_its_node(flagship):
    _, tree, paths, nodes = flagship
    there = nodes >= 0
    for field, column in BY_NODE.items():
        assert np.array_equal(getattr(paths, field)[there], getattr(tree, column)[nodes[there]]), field
    assert np.array_equal(np.broadcast_to(paths.days, nodes.shape)[there], tree.days[nodes[there]])
    assert (paths.month_end == np.arange(25)).all() and (paths.elapsed_share == 0).all()
    assert np.array_equal(paths.price_usd, paths.close_usd)


def test_every_branch_is_there_once_and_every_node(flagship):
    _, tree, paths, nodes = flagship
    assert set(nodes[nodes >= 0].tolist()) == set(range(len(tree)))
    last = [row[row >= 0][-1] for row in nodes]
    assert len(set(last)) == len(paths) == len(tree.leaves) + len(tree.stress_names)
    assert tree.probability[last].sum() == pytest.approx(1.0)
    for row in nodes:
        on_way = row[row >= 0]
        assert on_way[0] == 0 and np.array_equal(tree.parent[on_way[1:]], on_way[:-1])


def test_a_branch_that_ends_early_goes_on_as_its_last_node(flagship):
    scenario, tree, paths, nodes = flagship
    short = np.flatnonzero(nodes[:, -1] < 0)
    assert len(short) == sum((stress.until_month or 99) < 24 for stress in scenario.market.stress) > 0
    for path in short:
        end = int((nodes[path] >= 0).sum())
        assert (nodes[path, end:] == -1).all()
        assert (paths.close_usd[path, end:] == tree.price_usd[nodes[path, end - 1]]).all()


def test_freezes_and_delays_are_those_of_the_stress(flagship):
    scenario, tree, paths, nodes = flagship
    lenders = [contract.lender for contract in (*scenario.loans, *scenario.facilities)]
    assert paths.frozen.shape == (*nodes.shape, len(facility_names(scenario)))
    seen = set()
    for path, month in np.argwhere(nodes >= 0):
        frozen = {lender for lender, shut in zip(lenders, paths.frozen[path, month], strict=True) if shut}
        assert frozen == tree.frozen[nodes[path, month]] & set(lenders)
        seen |= frozen
    assert seen == {"Two Prime", "Ledn"}
    delayed = [tree.stress_names[tree.stress[nodes[p, 1]]] for p in np.flatnonzero(paths.delivery_delay_months == 3)]
    assert delayed == ["late machines, dear power"]
    assert sorted(set(paths.delivery_delay_months.tolist())) == [0, 3]


def test_a_tree_without_lenders(make, shape):
    scenario = make(horizon_months=2, market__tree={"branching": shape({1: 3}), "low_quantile": 0.05})
    paths, nodes = tree_paths(scenario, build_tree(scenario)[0])
    assert nodes.tolist() == [[0, 1, 4], [0, 2, 5], [0, 3, 6]]
    assert paths.frozen.shape == (3, 3, 0) and paths.power_usd_per_mwh.shape == (3, 3, 1)
