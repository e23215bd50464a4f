"""Sources of money from the file to the report: filled from the catalogue, told in words, saved and read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import ScenarioError
from optimizer.planning import Plan, plan
from optimizer.replay.replayed import on_monte_carlo
from optimizer.replay.saved import read_plan
from optimizer.report.plan_json import plan_document
from optimizer.report.terminal import print_plan
from optimizer.report.write import write_plan
from optimizer.scenario.load import LoadedScenario, load_scenario
from tests.builders import minimal_scenario_dict, write_scenario
from tests.report.conftest import printed

SENIOR = {
    "kind": "note",
    "apr": 0.03,
    "term_months": 12,
    "issue_fee_share": 0.01,
    "as_of": "2026-01",
    "source": "a test's term sheet",
}


def loaded(folder: Path, *sources: dict[str, Any], **offered: dict[str, Any]) -> LoadedScenario:
    """The small company with these sources, and these in its catalogue."""
    data = minimal_scenario_dict()
    data["market"]["price"]["view"] = {"median_growth_pa": 0.8}
    data["sources"] = list(sources)
    file = write_scenario(folder, data)
    if offered:
        (folder / "catalogue" / "sources.yaml").write_text(json.dumps(offered))
    return load_scenario(file)


def test_a_product_fills_what_is_not_written(tmp_path: Path) -> None:
    asked = {"product": "senior", "counterparty": "Fund", "limit_usd": 1e6, "apr": 0.04}
    [source] = loaded(tmp_path, asked, senior=SENIOR).scenario.sources
    assert (source.name, source.kind, source.counterparty) == ("senior", "note", "Fund")
    assert (source.apr, source.term_months) == (0.04, 12)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"product": "seniro"}, "did you mean senior?"),
        ({"product": "senior", "counterparty": "Fund"}, "product senior leaves limit_usd blank"),
        ({"product": "senior", "counterparty": "Fund", "limit_usd": 1, "aprr": 1}, "did you mean apr?"),
        ({"kind": "bond", "name": "x", "counterparty": "y"}, "sources[0]"),
    ],
)
def test_what_is_wrong_is_told_with_its_mend(asked: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as refused:
        loaded(tmp_path, asked, senior=SENIOR)
    assert told in str(refused.value)


def test_an_entry_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="did you mean note"):
        loaded(tmp_path, senior={**SENIOR, "kind": "notes"})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    asked = {"product": "senior", "counterparty": "Fund", "limit_usd": 1e6}
    desk = {
        "kind": "btc_lending",
        "name": "desk",
        "counterparty": "Desk",
        "yield_pa": 0.05,
        "lock_months": 3,
        "limit_btc": 20,
    }
    return plan(loaded(tmp_path_factory.mktemp("offered"), asked, desk, senior=SENIOR), compare=False, monte_carlo=200)


def test_the_plan_says_what_it_uses(made: Plan) -> None:
    said = printed(lambda console: print_plan(made, console))
    assert "Issue $1.00M: senior (Fund, note)." in said
    assert "Lend 20.00 BTC: desk (Desk, btc lending)." in said
    document = plan_document(made)
    assert [use["what"] for use in document["today"]["uses"]] == ["issue_usd", "lend_btc"]
    assert document["nodes"][0]["tied_btc"] == 20
    assert document["nodes"][0]["sources_worth_usd"] == -1e6
    assert sum(document["objective"]["terms"].values()) == pytest.approx(
        document["objective"]["objective_btc"], rel=1e-6
    )


def test_it_is_saved_read_back_and_replayed(made: Plan, tmp_path: Path) -> None:
    write_plan(made, tmp_path / "plan")
    saved = read_plan(tmp_path / "plan")
    assert [use.source for use in saved.decisions.uses] == [use.source for use in made.decisions.uses]
    assert saved.decisions.uses[0].amount == pytest.approx(made.decisions.uses[0].amount)
    summary = on_monte_carlo(saved, 200).summary
    assert summary is not None
    assert made.out_of_sample is not None
    assert summary.sample.expected == pytest.approx(made.out_of_sample.sample.expected, rel=1e-4)
