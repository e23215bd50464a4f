"""The estimates against closed forms, and against SciPy's and Python's own statistics."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from scipy import stats

from optimizer.trees.statistics import confidence_of_each, gap_of, mean_and_error, one_sided, scores, t_quantile
from optimizer.valuation import tail_weights

SAMPLE = [0.31, 0.12, 0.58, 0.20, 0.44, 0.09, 0.27]


def test_the_interval_is_students_one_sided_one() -> None:
    gap = gap_of(SAMPLE, 0.95)
    assert gap is not None
    assert gap.replications == 7
    assert gap.mean == pytest.approx(sum(SAMPLE) / 7)
    assert gap.sd == pytest.approx(statistics.stdev(SAMPLE))
    # A two-sided interval of 90% ends where the one-sided one of 95% does.
    _, high = stats.t.interval(0.90, df=6, loc=np.mean(SAMPLE), scale=stats.sem(SAMPLE))
    assert gap.high == pytest.approx(high)


def test_by_hand_two_replications_have_one_degree_of_freedom() -> None:
    # Student's t with one degree of freedom is Cauchy's: its 95% point is tan(0.45 pi).
    gap = gap_of([1.0, 3.0], 0.95)
    assert gap is not None
    assert (gap.mean, gap.sd) == (2.0, pytest.approx(math.sqrt(2)))
    assert gap.high == pytest.approx(2.0 + math.tan(0.45 * math.pi))
    assert t_quantile(0.95, 2) == pytest.approx(6.313751515)


def test_equal_gaps_leave_no_width_and_one_gap_no_interval() -> None:
    gap = gap_of([0.0, 0.0, 0.0], 0.99)
    assert gap is not None
    assert (gap.mean, gap.sd, gap.high) == (0.0, 0.0, 0.0)
    assert gap_of([0.3], 0.95) is None
    unbounded = gap_of([0.3, math.inf], 0.95)
    assert unbounded is not None
    assert unbounded.high == math.inf


def test_all_intervals_together_hold_at_95_percent() -> None:
    assert confidence_of_each(5) == pytest.approx(0.99)
    assert 1 - 5 * (1 - confidence_of_each(5)) == pytest.approx(0.95)


def test_the_interval_covers_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    samples = rng.normal(1.0, 0.5, (4000, 4))
    covered = [gap.high >= 1.0 for sample in samples if (gap := gap_of(sample.tolist(), 0.95)) is not None]
    # Four standard errors of a share of 95% of 4,000.
    assert np.mean(covered) == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / 4000))


@pytest.mark.parametrize(("weight", "tail_share"), [(0.0, 0.1), (0.3, 0.1), (1.0, 0.07), (0.5, 1.0)])
def test_scores_average_to_the_objective(weight: float, tail_share: float) -> None:
    worth = np.random.default_rng(5).lognormal(3.0, 0.6, 333)
    tail = tail_weights(worth, np.full(333, 1 / 333), tail_share) @ worth
    assert scores(worth, weight, tail_share).mean() == pytest.approx((1 - weight) * worth.mean() + weight * tail)


def test_mean_and_error() -> None:
    mean, error = mean_and_error(np.array(SAMPLE))
    assert (mean, error) == (pytest.approx(np.mean(SAMPLE)), pytest.approx(stats.sem(SAMPLE)))
    assert math.isnan(mean_and_error(np.array([1.0]))[1])
    assert one_sided(0.95) == pytest.approx(1.6448536)
