import numpy as np
import pytest

from optimizer.market.branches import split, stages, trunk
from optimizer.market.fan import simulate
from optimizer.market.fidelity import fidelity
from optimizer.market.reduce import fan_to_tree, price_level

FLAGSHIP = {1: 3, 4: 2, 7: 2, 13: 2, 19: 2}
JUMPS = {
    "process": "jump_diffusion",
    "view": "btc_neutral",
    "volatility_pa": 0.4,
    "jumps_pa": 8.0,
    "jump_mean_log": -0.05,
    "jump_sd_log": 0.1,
}


@pytest.fixture(scope="module")
def flagship(make, shape):
    scenario = make(
        horizon_months=24,
        market__fan={"paths": 4000, "seed": 7},
        market__tree={"branching": shape(FLAGSHIP), "low_quantile": 0.05},
    )
    fan = simulate(scenario)
    return scenario, fan, fan_to_tree(fan, scenario)


def conditional_mean(tree, node, values):
    """Mean of a child's value over the children of ``node``."""
    children = tree.children[node]
    return float(tree.probability[children] @ values[children] / tree.probability[node])


def at_month(tree, month):
    return np.flatnonzero(tree.month == month)


def test_shape_of_the_flagship(flagship, well_formed):
    _, _, tree = flagship
    well_formed(tree)
    assert [len(at_month(tree, t)) for t in (0, 1, 3, 4, 6, 7, 12, 13, 19, 24)] == [
        *(1, 3, 3, 6, 6, 12, 12, 24, 48, 48)
    ]
    assert len(tree.leaves) == 48


@pytest.mark.parametrize("process", [{}, JUMPS])
def test_holding_dollars_gains_no_btc_at_any_node(make, shape, process):
    """btc_neutral: E[1 / P] of the children is 1 / P at every node, so E[1 / P_t] is flat every month."""
    price = process or {"process": "gbm", "view": "btc_neutral", "volatility_pa": 0.8}
    scenario = make(market__price=price, market__tree={"branching": shape({2: 3, 4: 2, 9: 4}), "low_quantile": 0.05})
    tree = fan_to_tree(simulate(scenario), scenario)
    for node in range(len(tree)):
        if tree.children[node]:
            gain = conditional_mean(tree, node, 1 / tree.price_usd) * tree.price_usd[node] - 1
            assert abs(gain) < 1e-12
    for month in range(13):
        at = at_month(tree, month)
        assert tree.probability[at] @ (80_000 / tree.price_usd[at]) == pytest.approx(1.0, abs=1e-12)


def test_holding_btc_gains_no_dollars_when_those_count(make, shape):
    """usd_neutral and numeraire usd: E[P] of the children is P at every node."""
    scenario = make(
        numeraire="usd",
        market__price={"process": "gbm", "view": "usd_neutral", "volatility_pa": 0.8},
        market__tree={"branching": shape({2: 3, 4: 2, 9: 4}), "low_quantile": 0.05},
    )
    tree = fan_to_tree(simulate(scenario), scenario)
    for node in range(len(tree)):
        if tree.children[node]:
            assert conditional_mean(tree, node, tree.price_usd) == pytest.approx(tree.price_usd[node], rel=1e-12)


@pytest.mark.parametrize("view", ["btc_neutral", "usd_neutral", {"median_growth_pa": 0.4}])
def test_stages_keep_both_means_at_every_node(make, shape, view):
    """From any node where a stage starts, E[P] and E[1 / P] at its end change as in the whole fan."""
    scenario = make(
        market__price={"process": "gbm", "view": view, "volatility_pa": 0.6},
        market__tree={"branching": shape({1: 3, 4: 2, 7: 3}), "low_quantile": 0.05},
    )
    fan = simulate(scenario)
    tree = fan_to_tree(fan, scenario)
    for stage in stages(scenario.market.tree.branching, 12):
        ends = at_month(tree, stage.last)
        start_of = np.array([tree.paths[n][stage.first - 1] for n in ends])
        for start in at_month(tree, stage.first - 1):
            behind = ends[start_of == start]
            share = tree.probability[behind] / tree.probability[start]
            for power in (1.0, -1.0):
                values = fan.price_usd**power
                expected = values[:, stage.last].mean() / values[:, stage.first - 1].mean()
                seen = share @ tree.price_usd[behind] ** power / tree.price_usd[start] ** power
                assert seen == pytest.approx(expected, rel=1e-9)


def test_children_move_in_proportion_to_their_paths_returns(make, shape):
    """ln of a child's move is a + b z, z its paths' mean log return *over the stage*, b > 0."""
    scenario = make(market__tree={"branching": shape({1: 3, 7: 4}), "low_quantile": 0.05})
    fan = simulate(scenario)
    tree = fan_to_tree(fan, scenario)
    first, second = stages(scenario.market.tree.branching, 12)
    branches = split(fan, split(fan, trunk(1000), first), second)
    returns = branches.mean(np.log(fan.price_usd[:, 12] / fan.price_usd[:, 6]))
    for start, node in enumerate(at_month(tree, 6)):
        moves = np.log(tree.price_usd[tree.children[node]] / tree.price_usd[node])
        slopes = np.diff(moves) / np.diff(returns[branches.parent == start])
        assert slopes == pytest.approx(slopes[0], rel=1e-6) and slopes[0] > 0.9


def test_price_within_a_stage_goes_with_the_level_alone(flagship):
    _, fan, tree = flagship
    level = price_level(fan, "btc")
    for node in range(1, len(tree)):
        parent = int(tree.parent[node])
        if len(tree.children[parent]) == 1:
            month = int(tree.month[node])
            ratio = tree.price_usd[node] / tree.price_usd[parent]
            assert ratio == pytest.approx(level[month] / level[month - 1], rel=1e-12)


def test_flagship_keeps_the_fans_means_and_spreads(flagship):
    scenario, fan, tree = flagship
    ends = [stage.last for stage in stages(scenario.market.tree.branching, 24)]
    assert ends == [3, 6, 12, 18, 24]
    table = fidelity(fan, tree, tuple(ends)).table
    assert table["difference_mean_inverse_price"].abs().max() < 1e-9
    assert table["difference_mean_btc_per_ph"].abs().max() < 1e-9
    at_ends = table.loc[ends].abs()
    assert at_ends["difference_mean_price_usd"].max() < 1e-9
    assert at_ends["difference_sd_log_price"].max() < 0.03
    assert at_ends["difference_mean_log_price"].max() < 0.002
    assert at_ends["difference_sd_log_hashprice"].max() < 1e-9
    assert at_ends["difference_mean_hashprice_usd"].max() < 0.02


def test_mining_columns_agree_with_each_other(flagship):
    _, _, tree = flagship
    later = slice(1, None)
    assert tree.revenue_usd_per_ph[later] == pytest.approx((tree.btc_per_ph * tree.price_usd)[later])
    # Fees are a constant 2% here, so a node's hashprice tells its network: 0.144 subsidy / EH/s / 0.98.
    before_halving = (tree.month > 0) & (tree.month < 20)
    implied = 0.144 * 3.125 / 0.98 * tree.price_usd / tree.hashprice_usd_per_ph_day
    assert implied[before_halving] == pytest.approx(tree.network_ehs[before_halving], rel=1e-9)
    ratio = tree.hashprice_usd_per_ph_day / tree.hashprice_usd_per_ph_day[0]
    assert tree.asic_price_factor == pytest.approx(ratio * 0.85 ** (tree.month / 12))
    end = at_month(tree, 24)
    assert np.corrcoef(tree.price_usd[end], tree.network_ehs[end])[0, 1] > 0.5


def test_low_is_the_quantile_of_the_paths_behind_the_node(make, shape):
    """One branch, flat harmonic mean, from today's price: the low is the fan's own quantile."""
    for quantile in (0.05, 0.4):
        scenario = make(market__tree={"branching": [], "low_quantile": quantile})
        fan = simulate(scenario)
        tree = fan_to_tree(fan, scenario)
        assert tree.price_usd == pytest.approx(80_000)
        for month in (1, 12):
            low = np.quantile(np.log(fan.low_usd[:, month]), quantile)
            assert tree.low_usd[month] == pytest.approx(min(80_000, np.exp(low)))


def test_lows_early_in_a_stage_are_those_of_the_paths(make, shape):
    """The tree makes a stage's whole move in its first month; the paths behind a node have not yet made it."""
    scenario = make(market__tree={"branching": [{"month": 1, "children": 3}], "low_quantile": 0.05})
    fan = simulate(scenario)
    tree = fan_to_tree(fan, scenario)
    first = at_month(tree, 1)
    upper = first[np.argmax(tree.price_usd[first])]
    lowest = np.quantile(fan.low_usd[:, 1], [0.01, 0.3])
    assert lowest[0] < tree.low_usd[upper] < lowest[1]
    assert (tree.low_usd[first] <= tree.price_usd[first]).all()


def test_power_follows_season_and_the_paths_factor(make, shape):
    site = {
        "name": "Odessa",
        "power_mw": 10.0,
        "cooling": ["air"],
        "power_usd_per_mwh": 50.0,
        "uptime_share": 0.97,
        "seasonality": [1.0] * 9 + [2.0, 1.0, 1.0],
    }
    scenario = make(
        sites=[site, {**site, "name": "flat", "seasonality": None}],
        market__power_prices={"volatility_pa": 0.5, "btc_correlation": 0.9},
        market__tree={"branching": shape({1: 3}), "low_quantile": 0.05},
    )
    tree = fan_to_tree(simulate(scenario), scenario)
    october = at_month(tree, 1)
    assert tree.power_usd_per_mwh[october, 0] == pytest.approx(2 * tree.power_usd_per_mwh[october, 1])
    assert (np.diff(tree.power_usd_per_mwh[at_month(tree, 12), 1]) > 0).all()
    for month in (1, 6, 12):
        at = at_month(tree, month)
        assert tree.probability[at] @ tree.power_usd_per_mwh[at, 1] == pytest.approx(50.0)
    without = make(sites=[])
    assert fan_to_tree(simulate(without), without).power_usd_per_mwh.shape == (1 + 3 * 12, 0)


def test_without_volatility_every_branch_is_the_same(make, shape, well_formed):
    scenario = make(
        market__price={"process": "gbm", "view": {"median_growth_pa": 0.2}, "volatility_pa": 0.0},
        market__tree={"branching": shape({1: 3, 7: 2}), "low_quantile": 0.05},
    )
    tree = fan_to_tree(simulate(scenario), scenario)
    well_formed(tree)
    assert tree.price_usd[at_month(tree, 12)] == pytest.approx(80_000 * 1.2)
    assert tree.low_usd[1] == pytest.approx(80_000)
