"""The summary: what its page draws, and that text of others stays text."""

from __future__ import annotations

import csv
import html
import json
from dataclasses import replace
from pathlib import Path

import pytest

from optimizer.report.sweep_html import sweep_html
from optimizer.report.sweep_json import sweep_document
from optimizer.report.sweep_names import short_name, short_paths
from optimizer.scenario.nodes import Mark
from optimizer.sweep import asked
from optimizer.sweep.asked import Change, Wanted
from optimizer.sweep.points import Point, points_of
from optimizer.sweep.result import Result
from optimizer.sweep.swept import Row, Swept
from tests.sweep.sweeps import MAKING, PRICE, TEACH, points

NASTY = "<script>alert(1)</script>\x1b[31m &"
RESULT = Result("btc", 10, 11, 8, 7, 0, 0, 0, 0, 0, None, 0, False)


def _swept(rows: list[tuple[Point, float | None]]) -> Swept:
    """Points with made-up worths; None has no plan."""
    made = [
        Row(point, replace(RESULT, value=worth)) if worth is not None else Row(point, None, "No plan.\nAt all.")
        for point, worth in rows
    ]
    return Swept(tuple(made), MAKING, len(made))


@pytest.fixture
def everything() -> Swept:
    """A sweep with a point of every kind, of which one has no plan."""
    factors = asked.tornado(["market.btc_price_usd:0.9,1.1", "treasury.btc_lots[0].btc:0.9,1.2"], [])
    wanted = [*asked.grid([f"{PRICE}=109000"], []), *asked.frontier("0,0.5", [])]
    found = points_of(TEACH, wanted, factors, MAKING)
    return _swept(list(zip(found, (10.0, 12.0, None, 10.0, 9.0, 9.5, 11.0, None), strict=True)))


def test_the_tornado_is_sorted_by_length(everything: Swept) -> None:
    kinds = [row.point.wanted.kind for row in everything.rows]
    assert kinds == ["base", "grid", "frontier", "frontier", *["tornado"] * 4]
    assert [(bar.path, bar.span) for bar in everything.tornado] == [
        ("market.btc_price_usd", 1.0),
        ("treasury.btc_lots[0].btc", 1.0),
    ]
    longer = _swept([(row.point, 30.0 if k == 7 else 10.0) for k, row in enumerate(everything.rows)])
    assert [(bar.path, bar.ends) for bar in longer.tornado] == [
        ("treasury.btc_lots[0].btc", ((0.9, 0.0), (1.2, 20.0))),
        ("market.btc_price_usd", ((0.9, 0.0), (1.1, 0.0))),
    ]


def test_without_the_base_s_plan_there_is_no_tornado(everything: Swept) -> None:
    lost = replace(
        everything, rows=(replace(everything.rows[0], result=None, why_not="No plan."), *everything.rows[1:])
    )
    assert lost.tornado == ()
    assert "Tornado" not in sweep_html(lost)


def test_the_page_needs_nothing_and_names_every_point(everything: Swept) -> None:
    page = sweep_html(everything)
    assert "<script" not in page
    assert "src=" not in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    assert page.count("<svg") >= 2
    paths = short_paths(everything)
    assert all(html.escape(short_name(row.point.wanted, paths)) in page for row in everything.rows)
    assert f'href="points/{everything.rows[0].point.key}/report.html"' in page


def test_text_of_others_stays_text(everything: Swept) -> None:
    point = replace(everything.rows[0].point, wanted=Wanted(NASTY, "list"))
    loaded = replace(point.loaded, scenario=point.loaded.scenario.model_copy(update={"name": NASTY}))
    page = sweep_html(_swept([(replace(point, loaded=loaded), 1.0), (point, 2.0), (point, None)]))
    assert "<script>alert" not in page
    assert "\x1b" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 4


def test_names_are_as_short_as_they_tell_paths_apart() -> None:
    mark = Mark("")
    paths = ("facilities[a].limit_usd", "facilities[b].limit_usd", "risk.weight", "market.price.cases[0].price[0].usd")
    [base] = points("risk.weight=0.5")
    wanted = Wanted("x", "grid", tuple(Change(path, 1, mark) for path in paths))
    short = short_paths(_swept([(replace(base, wanted=wanted), 1.0)]))
    assert list(short.values()) == ["facilities[a].limit_usd", "facilities[b].limit_usd", "weight", "usd"]
    assert short_name(wanted, short) == "facilities[a].limit_usd=1, facilities[b].limit_usd=1, weight=1, usd=1"


def test_the_document_is_json_of_what_was_swept(everything: Swept) -> None:
    document = sweep_document(everything)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["frontier"] == [3]
    assert [bar["path"] for bar in document["tornado"]] == ["market.btc_price_usd", "treasury.btc_lots[0].btc"]
    assert document["points"][2]["why_not"] == "No plan.\nAt all."


def test_the_table_says_the_same_as_the_document(straight: tuple[Swept, Path]) -> None:
    swept, out = straight
    with (out / "sweep.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, point in zip(rows, sweep_document(swept)["points"], strict=True):
        assert row["name"] == point["name"]
        assert row["treasury.btc_lots[0].btc"] == str(point["changes"]["treasury.btc_lots[0].btc"])
        expected = "" if point["figures"] is None else str(point["figures"]["value"])
        assert row["value"] == expected
