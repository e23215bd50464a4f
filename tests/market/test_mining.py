import numpy as np
import pytest

from optimizer.market import mining


def test_published_hashprice_of_july_2021():
    """Hashrate Index, 2021-07-24: $0.315 per TH per day."""
    btc = mining.hashprice_btc_per_ph_day(13.67e12, 6.25, 0.0126)
    assert round(btc * 33_806 / 1000, 3) == 0.315


def test_published_breakeven_of_november_2025():
    assert round(mining.breakeven_usd_per_mwh(39.0, 17.5)) == 93


def test_breakeven_is_where_power_costs_what_mining_earns():
    breakeven = mining.breakeven_usd_per_mwh(39.0, 17.5)
    assert mining.hashcost_usd_per_ph_day(17.5, breakeven) == pytest.approx(39.0, rel=1e-12)
    assert mining.hashcost_usd_per_ph_day(17.5, breakeven, pue=1.1) == pytest.approx(42.9, rel=1e-12)


def test_hashcost_by_hand():
    # 1 PH/s at 20 J/TH draws 20 kW: 0.48 MWh a day.
    assert mining.hashcost_usd_per_ph_day(20.0, 50.0) == pytest.approx(24.0)


@pytest.mark.parametrize(
    ("height", "subsidy"),
    [(0, 50.0), (209_999, 50.0), (210_000, 25.0), (840_000, 3.125), (1_049_999, 3.125), (1_050_000, 1.5625)],
)
def test_subsidy_halves_every_210_000_blocks(height, subsidy):
    assert mining.subsidy_btc(float(height)) == subsidy


def test_whole_network_mines_144_blocks_a_day():
    network_ehs = np.array([1.0, 964.0])
    per_ph = mining.hashprice_btc_per_ph_day(mining.difficulty_from_hashrate(network_ehs), 3.125, 0.02)
    assert per_ph * network_ehs * 1000 == pytest.approx(144 * 3.125 / 0.98)


def test_day_across_a_halving_is_weighted_by_blocks():
    subsidy = mining.daily_subsidy_btc(1_050_000 - 144 - 36, 3)
    assert subsidy == pytest.approx([3.125, 3.125, (36 * 3.125 + 108 * 1.5625) / 144, 1.5625])
