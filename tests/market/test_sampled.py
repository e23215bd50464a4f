from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from optimizer.decisions import facility_names
from optimizer.errors import ReplayError
from optimizer.market.calendar import month_end_days
from optimizer.market.fan import fill, opened, simulate, simulated_months
from optimizer.market.power import seasonal_prices
from optimizer.market.sampled import FEWEST_DRAWN, sample
from optimizer.scenario.load import load_scenario
from tests.builders import write_scenario

JUMPS = {
    "process": "jump_diffusion",
    "view": "usd_neutral",
    "volatility_pa": 0.4,
    "jumps_pa": 8.0,
    "jump_mean_log": -0.05,
    "jump_sd_log": 0.1,
}
MOVING = {
    "market__fees": {"share": 0.02, "volatility_pa": 0.6},
    "market__power_prices": {"volatility_pa": 0.5, "btc_correlation": 0.3},
}


def same(one, other):
    return all(np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))


def test_a_chunk_is_the_same_whatever_was_drawn_before(make):
    scenario = make(horizon_months=3, **MOVING)
    first, second = (sample(scenario, 5, chunk, 2000) for chunk in (0, 1))
    assert same(second, sample(scenario, 5, 1, 2000))
    assert same(first, sample(scenario, 5, 0, 2000))
    assert not np.isin(second.close_usd[:, 1], first.close_usd[:, 1]).any()
    assert not np.isin(sample(scenario, 6, 0, 2000).close_usd[:, 1], first.close_usd[:, 1]).any()


def test_chunks_are_not_the_fan_even_with_its_seed(make):
    scenario = make(horizon_months=2, market__fan={"paths": 2000, "seed": 7})
    fan = simulate(scenario)
    for chunk in range(5):
        price = sample(scenario, 7, chunk, 2000).price_usd[:, 1]
        assert abs(np.corrcoef(price[:1000], fan.price_usd[:1000, 1])[0, 1]) < 0.2
        assert not np.isin(price, fan.price_usd[:, 1]).any()


@pytest.mark.parametrize("view", ["btc_neutral", "usd_neutral"])
def test_the_view_holds_on_every_day_of_a_chunk(make, view):
    price = {"process": "gbm", "view": view, "volatility_pa": 0.6}
    close = sample(make(market__price=price), 1, 3, 2001).close_usd
    counted = 80_000 / close if view == "btc_neutral" else close / 80_000
    assert counted.mean(axis=0) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("process", [{"process": "gbm", "view": "btc_neutral", "volatility_pa": 0.5}, JUMPS])
def test_the_days_are_those_that_a_fan_of_the_same_draws_keeps(make, process):
    scenario = make(market__price=process, **MOVING)
    paths = sample(scenario, 2, 4, 2000)
    fan = opened(scenario, 2000)
    streams = np.random.SeedSequence(entropy=2, spawn_key=(4,))
    for month, days in enumerate(simulated_months(scenario, 2000, streams), start=1):
        fill(fan, month, days)
    for field in ("btc_per_ph", "revenue_usd_per_ph", "hashprice_usd_per_ph_day", "network_ehs"):
        assert np.array_equal(getattr(paths, field), getattr(fan, field)), field
    assert paths.price_usd == pytest.approx(fan.price_usd, rel=1e-14)
    ends = paths.month_end
    lows = np.stack([paths.low_usd[:, ends[m] + 1 : ends[m + 1] + 1].min(axis=1) for m in range(12)], axis=1)
    assert lows == pytest.approx(fan.low_usd[:, 1:], rel=1e-14)


@pytest.mark.parametrize("process", [{"process": "gbm", "view": "btc_neutral", "volatility_pa": 0.5}, JUMPS])
def test_a_days_low_is_below_its_opening_and_close(make, process):
    paths = sample(make(market__price=process), 1, 0, 2000)
    opening, close, low = paths.close_usd[:, :-1], paths.close_usd[:, 1:], paths.low_usd[:, 1:]
    assert (low <= np.minimum(opening, close)).all()
    assert (low < np.minimum(opening, close)).mean() > 0.9
    assert (paths.low_usd[:, 0] == 80_000).all() and (paths.close_usd[:, 0] == 80_000).all()


def test_the_sample_follows_the_stated_law(make):
    """btc_neutral GBM: ln P_t / P_0 has mean s^2 t / 2 and sd s sqrt(t)."""
    log_price = np.log(sample(make(), 3, 0, 20_000).price_usd[:, 12] / 80_000)
    assert log_price.mean() == pytest.approx(0.125, abs=0.01)
    assert log_price.std() == pytest.approx(0.5, rel=0.02)


def test_few_paths_are_the_first_of_many_and_keep_their_spread(make):
    scenario = make(horizon_months=2, **MOVING)
    few, many = sample(scenario, 9, 0, 3), sample(scenario, 9, 0, FEWEST_DRAWN)
    assert same(few, many.take(np.arange(3)))
    assert len(few) == 3 and np.ptp(few.price_usd[:, 2]) > 0.01 * 80_000


def test_months_and_the_share_of_them_that_has_passed(make):
    scenario = make()
    paths = sample(scenario, 1, 0, 10)
    assert paths.months == 12
    assert np.array_equal(paths.month_end, month_end_days(scenario.as_of, 12))
    assert paths.close_usd.shape == paths.low_usd.shape == (10, paths.month_end[-1] + 1)
    assert (paths.elapsed_share[paths.month_end[1:]] == 1.0).all()
    assert paths.elapsed_share[[0, 1, 15, 30, 31]] == pytest.approx([0, 1 / 30, 15 / 30, 1, 1 / 31])
    assert paths.days[:3].tolist() == [0, 30, 31]


def test_power_and_machine_prices_as_in_the_tree(make):
    paths = sample(make(**MOVING), 1, 0, 2000)
    seasonal = seasonal_prices(make(**MOVING))
    assert paths.power_usd_per_mwh.mean(axis=0) == pytest.approx(seasonal)
    assert paths.power_usd_per_mwh[:, 12, 0].std() > 5
    ratio = paths.hashprice_usd_per_ph_day / paths.hashprice_usd_per_ph_day[:, :1]
    assert paths.asic_price_factor == pytest.approx(ratio * 0.85 ** (np.arange(13) / 12))


def test_lenders_and_deliveries_are_calm(tmp_path):
    scenario = load_scenario(write_scenario(tmp_path)).scenario
    paths = sample(scenario, 1, 0, 5)
    facilities = len(facility_names(scenario))
    assert facilities == 1
    assert paths.frozen.shape == (5, 13, facilities) and not paths.frozen.any()
    assert paths.failed_month.shape == paths.recovery_share.shape == paths.recovery_month.shape == (5, facilities)
    assert not paths.failed_month.any() and not paths.delivery_delay_months.any()


def test_a_bootstrap_can_be_sampled_too(make, tmp_path):
    days = np.datetime64("2024-01-01") + np.arange(400)
    prices = 100 * np.exp(np.cumsum(0.01 + 0.03 * np.random.default_rng(0).standard_normal(400)))
    csv = tmp_path / "history.csv"
    csv.write_text("date,price_usd\n" + "".join(f"{d},{p}\n" for d, p in zip(days, prices, strict=True)))
    process = {"process": "bootstrap", "view": "btc_neutral", "csv": str(csv), "block_days": 10}
    close = sample(make(market__price=process), 1, 0, 2000).close_usd
    assert (80_000 / close).mean(axis=0) == pytest.approx(1.0, abs=1e-12)
    assert np.diff(np.log(close)).std() == pytest.approx(0.03, rel=0.1)


def test_named_cases_have_nothing_to_sample():
    shipped = Path(__file__).parents[2] / "scenarios" / "cases_bull_base_bear.yaml"
    with pytest.raises(ReplayError, match=r"named cases.*--history.*--stress"):
        sample(load_scenario(shipped).scenario, 1, 0, 10)
