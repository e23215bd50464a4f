from dataclasses import astuple
from math import sqrt

import numpy as np
import pytest

from optimizer.errors import ScenarioError
from optimizer.market.fan import simulate
from optimizer.market.mining import daily_subsidy_btc

GBM = {"process": "gbm", "volatility_pa": 0.5}
JUMPS = {
    "process": "jump_diffusion",
    "volatility_pa": 0.4,
    "jumps_pa": 8.0,
    "jump_mean_log": -0.05,
    "jump_sd_log": 0.1,
}


def equal(one, other):
    return [bool((a == b).all()) for a, b in zip(astuple(one), astuple(other), strict=True)]


@pytest.mark.parametrize("process", [GBM, JUMPS])
def test_views_hold_exactly_at_every_month(make, process):
    btc = simulate(make(market__price={**process, "view": "btc_neutral"})).price_usd
    assert (80_000 / btc).mean(axis=0) == pytest.approx(1.0, abs=1e-12)
    usd = simulate(make(market__price={**process, "view": "usd_neutral"})).price_usd
    assert (usd / 80_000).mean(axis=0) == pytest.approx(1.0, abs=1e-12)
    median = simulate(make(market__price={**process, "view": {"median_growth_pa": 0.3}})).price_usd
    assert np.exp(np.median(np.log(median[:, 12]))) == pytest.approx(80_000 * 1.3, rel=1e-12)


def test_bootstrap_keeps_the_view_not_the_historys_trend(make, tmp_path):
    prices = 100 * np.exp(np.cumsum(0.01 + 0.03 * np.random.default_rng(0).standard_normal(400)))
    days = np.datetime64("2024-01-01") + np.arange(400)
    csv = tmp_path / "history.csv"
    csv.write_text("date,price_usd\n" + "".join(f"{d},{p}\n" for d, p in zip(days, prices, strict=True)))
    process = {"process": "bootstrap", "view": "btc_neutral", "csv": str(csv), "block_days": 10}
    fan = simulate(make(market__price=process))
    assert (80_000 / fan.price_usd).mean(axis=0) == pytest.approx(1.0, abs=1e-12)
    assert np.log(fan.price_usd[:, 12]).std() == pytest.approx(0.03 * sqrt(365), rel=0.15)
    assert (fan.low_usd <= fan.price_usd).all()


def test_gbm_moments_against_closed_form(make):
    """btc_neutral GBM: E[P_t] = P_0 e^(s^2 t), E[ln P_t / P_0] = s^2 t / 2, sd s sqrt(t)."""
    price = simulate(make(market__fan={"paths": 20_000, "seed": 1})).price_usd[:, 12] / 80_000
    assert price.mean() == pytest.approx(np.exp(0.25), rel=0.02)
    assert np.log(price).mean() == pytest.approx(0.125, abs=0.01)
    assert np.log(price).std() == pytest.approx(0.5, rel=0.02)


def test_month_across_a_halving_is_weighted_by_days(make):
    still = {
        "hashrate_ehs": 960.0,
        "growth_pa": 0.0,
        "response": 0.0,
        "fair_hashprice_usd_per_ph_day": 39.0,
    }
    # The halving comes at the end of day 40, the tenth of the second month (31 days, 31 October on).
    height = 1_050_000 - 40 * 144
    fan = simulate(make(horizon_months=3, market__block_height=height, market__network=still))
    per_day = 144 / 960_000 / 0.98
    assert fan.btc_per_ph[0] == pytest.approx(
        per_day * np.array([0, 30 * 3.125, 10 * 3.125 + 21 * 1.5625, 30 * 1.5625])
    )
    assert fan.hashprice_usd_per_ph_day[:, 2] == pytest.approx(per_day * 1.5625 * fan.price_usd[:, 2])
    assert daily_subsidy_btc(height, 61)[[40, 41]].tolist() == [3.125, 1.5625]


def test_revenue_is_the_btc_at_each_days_price(make):
    flat = simulate(make(market__price={"process": "gbm", "view": "btc_neutral", "volatility_pa": 0.0}))
    assert flat.revenue_usd_per_ph == pytest.approx(flat.btc_per_ph * 80_000)
    fan = simulate(make())
    implied = (fan.revenue_usd_per_ph / np.where(fan.btc_per_ph > 0, fan.btc_per_ph, 1.0))[:, 1:]
    assert (implied > fan.low_usd[:, 1:]).all()


def test_low_is_below_opening_and_close(make):
    fan = simulate(make())
    assert (fan.low_usd[:, 1:] <= np.minimum(fan.price_usd[:, 1:], fan.price_usd[:, :-1])).all()
    assert (fan.low_usd[:, 1:] < np.minimum(fan.price_usd[:, 1:], fan.price_usd[:, :-1])).mean() > 0.95


def test_network_answers_price(make):
    fan = simulate(make())
    assert np.corrcoef(fan.price_usd[:, 12], fan.network_ehs[:, 12])[0, 1] > 0.5
    assert np.log(fan.hashprice_usd_per_ph_day[:, 12]).std() < np.log(fan.price_usd[:, 12]).std()


def test_two_months_of_mining_by_hand(make):
    """No volatility, price up by half in a year: hashrate by the daily recursion, written out for 61 days."""
    spec = {
        "hashrate_ehs": 960.0,
        "growth_pa": 0.1,
        "response": 3.0,
        "fair_hashprice_usd_per_ph_day": 45.0,
        "efficiency_gain_pa": 0.3,
    }
    grows = {"process": "gbm", "view": {"median_growth_pa": 0.5}, "volatility_pa": 0.0}
    fan = simulate(make(market__network=spec, market__price=grows))
    one_ehs, hashrate, btc, usd = 0.144 * 3.125 / 0.98, 960.0, 0.0, 0.0
    for day in range(61):
        hashprice = 80_000 * 1.5 ** (day / 365) * one_ehs / hashrate
        fair = 45 * 0.7 ** (day / 365)
        hashrate *= np.exp(np.clip(np.log(1.1) + 3 * np.log(hashprice / fair), -1, 1) / 365)
        if day >= 30:
            btc += one_ehs / hashrate
            usd += one_ehs / hashrate * 80_000 * 1.5 ** ((day + 1) / 365)
    assert fan.network_ehs[:, 2] == pytest.approx(hashrate)
    assert fan.btc_per_ph[:, 2] == pytest.approx(btc)
    assert fan.revenue_usd_per_ph[:, 2] == pytest.approx(usd)
    assert fan.low_usd[:, 2] == pytest.approx(80_000 * 1.5 ** (30 / 365))


def test_same_seed_same_fan(make):
    changes = {
        "market__fees": {"share": 0.02, "volatility_pa": 1.0},
        "market__power_prices": {"volatility_pa": 0.5},
    }
    fan = simulate(make(**changes))
    assert all(equal(fan, simulate(make(**changes))))
    other = simulate(make(**changes, market__fan={"paths": 1000, "seed": 8}))
    assert not any(equal(fan, other))


def test_fees_keep_their_mean_and_leave_price_alone(make):
    calm = simulate(make())
    wild = simulate(make(market__fees={"share": 0.3, "volatility_pa": 2.0}))
    assert (wild.price_usd == calm.price_usd).all() and (wild.low_usd == calm.low_usd).all()
    btc = wild.hashprice_usd_per_ph_day / wild.price_usd
    share = 1 - 144 / 1000 * 3.125 / (btc * wild.network_ehs)
    assert share[:, 3].mean() == pytest.approx(0.3, abs=0.02)
    assert share.max() <= 0.9 + 1e-12 and share[:, 12].std() > 0.1


def test_power_moves_with_btc_as_stated(make):
    for correlation in (-0.8, 0.8):
        spec = {"volatility_pa": 0.5, "reversion_pa": 1.0, "btc_correlation": correlation}
        fan = simulate(make(market__power_prices=spec))
        assert fan.power_factor.mean(axis=0) == pytest.approx(1.0, abs=1e-12)
        seen = np.corrcoef(np.log(fan.power_factor[:, 12]), np.log(fan.price_usd[:, 12]))[0, 1]
        assert np.sign(seen) == np.sign(correlation) and abs(seen) > 0.4
    # Whatever the correlation, the factor spreads as a mean-reverting process does.
    alone = simulate(make(market__power_prices={**spec, "btc_correlation": 0.0})).power_factor[:, 12]
    against = simulate(make(market__power_prices={**spec, "btc_correlation": -0.8})).power_factor[:, 12]
    assert np.log(against).std() == pytest.approx(np.log(alone).std(), rel=0.1)
    flat = {"process": "gbm", "view": "btc_neutral", "volatility_pa": 0.0}
    fan = simulate(make(market__power_prices=spec, market__price=flat))
    assert np.log(fan.power_factor[:, 12]).std() > 0.2


def test_a_process_beyond_all_numbers_is_refused(make):
    wild = {**JUMPS, "view": "btc_neutral", "jumps_pa": 365.0, "jump_sd_log": 3.0}
    with pytest.raises(ScenarioError, match="beyond what numbers can hold"):
        simulate(make(market__price=wild, horizon_months=120, market__fan={"paths": 50, "seed": 1}))


def test_named_cases_are_not_simulated(make):
    cases = {
        "process": "cases",
        "cases": [{"name": "a", "probability": 1.0, "price": [{"month": 1, "usd": 1.0}]}],
        "low_below_close_share": 0.1,
    }
    with pytest.raises(TypeError):
        simulate(make(market__price=cases))
