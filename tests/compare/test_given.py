"""Reading the plans to compare: folders and scenarios, and what is said of those that cannot be used."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from optimizer.compare.given import MOST_PLANS, read_all
from optimizer.errors import CompareError, HashleverError, InfeasibleError, ReplayError, ScenarioError
from optimizer.report.write import write_plan
from tests.compare.conftest import SCENARIOS, planned


def quiet(stage: str, detail: str) -> None:
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("plans") / "plan"
    write_plan(planned("teach_borrow_or_sell"), out)
    return out


def test_a_folder_and_its_scenario_are_the_same_plan(folder: Path) -> None:
    saved, made = read_all([folder, SCENARIOS / "teach_borrow_or_sell.yaml"], quiet)
    assert saved.saved.sha256 == made.saved.sha256
    assert saved.saved.books.net_btc == pytest.approx(made.saved.books.net_btc)
    assert (saved.paths, saved.out_of_sample) == (made.paths, made.out_of_sample) == (0, {})
    assert saved.place == str(folder)
    assert not saved.hit_limit


@pytest.mark.parametrize("number", [0, 1, MOST_PLANS + 1])
def test_too_few_or_too_many_are_refused(folder: Path, number: int) -> None:
    with pytest.raises(CompareError, match=f"2 to {MOST_PLANS} plans; found {number}"):
        read_all([folder] * number, quiet)


def test_one_that_cannot_be_read_says_why(folder: Path) -> None:
    with pytest.raises(ReplayError, match="no plan that can be read"):
        read_all([folder, folder.parent / "nowhere"], quiet)
    with pytest.raises(ScenarioError, match="no such file"):
        read_all([folder.parent / "nowhere.yaml", folder], quiet)


def test_all_that_cannot_be_read_are_said_at_once(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(CompareError) as raised:
        read_all([folder.parent / "nowhere", tmp_path, folder.parent / "gone.yaml"], quiet)
    assert all(said in str(raised.value) for said in ("nowhere", "is not JSON", "gone.yaml"))


def test_of_several_scenarios_the_one_without_a_plan_is_named(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    for name in ("asics", "loans", "sites"):
        (tmp_path / "models" / f"{name}.yaml").write_text("{}")
    text = (SCENARIOS / "teach_top_up.yaml").read_text().replace("../models", "models")
    (tmp_path / "good.yaml").write_text(text)
    (tmp_path / "bad.yaml").write_text(text.replace("{btc: 30,", "{btc: 17,"))
    with pytest.raises(InfeasibleError, match=r"bad\.yaml: No plan meets every requirement"):
        read_all([tmp_path / "good.yaml", tmp_path / "bad.yaml"], quiet)


def with_sample(document: dict[str, Any], **figures: object) -> None:
    rows = [{"figure": name, "out_of_sample": value} for name, value in figures.items()]
    document["out_of_sample"] = {"paths": 500, "figures": rows}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document.pop("solver"),
        lambda document: document["solver"].update(gap="small"),
        lambda document: document["solver"].update(hit_limit=1),
        lambda document: document.pop("out_of_sample"),
        lambda document: document.update(out_of_sample=[]),
        lambda document: document.update(out_of_sample={"paths": -1, "figures": []}),
        lambda document: with_sample(document, p_call="<script>"),
        lambda document: with_sample(document, p_call=1e300),
    ],
)
def test_figures_that_no_ledger_checks_are_read_with_care(
    folder: Path, tmp_path: Path, spoil: Callable[[dict[str, Any]], object]
) -> None:
    document = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    spoil(document)
    (tmp_path / "plan.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(HashleverError, match=r"is not whole: .*Plan again"):
        read_all([tmp_path, folder], quiet)


def test_a_figure_without_a_value_is_none(folder: Path, tmp_path: Path) -> None:
    document = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    with_sample(document, p_call=0.25, room_to_call_share_p05=None)
    document["solver"]["gap"] = None
    (tmp_path / "plan.json").write_text(json.dumps(document), encoding="utf-8")
    read, _ = read_all([tmp_path / "plan.json", folder], quiet)
    assert read.out_of_sample["p_call"] == 0.25
    assert math.isnan(read.out_of_sample["room_to_call_share_p05"])
    assert math.isnan(read.gap)
    assert read.paths == 500


def test_a_plan_changed_by_hand_fails_its_audit(folder: Path, tmp_path: Path) -> None:
    document = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    document["nodes"][3]["cash_usd"] += 5e5
    (tmp_path / "plan.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(HashleverError, match="is not as hashlever wrote it"):
        read_all([folder, tmp_path], quiet)


def test_a_scenario_may_end_in_yml(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "models").mkdir()
    for name in ("asics", "loans", "sites"):
        (tmp_path / "models" / f"{name}.yaml").write_text("{}")
    text = (SCENARIOS / "teach_borrow_or_sell.yaml").read_text().replace("../models", "models")
    (tmp_path / "mine.yml").write_text(text)
    _, mine = read_all([folder, tmp_path / "mine.yml"], quiet)
    assert mine.saved.scenario.market.price == planned("teach_borrow_or_sell").scenario.market.price
