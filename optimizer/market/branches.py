"""Stages of a tree and the branches that split the fan's paths among them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from optimizer.market import clusters
from optimizer.market.fan import Fan
from optimizer.market.tree import Floats, Ints
from optimizer.scenario.market_spec import Branching, Cases
from optimizer.scenario.schema import Scenario


@dataclass(frozen=True)
class Stage:
    """Months ``first`` to ``last``; every branch splits into ``children`` in the first."""

    first: int
    last: int
    children: int


@dataclass(frozen=True)
class Branches:
    """The tree's branches during a stage, by number.

    parent: the branch of the stage before, [branch]. group: the branch of each path, [path]; no branch is
    empty.
    """

    parent: Ints
    group: Ints

    def __len__(self) -> int:
        return len(self.parent)

    @cached_property
    def weight(self) -> Floats:
        """Each branch's share of all paths: its probability, [branch]."""
        share: Floats = np.bincount(self.group) / len(self.group)
        return share

    def mean(self, values: Floats) -> Floats:
        """Mean over each branch's paths, [branch]."""
        return clusters.mean(values, self.group, len(self))

    def quantile(self, values: Floats, share: float) -> Floats:
        """The ``share`` quantile over each branch's paths, [branch]."""
        return clusters.quantile(values, self.group, len(self), share)


def stages(branching: tuple[Branching, ...], horizon_months: int) -> tuple[Stage, ...]:
    """The stages up to the horizon; months before the first branching are a stage of one child."""
    children = {b.month: b.children for b in branching if b.month <= horizon_months}
    starts = sorted({1, *children})
    return tuple(
        Stage(first, after - 1, children.get(first, 1)) for first, after in pairwise([*starts, horizon_months + 1])
    )


def nodes_of(scenario: Scenario) -> int:
    """How many nodes with a probability its tree will have, at most."""
    if isinstance(scenario.market.price, Cases):
        return 1 + len(scenario.market.price.cases) * scenario.horizon_months
    nodes, width = 1, 1
    for stage in stages(scenario.market.tree.branching, scenario.horizon_months):
        width *= stage.children
        nodes += width * (stage.last - stage.first + 1)
    return nodes


def trunk(paths: int) -> Branches:
    """The one branch before any split."""
    return Branches(np.array([-1]), np.zeros(paths, dtype=np.int64))


def split(fan: Fan, before: Branches, stage: Stage) -> Branches:
    """Every branch's paths in groups by log price return over the stage and log USD hashprice at its end."""
    returns = np.log(fan.price_usd[:, stage.last] / fan.price_usd[:, stage.first - 1])
    features = np.stack([returns, np.log(fan.hashprice_usd_per_ph_day[:, stage.last])], axis=1)
    group, parent = clusters.split(features, before.group, stage.children)
    return Branches(parent, group)
