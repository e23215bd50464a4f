"""Groups of paths: how the paths behind each branch are split among its children, and statistics by group.

All branches of a stage are split at once: a tree of ten thousand nodes splits hundreds of branches of a few paths each,
where a call for each would cost more than its arithmetic.
"""

from __future__ import annotations

import numpy as np

from optimizer.market.tree import Floats, Ints

KMEANS_STEPS = 30


def split(features: Floats, branch: Ints, children: int) -> tuple[Ints, Ints]:
    """Split every branch's paths among ``children``: the group of each path, [path], and the branch that each group
    came from, [group].

    features: [path, feature]. branch: of each path, from 0, none empty. K-means on features standardised within the
    branch, started from equal parts along its first principal component, so that the same paths always give the same
    groups. Where k-means leaves a group empty the equal parts stand. No group is empty; a branch with fewer paths than
    children has as many groups as paths. Groups are numbered branch by branch and there by rising mean of the first
    feature.
    """
    paths = np.bincount(branch)
    groups = np.minimum(children, paths)
    first = np.cumsum(groups) - groups
    points = _standardised(features, branch)
    child = _rank_along_axis(points, branch) * groups[branch] // paths[branch]
    child = _k_means(points, branch, child, groups)
    parent = np.repeat(np.arange(len(paths)), groups)
    unordered = first[branch] + child
    place = np.empty(len(parent), dtype=np.int64)
    place[np.lexsort((mean(features[:, 0], unordered, len(parent)), parent))] = np.arange(len(parent))
    return place[unordered], parent


def _standardised(features: Floats, branch: Ints) -> Floats:
    """Each feature with mean 0 and sd 1 within its branch; 0 where it does not vary there."""
    branches = int(branch.max()) + 1
    columns = []
    for column in features.T:
        centred = column - mean(column, branch, branches)[branch]
        spread = np.sqrt(mean(centred**2, branch, branches))
        columns.append(centred / np.where(spread > 1e-12, spread, np.inf)[branch])
    return np.stack(columns, axis=1)


def _rank_along_axis(points: Floats, branch: Ints) -> Ints:
    """The place of each path among its branch's along their first principal component, from 0, [path]."""
    by_branch = np.argsort(branch, kind="stable")
    last = np.cumsum(np.bincount(branch))
    parts = np.split(points[by_branch], last[:-1])
    _, axes = np.linalg.eigh(np.stack([part.T @ part for part in parts]))
    along = (points * axes[branch, :, -1]).sum(axis=1)
    place = np.empty(len(branch), dtype=np.int64)
    place[np.lexsort((along, branch))] = np.arange(len(branch))
    return place - (last - np.bincount(branch))[branch]


def _k_means(points: Floats, branch: Ints, start: Ints, groups: Ints) -> Ints:
    """Lloyd's k-means in every branch from the groups of ``start``: the group of each path within its branch, [path].

    Every path goes to the nearest of its branch's centres until none moves, or `KMEANS_STEPS` times. A branch where
    that leaves a group empty keeps its start.
    """
    widest = int(groups.max())
    slot, slots = branch * widest, len(groups) * widest
    exists = (np.arange(widest) < groups[:, None]).ravel()
    child, failed = start, np.zeros(len(groups), dtype=bool)
    for _ in range(KMEANS_STEPS):
        inside = np.maximum(np.bincount(slot + child, minlength=slots), 1)
        distance = np.zeros((len(points), widest))
        for column in points.T:
            centre = np.bincount(slot + child, weights=column, minlength=slots) / inside
            distance += (column[:, None] - np.where(exists, centre, np.inf).reshape(-1, widest)[branch]) ** 2
        nearest = distance.argmin(axis=1)
        empty = (np.bincount(slot + nearest, minlength=slots) == 0) & exists
        failed |= empty.reshape(-1, widest).any(axis=1)
        nearest = np.where(failed[branch], start, nearest)
        if (nearest == child).all():
            break
        child = nearest
    return child


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
