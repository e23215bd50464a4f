"""Every reduction of the model changes nothing: each shipped scenario against the model with it undone.

Small scenarios are solved as they are, to no gap. Those of a company are planned on a smaller tree, and the linear
programs compared: with the plan's whole numbers, and without any. What a plain form finds must be a plan of the model
as it is, worth as much, with the same decisions today.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pytest

import optimizer
from optimizer import load_scenario
from optimizer.formulation.implied import implied_rows
from optimizer.formulation.model import Formulation
from optimizer.market.build_tree import build_tree
from optimizer.market.tree import Tree
from optimizer.scenario.market_spec import Cases
from optimizer.scenario.schema import Scenario
from optimizer.solve.highs import Solver
from optimizer.solve.linear_model import Floats, LinearModel, to_arrays, without_rows

from .plain_forms import FORMS, in_dollars_and_terahashes, plain

SCENARIOS = Path(optimizer.__file__).parents[1] / "scenarios"
FLAGSHIP = SCENARIOS / "fleet_refresh.yaml"
FILES = sorted(SCENARIOS.glob("*.yaml"))
SMALL = ("market.fan.paths=200", "solver.gap_share=0.01")
ONE_BRANCH = "market.tree.branching=[]"
# On one branch of a view without drift it is all the same to this company when it sells.
TWO_BRANCHES = "market.tree.branching=[{month: 1, children: 2}]"
TWO_FOR = ("backtest_miner",)
# HiGHS meets rows to 1e-7 of a unit.
MET = 1e-6
# Which of equal plans is found: whether a release of nothing is chosen, and where the tail begins, decide nothing.
NO_DECISION = ("release", "threshold")


@dataclass(frozen=True)
class Case:
    """A scenario on its tree, solved as the model is."""

    scenario: Scenario
    tree: Tree
    teaches: bool

    @cached_property
    def f(self) -> Formulation:
        return plain(self.scenario, self.tree)

    @cached_property
    def model(self) -> LinearModel:
        return to_arrays(self.f)

    @cached_property
    def whole(self) -> dict[tuple[str, Hashable], float]:
        """The whole numbers of a plan of the company, by name."""
        x = Solver(self.model, self.scenario.solver).solve().x
        return {(name, i): round(x[j]) for name, i, j in named(self.model) if self.model.integral[j]}

    @cached_property
    def x(self) -> Floats:
        return self.solved(self.model)

    def solved(self, model: LinearModel) -> Floats:
        """The best of a model of the scenario: with no gap, or with the plan's whole numbers."""
        solver = Solver(model, self.scenario.solver)
        if self.teaches:
            return solver.solve().x
        return solver.relax({model.columns[name][i]: (v, v) for (name, i), v in self.whole.items()}, model.cost)

    def relaxed(self, model: LinearModel) -> float:
        """The least cost where whole numbers need not be whole."""
        return cost(model, Solver(model, self.scenario.solver).relax({}, model.cost))


@lru_cache(maxsize=2)
def case(path: Path) -> Case:
    teaches = path.name.startswith("teach_")
    sets: list[str] = ["solver.gap_share=0"] if teaches else [*SMALL]
    if not teaches and not isinstance(load_scenario(path).scenario.market.price, Cases):
        sets.append(TWO_BRANCHES if path.stem in TWO_FOR else ONE_BRANCH)
    scenario = load_scenario(path, sets=sets).scenario
    return Case(scenario, build_tree(scenario)[0], teaches)


def named(model: LinearModel) -> Iterator[tuple[str, Hashable, int]]:
    """(variable, index, column) of every column."""
    return ((name, i, j) for name, at in model.columns.items() for i, j in at.items())


def cost(model: LinearModel, x: Floats) -> float:
    return float(model.cost @ x) + model.offset


def assert_is_the_same(at: Case, other: LinearModel, found: Floats) -> None:
    """``found`` is a best plan of the model as it is, and decides the same today."""
    taken = np.array([found[other.columns[name][i]] for name, i, _ in named(at.model)])
    scale = max(abs(cost(at.model, at.x)), 1.0)
    assert cost(other, found) == pytest.approx(cost(at.model, at.x), abs=1e-6 * scale)
    assert cost(at.model, taken) == pytest.approx(cost(at.model, at.x), abs=1e-6 * scale)
    activity = at.model.matrix @ taken
    assert (at.model.row_lower - activity).max() < MET * scale
    assert (activity - at.model.row_upper).max() < MET * scale
    assert taken[at.model.integral] == pytest.approx(np.round(taken[at.model.integral]), abs=1e-6)
    for name, i, j in named(at.model):
        if name not in NO_DECISION and (i == 0 or (isinstance(i, tuple) and i[0] == 0)):
            assert taken[j] == pytest.approx(at.x[j], abs=1e-5 * scale), (name, i)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_reduction_changes_a_shipped_scenario(path: Path) -> None:
    at = case(path)
    for form in FORMS:
        other = to_arrays(plain(at.scenario, at.tree, form))
        if other.rows != at.model.rows:  # else there is nothing here that it reduces
            assert_is_the_same(at, other, at.solved(other))
    shorter = without_rows(at.model, implied_rows(at.f))
    assert_is_the_same(at, shorter, at.solved(shorter))
    everything = to_arrays(plain(at.scenario, at.tree, *FORMS))
    assert_is_the_same(at, everything, at.solved(everything))


def test_nor_what_the_flagship_is_worth_without_whole_numbers() -> None:
    at = case(FLAGSHIP)
    relaxed = at.relaxed(at.model)
    shorter = without_rows(at.model, implied_rows(at.f))
    everything = to_arrays(plain(at.scenario, at.tree, *FORMS))
    assert at.relaxed(shorter) == pytest.approx(relaxed, rel=1e-6)
    assert at.relaxed(everything) == pytest.approx(relaxed, rel=1e-6)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_units_are_only_units(path: Path) -> None:
    """In dollars and terahashes the same plan meets the same rows at the same cost."""
    at = case(path)
    scaled, unit = in_dollars_and_terahashes(at.model, at.f.data.money_usd)
    assert cost(scaled, at.x * unit) == pytest.approx(cost(at.model, at.x))
    activity = scaled.matrix @ (at.x * unit)
    most = np.maximum(np.abs(scaled.matrix) @ np.abs(at.x * unit), 1.0)
    assert ((scaled.row_lower - activity) / most).max() < MET
    assert ((activity - scaled.row_upper) / most).max() < MET
    if at.teaches:
        assert_is_the_same(at, at.model, at.solved(scaled) / unit)


def test_every_form_is_a_larger_model_of_the_flagship() -> None:
    """No plain form is the model itself: each comparison compares something."""
    at = case(FLAGSHIP)
    for form in FORMS:
        assert len(to_arrays(plain(at.scenario, at.tree, form)).rows) > len(at.model.rows), form
    assert implied_rows(at.f)


def test_nothing_is_implied_where_a_lender_may_sell() -> None:
    at = case(FLAGSHIP)
    board = at.scenario.requirements.model_copy(update={"liquidation_probability": 0.1})
    allowed = at.scenario.model_copy(update={"requirements": board})
    assert not implied_rows(plain(allowed, at.tree))
