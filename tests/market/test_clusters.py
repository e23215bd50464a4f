import numpy as np
import pytest

from optimizer.market import clusters


def test_clear_groups_are_found_and_numbered_by_the_first_feature():
    centres = np.array([[3.0, 1.0], [-3.0, 0.0], [0.0, 5.0]])
    member = np.random.default_rng(0).integers(3, size=300)
    points = centres[member] + 0.1 * np.random.default_rng(1).standard_normal((300, 2))
    group = clusters.split(points, 3)
    assert (group == np.array([2, 0, 1])[member]).all()


def test_no_group_is_empty_even_without_spread():
    assert np.bincount(clusters.split(np.zeros((10, 2)), 3)).tolist() == [4, 3, 3]
    few = np.array([[1.0, 0.0], [2.0, 0.0]])
    assert clusters.split(few, 5).tolist() == [0, 1]
    assert clusters.split(few, 1).tolist() == [0, 0]


def test_many_groups_of_heavy_tailed_paths_are_all_filled():
    points = np.random.default_rng(2).standard_cauchy((400, 2))
    assert np.bincount(clusters.split(points, 50), minlength=50).min() > 0


def test_statistics_by_group():
    values = np.random.default_rng(3).standard_normal(200)
    group = np.random.default_rng(4).integers(4, size=200)
    parts = [values[group == g] for g in range(4)]
    assert clusters.mean(values, group, 4) == pytest.approx([p.mean() for p in parts])
    for share in (0.0, 0.05, 0.5, 1.0):
        expected = [np.quantile(p, share) for p in parts]
        assert clusters.quantile(values, group, 4, share) == pytest.approx(expected)
    assert clusters.quantile(np.array([7.0]), np.array([0]), 1, 0.05) == pytest.approx([7.0])
