import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from optimizer.planning import Plan
from optimizer.report.plain import plain
from optimizer.report.plan_json import plan_document
from tests.report.conftest import doubted

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "plan-json.md"
SHARED_LISTS = "orders|retirements|draws|repayments|pledges|uses|lot_sales|debts"


def test_the_terms_add_up_to_the_objective(small: Plan) -> None:
    objective = plan_document(small)["objective"]
    assert sum(objective["terms"].values()) == pytest.approx(objective["objective_btc"], rel=1e-9)
    without = sum(amount for name, amount in objective["terms"].items() if name != "tie_break")
    assert without == pytest.approx(objective["value_btc"], rel=1e-9)
    mean, tail = objective["expected_net_btc"], objective["cvar_net_btc"]
    assert objective["value_btc"] == pytest.approx(0.9 * mean + 0.1 * tail, rel=1e-9)
    assert objective["objective_btc"] == pytest.approx(small.objective, rel=1e-6)


def test_the_document_survives_json_unchanged(small: Plan) -> None:
    document = plan_document(small)
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_the_document_is_the_same_every_time(small: Plan) -> None:
    assert json.dumps(plan_document(small)) == json.dumps(plan_document(small))


def test_every_key_is_documented_and_every_documented_key_is_there(
    small: Plan, reasoned: Plan, top_up: Plan, liquidated: Plan, with_a_note: Plan, taxed: Plan, treed: Plan
) -> None:
    plans = (small, reasoned, top_up, liquidated, with_a_note, taxed, doubted(treed))
    documents = [plan_document(plan) for plan in plans]
    found = {_normal(key) for document in documents for key in _keys(document)}
    documented = set(re.findall(r"^\| `([^`]+)` \|", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE))
    tables = {"terms", "requirements", "market"}  # the list of CSV tables is no list of keys
    assert found - documented == set()
    assert documented - tables - found == set()


def _keys(value: object, path: str = "") -> Iterator[str]:
    if isinstance(value, dict) and path != "scenario.resolved":  # `hashlever schema` says what is in it
        for key, item in value.items():
            yield from _keys(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            yield from _keys(item, f"{path}[]")
    else:
        yield path


def _normal(key: str) -> str:
    key = key.replace("outlooks[].net_btc", "outlooks[].net_<unit>")
    key = re.sub(rf"^nodes\[\]\.({SHARED_LISTS})\[\]", r"today.\1[]", key)
    key = re.sub(r"^((months|ladder|margins)\[\]\..*)_(mean|p10|p90)$", r"\1_*", key)
    key = re.sub(r"^(reasons\..*)_btc$", r"\1_<unit>", key)
    key = re.sub(r"^(trees\.(?!.*sell_more).*)_btc$", r"\1_<unit>", key)
    key = key.replace("margins[].racked_units_*", "margins[].racked_units_mean")
    key = re.sub(r"^(out_of_sample\.(debt_)?months\[\]\..*)_(mean|p\d\d)$", r"\1_*", key)
    key = re.sub(r"^(out_of_sample\.(net|standard_error))_btc\b", r"\1_<unit>", key)
    key = re.sub(r"^(objective\..*)_btc$", r"\1_<unit>", key) if "terms" not in key else key
    return re.sub(r"^(comparators\[\]\.(?!sell_today)\w+|outcomes\[\]\.\w+)_btc$", r"\1_<unit>", key)


def test_nodes_tell_the_same_as_the_tables(small: Plan) -> None:
    nodes = plan_document(small)["nodes"]
    for name in ("orders", "draws", "repayments", "debts"):
        table = small.tables[name]
        assert sum(len(node[name]) for node in nodes) == len(table)  # type: ignore[arg-type]
    assert [node["node"] for node in nodes] == list(range(len(small.tree)))
    decided = {(n["node"], d["facility"], d["amount_usd"]) for n in nodes for d in n["draws"]}
    drawn = [d for d in small.decisions.draws if d.amount_usd > 0.01]
    assert decided == {(d.node, d.facility, float(f"{d.amount_usd:.12g}")) for d in drawn}


def test_today_is_node_zero(small: Plan) -> None:
    document = plan_document(small)
    today, first = document["today"], document["nodes"][0]
    assert today["orders"] == first["orders"] != []
    assert today["draws"] == first["draws"] != []
    assert today["after"]["cash_usd"] == first["cash_usd"]


def test_where_it_was_run_is_not_told(small: Plan) -> None:
    folder = str(small.loaded.path.parent)
    assert folder not in json.dumps(plan_document(small))
    assert plan_document(small)["scenario"]["file"] == "scenario.yaml"


def test_plain_values() -> None:
    assert plain({"a": (math.nan, math.inf, -0.0, 1 / 3)}) == {"a": [None, None, 0.0, 0.333333333333]}
    assert math.copysign(1, plain(-0.0)) == 1  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="set has no place"):
        plain({1, 2})


def test_what_is_counted_in_dollars_is_called_dollars(small: Plan) -> None:
    in_usd = small.scenario.model_copy(update={"numeraire": "usd"})
    document = plan_document(replace(small, loaded=replace(small.loaded, scenario=in_usd)))
    assert {"value_usd", "expected_net_usd", "objective_usd"} < set(document["objective"])
    assert "net_usd" in document["outcomes"][0]
    assert "loses_usd" in document["comparators"][0]
    assert "value_btc" not in json.dumps(document)
