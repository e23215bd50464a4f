import numpy as np
import pytest
from scipy.cluster.vq import kmeans2

from optimizer.market import clusters


def groups_of(points, children):
    """The groups of one branch's paths."""
    group, parent = clusters.split(points, np.zeros(len(points), dtype=np.int64), children)
    assert (parent == 0).all() and len(parent) == group.max() + 1
    return group


def test_clear_groups_are_found_and_numbered_by_the_first_feature():
    centres = np.array([[3.0, 1.0], [-3.0, 0.0], [0.0, 5.0]])
    member = np.random.default_rng(0).integers(3, size=300)
    points = centres[member] + 0.1 * np.random.default_rng(1).standard_normal((300, 2))
    assert (groups_of(points, 3) == np.array([2, 0, 1])[member]).all()


def test_no_group_is_empty_even_without_spread():
    assert np.bincount(groups_of(np.zeros((10, 2)), 3)).tolist() == [4, 3, 3]
    few = np.array([[1.0, 0.0], [2.0, 0.0]])
    assert groups_of(few, 5).tolist() == [0, 1]
    assert groups_of(few, 1).tolist() == [0, 0]


def test_many_groups_of_heavy_tailed_paths_are_all_filled():
    points = np.random.default_rng(2).standard_cauchy((400, 2))
    assert np.bincount(groups_of(points, 50), minlength=50).min() > 0


def test_the_same_groups_as_another_k_means_finds():
    """SciPy's, from the same start: equal parts along the first principal component of standardised points."""
    points = np.random.default_rng(5).standard_normal((500, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])
    standard = (points - points.mean(axis=0)) / points.std(axis=0)
    _, axes = np.linalg.eigh(standard.T @ standard)
    start = np.argsort(np.argsort(standard @ axes[:, -1])) * 4 // 500
    centres = np.stack([standard[start == k].mean(axis=0) for k in range(4)])
    _, other = kmeans2(standard, centres, clusters.KMEANS_STEPS, minit="matrix", missing="raise")
    by_mean = np.argsort(np.argsort([points[other == k, 0].mean() for k in range(4)]))
    assert (groups_of(points, 4) == by_mean[other]).all()


def test_branches_split_together_as_they_do_alone():
    rng = np.random.default_rng(6)
    branch = np.sort(rng.integers(7, size=300))
    branch[:2] = branch.max() + 1  # one with fewer paths than children, and not in order
    points = rng.standard_normal((300, 2)) * (1.0 + branch)[:, None]
    group, parent = clusters.split(points, branch, 3)
    assert np.bincount(parent).tolist() == [3] * 7 + [2]
    for b in range(8):
        assert (group[branch == b] - np.flatnonzero(parent == b)[0] == groups_of(points[branch == b], 3)).all()


def test_statistics_by_group():
    values = np.random.default_rng(3).standard_normal(200)
    group = np.random.default_rng(4).integers(4, size=200)
    parts = [values[group == g] for g in range(4)]
    assert clusters.mean(values, group, 4) == pytest.approx([p.mean() for p in parts])
    for share in (0.0, 0.05, 0.5, 1.0):
        expected = [np.quantile(p, share) for p in parts]
        assert clusters.quantile(values, group, 4, share) == pytest.approx(expected)
    assert clusters.quantile(np.array([7.0]), np.array([0]), 1, 0.05) == pytest.approx([7.0])
