"""Today's decisions held on a tree: on the plan's own nothing changes, on others they are what they were."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optimizer.errors import SolverError
from optimizer.formulation.build import build
from optimizer.formulation.extract import decisions
from optimizer.solve.highs import Solver
from optimizer.solve.linear_model import load_solution
from optimizer.trees.spread import spread_of
from optimizer.trees.today import ANY_DAY, held_to, today_of
from tests.trees.markets import SolvedTree, random_company, solved


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[SolvedTree, SolvedTree]:
    path = random_company(tmp_path_factory.mktemp("company"))
    return solved(path, 1), solved(path, 2)


def test_held_to_its_own_decisions_a_plan_stays_what_it_is(two: tuple[SolvedTree, SolvedTree]) -> None:
    own, _ = two
    again = Solver(own.model, own.scenario.solver).solve(held_to(own.model, today_of(own.model, own.best.x)))
    bound = own.best.objective - own.best.gap * abs(own.best.objective)
    assert bound - 1e-6 <= again.objective <= own.best.objective + 1e-6


def test_today_on_another_tree_is_the_same_to_the_cent(two: tuple[SolvedTree, SolvedTree]) -> None:
    own, other = two
    held = Solver(other.model, other.scenario.solver).solve(held_to(other.model, today_of(own.model, own.best.x)))
    done = []
    for tree, x in ((own, own.best.x), (other, held.x)):
        f = build(tree.scenario, tree.tree)
        load_solution(f, tree.whole, x)
        done.append(decisions(f))
    for row in spread_of(own.scenario, done):
        assert row.amounts[1] == pytest.approx(row.amounts[0], rel=1e-5, abs=0.01), row
    # The two plans themselves differ: holding means something.
    f = build(other.scenario, other.tree)
    load_solution(f, other.whole, other.best.x)
    free = spread_of(own.scenario, [done[0], decisions(f)])
    assert any(abs(row.amounts[0] - row.amounts[1]) > 1.0 for row in free)


def test_all_that_is_decided_today_is_held_and_nothing_later(two: tuple[SolvedTree, SolvedTree]) -> None:
    own, _ = two
    held = held_to(own.model, today_of(own.model, own.best.x))
    names = {(name, index): column for name, columns in own.whole.columns.items() for index, column in columns.items()}
    first = {key: key[1][0] if isinstance(key[1], tuple) else key[1] for key in names}
    for key, column in names.items():
        is_held = (first[key] == 0 and key[0] != "threshold") or key[0] == "tier_open"
        assert (column in held) is is_held, key


def test_trading_and_pledging_of_the_day_can_be_left_free(two: tuple[SolvedTree, SolvedTree]) -> None:
    own, _ = two
    today = today_of(own.model, own.best.x)
    held, freed = held_to(own.model, today), held_to(own.model, today, free=ANY_DAY)
    sold = own.model.columns["sell_btc"][0]
    assert sold in held
    assert sold not in freed
    assert {own.model.columns[name][index] for name, index in today if name == "order_lots"} <= set(freed)


def test_a_decision_that_another_tree_does_not_know_is_a_bug(two: tuple[SolvedTree, SolvedTree]) -> None:
    own, _ = two
    without = {name: at for name, at in own.model.columns.items() if name != "order_lots"}
    with pytest.raises(SolverError, match="order_lots"):
        held_to(replace(own.model, columns=without), today_of(own.model, own.best.x))
