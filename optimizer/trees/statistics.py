"""What a sample of plans says of all: the gap of a candidate by multiple replications, and scores of paths.

The estimator is that of Mak, Morton and Wood (1999), "Monte Carlo bounding techniques for determining solution quality
in stochastic programs", Operations Research Letters 24, 47-56; see also Bayraksan and Morton (2006), "Assessing
solution quality in stochastic programs", Mathematical Programming 108, 495-514.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from optimizer.market.tree import Floats
from optimizer.valuation import weighted_quantile

# That every candidate's interval holds: so the one of the candidate that was chosen does, however it was chosen.
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Gap:
    """What a candidate falls short of the best there is, in the numeraire, over ``replications`` trees that it was not
    made from: mean and standard deviation of the sample, and the end ``high`` of the one-sided interval from 0."""

    replications: int
    mean: float
    sd: float
    high: float


def confidence_of_each(candidates: int) -> float:
    """The confidence that each of so many intervals must have for all to hold at `CONFIDENCE` (Bonferroni)."""
    return 1 - (1 - CONFIDENCE) / candidates


def t_quantile(confidence: float, replications: int) -> float:
    """Student's t that is not exceeded with this probability, with ``replications`` - 1 degrees of freedom."""
    return float(stdtrit(replications - 1, confidence))


def one_sided(confidence: float) -> float:
    """The standard normal value that is not exceeded with this probability."""
    return float(ndtri(confidence))


def gap_of(gaps: Sequence[float], confidence: float) -> Gap | None:
    """The gap of a candidate from what it falls short on each tree; None of fewer than two. A tree of which no bound is
    known (infinite) leaves no upper end."""
    n = len(gaps)
    if n < 2:
        return None
    if not all(map(math.isfinite, gaps)):
        return Gap(n, math.inf, math.inf, math.inf)
    mean, sd = statistics.fmean(gaps), statistics.stdev(gaps)
    return Gap(n, mean, sd, mean + t_quantile(confidence, n) * sd / math.sqrt(n))


def scores(worth: Floats, weight: float, tail_share: float) -> Floats:
    """A score for each equally likely path, [path], whose mean is (1 - weight) mean + weight tail mean of ``worth``.

    The tail mean as v - E[max(v - W, 0)] / tail_share with v the quantile at that share (Rockafellar and Uryasev 2000).
    """
    edge = weighted_quantile(worth, np.full(len(worth), 1 / len(worth)), tail_share)
    scored: Floats = (1 - weight) * worth + weight * (edge - np.maximum(edge - worth, 0.0) / tail_share)
    return scored


def mean_and_error(values: Floats) -> tuple[float, float]:
    """Mean of independent values, [path], and its standard error; NaN of a single one."""
    n = len(values)
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
