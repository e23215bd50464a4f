import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from optimizer.planning import Plan
from optimizer.replay.replayed import Replayed
from optimizer.report.plan_json import plan_document
from optimizer.report.replay_json import replay_document

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "replay-json.md"


def test_every_key_is_documented_and_every_documented_key_is_there(
    drawn: Replayed, shocked: Replayed, lived: Replayed
) -> None:
    found = {key for replayed in (drawn, shocked, lived) for key in _keys(replay_document(replayed))}
    documented = set(re.findall(r"^\| `([^`]+)` \|", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE))
    # `summary` is documented with plan.json; an empty list of paths is no key of its own.
    found = {key for key in found if not key.startswith("summary")}
    assert found - documented == set()
    assert documented - {"paths"} - found == set()


def _keys(value: object, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _keys(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            yield from _keys(item, f"{path}[]")
    else:
        yield path


def test_the_document_survives_json_unchanged(drawn: Replayed, shocked: Replayed, lived: Replayed) -> None:
    for replayed in (drawn, shocked, lived):
        document = replay_document(replayed)
        assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_a_plan_s_summary_has_the_keys_of_a_replay_s(small: Plan, drawn: Replayed) -> None:
    of_plan, of_replay = plan_document(small)["out_of_sample"], replay_document(drawn)["summary"]
    assert of_plan["paths"] == 5000
    assert set(_keys(of_plan)) == set(_keys(of_replay))


def test_the_tree_s_figures_are_the_plan_s(small: Plan) -> None:
    document = plan_document(small)
    figures = {row["figure"]: row for row in document["out_of_sample"]["figures"]}
    objective = document["objective"]
    assert figures["value"]["tree"] == pytest.approx(objective["value_btc"])
    assert figures["expected"]["tree"] == pytest.approx(objective["expected_net_btc"])
    assert figures["worst"]["tree"] == pytest.approx(objective["worst_net_btc"])
    for row in figures.values():
        if None not in row.values():
            assert row["difference"] == pytest.approx(row["out_of_sample"] - row["tree"], abs=1e-6), row
    assert {row["unit"] for row in figures.values()} == {"btc", "usd", "share"}


def test_quantiles_rise_and_chances_lie_in_their_intervals(drawn: Replayed) -> None:
    summary = replay_document(drawn)["summary"]
    for row in [
        summary["net_btc"],
        *({k[8:]: v for k, v in m.items() if k[:8] == "net_btc_"} for m in summary["months"]),
    ]:
        points = [row[point] for point in ("p05", "p25", "p50", "p75", "p95")]
        assert points == sorted(points)
    assert all(row["low"] <= row["share"] <= row["high"] for row in summary["chances"])
    assert sum(row["first_trouble_share"] for row in summary["months"]) == pytest.approx(
        next(row["share"] for row in summary["chances"] if row["event"] == "p_any_trouble")
    )


def test_months_and_debts_tell_the_story_of_a_path(lived: Replayed) -> None:
    [path] = replay_document(lived)["paths"]
    months, outcome = path["months"], lived.outcome
    assert [row["month"] for row in months] == list(range(13))
    assert (months[0]["date"], months[12]["date"]) == ("2021-12-03", "2022-12-03")
    assert path["net_end_btc"] == months[12]["net_btc"]
    assert path["lowest_cash_usd"] == min(row["cash_usd"] for row in months)
    assert path["calls"] == sum(row["calls"] for row in months) == sum(row["calls"] for row in path["debts"])
    owed = {month: sum(d["owed_usd"] for d in path["debts"] if d["month"] == month) for month in range(13)}
    np.testing.assert_allclose(list(owed.values()), outcome.owed_usd[0], rtol=1e-9, atol=0.01)
    assert {d["facility"] for d in path["debts"]} <= {"old loan", "line", "second line"}


def test_replans_are_counted(shocked: Replayed, drawn: Replayed) -> None:
    replans = replay_document(shocked)["replans"]
    assert replans["tried"] == len(shocked.names)  # one later decision month
    assert 0 <= replans["without_plan"] <= replans["tried"]
    assert replay_document(drawn)["replans"] is None


def test_what_is_counted_in_dollars_is_called_dollars(drawn: Replayed) -> None:
    scenario = drawn.saved.scenario.model_copy(update={"numeraire": "usd"})
    summary = replay_document(replace(drawn, saved=replace(drawn.saved, scenario=scenario)))["summary"]
    assert {"net_usd", "standard_error_usd"} < set(summary)
    assert summary["figures"][0]["unit"] == "usd"
