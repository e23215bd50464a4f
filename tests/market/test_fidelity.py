import numpy as np
import pytest

from optimizer.market.build_tree import build_tree
from optimizer.market.fan import simulate


def test_table_against_plain_statistics(make, shape):
    scenario = make(market__tree={"branching": shape({1: 3, 7: 2}), "low_quantile": 0.05})
    tree, kept = build_tree(scenario)
    fan, table = simulate(scenario), kept.table
    assert kept.stage_ends == (6, 12)
    assert table.index.tolist() == list(range(13))
    at = tree.month == 9
    mean = tree.probability[at] @ np.log(tree.price_usd[at])
    spread = np.sqrt(tree.probability[at] @ (np.log(tree.price_usd[at]) - mean) ** 2)
    assert table["tree_sd_log_price"][9] == pytest.approx(spread)
    assert table["fan_sd_log_price"][9] == pytest.approx(np.log(fan.price_usd[:, 9]).std())
    assert table["fan_mean_hashprice_usd"][9] == pytest.approx(fan.hashprice_usd_per_ph_day[:, 9].mean())
    relative = spread / np.log(fan.price_usd[:, 9]).std() - 1
    assert table["difference_sd_log_price"][9] == pytest.approx(relative)
    absolute = mean - np.log(fan.price_usd[:, 9]).mean()
    assert table["difference_mean_log_price"][9] == pytest.approx(absolute)


def test_today_has_no_spread_and_no_difference(make):
    _, kept = build_tree(make())
    today = kept.table.loc[0]
    assert today["fan_sd_log_price"] == 0.0
    assert today[[c for c in kept.table if c.startswith("difference")]].abs().max() < 1e-12
