"""No bad file gets more than words and exit code 2 out of the command."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from optimizer.cli import main
from optimizer.errors import ExitCode
from tests.cli.command import SCENARIOS, hashlever

BAD = Path(__file__).parents[1] / "scenario" / "bad"
FILES = sorted(path for path in BAD.glob("*.yaml") if not path.name.startswith("_"))
# What a user may also name by mistake.
NO_FILES = {"a folder": BAD, "nothing": BAD / "nowhere.yaml", "no YAML": Path(sys.executable)}


def _is_in_words(error: str, path: Path) -> bool:
    """Whether the text on standard error names the file, or one that it is made of, and says how to mend it."""
    made_of = [path.name, *(other.name for other in BAD.rglob("_*")), "sites.yaml"]
    return "Traceback" not in error and "mend:" in error and any(name in error for name in made_of)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_words_and_exit_code(path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["hashlever", "validate", str(path)])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert ended.value.code == ExitCode.BAD_INPUT
    assert printed.out == ""
    assert _is_in_words(printed.err, path)


# One in fifteen as a process of its own, which also shows what escapes `main`.
@pytest.mark.parametrize("path", FILES[::15], ids=lambda path: path.stem)
def test_words_and_exit_code_of_the_process(path: Path) -> None:
    done = hashlever("validate", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert _is_in_words(done.stderr, path)


@pytest.mark.parametrize("path", NO_FILES.values(), ids=NO_FILES)
def test_what_is_no_scenario_at_all(path: Path) -> None:
    done = hashlever("validate", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert path.name in done.stderr
    assert "Traceback" not in done.stderr


def test_a_plan_of_a_bad_file_writes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "plan"
    done = hashlever("plan", SCENARIOS / "teach_top_up.yaml", "--set", "treasury.cash_usd=-1", "--out", out)
    assert (done.returncode, done.stdout) == (2, "")
    assert "treasury.cash_usd" in done.stderr
    assert list(tmp_path.iterdir()) == []
