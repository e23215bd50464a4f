import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from optimizer.errors import OutputError
from optimizer.planning import Plan
from optimizer.replay.replayed import Replayed
from optimizer.report.plain import records
from optimizer.report.plan_json import plan_document
from optimizer.report.replay_json import replay_document
from optimizer.report.tables_replay import tables_of
from optimizer.report.write import write_plan, write_replay


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_writes_the_document_and_every_table(small: Plan, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "plan"
    written = write_plan(small, out)
    assert sorted(written) == sorted(out.iterdir())
    beside = {"plan.json", "plan.xlsx", "report.html"}
    assert {path.name for path in written} == {*beside, *(f"{name}.csv" for name in small.tables)}
    assert json.loads((out / "plan.json").read_text(encoding="utf-8")) == plan_document(small)
    assert list(out.parent.iterdir()) == [out]


def test_csv_says_the_same_as_json(small: Plan, tmp_path: Path) -> None:
    write_plan(small, tmp_path / "plan")
    document = json.loads((tmp_path / "plan" / "plan.json").read_text(encoding="utf-8"))
    for name in ("months", "outcomes", "machines", "comparators"):
        expected = [{k: "" if v is None else str(v) for k, v in row.items()} for row in document[name]]
        assert _rows(tmp_path / "plan" / f"{name}.csv") == expected
    for name in ("orders", "draws", "debts"):
        rows = sorted(_rows(tmp_path / "plan" / f"{name}.csv"), key=lambda row: int(row["node"]))
        nested = [{"node": node["node"], **row} for node in document["nodes"] for row in node[name]]
        assert len(rows) > 0
        for expected, row in zip(nested, rows, strict=True):
            said = {key: "" if value is None else str(value) for key, value in expected.items()}
            assert {key: row[key] for key in expected} == said


def test_replaces_an_earlier_plan_whole(small: Plan, top_up: Plan, tmp_path: Path) -> None:
    out = tmp_path / "plan"
    write_plan(small, out)
    (out / "plan.xlsx").write_text("of the earlier plan")
    write_plan(top_up, out)
    assert json.loads((out / "plan.json").read_text(encoding="utf-8"))["scenario"]["name"] == "Teaching, top-up"
    assert "Teaching, top-up" in (out / "report.html").read_text(encoding="utf-8")
    assert (out / "plan.xlsx").read_bytes() != b"of the earlier plan"
    assert list(tmp_path.iterdir()) == [out]


def test_fills_an_empty_folder(small: Plan, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert (tmp_path / "empty" / "plan.json") in write_plan(small, tmp_path / "empty")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("notes.txt", "mine", "holds no hashlever plan"),
        ("plan.json", "{}", "holds no hashlever plan"),
        ("plan.json", '{"schema": "other/plan/1"}', "holds no hashlever plan"),
        ("plan.json", "not json", "holds no hashlever plan"),
        ("plan.json", '["hashlever/plan/1"]', "holds no hashlever plan"),
    ],
)
def test_leaves_a_foreign_folder_alone(small: Plan, tmp_path: Path, name: str, content: str, said: str) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / name).write_text(content)
    with pytest.raises(OutputError, match=said):
        write_plan(small, out)
    assert _files(out) == {name: content.encode()}
    assert list(tmp_path.iterdir()) == [out]


def test_never_deletes_what_the_user_put_beside_a_plan(small: Plan, tmp_path: Path) -> None:
    out = tmp_path / "plan"
    write_plan(small, out)
    (out / "minutes.md").write_text("what the board said")
    before = _files(out)
    with pytest.raises(OutputError, match=r"minutes\.md"):
        write_plan(small, out)
    assert _files(out) == before


def test_refuses_a_file_the_working_folder_and_a_place_without_rights(
    small: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="not a folder"):
        write_plan(small, tmp_path / "file")
    with pytest.raises(OutputError, match="Cannot"):
        write_plan(small, tmp_path / "file" / "plan")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(OutputError, match="you are in"):
        write_plan(small, Path())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "here"]


class _FullDiskError(OSError):
    strerror = "No space left on device"


@pytest.mark.parametrize("failure", [_FullDiskError(), KeyboardInterrupt()])
def test_nothing_is_half_written(
    small: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    out = tmp_path / "plan"
    write_plan(small, out)
    before, real, calls = _files(out), Path.write_bytes, 0

    def fails_late(self: Path, content: bytes) -> int:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise failure
        return real(self, content)

    monkeypatch.setattr(Path, "write_bytes", fails_late)
    with pytest.raises((OutputError, KeyboardInterrupt)):
        write_plan(small, out)
    assert _files(out) == before
    assert list(tmp_path.iterdir()) == [out]


def test_the_earlier_plan_stands_if_the_last_move_fails(
    small: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "plan"
    write_plan(small, out)
    before, real = _files(out), Path.rename

    def fails_into_place(self: Path, target: Path) -> Path:
        if target == out and ".new-" in self.name:
            raise PermissionError(13, "Permission denied")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", fails_into_place)
    with pytest.raises(OutputError, match="Permission denied"):
        write_plan(small, out)
    assert _files(out) == before
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_text_that_a_spreadsheet_would_run_is_escaped(one_machine: Plan, tmp_path: Path, name: str) -> None:
    given = one_machine.scenario
    spec = given.machines.specs["antminer_s21_plus_216t"].model_copy(update={"name": name})
    machines = given.machines.model_copy(update={"specs": {**given.machines.specs, "antminer_s21_plus_216t": spec}})
    scenario = given.model_copy(update={"machines": machines})
    plan = replace(one_machine, loaded=replace(one_machine.loaded, scenario=scenario))
    write_plan(plan, tmp_path / "plan")
    assert _rows(tmp_path / "plan" / "machines.csv")[0]["name"] == "'" + name


def test_negative_numbers_are_numbers(small: Plan, tmp_path: Path) -> None:
    write_plan(small, tmp_path / "plan")
    amounts = [float(row["value_btc"]) for row in _rows(tmp_path / "plan" / "terms.csv")]
    expected = [row["value_btc"] for row in records(small.tables["terms"])]  # type: ignore[arg-type]
    assert amounts == expected
    assert min(amounts) < 0


def test_a_replay_is_written_like_a_plan(drawn: Replayed, lived: Replayed, tmp_path: Path) -> None:
    out = tmp_path / "replay"
    for replayed, rows in ((drawn, len(drawn.outcome)), (lived, 1)):
        written = write_replay(replayed, out)
        assert sorted(written) == sorted(out.iterdir())
        assert {path.stem for path in written} == {"replay", *tables_of(replayed)}
        assert json.loads((out / "replay.json").read_text(encoding="utf-8")) == replay_document(replayed)
        assert len(_rows(out / "paths.csv")) == rows
    assert list(tmp_path.iterdir()) == [out]


def test_csv_of_a_replay_says_the_same_as_json(drawn: Replayed, lived: Replayed, tmp_path: Path) -> None:
    write_replay(drawn, tmp_path / "drawn")
    write_replay(lived, tmp_path / "lived")
    summary, [path] = replay_document(drawn)["summary"], replay_document(lived)["paths"]
    expected = {f"drawn/{name}": summary[name] for name in ("figures", "chances", "months", "debts", "debt_months")}
    expected |= {"lived/path_months": path["months"], "lived/path_debts": path["debts"]}
    for name, rows in expected.items():
        said = [{key: "" if value is None else str(value) for key, value in row.items()} for row in rows]
        written = _rows(tmp_path / f"{name}.csv")
        assert [{key: row[key] for key in said[0]} for row in written] == said


def test_a_plan_and_a_replay_do_not_replace_each_other(small: Plan, drawn: Replayed, tmp_path: Path) -> None:
    write_plan(small, tmp_path / "plan")
    write_replay(drawn, tmp_path / "replay")
    with pytest.raises(OutputError, match="holds no hashlever replay"):
        write_replay(drawn, tmp_path / "plan")
    with pytest.raises(OutputError, match="holds no hashlever plan"):
        write_plan(small, tmp_path / "replay")
