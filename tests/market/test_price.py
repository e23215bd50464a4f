from math import exp, log, sqrt

import numpy as np
import pytest
from scipy.stats import norm

from optimizer.market.price import Moves, antithetic_normals, log_low, price_shocks, view_shift
from optimizer.scenario.market_spec import Bootstrap, Gbm, JumpDiffusion, MedianGrowth

JUMPS = JumpDiffusion(
    process="jump_diffusion",
    view="usd_neutral",
    volatility_pa=0.4,
    jumps_pa=10.0,
    jump_mean_log=-0.1,
    jump_sd_log=0.05,
)


def rng():
    return np.random.default_rng(3)


@pytest.fixture
def history(tmp_path):
    """100 days whose returns all differ, with a strong upward trend."""
    prices = 100 * np.exp(np.cumsum(0.05 + 0.001 * np.arange(100)))
    days = np.datetime64("2024-01-01") + np.arange(100)
    csv = tmp_path / "history.csv"
    csv.write_text("date,price_usd\n" + "".join(f"{d},{p!r}\n" for d, p in zip(days, prices.tolist(), strict=True)))
    return Bootstrap(process="bootstrap", view="btc_neutral", csv=str(csv), block_days=5)


def test_antithetic_normals_mirror_and_an_odd_one_is_left_out():
    normals = antithetic_normals(rng(), 4, 7)
    assert normals.shape == (4, 7)
    assert (normals[:, 4:] == -normals[:, :3]).all()


def test_views_hold_exactly_in_any_sample():
    growth = rng().normal(0.3, 1.0, (5, 501))
    neutral_btc = growth + view_shift(growth, "btc_neutral", 1)[:, None]
    assert np.exp(-neutral_btc).mean(axis=1) == pytest.approx(1.0, abs=1e-12)
    neutral_usd = growth + view_shift(growth, "usd_neutral", 1)[:, None]
    assert np.exp(neutral_usd).mean(axis=1) == pytest.approx(1.0, abs=1e-12)
    median = growth + view_shift(growth, MedianGrowth(median_growth_pa=0.2), 363)[:, None]
    assert np.exp(np.median(median, axis=1)) == pytest.approx(1.2 ** (np.arange(363, 368) / 365))


def test_views_do_not_overflow():
    growth = np.array([[900.0, -900.0]])
    for view in ("btc_neutral", "usd_neutral"):
        assert np.isfinite(view_shift(growth, view, 1)).all()


def test_gbm_has_the_stated_volatility():
    shocks = price_shocks(Gbm(process="gbm", view="usd_neutral", volatility_pa=0.6), 4000, rng())
    year = shocks.draw(365).total.sum(axis=0)
    assert year.std() == pytest.approx(0.6, rel=0.05)
    assert shocks.sd_log == pytest.approx(0.6 / sqrt(365))


def test_jumps_have_mertons_moments():
    shocks = price_shocks(JUMPS, 4000, rng())
    total = shocks.draw(100).total
    count = total.size
    assert total.mean() == pytest.approx(shocks.mean_log, abs=4 * shocks.sd_log / sqrt(count))
    assert total.std() == pytest.approx(shocks.sd_log, rel=0.02)
    assert 365 * shocks.mean_log == pytest.approx(-1.0)
    assert 365 * shocks.sd_log**2 == pytest.approx(0.4**2 + 10 * (0.1**2 + 0.05**2))
    assert shocks.standardised(Moves(total)).std() == pytest.approx(1.0, rel=0.02)


def test_jump_compensator_follows_from_the_view():
    """usd_neutral: E ln P_t = -(s^2/2 + rate (E[e^J] - 1 - E[J])) t, Merton's compensator."""
    shocks = price_shocks(JUMPS, 20_000, rng())
    days = 90
    growth = shocks.draw(days).total.sum(axis=0)[None]
    log_price = growth + view_shift(growth, "usd_neutral", days)[:, None]
    compensator = 0.4**2 / 2 + 10 * (exp(-0.1 + 0.05**2 / 2) - 1 + 0.1)
    sd = shocks.sd_log * sqrt(days)
    assert log_price.mean() == pytest.approx(-compensator * days / 365, abs=4 * sd**2 / sqrt(20_000))


def test_bootstrap_draws_whole_blocks_without_the_historys_trend(history):
    shocks = price_shocks(history, 500, rng())
    returns = 0.05 + 0.001 * np.arange(1, 100)
    demeaned = returns - returns.mean()
    drawn = np.concatenate([shocks.draw(7).total, shocks.draw(8).total])
    assert set(np.round(drawn, 9).ravel()) <= set(np.round(demeaned, 9))
    steps = np.diff(drawn, axis=0)
    within_block = np.delete(steps, [4, 9], axis=0)
    follows = np.isclose(within_block, 0.001) | np.isclose(within_block, demeaned[0] - demeaned[-1])
    assert follows.all()
    assert not np.isclose(steps[[4, 9]], 0.001).all(axis=1).any()
    assert drawn.mean() == pytest.approx(0.0, abs=4 * demeaned.std() / sqrt(3 * 500))
    assert shocks.sd_log == pytest.approx(demeaned.std())


def test_low_follows_the_law_of_a_brownian_minimum():
    """Without drift P(min < -x) = 2 Phi(-x / s sqrt(t)): daily closes alone would fall short of it."""
    sd, days, paths = 0.03, 30, 20_000
    moves = Moves(sd * antithetic_normals(rng(), days, paths))
    close = np.cumsum(moves.total, axis=0)
    opening = np.concatenate([np.zeros((1, paths)), close[:-1]])
    days_lows = log_low(opening, close, moves, sd, np.random.default_rng(4))
    assert (days_lows <= np.minimum(opening, close)).all()
    low = days_lows.min(axis=0)
    for x in (0.05, 0.15, 0.3):
        p = 2 * norm.cdf(-x / (sd * sqrt(days)))
        assert (low < -x).mean() == pytest.approx(p, abs=4 * sqrt(p * (1 - p) / paths))


def test_low_of_a_day_with_a_jump_is_bridged_before_it():
    """A day that doubles by a jump at its end is a bridge from 0 to 0 until then, P(min < -x) = exp(-2xx/ss).
    A jump down is the low itself unless the bridge was lower."""
    sd, paths = 0.03, 20_000
    nought, jump = np.zeros((1, paths)), np.full((1, paths), log(2.0))
    up = log_low(nought, jump, Moves(nought, jump), sd, rng())
    for x in (0.01, 0.03):
        p = exp(-2 * x**2 / sd**2)
        assert (up < -x).mean() == pytest.approx(p, abs=4 * sqrt(p * (1 - p) / paths))
    assert log_low(nought, -jump, Moves(nought, -jump), sd, rng()) == pytest.approx(-log(2.0))
