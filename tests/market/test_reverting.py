from math import exp, sqrt

import numpy as np
import pytest

from optimizer.market.reverting import MeanOneFactor


def test_mean_is_one_every_day_and_months_go_on():
    normals = np.random.default_rng(1).standard_normal((60, 400))
    factor = MeanOneFactor(0.8, 6.0, 400).advance(normals)
    assert factor.mean(axis=1) == pytest.approx(1.0, abs=1e-12)
    in_parts = MeanOneFactor(0.8, 6.0, 400)
    assert np.concatenate([in_parts.advance(normals[:25]), in_parts.advance(normals[25:])]) == pytest.approx(factor)


def test_spread_settles_at_the_stationary_law():
    """sd of an Ornstein-Uhlenbeck process after t: s sqrt((1 - e^(-2 k t)) / 2 k)."""
    normals = np.random.default_rng(1).standard_normal((200, 4000))
    logs = np.log(MeanOneFactor(0.8, 6.0, 4000).advance(normals))
    for days in (20, 200):
        expected = 0.8 * sqrt((1 - exp(-12.0 * days / 365)) / 12.0)
        assert logs[days - 1].std() == pytest.approx(expected, rel=0.05)


def test_no_volatility_no_factor():
    assert (MeanOneFactor(0.0, 4.0, 3).advance(np.ones((5, 3))) == 1.0).all()
