"""Help, version, validate, schema: quick answers, and what is printed where."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from optimizer import __version__
from optimizer.scenario.jsonschema import scenario_json_schema
from tests.cli.command import SCENARIOS, hashlever

COMMANDS = ("new", "validate", "plan", "replay", "backtest", "compare", "sweep", "schema", "quote")


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_names_every_command(flag: str) -> None:
    done = hashlever(flag)
    assert (done.returncode, done.stderr) == (0, "")
    listed = done.stdout.split("Commands:")[1]
    assert [line.split()[0] for line in listed.splitlines() if line[2:3].strip()] == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    done = hashlever(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: hashlever {name}")


def test_version() -> None:
    done = hashlever("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"hashlever {__version__}\n", "")


@pytest.mark.parametrize("wrong", [(), ("frobnicate",), ("plan",), ("plan", "--bogus", "x.yaml"), ("new",)])
def test_a_wrong_call_is_bad_input_and_says_how_it_is_called(wrong: tuple[str, ...]) -> None:
    done = hashlever(*wrong)
    assert done.returncode == 2
    assert "Usage: hashlever" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_validate_says_what_was_understood() -> None:
    done = hashlever("validate", SCENARIOS / "fleet_refresh.yaml")
    assert done.returncode == 0
    for said in ("Fleet refresh 60 MW", "600.0 BTC", "$84,714", "Odessa", "30.0", "24 months", "price halves"):
        assert said in done.stdout


def test_validate_as_json_prints_json_only() -> None:
    done = hashlever("validate", SCENARIOS / "fleet_refresh.yaml", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert (said["valid"], said["name"]) == (True, "Fleet refresh 60 MW")
    assert len(said["sha256"]) == 64
    assert "ledn-may falls due in month 7" in said["warnings"][0]


def test_schema_prints_the_schema() -> None:
    done = hashlever("schema")
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert said == scenario_json_schema()
    assert said["$schema"].startswith("https://json-schema.org/draft/")


def _variant(folder: Path, text: str) -> Path:
    """A file that extends the top-up scenario, in a workspace of its own."""
    for name in ("models", "scenarios"):
        shutil.copytree(SCENARIOS.parent / name, folder / name)
    path = folder / "scenarios" / "variant.yaml"
    path.write_text(f"schema: hashlever/scenario/1\nextends: teach_top_up.yaml\nname: Variant\n{text}")
    return path


def test_overrides_and_sets_are_laid_over_the_file_in_order(tmp_path: Path) -> None:
    path = _variant(tmp_path, "overrides:\n  rich: {name: Rich, treasury: {cash_usd: 7000000}}\n")
    plain, rich, poor = (
        json.loads(hashlever("validate", path, "--json", *more).stdout)
        for more in ((), ("--override", "rich"), ("--override", "rich", "--set", "treasury.cash_usd=48000"))
    )
    assert [said["name"] for said in (plain, rich, poor)] == ["Variant", "Rich", "Rich"]
    assert len({said["sha256"] for said in (plain, rich, poor)}) == 3
    shown = hashlever("validate", path, "--override", "rich", "--set", "treasury.btc_lots[0].btc=31")
    assert "31.00 BTC" in shown.stdout
    assert "$7.00M in cash" in shown.stdout


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--set", "nonsense"), "must be path=value"),
        (("--set", "treasury.cash_usd=lots"), "treasury.cash_usd"),
        (("--set", "treasury.nothing=1"), "treasury has no key nothing"),
        (("--override", "nonsense"), "no override of this name"),
    ],
)
def test_a_wrong_change_is_bad_input(option: tuple[str, str], said: str) -> None:
    done = hashlever("validate", SCENARIOS / "teach_top_up.yaml", *option)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "mend:" in done.stderr
