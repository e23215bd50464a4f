from math import exp, log

import numpy as np
import pytest

from optimizer.market.network import follow_margins, hashprice_usd_today, log_hashprice_of_one_ehs
from optimizer.scenario.market_spec import Network


def network(**changes):
    values = {
        "hashrate_ehs": 1000.0,
        "growth_pa": 0.3,
        "response": 2.0,
        "fair_hashprice_usd_per_ph_day": 40.0,
        "max_growth_pa": 1.0,
        "max_fall_pa": 0.8,
    }
    return Network(**{**values, **changes})


def year_later(spec, hashprice, days=365):
    """EH/s after each day at a constant price; USD hashprice starts at ``hashprice``."""
    log_hashrate = np.array([log(1000.0)])
    of_one_ehs = np.full((days, 1), log(hashprice) + log(1000.0))
    return np.exp(follow_margins(spec, of_one_ehs, log_hashrate, np.array([log(hashprice)]), 0))[:, 0]


def test_hashprice_today_by_hand(make):
    # 0.144 / 960 BTC of subsidy blocks: 1 PH/s of 960 EH/s finds 144 / 960,000 blocks a day.
    assert hashprice_usd_today(make().market) == pytest.approx(144 / 960_000 * 3.125 / 0.98 * 80_000)


def test_log_hashprice_scales_with_the_networks_size():
    at_one = log_hashprice_of_one_ehs(np.array([3.125]), 0.02)
    assert np.exp(at_one - log(960.0)) == pytest.approx(144 / 960_000 * 3.125 / 0.98)


def test_without_response_hashrate_grows_at_the_stated_rate():
    assert year_later(network(response=0.0), 40.0)[-1] == pytest.approx(1300.0)


def test_first_day_by_hand():
    first = year_later(network(), 44.0)[0]
    assert first == pytest.approx(1000 * exp((log(1.3) + 2 * log(44 / 40)) / 365))


def test_grows_when_mining_pays_and_falls_when_it_does_not():
    spec = network(growth_pa=0.0)
    assert year_later(spec, 50.0)[-1] > 1000.0 > year_later(spec, 30.0)[-1]
    assert year_later(spec, 40.0)[-1] == pytest.approx(1000.0)


def test_hashprice_is_drawn_to_the_fair_one():
    """No own growth: hashprice h moves as d ln h = -response ln(h / fair) dt."""
    spec = network(growth_pa=0.0)
    hashprice = 50.0 * 1000.0 / year_later(spec, 50.0)
    assert hashprice[-1] == pytest.approx(40.0 * exp(log(50 / 40) * (1 - 2 / 365) ** 365))


def test_growth_and_fall_are_limited():
    assert year_later(network(), 4000.0, 10)[-1] == pytest.approx(1000 * exp(10 / 365))
    assert year_later(network(), 0.4, 10)[-1] == pytest.approx(1000 * exp(-0.8 * 10 / 365))


def test_better_machines_lower_the_fair_hashprice():
    spec = network(growth_pa=0.0, efficiency_gain_pa=0.2)
    steps = np.diff(np.log(year_later(spec, 40.0, 3)), prepend=log(1000.0)) * 365
    assert steps[0] == pytest.approx(0.0, abs=1e-12)
    assert steps[1] == pytest.approx(-2 * log(0.8) / 365, rel=1e-6)
    assert np.isfinite(year_later(network(efficiency_gain_pa=1.0), 40.0)).all()
