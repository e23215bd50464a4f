"""`hashlever new`: a workspace that can be planned in at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from optimizer.scenario.load import load_scenario
from tests.cli.command import SCENARIOS, hashlever


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace made by the command, in a folder whose parents do not exist."""
    folder = tmp_path_factory.mktemp("new") / "deep" / "my plan"
    done = hashlever("new", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert str(folder) in done.stdout
    return folder


def test_it_holds_the_catalogue_the_scenarios_and_the_schema(workspace: Path) -> None:
    assert sorted(path.name for path in workspace.iterdir()) == [
        ".vscode",
        "models",
        "scenario.schema.json",
        "scenarios",
    ]
    shipped = {path.name: path.read_bytes() for path in (SCENARIOS.parent / "models").iterdir()}
    assert {path.name: path.read_bytes() for path in (workspace / "models").iterdir()} == shipped
    schema = json.loads((workspace / "scenario.schema.json").read_text(encoding="utf-8"))
    assert schema == json.loads(hashlever("schema").stdout)


def test_its_scenarios_name_the_schema_and_are_the_shipped_ones_otherwise(workspace: Path) -> None:
    for path in SCENARIOS.iterdir():
        made = workspace / "scenarios" / path.name
        if path.suffix != ".yaml":
            assert made.read_bytes() == path.read_bytes()
            continue
        first, rest = made.read_text(encoding="utf-8").split("\n", 1)
        assert rest == path.read_text(encoding="utf-8")
        named = first.removeprefix("# yaml-language-server: $schema=")
        assert named != first
        assert (made.parent / named).samefile(workspace / "scenario.schema.json")


def test_vs_code_is_told_of_the_schema_and_of_its_extension(workspace: Path) -> None:
    settings = json.loads((workspace / ".vscode" / "settings.json").read_text(encoding="utf-8"))
    [(schema, files)] = settings["yaml.schemas"].items()
    assert (workspace / schema).samefile(workspace / "scenario.schema.json")
    assert {*workspace.glob(files)} == {*(workspace / "scenarios").glob("*.yaml")}
    wanted = json.loads((workspace / ".vscode" / "extensions.json").read_text(encoding="utf-8"))
    assert wanted == {"recommendations": ["redhat.vscode-yaml"]}


def test_its_scenarios_are_valid(workspace: Path) -> None:
    names = [load_scenario(path).scenario.name for path in sorted((workspace / "scenarios").glob("*.yaml"))]
    assert len(set(names)) == len(names) >= 10


def test_a_plan_can_be_made_there(workspace: Path) -> None:
    done = hashlever("plan", "scenarios/teach_one_machine.yaml", "--no-compare", "--out", "plans/first", cwd=workspace)
    assert done.returncode == 0
    assert "14.5888 BTC" in done.stdout
    assert (workspace / "plans" / "first" / "plan.json").is_file()


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    assert hashlever("new", tmp_path).returncode == 0
    assert (tmp_path / "scenarios" / "fleet_refresh.yaml").is_file()


def test_it_refuses_a_folder_with_something_in_it_and_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for place in (tmp_path, tmp_path / "mine.txt", tmp_path / "mine.txt" / "below"):
        done = hashlever("new", place)
        assert (done.returncode, done.stdout) == (2, "")
        assert str(place) in done.stderr
        assert "Traceback" not in done.stderr
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
