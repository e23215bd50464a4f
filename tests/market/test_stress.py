import numpy as np
import pytest

from optimizer.market.build_tree import build_tree

CRASH = {
    "name": "crash",
    "price": [{"month": 2, "change": -0.5}],
    "low_below_close_share": 0.2,
    "delivery_delay_months": 3,
    "power_price_factor": 1.5,
    "frozen_lenders": ["Ledn"],
    "frozen_from_month": 2,
    "frozen_until_month": 3,
}
SQUEEZE = {
    "name": "squeeze",
    "hashprice_usd": [{"month": 1, "change": -0.4}],
    "low_below_close_share": 0.0,
    "until_month": 2,
}


@pytest.fixture(scope="module")
def tree(make):
    return build_tree(make(horizon_months=4, market__stress=[CRASH, SQUEEZE]))[0]


def branch(tree, index):
    return [0, *np.flatnonzero(tree.stress == index)]


def test_branches_come_last_from_today_without_probability(tree, well_formed):
    well_formed(tree)
    assert tree.stress_names == ("crash", "squeeze") and tree.branch_names is None
    crash, squeeze = branch(tree, 0), branch(tree, 1)
    assert len(tree) == 1 + 3 * 4 + 4 + 2
    assert crash[1:] + squeeze[1:] == list(range(13, 19))
    for nodes in (crash, squeeze):
        assert tree.parent[nodes[1:]].tolist() == nodes[:-1]
        assert tree.month[nodes].tolist() == list(range(len(nodes)))


def test_crash_by_hand(tree):
    nodes = branch(tree, 0)
    price = np.array([80_000, 80_000 * 0.5 ** (30 / 61), 40_000, 40_000, 40_000])
    per_day = 144 / 960_000 * 3.125 / 0.98
    assert tree.price_usd[nodes] == pytest.approx(price)
    assert tree.low_usd[nodes[1:]] == pytest.approx(0.8 * price[1:])
    assert tree.network_ehs[nodes] == pytest.approx(960.0)
    assert tree.btc_per_ph[nodes] == pytest.approx(per_day * np.array([0, 30, 31, 30, 31]))
    assert tree.hashprice_usd_per_ph_day[nodes] == pytest.approx(per_day * price)
    assert tree.power_usd_per_mwh[nodes, 0] == pytest.approx([50, 75, 75, 75, 75])
    assert tree.delivery_delay_months[nodes].tolist() == [0, 3, 3, 3, 3]
    ledn = frozenset({"Ledn"})
    assert [tree.frozen[n] for n in nodes] == [frozenset(), frozenset(), ledn, ledn, frozenset()]
    assert tree.asic_price_factor[nodes[4]] == pytest.approx(0.5 * 0.85 ** (4 / 12))


def test_stated_hashprice_sets_the_network(tree):
    """Price flat, hashprice to 60% by the end of month 1: the network must then be 1 / 0.6 of today's."""
    nodes = branch(tree, 1)
    day = np.arange(1, 31)
    today = 144 / 960_000 * 3.125 / 0.98
    assert tree.price_usd[nodes] == pytest.approx(80_000)
    assert tree.hashprice_usd_per_ph_day[nodes] == pytest.approx(80_000 * today * np.array([1, 0.6, 0.6]))
    assert tree.btc_per_ph[nodes[1]] == pytest.approx((today * 0.6 ** (day / 30)).sum())
    assert tree.network_ehs[nodes] == pytest.approx([960, 1600, 1600])
    assert (tree.delivery_delay_months[nodes] == 0).all() and tree.frozen[nodes[2]] == frozenset()


def test_halving_comes_in_stress_too(make):
    tree = build_tree(
        make(horizon_months=2, market__block_height=1_050_000 - 30 * 144, market__stress=[CRASH, SQUEEZE])
    )[0]
    crash, squeeze = branch(tree, 0), branch(tree, 1)
    per_day = 144 / 960_000 / 0.98
    assert tree.btc_per_ph[crash] == pytest.approx(per_day * np.array([0, 30 * 3.125, 31 * 1.5625]))
    # The stated hashprice holds across the halving: half of the network has left instead.
    assert tree.network_ehs[squeeze] == pytest.approx([960, 1600, 800])


def test_until_month_beyond_the_horizon_ends_there(make):
    tree = build_tree(make(horizon_months=3, market__stress=[{**SQUEEZE, "until_month": 99}]))[0]
    assert tree.month[branch(tree, 0)].max() == 3
