"""Daily BTC price paths: shocks of a process, drift from the stated view alone, exact intraday lows.

A process gives log moves without a meaningful drift; `view_shift` then adds to all paths of a day one
constant, chosen so that the view's identity holds in the sample itself, not only in the limit of many paths.
So no drift can enter by a history's trend, by jumps that lean one way, or by a lucky sample.

All arrays are [day, path] within a month; logs are natural.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log1p, sqrt

import numpy as np

from optimizer.market.calendar import DAYS_PER_YEAR
from optimizer.market.tree import Floats
from optimizer.scenario.market_spec import Bootstrap, Gbm, JumpDiffusion, MedianGrowth, PriceView


@dataclass(frozen=True)
class Moves:
    """Log moves of some days, drift aside: what moves within the day and what jumps at the day's end."""

    diffusion: Floats
    jump: Floats | None = None

    @property
    def total(self) -> Floats:
        """Log move of each whole day."""
        return self.diffusion if self.jump is None else self.diffusion + self.jump


@dataclass(frozen=True)
class Shocks:
    """A price process without drift.

    draw: the next so many days' moves. intraday_sd_log: sd of the moves within a day. mean_log and sd_log:
    of a whole day's move, in theory, so that others can be correlated with the standardised move.
    """

    draw: Callable[[int], Moves]
    intraday_sd_log: float
    mean_log: float
    sd_log: float

    def standardised(self, moves: Moves) -> Floats:
        """Moves with mean 0 and sd 1 (0 where the price does not move)."""
        return (moves.total - self.mean_log) / self.sd_log if self.sd_log > 0 else np.zeros_like(moves.diffusion)


def antithetic_normals(rng: np.random.Generator, days: int, paths: int) -> Floats:
    """Standard normals [day, path]; the second half of the paths mirrors the first."""
    half = rng.standard_normal((days, (paths + 1) // 2))
    return np.concatenate([half, -half], axis=1)[:, :paths]


def price_shocks(process: Gbm | JumpDiffusion | Bootstrap, paths: int, rng: np.random.Generator) -> Shocks:
    """The shocks of ``process``; raises ScenarioError when the history of a bootstrap cannot be used."""
    if isinstance(process, Bootstrap):
        return _bootstrap(process, paths, rng)
    daily_sd = process.volatility_pa / sqrt(DAYS_PER_YEAR)
    if isinstance(process, JumpDiffusion):
        return _jump_diffusion(process, daily_sd, paths, rng)
    return Shocks(lambda days: Moves(daily_sd * antithetic_normals(rng, days, paths)), daily_sd, 0.0, daily_sd)


def _jump_diffusion(process: JumpDiffusion, daily_sd: float, paths: int, rng: np.random.Generator) -> Shocks:
    """Merton (1976): a Poisson number of jumps a day; n jumps sum to a normal of mean n m and variance n
    s^2.
    """
    rate = process.jumps_pa / DAYS_PER_YEAR
    mean, sd = process.jump_mean_log, process.jump_sd_log

    def draw(days: int) -> Moves:
        diffusion = daily_sd * antithetic_normals(rng, days, paths)
        jumps = rng.poisson(rate, (days, paths))
        jump = np.zeros((days, paths))
        hit = jumps > 0
        count = jumps[hit]
        jump[hit] = mean * count + sd * np.sqrt(count) * rng.standard_normal(len(count))
        return Moves(diffusion, jump)

    return Shocks(draw, daily_sd, rate * mean, sqrt(daily_sd**2 + rate * (mean**2 + sd**2)))


def _bootstrap(process: Bootstrap, paths: int, rng: np.random.Generator) -> Shocks:
    """Circular block bootstrap (Politis and Romano 1992): every day's return is as likely as any other's.

    Within the day the path is bridged with the history's own sd, which shows calm days too low, not too high.
    """
    from optimizer.market.history import daily_log_returns

    returns = daily_log_returns(process)
    returns = returns - returns.mean()
    sd = float(returns.std())
    start = np.zeros(paths, dtype=np.int64)
    day = 0

    def draw(days: int) -> Moves:
        nonlocal start, day
        index = np.empty((days, paths), dtype=np.int64)
        for row in range(days):
            offset = day % process.block_days
            if offset == 0:
                start = rng.integers(len(returns), size=paths)
            index[row] = start + offset
            day += 1
        return Moves(returns[index % len(returns)])

    return Shocks(draw, sd, 0.0, sd)


def view_shift(log_growth: Floats, view: PriceView, first_day: int) -> Floats:
    """What to add to each day's ``log_growth`` (ln P_t / P_0 before any drift) so that the view holds, [day].

    btc_neutral: the sample's mean of P_0 / P_t is 1. usd_neutral: the mean of P_t / P_0 is 1. median growth:
    the sample's median of ln P_t / P_0 is ln(1 + growth) t; for GBM that is also the mean of the logs,
    because the mirrored sample is symmetric. ``first_day``: days from today to the end of the first row's
    day.
    """
    if isinstance(view, MedianGrowth):
        years = (first_day + np.arange(len(log_growth))) / DAYS_PER_YEAR
        shift: Floats = log1p(view.median_growth_pa) * years - np.median(log_growth, axis=1)
        return shift
    return _log_mean_exp(-log_growth) if view == "btc_neutral" else -_log_mean_exp(log_growth)


def _log_mean_exp(values: Floats) -> Floats:
    """ln of the mean over paths of exp(values), [day], without overflow."""
    highest = values.max(axis=1)
    mean: Floats = highest + np.log(np.exp(values - highest[:, None]).mean(axis=1))
    return mean


def log_low(before: Floats, close: Floats, moves: Moves, intraday_sd_log: float, rng: np.random.Generator) -> Floats:
    """Lowest log price of each day, its opening included, [day, path].

    before, close: log price at each day's start and end. Within a day the minimum of a Brownian bridge is drawn
    exactly; a jump comes at the day's end, after the bridge.
    """
    at_jump = close if moves.jump is None else close - moves.jump
    lowest = bridge_low(before, at_jump, intraday_sd_log, rng.standard_exponential(close.shape))
    return np.minimum(lowest, close)


def bridge_low(opening: Floats, close: Floats, sd_log: Floats | float, minus_log_u: Floats | float) -> Floats:
    """Lowest log price of a Brownian bridge from ``opening`` to ``close``: a share U of bridges falls lower.

    m = (a + b - sqrt((a - b)^2 - 2 s^2 ln U)) / 2 (Glasserman 2003, section 6.4), s the sd of the moves within the
    day. With U uniform it is the law of the low, with U = 1/2 its median.
    """
    spread = np.sqrt((opening - close) ** 2 + 2.0 * sd_log**2 * minus_log_u)
    low: Floats = 0.5 * (opening + close - spread)
    return low
