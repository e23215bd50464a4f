"""The benchmarks run: on trees so small that their figures say nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks import bare_highs, handover, ledger, plans, sweeps
from benchmarks.__main__ import SPEED
from benchmarks.asked import Asked
from benchmarks.plans import GROWS_FROM, growth
from benchmarks.tables import Column, Table, put
from benchmarks.trees import SHAPES

ROOT = Path(__file__).parents[1]
SMALLEST = min(SHAPES)
TABLES = ("nodes", "shares", "bare", "handover", "ledger", "sweep")
_silent = Asked((SMALLEST,), 0, 1, lambda text: None)


def test_a_table_in_markdown() -> None:
    columns = (Column("way", "way"), Column("seconds", "s", ".1f"))
    table = Table("t", columns, [{"way": "whole", "seconds": 1.25}, {"way": "none", "seconds": None}], ("Noted.",))
    assert table.markdown().splitlines() == [
        "| way | s |",
        "| --- | --: |",
        "| whole | 1.2 |",
        "| none | – |",
        "",
        "Noted.",
    ]


def test_a_table_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    document = tmp_path / "d.md"
    document.write_text("a\n<!-- benchmark: x -->\nold\n<!-- end: x -->\nb\n", encoding="utf-8")
    put(document, "x", "| 1\\2 |")
    assert document.read_text(encoding="utf-8") == "a\n<!-- benchmark: x -->\n| 1\\2 |\n<!-- end: x -->\nb\n"
    with pytest.raises(ValueError, match="no place for y"):
        put(document, "y", "")


@pytest.mark.parametrize("name", TABLES)
def test_the_document_has_a_place_for_every_table(name: str) -> None:
    text = SPEED.read_text(encoding="utf-8")
    assert text.count(f"<!-- benchmark: {name} -->") == text.count(f"<!-- end: {name} -->") == 1


def test_growth_is_the_power_of_the_nodes() -> None:
    sizes = (GROWS_FROM // 4, GROWS_FROM, 4 * GROWS_FROM, 10 * GROWS_FROM)
    rows = [
        {
            "scenario": "fleet_refresh",
            "nodes": n,
            "method": "decomposed",
            "gap": 0.0,
            "solve": 9.0 if n < GROWS_FROM else n**1.5,
            "seconds": 2.0 * n,
        }
        for n in sizes
    ]
    solving, everything = growth([*rows, {**rows[-1], "scenario": "full_menu", "solve": 1.0, "seconds": 1.0}])
    assert "nodes^1.50" in solving and "nodes^1.00" in everything
    assert growth(rows[:2]) == ()


@pytest.mark.slow
@pytest.mark.parametrize("way", handover.WAYS)
def test_every_way_hands_over_the_same_model(way: str) -> None:
    if way == handover.LINOPY and find_spec("linopy") is None:
        pytest.skip("linopy is not installed: pip install -c constraints.txt '.[bench]'")
    row = handover.handed_over(SHAPES[SMALLEST].sets, way, 1)
    assert row["rows"] and row["nonzeros"]


@pytest.mark.slow
def test_bare_highs_comes_to_the_same() -> None:
    row = bare_highs.beside(SHAPES[SMALLEST].sets, 1)
    assert row["ended"] == "proven"
    assert float(row["ratio"] or 0) > 0


@pytest.mark.slow
def test_replays_and_sweeps_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "WEIGHTS", (0.5,))
    monkeypatch.setattr(ledger, "PATHS", 200)
    assert all(float(row["path_months_per_second"] or 0) > 0 for row in ledger.measure(_silent)[0].rows)
    assert [row["workers"] for row in sweeps.measure(_silent)[0].rows] == [1, 2]


@pytest.mark.slow
def test_the_command_prints_and_writes_its_figures(tmp_path: Path) -> None:
    figures, chart = tmp_path / "figures.json", tmp_path / "chart.svg"
    asked = (f"--nodes={SMALLEST}", "--whole-up-to=0", f"--json={figures}", f"--chart={chart}")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--only=plans", *asked],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(figures.read_text(encoding="utf-8"))["figures"]
    assert [row["method"] for row in found["nodes"]["rows"]] == ["decomposed", "whole"]
    for row in found["shares"]["rows"]:
        assert sum(row[stage] for stage in plans.STAGES) == pytest.approx(row["seconds"])
    assert "## shares" in done.stdout and chart.read_text(encoding="utf-8").startswith("<svg")


def test_a_size_that_is_not_there_is_told() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--nodes=7"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "'7' must be of 50, 100" in done.stderr
