"""Mean-reverting log-normal factors with mean one: the daily law of transaction fees and of power prices."""

from __future__ import annotations

from math import exp, sqrt

import numpy as np

from optimizer.market.calendar import DAYS_PER_YEAR
from optimizer.market.tree import Floats


class MeanOneFactor:
    """exp of an Ornstein-Uhlenbeck process around 0 (exact at daily steps), one path each, going on from
    month to month. Each day's factors are scaled so that their mean over the paths is exactly 1.
    """

    def __init__(self, volatility_pa: float, reversion_pa: float, paths: int) -> None:
        self._keep = exp(-reversion_pa / DAYS_PER_YEAR)
        self._sd = volatility_pa * sqrt((1.0 - self._keep**2) / (2.0 * reversion_pa))
        self._deviation = np.zeros(paths)

    def advance(self, normals: Floats) -> Floats:
        """The next days' factors, [day, path], from standard normal shocks of that shape."""
        deviations = np.empty_like(normals)
        for day, normal in enumerate(normals):
            self._deviation = self._keep * self._deviation + self._sd * normal
            deviations[day] = self._deviation
        factor = np.exp(deviations)
        scaled: Floats = factor / factor.mean(axis=1, keepdims=True)
        return scaled
