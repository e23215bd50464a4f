"""One tree's decisions of today on another: the same as solving it with them fixed from scratch, or told impossible."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from optimizer.trees.sampled import BREAKS, OnTree, Trial, TryOn
from optimizer.trees.today import today_of
from tests.trees.markets import SolvedTree, random_company, solved


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> list[SolvedTree]:
    path = random_company(tmp_path_factory.mktemp("company"))
    return [solved(path, seed) for seed in (1, 2)]


def _tried(on: SolvedTree, of: SolvedTree) -> Trial:
    todays = [(0, today_of(of.model, of.best.x))]
    [trial] = TryOn(on.scenario)(OnTree(1, on.model, todays))
    return trial


def test_a_trial_is_worth_what_another_solver_call_finds(trees: list[SolvedTree]) -> None:
    """The whole model by SciPy, with the values of today's variables put in as bounds by their names."""
    of, on = trees
    trial, model = _tried(on, of), on.whole
    lower, upper = model.lower.copy(), model.upper.copy()
    for name, columns in of.whole.columns.items():
        for index, column in columns.items():
            first = index[0] if isinstance(index, tuple) else index
            if name == "tier_open" or (first == 0 and name != "threshold"):
                value = of.best.x[column]
                lower[model.columns[name][index]], upper[model.columns[name][index]] = value - 1e-7, value + 1e-7
    found = milp(
        model.cost,
        constraints=LinearConstraint(model.matrix, model.row_lower, model.row_upper),
        bounds=Bounds(lower, upper),
        integrality=model.integral.astype(int),
        options={"mip_rel_gap": 1e-7},
    )
    assert found.status == 0
    assert not trial.moved
    best = -(found.fun + model.offset)
    assert best * (1 - on.scenario.solver.gap_share) <= trial.objective <= best * (1 + 1e-6)


def test_no_trial_is_above_the_bound_of_its_tree(trees: list[SolvedTree]) -> None:
    for of, on in (trees, trees[::-1]):
        bound = -on.best.objective + on.best.gap * abs(on.best.objective)
        assert _tried(on, of).objective <= bound + 1e-6


def test_what_only_trading_otherwise_today_mends_is_told_so(trees: list[SolvedTree], tmp_path: Path) -> None:
    """A company with more cash sells nothing today; this one, told to do as it does, must sell."""
    rich = solved(random_company(tmp_path, cash_usd=4_000_000), 1)
    on = solved(random_company(tmp_path, cash_usd=1_600_000), 1)
    trial = _tried(on, rich)
    assert trial.moved
    assert trial.why_not == ""
    assert np.isfinite(trial.objective)
    assert trial.sell_more_btc > 1.0


def test_what_cannot_be_followed_is_told_so(tmp_path: Path) -> None:
    """A company that can pay for its machines, and one that cannot whatever it sells."""
    rich = solved(random_company(tmp_path, cash_usd=6_000_000), 1)
    data = {"cash_usd": 1_600_000, "btc_lots": [{"btc": 40, "cost_basis_usd": 40_000}]}
    poor = random_company(tmp_path, **data)
    trial = _tried(solved(poor, 1), rich)
    assert trial.why_not == BREAKS
    assert trial.in_time
    assert np.isnan(trial.objective)


def test_stopped_before_it_is_known_is_not_called_impossible(trees: list[SolvedTree]) -> None:
    of, on = trees
    job = TryOn(on.scenario)
    job.settings = on.scenario.solver.model_copy(update={"time_limit_s": 1e-9})
    [trial] = job(OnTree(1, on.model, [(0, today_of(of.model, of.best.x))]))
    assert not trial.in_time
    assert "stopped by the limit" in trial.why_not
