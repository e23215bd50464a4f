"""Tab: the command asked by the shells' own completion, as a process."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from optimizer.scenario.load import load_scenario
from optimizer.scenario.merge import apply_set, read_chain
from tests.cli.command import SCENARIOS, command

needs_bash = pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a scenario that has overrides, a YAML file that is none, and folders of plans."""
    folder = tmp_path_factory.mktemp("tab")
    for name in ("models", "scenarios"):
        shutil.copytree(SCENARIOS.parent / name, folder / name)
    mine = "schema: hashlever/scenario/1\nextends: fleet_refresh.yaml\nname: Mine\n"
    mine += "overrides:\n  thin_cash: {treasury: {cash_usd: 2000000}}\n  dear_power: {numeraire: btc}\n"
    (folder / "scenarios" / "mine.yaml").write_text(mine, encoding="utf-8")
    (folder / "broken.yaml").write_text("schema: hashlever/scenario/1\nname: [\n", encoding="utf-8")
    (folder / "other.yaml").write_text("a: 1\n", encoding="utf-8")
    (folder / "plans" / "october").mkdir(parents=True)
    (folder / "plans" / "october" / "plan.json").write_text("{}", encoding="utf-8")
    (folder / "plans" / "empty").mkdir()
    return folder


def asked(folder: Path, **environment: str) -> str:
    """What the command answers a shell that asks in this folder; it has nothing to complain of."""
    done = subprocess.run(
        [command()], cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    return done.stdout


def offered(folder: Path, *words: str) -> list[str]:
    """What bash is offered where the last of these words stands."""
    answer = asked(
        folder,
        COMP_WORDS=" ".join(["hashlever", *words]),
        COMP_CWORD=str(len(words)),
        _HASHLEVER_COMPLETE="complete_bash",
    )
    return answer.splitlines()


def test_scenario_files_are_offered_and_other_yaml_is_not(folder: Path) -> None:
    every = [f"scenarios/{path.name}" for path in sorted((folder / "scenarios").glob("*.yaml"))]
    for name in ("plan", "validate", "backtest", "sweep"):
        assert offered(folder, name, "") == ["broken.yaml", *every]
    assert offered(folder, "plan", "scenarios/treas") == [file for file in every if "treasury" in file]
    assert offered(folder / "scenarios", "plan", "../scenarios/mi") == ["../scenarios/mine.yaml"]
    assert offered(folder, "plan", "nowhere/x") == [""]


def test_plans_are_offered_where_plans_are_asked_for(folder: Path) -> None:
    assert offered(folder, "replay", "") == ["plans/october"]
    assert offered(folder, "replay", "plans/o") == ["plans/october"]
    found = offered(folder, "compare", "plans/october", "")
    assert {"plans/october", "scenarios/mine.yaml"} <= set(found)


def test_ids_of_the_catalogue_are_offered(folder: Path) -> None:
    assert offered(folder, "quote", "loan", "strike") == ["strike_loan"]
    assert offered(folder, "quote", "loan", "al") == ["all"]
    found = offered(folder, "quote", "machine", "antminer_s21_xp")
    assert len(found) > 2
    assert all(name.startswith("antminer_s21_xp") for name in found)
    assert offered(folder, "quote", "machine", "antminer_s21_xp_270t", "--loan", "strike") == ["strike_loan"]


def test_ids_are_of_the_catalogue_that_the_call_names(folder: Path) -> None:
    (folder / "own").mkdir()
    (folder / "own" / "loans.yaml").write_text("house_bank: {lender: House Bank}\n", encoding="utf-8")
    assert offered(folder, "quote", "loan", "--catalogue", "own", "") == ["house_bank", "all"]
    assert offered(folder, "quote", "loan", "--catalogue", "nowhere", "") == ["all"]


def test_overrides_of_the_file_in_the_call_are_offered(folder: Path) -> None:
    for name in ("plan", "validate", "backtest", "sweep"):
        assert offered(folder, name, "scenarios/mine.yaml", "--override", "") == ["thin_cash", "dear_power"]
    assert offered(folder, "plan", "scenarios/mine.yaml", "--override", "thin_cash", "--override", "d") == [
        "dear_power"
    ]
    for file in ("scenarios/fleet_refresh.yaml", "broken.yaml", "nowhere.yaml", ""):
        assert offered(folder, "plan", file, "--override", "") == [""]


def test_paths_to_set_are_those_that_the_file_writes_and_set_takes_them(folder: Path) -> None:
    assert offered(folder, "plan", "scenarios/mine.yaml", "--set", "treasury.cas") == ["treasury.cash_usd="]
    paths = offered(folder, "plan", "scenarios/mine.yaml", "--set", "")
    assert {"facilities[two-prime].limit_usd=", "treasury.btc_lots[0].btc=", "name="} <= set(paths)
    assert offered(folder, "sweep", "scenarios/mine.yaml", "--set", "") == paths
    whole = read_chain(folder / "scenarios" / "mine.yaml", problems := [])
    for path in paths:
        apply_set(whole, f"{path}1", problems)
    assert problems == []
    changed = load_scenario(folder / "scenarios" / "mine.yaml", sets=["facilities[two-prime].limit_usd=9e6"])
    assert changed.scenario.facilities[0].limit_usd == 9e6


def test_zsh_is_told_what_each_value_is(folder: Path) -> None:
    def told(line: str) -> str:
        return asked(folder, _TYPER_COMPLETE_ARGS=line, _HASHLEVER_COMPLETE="complete_zsh")

    assert '"strike_loan":"Strike"' in told("hashlever quote loan str")
    assert '"treasury.cash_usd=":"now 4000000' in told("hashlever plan scenarios/mine.yaml --set treasury.cash")
    # Where nothing fits, zsh completes files itself.
    assert told("hashlever plan nowhere/x").strip() == "_files"


def test_fish_is_told_what_each_value_is(folder: Path) -> None:
    line = {"_TYPER_COMPLETE_ARGS": "hashlever quote loan str", "_HASHLEVER_COMPLETE": "complete_fish"}
    assert asked(folder, **line, _TYPER_COMPLETE_FISH_ACTION="get-args") == "strike_loan\tStrike\n"


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish here: apt-get install fish")
def test_fish_completes_with_the_script_that_install_completion_writes(folder: Path, tmp_path: Path) -> None:
    own = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / ".config")}
    own |= {"PATH": f"{Path(command()).parent}:{os.environ['PATH']}"}
    # Without this the shell is the one that the tests were started from.
    own |= {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            arguments, cwd=folder, env={**os.environ, **own}, capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    run(command(), "--install-completion", "fish")
    assert run("fish", "-c", 'complete -C "hashlever quote loan str"') == "strike_loan\tStrike\n"
    told = run("fish", "-c", 'complete -C "hashlever plan scenarios/mine.yaml --set treasury.cas"')
    assert told == "treasury.cash_usd=\tnow 4000000\n"


@needs_bash
def test_bash_completes_with_the_script_that_show_completion_prints(folder: Path) -> None:
    program = f"""PATH={Path(command()).parent}:$PATH
    eval "$(hashlever --show-completion)"
    COMP_WORDS=(hashlever quote loan strike) COMP_CWORD=3
    _hashlever_completion hashlever
    printf '%s\\n' "${{COMPREPLY[@]}}"
    complete -p hashlever"""
    done = subprocess.run(["bash", "-c", program], cwd=folder, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["strike_loan", "complete -o default -F _hashlever_completion hashlever"]


@needs_bash
@pytest.mark.parametrize(
    ("shell", "start", "script"),
    [("bash", ".bashrc", ".bash_completions/hashlever.sh"), ("zsh", ".zshrc", ".zfunc/_hashlever")],
)
def test_install_completion_writes_what_the_shell_reads_at_its_start(
    shell: str, start: str, script: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [command(), "--install-completion", shell],
        # Without this the shell is the one that the tests were started from.
        env={**os.environ, "HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{shell} completion installed" in done.stdout
    assert (tmp_path / start).is_file()
    assert f"_HASHLEVER_COMPLETE=complete_{shell}" in (tmp_path / script).read_text(encoding="utf-8")
