from math import log

import numpy as np
import pytest

from optimizer.market.build_tree import build_tree

CASES = {
    "process": "cases",
    "cases": [
        {
            "name": "bull",
            "probability": 0.25,
            "price": [{"month": 2, "usd": 160_000.0}],
            "network_growth_pa": 0.5,
        },
        {"name": "base", "probability": 0.5, "price": [{"month": 3, "usd": 80_000.0}]},
        {
            "name": "bear",
            "probability": 0.25,
            "price": [{"month": 2, "usd": 40_000.0}, {"month": 6, "usd": 60_000.0}],
        },
    ],
    "low_below_close_share": 0.1,
}


@pytest.fixture(scope="module")
def tree(make):
    return build_tree(make(market__price=CASES, horizon_months=4))[0]


def branch(tree, name):
    return [0, *(n for n in range(len(tree)) if tree.branch_names[n] == name)]


def test_one_branch_per_case(tree, well_formed):
    well_formed(tree)
    assert tree.branch_names[0] == "today" and len(tree) == 13 and len(tree.leaves) == 3
    for name, probability in [("bull", 0.25), ("base", 0.5), ("bear", 0.25)]:
        nodes = branch(tree, name)
        assert tree.month[nodes].tolist() == [0, 1, 2, 3, 4]
        assert tree.parent[nodes[1:]].tolist() == nodes[:-1]
        assert (tree.probability[nodes[1:]] == probability).all()


def test_prices_by_hand(tree):
    """Months end 30, 61, 91 and 122 days after 30 September; growth is constant by the day, then flat."""
    assert tree.price_usd[branch(tree, "bull")] == pytest.approx(
        [80_000, 80_000 * 2 ** (30 / 61), 160_000, 160_000, 160_000]
    )
    days_to_march = 181
    toward_60k = 40_000 * 1.5 ** ((122 - 61) / (days_to_march - 61))
    assert tree.price_usd[branch(tree, "bear")[4]] == pytest.approx(toward_60k)
    bear = branch(tree, "bear")
    assert tree.low_usd[bear[:3]] == pytest.approx([80_000, 0.9 * tree.price_usd[bear[1]], 0.9 * 40_000])
    assert tree.low_usd[bear[4]] == pytest.approx(0.9 * 40_000 * 1.5 ** (30 / 120))
    assert tree.low_usd[branch(tree, "base")[1:]] == pytest.approx(72_000)


def test_mining_of_a_case_with_its_own_network_by_hand(tree):
    one_ehs = 0.144 * 3.125 / 0.98
    day = np.arange(1, 31)
    btc = one_ehs / (960 * 1.5 ** (day / 365))
    price = 80_000 * 2 ** (day / 61)
    first = branch(tree, "bull")[1]
    assert tree.network_ehs[first] == pytest.approx(960 * 1.5 ** (30 / 365))
    assert tree.btc_per_ph[first] == pytest.approx(btc.sum())
    assert tree.revenue_usd_per_ph[first] == pytest.approx((btc * price).sum())
    assert tree.hashprice_usd_per_ph_day[first] == pytest.approx(btc[-1] * price[-1])
    factor = btc[-1] * price[-1] / (one_ehs / 960 * 80_000) * 0.85 ** (1 / 12)
    assert tree.asic_price_factor[first] == pytest.approx(factor)


def test_network_answers_a_case_by_the_daily_law(tree):
    """A flat price: hashrate by the recursion of the network's docstring, written out."""
    hashrate, one_ehs = log(960.0), 0.144 * 3.125 / 0.98 * 80_000
    for _ in range(30):
        hashrate += (log(1.2) + log(one_ehs / np.exp(hashrate) / 39.0)) / 365
    assert tree.network_ehs[branch(tree, "base")[1]] == pytest.approx(np.exp(hashrate))
    assert tree.network_ehs[branch(tree, "bear")[4]] < tree.network_ehs[branch(tree, "base")[4]]


def test_cases_are_their_own_fan(make):
    _, kept = build_tree(make(market__price=CASES))
    assert (kept.table["fan_mean_price_usd"] == kept.table["tree_mean_price_usd"]).all()
    assert kept.stage_ends == tuple(range(1, 13))


def test_stress_branches_are_named_too(make):
    stress = {"name": "crash", "low_below_close_share": 0.2, "price": [{"month": 1, "change": -0.5}]}
    tree, _ = build_tree(make(market__price=CASES, market__stress=[stress]))
    assert set(tree.branch_names) == {"today", "bull", "base", "bear", "crash"}
    assert len(tree.branch_names) == len(tree)
