"""The same seed gives the same answer, to the bit, whoever draws the paths; and every path counts once."""

from __future__ import annotations

import os
from dataclasses import fields

import numpy as np
import pytest

from optimizer.errors import ReplayError
from optimizer.ledger.outcome import Outcome, join_outcomes
from optimizer.ledger.replay import replay
from optimizer.market.sampled import sample
from optimizer.replay import monte_carlo as module
from optimizer.replay.monte_carlo import monte_carlo
from optimizer.replay.saved import SavedPlan


def _run(saved: SavedPlan, paths: int = 50, seed: int = 5, workers: int = 1) -> Outcome:
    return monte_carlo(saved.scenario, saved.tree, saved.decisions, paths=paths, seed=seed, workers=workers)


def _assert_same(first: Outcome, second: Outcome) -> None:
    for field in fields(Outcome):
        if field.name != "flows":
            np.testing.assert_array_equal(getattr(first, field.name), getattr(second, field.name), field.name)
    assert first.flows.keys() == second.flows.keys()
    for name, total in first.flows.items():
        np.testing.assert_array_equal(total, second.flows[name], name)


@pytest.mark.slow
def test_two_workers_give_the_answer_of_one_to_the_bit(saved: SavedPlan) -> None:
    paths = 2 * module.CHUNK_PATHS + 300
    _assert_same(_run(saved, paths), _run(saved, paths, workers=2))


def test_chunks_are_joined_in_order(saved: SavedPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_PATHS", 20)
    drawn = [sample(saved.scenario, 5, chunk, paths) for chunk, paths in enumerate((20, 20, 10))]
    parts = [replay(saved.scenario, saved.tree, saved.decisions, paths) for paths in drawn]
    _assert_same(_run(saved, 50), join_outcomes(parts))


def test_another_seed_draws_other_paths(saved: SavedPlan) -> None:
    first, again, other = _run(saved, seed=5), _run(saved, seed=5), _run(saved, seed=6)
    _assert_same(first, again)
    assert not np.isin(first.price_usd[:, -1], other.price_usd[:, -1]).any()


def test_the_draws_are_not_those_of_the_fan(saved: SavedPlan) -> None:
    outcome = _run(saved, seed=saved.scenario.market.fan.seed)
    assert not np.isin(outcome.price_usd[:, 1], saved.tree.price_usd).any()
    assert len(np.unique(outcome.price_usd[:, -1])) == len(outcome)


def test_progress_is_told_chunk_by_chunk(saved: SavedPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_PATHS", 20)
    told: list[tuple[str, str]] = []
    monte_carlo(
        saved.scenario,
        saved.tree,
        saved.decisions,
        paths=50,
        seed=1,
        tell=lambda stage, detail: told.append((stage, detail)),
    )
    assert told == [("replay", f"{done} of 50 paths") for done in (20, 40, 50)]


def test_a_flow_that_only_some_chunks_see_is_kept(saved: SavedPlan) -> None:
    first, second = _run(saved, 3), _run(saved, 2, seed=6)
    first.flows["seldom_usd"] = np.ones(3)
    second.flows["rare_usd"] = np.ones(2)
    joined = join_outcomes([first, second]).flows
    assert joined["seldom_usd"].tolist() == [1, 1, 1, 0, 0]
    assert joined["rare_usd"].tolist() == [0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"paths": 0}, "from 1 to 100,000 paths, not 0"),
        ({"paths": 100_001}, "not 100,001"),
        ({"workers": 0}, "1 to 64 workers, not 0"),
        ({"workers": 65}, "not 65"),
        ({"seed": -1}, "whole number from 0 on, not -1"),
    ],
)
def test_what_cannot_be_done_is_refused(saved: SavedPlan, asked: dict[str, int], said: str) -> None:
    with pytest.raises(ReplayError, match=said):
        _run(saved, **asked)


@pytest.mark.slow
def test_workers_are_gone_when_a_chunk_fails(saved: SavedPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil

    def fails(*_: object) -> Outcome:
        raise ReplayError("no such chunk")

    monkeypatch.setattr(module, "replay", fails)  # here, where one of the two workers is
    with pytest.raises(ReplayError, match="no such chunk"):
        _run(saved, 3 * module.CHUNK_PATHS, workers=2)
    running = [child for child in psutil.Process(os.getpid()).children() if "LokyProcess" in " ".join(child.cmdline())]
    assert running == []
