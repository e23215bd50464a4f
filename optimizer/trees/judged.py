"""Candidates judged: each one's gap over the other trees and worth off them, which to follow, whether to trust it.

What is estimated: let the tree be drawn at random, as this scenario draws it. Today's decisions x are worth E[best plan
that begins with x]; the gap of x is how much less that is than of the best x. It covers the luck of the tree, not what
all trees of this shape have wrong in common (`docs/how-to/how-sure.md`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optimizer.errors import LimitError
from optimizer.trees.off_tree import OffTree, Rival
from optimizer.trees.sampled import Planned, Trial, Unplanned
from optimizer.trees.statistics import Gap, confidence_of_each, gap_of, mean_and_error
from optimizer.why.flips import Advice

if TYPE_CHECKING:
    from optimizer.alternatives import Comparator
    from optimizer.trees.spread import TodayRow

# Where no alternative is there to hold the gap against: this share of the plan's worth.
STAKE_SHARE = 0.01
# Less than this share of its worth tells no plan from another: solvers and the hair of `optimizer.trees.today` do.
ROUNDING = 1e-7


@dataclass(frozen=True)
class Candidate:
    """Today's decisions of the plan of one tree, judged. Amounts in the numeraire.

    ``objective`` on its own tree, ``gap`` over the others: None where it cannot be followed on one of them or fewer
    than two of them are known. ``tried``: on how many others; ``moved``: on how many of these they break a requirement
    as they stand and hold with today's trading and pledging chosen anew, ``sell_more_btc`` at most; ``impossible``: on
    how many not even so; ``unknown``: where the solver did not find out in time. ``off_tree`` with ``off_tree_error``:
    worth on paths that are the same for all, and its standard error; ``behind`` with ``behind_error``: the same of what
    the recommended one is worth more there, path by path; ``trouble``: share of paths on which anything goes wrong.
    NaN where there are no such paths.
    """

    seed: int
    nodes: int
    objective: float
    solver_gap: float
    hit_limit: bool
    advice: Advice
    tried: int
    gap: Gap | None
    moved: int
    sell_more_btc: float
    impossible: int
    unknown: int
    off_tree: float
    off_tree_error: float
    behind: float
    behind_error: float
    trouble: float


@dataclass(frozen=True)
class Trees:
    """What planning several trees says of the plan.

    ``candidates``: of every tree that has a plan, the scenario's own first if it is one; ``without``: seed and reason
    of trees that have none. ``recommended``: the number of the candidate whose plan this is. ``paths``: off the trees.
    ``decisions``: today's, over the candidates. ``stake``: what the gap is held against, in the numeraire, and
    ``stake_of``: the alternative that loses so much; empty where it is `STAKE_SHARE` of the plan's worth. ``rivals``:
    other advice off the tree; none where nothing was replayed or compared. ``doubts``: why the tree is too small to
    trust: ``no_plan``, ``impossible``, ``advice``, ``unknown``, ``gap``, ``rival``.
    """

    candidates: tuple[Candidate, ...]
    without: tuple[tuple[int, str], ...]
    trials: tuple[Trial, ...]
    recommended: int
    paths: int
    confidence_each: float
    decisions: tuple[TodayRow, ...]
    stake: float
    stake_of: str
    rivals: tuple[Rival, ...]
    doubts: tuple[str, ...]

    @property
    def best(self) -> Candidate:
        """The candidate whose plan this is."""
        return self.candidates[self.recommended]


def candidates_of(planned: Sequence[Planned], trials: Sequence[Trial]) -> tuple[tuple[Candidate, ...], int]:
    """Every plan judged, in order, and the number of the one to follow."""
    confidence = confidence_of_each(len(planned))
    gaps = [_gap(k, planned, trials, confidence) for k in range(len(planned))]
    chosen = recommended(planned, trials)
    return tuple(_candidate(k, planned, trials, gaps[k], planned[chosen].off_tree) for k in range(len(planned))), chosen


def recommended(planned: Sequence[Planned], trials: Sequence[Trial]) -> int:
    """The number of the candidate that does best across.

    Those that can be followed on most of the other trees; of them those that fall short by least on average, to within
    what the solver leaves open; of them those that hold as they stand on most trees; of them the one worth most off the
    trees, the first if none was replayed there.
    """
    failed = [sum(bool(trial.why_not) for trial in trials if trial.of == k) for k in range(len(planned))]
    fewest = [k for k in range(len(planned)) if failed[k] == min(failed)]
    short = {k: float(np.mean(_short(k, planned, trials))) for k in fewest}
    left_open = float(np.mean([tree.bound - tree.objective + ROUNDING * abs(tree.objective) for tree in planned]))
    level = [k for k in fewest if short[k] <= min(short.values()) + left_open]
    moved = [sum(trial.moved for trial in trials if trial.of == k) for k in range(len(planned))]
    return min(level, key=lambda k: (moved[k], -_worth_off_tree(planned[k]), k))


def _worth_off_tree(planned: Planned) -> float:
    return 0.0 if planned.off_tree is None else float(planned.off_tree.scores.mean())


def _short(k: int, planned: Sequence[Planned], trials: Sequence[Trial]) -> list[float]:
    """What candidate ``k`` falls short of the best of each other tree on which it can be followed; nothing below 0 but
    rounding, since no plan is above a tree's bound."""
    found = [trial for trial in trials if trial.of == k and not trial.why_not]
    return [max(planned[trial.on].bound - trial.objective, 0.0) for trial in found] or [float("inf")]


def _gap(k: int, planned: Sequence[Planned], trials: Sequence[Trial], confidence: float) -> Gap | None:
    if any(trial.why_not for trial in trials if trial.of == k):
        return None
    return gap_of(_short(k, planned, trials), confidence)


def _candidate(
    k: int, planned: Sequence[Planned], trials: Sequence[Trial], gap: Gap | None, best: OffTree | None
) -> Candidate:
    tree, own = planned[k], [trial for trial in trials if trial.of == k]
    none = (float("nan"), float("nan"))
    off_tree = tree.off_tree
    worth = none if off_tree is None else mean_and_error(off_tree.scores)
    behind = none if off_tree is None or best is None else mean_and_error(best.scores - off_tree.scores)
    return Candidate(
        seed=tree.seed,
        nodes=tree.nodes,
        objective=tree.objective,
        solver_gap=tree.found.solution.gap,
        hit_limit=tree.found.solution.hit_limit,
        advice=tree.advice,
        tried=len(own),
        gap=gap,
        moved=sum(trial.moved for trial in own),
        sell_more_btc=max((trial.sell_more_btc for trial in own if trial.moved), default=0.0),
        impossible=sum(bool(trial.why_not) and trial.in_time for trial in own),
        unknown=sum(not trial.in_time for trial in own),
        off_tree=worth[0],
        off_tree_error=worth[1],
        behind=behind[0],
        behind_error=behind[1],
        trouble=none[0] if off_tree is None else off_tree.trouble,
    )


def stake_of(others: Sequence[Comparator], worth: float) -> tuple[float, str]:
    """What the gap is held against, and its name: what the nearest of ``others`` loses, else a share of ``worth``."""
    return min(((other.loses, other.name) for other in others), default=(STAKE_SHARE * abs(worth), ""))


def doubts_of(
    candidates: Sequence[Candidate],
    chosen: int,
    without: Sequence[Unplanned],
    stake: float,
    rivals: Sequence[Rival],
) -> tuple[str, ...]:
    """Why the tree is too small to trust; empty where nothing says so."""
    best = candidates[chosen]
    found = {
        "no_plan": any(not isinstance(tree.error, LimitError) for tree in without),
        "impossible": best.impossible > 0,
        "advice": len({candidate.advice for candidate in candidates}) > 1,
        "unknown": best.unknown > 0 or any(isinstance(tree.error, LimitError) for tree in without),
        "gap": best.gap is not None and best.gap.high > stake,
        "rival": not all(rival.is_clear for rival in rivals),
    }
    return tuple(doubt for doubt, is_so in found.items() if is_so)
