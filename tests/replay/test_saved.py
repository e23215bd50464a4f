"""A saved plan is the plan that was made, or it is refused: in words, whatever stands in the file."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from dataclasses import astuple
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.errors import AuditError, HashleverError, ReplayError
from optimizer.planning import Plan, plan
from optimizer.replay import saved as module
from optimizer.replay.saved import SavedPlan, read_plan
from optimizer.report.plan_json import plan_document
from optimizer.report.write import write_plan
from tests.builders import minimal_scenario_dict, write_scenario
from tests.report.conftest import liquidated, top_up  # noqa: F401

SCENARIOS = Path(__file__).parents[2] / "scenarios"
Document = dict[str, Any]


@pytest.fixture(scope="module")
def document(made: Plan) -> Document:
    return plan_document(made)


def _written(folder: Path, document: object) -> Path:
    file = folder / "plan.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


def test_what_is_read_is_what_was_written(made: Plan, saved: SavedPlan) -> None:
    assert saved.scenario == made.scenario
    assert saved.sha256 == made.loaded.sha256
    np.testing.assert_array_equal(saved.tree.price_usd, made.tree.price_usd)
    np.testing.assert_allclose(saved.decisions.sell_btc, made.decisions.sell_btc, atol=1e-7)
    np.testing.assert_allclose(saved.books.net_btc, made.books.net_btc, atol=1e-6)
    np.testing.assert_allclose(saved.books.cash_usd, made.books.cash_usd, atol=0.1)
    for name, least in (("orders", 1e-5), ("draws", 0.01), ("repayments", 0.01), ("pledges", 1e-7)):
        mine = [row for row in getattr(made.decisions, name) if max(_amounts(row)) > least]
        assert len(getattr(saved.decisions, name)) >= len(mine) > 0, name
        for row in mine:
            like = [r for r in getattr(saved.decisions, name) if _key(r) == _key(row)]
            np.testing.assert_allclose([_amounts(r) for r in like], [_amounts(row)], rtol=1e-9, atol=1e-7)


def _amounts(row: Any) -> list[float]:
    return [value for value in astuple(row) if isinstance(value, float)]


def _key(row: Any) -> list[object]:
    return [value for value in astuple(row) if not isinstance(value, float)]


def test_the_file_may_be_named_instead_of_the_folder(folder: Path, saved: SavedPlan) -> None:
    assert read_plan(folder / "plan.json").document == saved.document


def test_a_liquidation_comes_back_draw_by_draw(liquidated: Plan) -> None:  # noqa: F811
    nodes = [module._Node.model_validate(node) for node in plan_document(liquidated)["nodes"]]
    [found] = module._decisions(nodes).liquidations
    [meant] = liquidated.decisions.liquidations
    assert (found.node, found.facility, found.principal_usd[0][:2]) == (3, "loan", meant.principal_usd[0][:2])
    assert found.principal_usd[0][2] == pytest.approx(meant.principal_usd[0][2])
    assert found.seized_btc == pytest.approx(meant.seized_btc)


@pytest.mark.parametrize("name", ["teach_one_machine", "teach_top_up"])
def test_named_cases_are_read_too(name: str, tmp_path: Path) -> None:
    made = plan(SCENARIOS / f"{name}.yaml", compare=False)
    write_plan(made, tmp_path / "plan")
    assert read_plan(tmp_path / "plan").books.net_btc == pytest.approx(made.books.net_btc, abs=1e-6)


def _edit(change: Callable[[Document], object]) -> Callable[[Document], Document]:
    def edited(document: Document) -> Document:
        changed = copy.deepcopy(document)
        change(changed)
        return changed

    return edited


def _first(document: Document, name: str) -> Document:
    return next(row for node in document["nodes"] for row in node[name])


HAND_EDITED = {
    "sold more": (_edit(lambda d: d["nodes"][1].update(sold_btc=d["nodes"][1]["sold_btc"] + 1)), AuditError),
    "drawn more": (_edit(lambda d: _first(d, "draws").update(amount_usd=4_500_000.0)), AuditError),
    "richer": (_edit(lambda d: d["nodes"][2].update(cash_usd=9e9)), AuditError),
    "owes less": (_edit(lambda d: _first(d, "debts").update(owed_usd=1.0)), AuditError),
    "machines for nothing": (_edit(lambda d: d["nodes"][0]["orders"].clear()), AuditError),
    "unknown machine": (_edit(lambda d: _first(d, "orders").update(model="s99")), AuditError),
    "unknown tier": (_edit(lambda d: _first(d, "draws").update(tier=7)), AuditError),
    "unknown lender": (_edit(lambda d: _first(d, "debts").update(facility="\x1b[31mred")), ReplayError),
    "another price": (_edit(lambda d: d["nodes"][3].update(price_usd=1e6)), ReplayError),
    "a node less": (_edit(lambda d: d["nodes"].pop()), ReplayError),
    "another scenario": (_edit(lambda d: d["scenario"]["resolved"]["treasury"].update(cash_usd=9e9)), ReplayError),
    "an unknown key": (_edit(lambda d: d["scenario"]["resolved"].update(extra=1)), ReplayError),
    "text for a number": (_edit(lambda d: d["nodes"][0].update(sold_btc="1")), ReplayError),
    "null for a list": (_edit(lambda d: d["nodes"][0].update(draws=None)), ReplayError),
    "no nodes": (_edit(lambda d: d.update(nodes=[])), ReplayError),
    "not a number": (_edit(lambda d: d["nodes"][0].update(sold_btc=float("nan"))), ReplayError),
    "more than anybody has": (_edit(lambda d: d["nodes"][0].update(sold_btc=1e300)), ReplayError),
    "a month beyond all": (_edit(lambda d: d["nodes"][0].update(month=10**30)), ReplayError),
    "another schema": (_edit(lambda d: d.update(schema="hashlever/plan/2")), ReplayError),
    "before replays": (_edit(lambda d: d["scenario"].pop("resolved")), ReplayError),
}


@pytest.mark.parametrize("case", HAND_EDITED)
def test_a_file_changed_by_hand_is_refused(case: str, document: Document, tmp_path: Path) -> None:
    edited, error = HAND_EDITED[case]
    with pytest.raises(error, match=r"[Pp]lan again") as refused:
        read_plan(_written(tmp_path, edited(document)))
    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "not json", "[]", "{}", '{"schema": "hashlever/plan/1"}', "[" * 100_000, "\xff"])
def test_what_is_no_plan_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ReplayError, match="Plan again"):
        read_plan(tmp_path)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere", tmp_path / ("long" * 200)):
        with pytest.raises(ReplayError):
            read_plan(path)


def test_a_file_beyond_all_size_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 100)
    with pytest.raises(ReplayError, match="is larger than"):
        read_plan(folder)


def _mutilate(document: Document, draw: random.Random) -> Document:
    """A copy with one value somewhere replaced by something else."""
    here = changed = copy.deepcopy(document)
    for part in (draw.choice(["nodes", "scenario"]), *[None] * 12):
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        if not keys:
            break
        key = part or draw.choice(keys)
        if not isinstance(here[key], dict | list) or draw.random() < 0.1:
            here[key] = draw.choice([None, -1, 0, 10**25, 1e25, -0.5, "", "x", [], {}, True, [[]], {"a": {}}])
            break
        here = here[key]
    return changed


def test_nothing_in_the_file_makes_a_traceback(document: Document, tmp_path: Path) -> None:
    draw, refused = random.Random(3), 0
    for _ in range(100):
        try:
            read_plan(_written(tmp_path, _mutilate(document, draw)))
        except HashleverError:
            refused += 1
    # What is left: keys that a replay does not read, and values that happened to stay the same.
    assert refused > 25


@pytest.fixture
def bootstrapped(tmp_path: Path) -> Path:
    """A plan whose prices are drawn from a history, in a folder beside it."""
    days = [(date(2024, 1, 1) + timedelta(days=k), 40_000 * (1 + 0.001 * (k % 17))) for k in range(120)]
    csv = tmp_path / "history" / "prices.csv"
    csv.parent.mkdir()
    csv.write_text("date,price_usd\n" + "\n".join(f"{day},{price}" for day, price in days))
    data = minimal_scenario_dict()
    data["market"]["price"] = {"process": "bootstrap", "view": "btc_neutral", "csv": str(csv), "block_days": 5}
    write_plan(plan(write_scenario(tmp_path, data), compare=False, monte_carlo=0), tmp_path / "plan")
    return tmp_path


def test_a_price_history_is_found_where_it_was_or_beside_the_plan(bootstrapped: Path) -> None:
    csv = bootstrapped / "history" / "prices.csv"
    first = read_plan(bootstrapped / "plan")
    csv.rename(bootstrapped / "plan" / "prices.csv")
    assert read_plan(bootstrapped / "plan").sha256 == first.sha256


def test_a_price_history_that_is_gone_or_another_is_refused(bootstrapped: Path) -> None:
    csv = bootstrapped / "history" / "prices.csv"
    csv.write_text(csv.read_text().replace("2024-01-05,40160", "2024-01-05,40161"))
    with pytest.raises(ReplayError, match="or its price history is not the one that was planned"):
        read_plan(bootstrapped / "plan")
    csv.unlink()
    with pytest.raises(ReplayError, match=r"prices\.csv.*cannot be read"):
        read_plan(bootstrapped / "plan")
