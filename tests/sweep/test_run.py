"""A sweep run through, repeated, damaged, shared by processes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import optimizer.sweep.run as run_module
from optimizer.engine.local import Local
from optimizer.errors import ExitCode, LimitError
from optimizer.planning import plan
from optimizer.report.folder import PLAN
from optimizer.sweep.run import duration, sweep_into
from optimizer.sweep.store import DOCUMENT, POINTS
from optimizer.sweep.swept import Swept
from tests.sweep.sweeps import MAKING, PRICE, TWENTY, kept, points, quiet

TWO = ("treasury.btc_lots[0].btc=9,40", f"{PRICE}=115000")


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes of what is planned in this process from here on."""
    seen: list[str] = []

    def counted(loaded: Any, **how: Any) -> Any:
        seen.append(loaded.sha256)
        return plan(loaded, **how)

    monkeypatch.setattr(run_module, "plan", counted)
    return seen


def test_points_by_hand(straight: tuple[Swept, Path]) -> None:
    swept, _ = straight
    worth = {row.point.wanted.name: row.result.value for row in swept.rows if row.result}
    # The loan of $1m at 10% is repaid with $1.1m of BTC at the end's price, where that is above $110,000.
    assert worth[f"treasury.btc_lots[0].btc=40, {PRICE}=115000"] == pytest.approx(40 - 1.1e6 / 115_000)
    assert worth[f"treasury.btc_lots[0].btc=40, {PRICE}=109000"] == pytest.approx(30)
    assert swept.planned == 18


def test_a_point_without_a_plan_is_told_and_does_not_stop_the_rest(straight: tuple[Swept, Path]) -> None:
    swept, out = straight
    assert [row.point.wanted.sets[0] for row in swept.failed] == ["treasury.btc_lots[0].btc=9"] * 2
    assert all(row.why_not.startswith("No plan meets every requirement.") for row in swept.failed)
    assert swept.exit_code == ExitCode.NO_FEASIBLE_PLAN
    document = json.loads((out / DOCUMENT).read_text(encoding="utf-8"))
    assert [point["figures"] is None for point in document["points"]] == [True] * 2 + [False] * 18
    assert document["points"][0]["plan"] is None


def test_every_point_is_a_whole_plan_folder(straight: tuple[Swept, Path]) -> None:
    swept, out = straight
    folders = list((out / POINTS).iterdir())
    assert sorted(folder.name for folder in folders) == sorted(row.point.key for row in swept.rows if row.result)
    assert all({path.name for path in folder.iterdir()} == PLAN.files for folder in folders)


def test_two_processes_give_the_same_bytes_as_one(straight: tuple[Swept, Path], tmp_path: Path) -> None:
    sweep_into(points(*TWENTY), MAKING, tmp_path / "two", Local(2), quiet)
    assert kept(tmp_path / "two") == kept(straight[1])


def test_a_repeated_sweep_plans_nothing(tmp_path: Path, planned: list[str]) -> None:
    out = tmp_path / "sweep"
    assert sweep_into(points(*TWO), MAKING, out, Local(1), quiet).planned == 1
    before = kept(out)
    assert len(planned) == 2
    again = sweep_into(points(*TWO), MAKING, out, Local(1), quiet)
    assert (again.planned, len(planned)) == (0, 2)
    assert kept(out) == before
    # One value more costs that value alone.
    more = points("treasury.btc_lots[0].btc=9,40,41", f"{PRICE}=115000")
    assert sweep_into(more, MAKING, out, Local(1), quiet).planned == 1
    assert planned[2:] == [more[2].loaded.sha256]


def test_points_of_equal_inputs_are_planned_once(tmp_path: Path, planned: list[str]) -> None:
    [one] = points("risk.weight=0.5")
    [same] = points("risk.weight=0.5", "treasury.cash_usd=0")
    swept = sweep_into((one, same), MAKING, tmp_path / "sweep", Local(1), quiet)
    assert len(planned) == 1
    assert swept.rows[0].result == swept.rows[1].result


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "plan.json").write_text("{"),
        lambda folder: (folder / "plan.json").write_text("{}"),
        lambda folder: (folder / "report.html").unlink(),
        lambda folder: (folder / "plan.json").write_text(
            (folder / "plan.json").read_text().replace('"sha256": "', '"sha256": "0')
        ),
        lambda folder: (folder / "plan.json").write_text(
            (folder / "plan.json").read_text().replace('"version": "', '"version": "9.')
        ),
    ],
)
def test_what_is_not_a_whole_plan_of_the_point_is_planned_again(tmp_path: Path, damage: Any) -> None:
    out = tmp_path / "sweep"
    [point] = points("treasury.cash_usd=0")
    sweep_into([point], MAKING, out, Local(1), quiet)
    before = kept(out)
    damage(out / POINTS / point.key)
    assert sweep_into([point], MAKING, out, Local(1), quiet).planned == 1
    assert kept(out) == before


def test_a_bug_in_one_point_is_shown_and_does_not_stop_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(loaded: Any, **how: Any) -> Any:
        if loaded.scenario.treasury.cash_usd == 1:
            raise ZeroDivisionError("by nothing")
        return plan(loaded, **how)

    monkeypatch.setattr(run_module, "plan", broken)
    told: list[tuple[str, str]] = []
    asked_for = points("treasury.cash_usd=1,2")
    swept = sweep_into(asked_for, MAKING, tmp_path / "sweep", Local(1), lambda *said: told.append(said))
    assert [row.why_not for row in swept.rows] == ["a bug in hashlever: ZeroDivisionError: by nothing", ""]
    assert swept.exit_code == ExitCode.BUG
    assert any(stage == "a bug" and "Traceback" in detail for stage, detail in told)
    monkeypatch.setattr(run_module, "plan", plan)
    assert sweep_into(asked_for, MAKING, tmp_path / "sweep", Local(1), quiet).exit_code == ExitCode.DONE


def test_a_point_that_was_stopped_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(loaded: Any, **how: Any) -> Any:
        raise LimitError("stopped")

    monkeypatch.setattr(run_module, "plan", stopped)
    asked_for = points("treasury.cash_usd=1")
    swept = sweep_into(asked_for, MAKING, tmp_path / "sweep", Local(1), quiet)
    assert (swept.exit_code, swept.rows[0].why_not) == (ExitCode.LIMIT_WITHOUT_PLAN, "stopped")
    monkeypatch.setattr(run_module, "plan", plan)
    assert sweep_into(asked_for, MAKING, tmp_path / "sweep", Local(1), quiet).planned == 1


def test_the_time_left_is_told_from_the_points_done(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    sweep_into(points(*TWO), MAKING, tmp_path / "sweep", Local(1), lambda *said: told.append(said))
    assert [stage for stage, _ in told] == ["0 of 2", "1 of 2", "2 of 2"]
    assert "no plan: No plan meets every requirement.; about " in told[1][1]
    assert told[2][1].endswith(": planned")


def test_durations_in_words() -> None:
    said = [duration(seconds) for seconds in (0, 59, 60, 3500, 3600, 7500)]
    assert said == ["0 s", "59 s", "1 min", "58 min", "1 h 00 min", "2 h 05 min"]
