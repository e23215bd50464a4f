"""`hashlever compare` as a process: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import SCENARIOS, hashlever, interrupted, needs_ctrl_c

TEACH = SCENARIOS / "teach_borrow_or_sell.yaml"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two plans: one borrows, one sells."""
    at = tmp_path_factory.mktemp("plans")
    for name, price in (("rise", 115_000), ("less", 109_000)):
        asked = f"--set=market.price.cases[0].price[0].usd={price}"
        done = hashlever("plan", TEACH, asked, "--no-compare", "--out", at / name)
        assert done.returncode == 0, done.stderr
    return at / "rise", at / "less"


def test_two_folders(folders: tuple[Path, Path], tmp_path: Path) -> None:
    done = hashlever("compare", *folders, "--html", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr
    assert "B is worth 0.4348 BTC less than A" in done.stdout
    assert f"wrote {tmp_path / 'page.html'}" in done.stderr
    assert "B is worth 0.4348 BTC less than A" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert max(len(line) for line in done.stdout.splitlines()) <= 100


def test_json_and_nothing_else(folders: tuple[Path, Path]) -> None:
    done = hashlever("compare", *folders, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [plan["letter"] for plan in document["plans"]] == ["A", "B"]
    assert document["split"]["mean"] == pytest.approx([40 - 1.1e6 / 115_000, 30])


def test_a_scenario_is_planned_first(folders: tuple[Path, Path]) -> None:
    done = hashlever("compare", folders[0], TEACH)
    assert done.returncode == 0, done.stderr
    assert "All were planned from the same inputs" in done.stdout
    assert "solve:" in done.stderr


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("plan",), "A comparison is of 2 to 6 plans; found 1."),
        (("plan",) * 7, "A comparison is of 2 to 6 plans; found 7."),
        (("plan", "nowhere"), "There is no plan that can be read at nowhere"),
        (("plan", "nowhere.yaml"), "nowhere.yaml"),
        (("plan", "nowhere", "gone"), "gone"),
        ((), "A B [C...]"),
    ],
)
def test_a_wrong_call_says_what_is_right(folders: tuple[Path, Path], asked: tuple[str, ...], said: str) -> None:
    done = hashlever("compare", *(folders[0] if place == "plan" else place for place in asked))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_page_that_is_no_comparison_is_refused_before_the_work(folders: tuple[Path, Path], tmp_path: Path) -> None:
    mine = tmp_path / "mine.html"
    mine.write_text("mine")
    done = hashlever("compare", *folders, "--html", mine)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is no comparison that hashlever wrote" in done.stderr
    assert "read:" not in done.stderr
    assert mine.read_text() == "mine"


@needs_ctrl_c
def test_ctrl_c_ends_it_at_once(tmp_path: Path) -> None:
    flagship = SCENARIOS / "fleet_refresh.yaml"
    code, printed, error = interrupted(
        "compare", flagship, flagship, "--html", tmp_path / "page.html", after="solve:", pause_s=0.5
    )
    assert (code, printed) == (130, "")
    assert "interrupted; nothing was written" in error
    assert list(tmp_path.iterdir()) == []
