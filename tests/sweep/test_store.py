"""The folder: what may be in it, who may write to it, what killed processes left."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.errors import OutputError
from optimizer.sweep.store import INFEASIBLE, POINTS, opened, refuse_foreign

KEY = "0123456789abcdef" * 2


@pytest.mark.parametrize("name", ["minutes.md", f"{POINTS}/minutes.md", f"{INFEASIBLE}/minutes.md", "plan.json"])
def test_what_a_sweep_did_not_write_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("what the board said")
    said = f"holds '{Path(name).name}', which no sweep of hashlever wrote. Name a new or an empty folder."
    with pytest.raises(OutputError, match=said), opened(tmp_path):
        pass
    assert (tmp_path / name).read_text() == "what the board said"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is there already and is not a folder"):
        refuse_foreign(tmp_path / "file")
    with pytest.raises(OutputError, match="Cannot write the sweep to"), opened(tmp_path / "file" / "below"):
        pass


def test_two_sweeps_do_not_write_to_one_folder(tmp_path: Path) -> None:
    refused = pytest.raises(OutputError, match="Another sweep is at work in")
    with opened(tmp_path / "sweep"), refused, opened(tmp_path / "sweep"):
        pass
    with opened(tmp_path / "sweep") as store:
        assert store.result(KEY, "") is None


def test_what_killed_processes_left_is_taken_away_and_never_read(tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    half = out / POINTS / f".{KEY}.new-0123abcd"
    half.mkdir(parents=True)
    (half / "plan.json").write_text("{")
    (out / INFEASIBLE).mkdir()
    (out / INFEASIBLE / f".{KEY}.txt.new-0123abcd").write_text("No pl")
    (out / ".sweep.json.new-0123abcd").write_text("{")
    with opened(out) as store:
        assert store.result(KEY, "") is None
        assert store.why_not(KEY) is None
    left = {path.name for folder in (out, out / POINTS, out / INFEASIBLE) for path in folder.iterdir()}
    assert left - {".lock"} == {POINTS, INFEASIBLE}
