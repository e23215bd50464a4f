"""Groups of paths: how the paths behind a node are split among its children, and statistics by group."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from scipy.cluster.vq import ClusterError, kmeans2

from optimizer.market.tree import Floats, Ints

KMEANS_STEPS = 30


def split(features: Floats, children: int) -> Ints:
    """The group 0..children-1 of each path, [path]; groups are numbered by rising mean of the first feature.

    features: [path, feature]. K-means on standardised features, started from equal parts along the first
    principal component, so that the same paths always give the same groups. Where k-means leaves a group
    empty the equal parts stand. No group is empty; with fewer paths than children there are as many groups
    as paths.
    """
    children = min(children, len(features))
    if children == 1:
        return np.zeros(len(features), dtype=np.int64)
    spread = features.std(axis=0)
    points = (features - features.mean(axis=0)) / np.where(spread > 1e-12, spread, np.inf)
    _, axes = np.linalg.eigh(points.T @ points)
    rank = np.argsort(np.argsort(points @ axes[:, -1], kind="stable"), kind="stable")
    group: Ints = rank * children // len(features)
    with suppress(ClusterError):
        _, group = kmeans2(points, _centres(points, group, children), KMEANS_STEPS, minit="matrix", missing="raise")
    order = np.argsort(np.argsort(mean(features[:, 0], group.astype(np.int64), children), kind="stable"))
    return order[group].astype(np.int64)


def _centres(points: Floats, group: Ints, groups: int) -> Floats:
    return np.stack([mean(column, group, groups) for column in points.T], axis=1)


def mean(values: Floats, group: Ints, groups: int) -> Floats:
    """Mean of the values of each group, [group]; no group may be empty."""
    return np.bincount(group, weights=values, minlength=groups) / np.bincount(group, minlength=groups)


def quantile(values: Floats, group: Ints, groups: int, share: float) -> Floats:
    """The ``share`` quantile (linear between order statistics) of each group's values, [group]."""
    count = np.bincount(group, minlength=groups)
    ordered = values[np.lexsort((values, group))]
    first = np.cumsum(count) - count
    position = share * (count - 1)
    below = np.floor(position).astype(np.int64)
    above = np.minimum(below + 1, count - 1)
    low, high = ordered[first + below], ordered[first + above]
    at: Floats = low + (position - below) * (high - low)
    return at
