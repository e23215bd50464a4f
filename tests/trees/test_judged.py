"""Which candidate is followed and when its tree is too small, on plans and trials made up for the purpose."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable

import numpy as np
import pytest
from scipy import stats

from optimizer.alternatives import Comparator
from optimizer.decisions import Decisions
from optimizer.errors import InfeasibleError, LimitError
from optimizer.solve.highs import Solution
from optimizer.solve.linear_model import LinearModel
from optimizer.solving import Found
from optimizer.trees.judged import candidates_of, doubts_of, recommended, stake_of
from optimizer.trees.off_tree import OffTree, Rival, other_advice
from optimizer.trees.sampled import BREAKS, Planned, Trial, Unplanned
from optimizer.trees.statistics import confidence_of_each
from optimizer.why.flips import Advice

NOTHING = np.zeros(0)
NO_MODEL = LinearModel(None, NOTHING, 0.0, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING.astype(bool), [], {})
NO_DECISIONS = Decisions(NOTHING, NOTHING, (), (), (), (), ())
OFF_TREE = np.array([9.0, 10.0, 14.0])


def tree(objective: float, left_open: float = 0.0, off_tree: float | None = None, borrow: bool = True) -> Planned:
    gap = left_open / objective
    found = Found(Solution(NOTHING, -objective, gap, "Optimal", 0.1, False), "a solver")
    return Planned(
        seed=int(objective),
        found=found,
        model=NO_MODEL,
        today={},
        decisions=NO_DECISIONS,
        advice=Advice(borrow, True),
        nodes=1,
        objective=objective,
        bound=objective + left_open,
        off_tree=None if off_tree is None else OffTree(OFF_TREE + off_tree, 0.1),
    )


def trials(
    planned: list[Planned], short: dict[tuple[int, int], float | None], moved: Iterable[int] = ()
) -> list[Trial]:
    """``short``: of (candidate, tree), below the tree's own objective; None where it cannot be followed."""
    return [
        Trial(of, on, math.nan, why_not=BREAKS)
        if amount is None
        else Trial(of, on, planned[on].objective - amount, moved=of in moved, sell_more_btc=2.0 * (of in moved))
        for (of, on), amount in short.items()
    ]


def test_gaps_are_against_the_bounds_of_the_other_trees() -> None:
    planned = [tree(100.0), tree(104.0, left_open=0.5), tree(98.0), tree(101.0)]
    short = {(0, 1): 1.0, (0, 2): 0.4, (0, 3): 0.1}
    short |= {(k, on): 3.0 for k in (1, 2, 3) for on in range(4) if on != k}
    candidates, chosen = candidates_of(planned, trials(planned, dict(short)))
    sample = [1.5, 0.4, 0.1]
    gap = candidates[0].gap
    assert chosen == 0
    assert gap is not None
    assert (gap.replications, gap.mean, gap.sd) == (
        3,
        pytest.approx(statistics.fmean(sample)),
        pytest.approx(statistics.stdev(sample)),
    )
    quantile = stats.t.ppf(confidence_of_each(4), 2)
    assert gap.high == pytest.approx(gap.mean + quantile * stats.sem(sample))


def test_what_can_be_followed_everywhere_comes_before_what_falls_short_by_less() -> None:
    planned = [tree(100.0), tree(100.0), tree(100.0)]
    made = trials(planned, {(0, 1): 0.1, (0, 2): None, (1, 0): 2.0, (1, 2): 2.0, (2, 0): 3.0, (2, 1): 3.0})
    candidates, chosen = candidates_of(planned, made)
    assert chosen == 1
    assert candidates[0].gap is None
    assert (candidates[0].impossible, candidates[0].tried) == (1, 2)


def test_within_what_the_solver_leaves_open_it_is_what_holds_then_what_is_worth_most_off_the_trees() -> None:
    short = {(0, 1): 1.0, (0, 2): 1.0, (1, 0): 1.2, (1, 2): 1.2, (2, 0): 1.1, (2, 1): 1.1}
    exact = [tree(100.0, off_tree=0.0), tree(100.0, off_tree=1.0), tree(100.0, off_tree=2.0)]
    assert recommended(exact, trials(exact, dict(short))) == 0
    rough = [tree(100.0, 0.5, off_tree) for off_tree in (0.0, 1.0, 2.0)]
    assert recommended(rough, trials(rough, dict(short))) == 2
    assert recommended(rough, trials(rough, dict(short), moved=[2])) == 1
    unplayed = [tree(100.0, 0.5) for _ in range(3)]
    assert recommended(unplayed, trials(unplayed, dict(short))) == 0


def test_off_the_trees_plans_are_told_apart_path_by_path() -> None:
    planned = [tree(100.0, off_tree=0.0), tree(100.0, off_tree=-1.5), tree(100.0, off_tree=-0.5)]
    short = {(of, on): 0.0 if of == 0 else 1.0 for of in range(3) for on in range(3) if on != of}
    candidates, chosen = candidates_of(planned, trials(planned, dict(short)))
    assert chosen == 0
    assert [c.behind for c in candidates] == [0.0, pytest.approx(1.5), pytest.approx(0.5)]
    # The same paths for all: what they have in common is no error of the difference.
    assert candidates[1].behind_error == pytest.approx(0.0, abs=1e-12)
    assert candidates[1].off_tree_error == pytest.approx(stats.sem(OFF_TREE))


def test_why_a_tree_is_too_small() -> None:
    planned = [tree(100.0), tree(100.0), tree(100.0)]
    even = {(of, on): 0.5 for of in range(3) for on in range(3) if on != of}
    candidates, chosen = candidates_of(planned, trials(planned, dict(even)))
    assert doubts_of(candidates, chosen, [], 0.6, []) == ()
    assert doubts_of(candidates, chosen, [], 0.4, []) == ("gap",)
    lead = [Rival("sell_only", 5.0, 1.0, 0.5, 0.0)]
    assert doubts_of(candidates, chosen, [], 0.6, lead) == ()
    chance = [Rival("sell_only", 5.0, 1.0, 0.7, 0.0)]  # 1.0 < 1.645 * 0.7
    assert doubts_of(candidates, chosen, [], 0.6, chance) == ("rival",)
    assert doubts_of(candidates, chosen, [Unplanned(9, InfeasibleError("no"))], 0.6, []) == ("no_plan",)
    assert doubts_of(candidates, chosen, [Unplanned(9, LimitError("late"))], 0.6, []) == ("unknown",)

    nowhere, chosen = candidates_of(planned, trials(planned, dict.fromkeys(even, None)))
    assert doubts_of(nowhere, chosen, [], 0.6, []) == ("impossible",)
    split = [tree(100.0), tree(100.0, borrow=False), tree(100.0)]
    candidates, chosen = candidates_of(split, trials(split, dict(even)))
    assert doubts_of(candidates, chosen, [], 0.6, []) == ("advice",)


def _alternative(name: str, loses: float, why_not: str = "") -> Comparator:
    return Comparator(name, "", why_not, 0.0, 0.0, 0.0, 0.0, loses, 0.0, 0.0, 0.0)


def test_the_gap_is_held_against_the_nearest_other_advice() -> None:
    found = [
        _alternative("sell_only", 4.0),
        _alternative("borrow_most", 0.05),
        _alternative("no_machines", math.nan, "breaks a requirement"),
        _alternative("mean_path", 1.0),
    ]
    # Borrowing most is the plan's own advice to within the gap, and the average's plan is a way of planning.
    assert [other.name for other in other_advice(found, hidden=0.1)] == ["sell_only"]
    assert stake_of(other_advice(found, hidden=0.1), 200.0) == (4.0, "sell_only")
    assert stake_of([], 200.0) == (2.0, "")
