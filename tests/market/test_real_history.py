"""Against a real daily history, which lies beside the repository or not at all."""

from math import sqrt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from optimizer.market.build_tree import build_tree
from optimizer.market.fan import simulate
from optimizer.market.mining import hashprice_btc_per_ph_day

HISTORY = Path(__file__).parents[3] / "shared" / "data" / "btc_network_daily.csv"
pytestmark = pytest.mark.skipif(not HISTORY.exists(), reason="no price history beside the repository")


def test_hashprice_of_nine_years():
    days = pd.read_csv(HISTORY)
    fee_share = days["fees_btc_per_day"] / (days["fees_btc_per_day"] + days["issuance_btc_per_day"])
    hashprice = hashprice_btc_per_ph_day(
        days["difficulty"].to_numpy(), days["subsidy_btc_per_block"].to_numpy(), fee_share.to_numpy()
    )
    seen = days["hashprice_btc_per_ph_day"].to_numpy()
    assert np.median(np.abs(hashprice / seen - 1)) < 1e-4
    assert (np.abs(hashprice / seen - 1) < 0.02).mean() > 0.99


def test_bootstrap_of_real_returns(make, shape, well_formed):
    process = {
        "process": "bootstrap",
        "view": "btc_neutral",
        "csv": str(HISTORY),
        "from_date": "2020-01-01",
        "block_days": 20,
    }
    scenario = make(market__price=process, market__tree={"branching": shape({1: 3, 4: 2, 7: 2}), "low_quantile": 0.05})
    fan = simulate(scenario)
    assert (80_000 / fan.price_usd).mean(axis=0) == pytest.approx(1.0, abs=1e-12)
    history = pd.read_csv(HISTORY, index_col="date")["price_usd"].loc["2020-01-01":]
    daily_sd = np.diff(np.log(history.to_numpy())).std()
    assert np.log(fan.price_usd[:, 12]).std() == pytest.approx(daily_sd * sqrt(365), rel=0.25)
    tree, kept = build_tree(scenario)
    well_formed(tree)
    assert kept.table["difference_mean_inverse_price"].abs().max() < 1e-9
    assert kept.table["difference_mean_price_usd"].loc[list(kept.stage_ends)].abs().max() < 1e-9
