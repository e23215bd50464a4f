"""Plans off their trees: on paths that are the same for all, worth and trouble, and the plan against other advice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.alternatives import Comparator
from optimizer.decisions import Decisions
from optimizer.market.tree import Floats, Tree
from optimizer.replay.fates import fates
from optimizer.replay.monte_carlo import monte_carlo
from optimizer.scenario.schema import Scenario
from optimizer.trees.statistics import CONFIDENCE, mean_and_error, one_sided, scores

# An alternative by its way of planning, not by what it would do.
NO_ADVICE = "mean_path"


@dataclass(frozen=True)
class OffTree:
    """What became of a plan: ``scores`` [path] in the numeraire, whose mean is its worth there, and ``trouble``, the
    share of paths on which anything goes wrong."""

    scores: Floats
    trouble: float


class Replay:
    """``paths`` drawn by ``seed`` from the scenario's market for plans to be replayed on."""

    def __init__(self, given: Scenario, paths: int, seed: int) -> None:
        self.given, self.paths, self.seed = given, paths, seed

    def __call__(self, tree: Tree, decisions: Decisions) -> OffTree:
        """A plan's decisions, followed where its tree comes nearest to the market met."""
        outcome = monte_carlo(self.given, tree, decisions, paths=self.paths, seed=self.seed)
        found, risk = fates(self.given, outcome), self.given.risk
        return OffTree(
            scores(found.worth, risk.weight, risk.tail_share), float(np.mean(found.first_trouble_month >= 0))
        )


@dataclass(frozen=True)
class Rival:
    """Other advice, by the name of its alternative: what it loses against the plan on the plan's tree and off it, path
    by path, with the standard error of that; in the numeraire. ``trouble``: as of `OffTree`."""

    name: str
    loses: float
    off_tree_loses: float
    off_tree_error: float
    trouble: float

    @property
    def is_clear(self) -> bool:
        """Whether the plan's lead off the tree is more than chance."""
        return self.off_tree_loses > one_sided(CONFIDENCE) * self.off_tree_error


def other_advice(comparators: Sequence[Comparator], hidden: float) -> list[Comparator]:
    """The alternatives that have a plan and would do something else: it loses more than ``hidden``, which is what the
    solver leaves open."""
    return [other for other in comparators if other.feasible and other.name != NO_ADVICE and other.loses > hidden]


def rivals_of(others: Sequence[Comparator], tree: Tree, replay: Replay, plan: Floats) -> tuple[Rival, ...]:
    """Alternatives to the plan of ``tree`` off it, against the ``plan``'s scores there, [path]."""
    found = []
    for other in others:
        if other.decisions is not None:
            met = replay(tree, other.decisions)
            found.append(Rival(other.name, other.loses, *mean_and_error(plan - met.scores), met.trouble))
    return tuple(found)
