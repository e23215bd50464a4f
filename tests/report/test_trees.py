"""How sure a plan is: the same figures in plan.json, on the terminal and in the report."""

from __future__ import annotations

import re
import statistics

import pytest

from optimizer.planning import Plan
from optimizer.report import words
from optimizer.report.html.page import report_html
from optimizer.report.plan_json import plan_document
from optimizer.report.terminal import print_plan
from optimizer.report.terminal_trees import sureness
from tests.report.conftest import doubted, printed


def _section(plan: Plan) -> str:
    text = printed(lambda console: print_plan(plan, console))
    return text[text.index("\nHow sure\n") : text.index("\nDoubt\n")]


def test_of_one_tree_nothing_is_said(small: Plan) -> None:
    assert sureness(small) == []
    assert plan_document(small)["trees"] is None
    assert "plan again with --trees 5" in report_html(plan_document(small))


def test_the_document_holds_what_was_found(treed: Plan) -> None:
    trees, doc = treed.trees, plan_document(treed)["trees"]
    assert trees is not None
    objectives = [row["objective_btc"] for row in doc["candidates"]]
    assert doc["mean_btc"] == pytest.approx(statistics.fmean(objectives))
    assert doc["sd_btc"] == pytest.approx(statistics.stdev(objectives))
    assert [row["seed"] for row in doc["candidates"]] == [1, 2, 3]
    assert len(doc["trials"]) == 6
    for k, row in enumerate(doc["candidates"]):
        short = [
            found["objective_btc"] * (1 + found["solver_gap"]) - trial["objective_btc"]
            for trial in doc["trials"]
            for found in doc["candidates"]
            if trial["of_seed"] == row["seed"] and trial["on_seed"] == found["seed"]
        ]
        assert row["gap_mean_btc"] == pytest.approx(statistics.fmean(short), abs=1e-6)
        assert row["gap_sd_btc"] == pytest.approx(statistics.stdev(short), abs=1e-6)
        assert doc["decisions"][0]["amounts"][k] == trees.decisions[0].amounts[k]
    [order] = [row for row in doc["decisions"] if row["what"] == "order"]
    [today] = plan_document(treed)["today"]["orders"]
    assert order["this_plan"] == today["units"]
    assert "sell_only" in {row["name"] for row in doc["rivals"]}
    assert "mean_path" not in {row["name"] for row in doc["rivals"]}


def test_the_terminal_says_what_the_document_says(treed: Plan) -> None:
    doc, text = plan_document(treed)["trees"], _section(treed)
    assert max(len(line) for line in text.splitlines()) <= 100
    flat = " ".join(text.split())
    for said in doc["says"]:
        assert " ".join(said.split()) in flat
    for row in doc["decisions"]:
        [line] = [line for line in text.splitlines() if line.startswith(row["words"] + "  ")]
        assert f"{row['trees']} of 3" in line
        if row["unit"] == "usd":
            for key in ("least", "mean", "most", "this_plan"):
                assert words.usd(row[key]) in line
    [own] = [line for line in text.splitlines() if "(this plan)" in line]
    assert own.startswith(str(doc["recommended_seed"]))


def test_the_report_says_so_too(treed: Plan) -> None:
    document = plan_document(treed)
    page = report_html(document)
    for said in document["trees"]["says"]:
        assert said.replace("'", "&#39;") in page
    assert "plan again with --trees" not in page
    assert "Other advice off the trees" in page
    assert f"{document['trees']['recommended_seed']} (this plan)" in page


def test_every_doubt_has_its_words(treed: Plan) -> None:
    trees = plan_document(doubted(treed))["trees"]
    assert not trees["trusted"]
    [verdict] = [said for said in trees["says"] if said.startswith("The tree is too small to trust: ")]
    for row in trees["doubts"]:
        assert row["text"] in verdict
    told = " ".join(row["text"] for row in trees["doubts"])
    for part in (
        "1 tree has no plan",
        "on 1 of 2 other trees today's decisions break a requirement",
        "2 borrow today and 3 order machines",
        "stopped on some trees",
        "may fall short by 9.00",
        "may be chance",
    ):
        assert part in re.sub(r"9\.0+", "9.00", told), part
    assert "up to 2.50 BTC more sold" in " ".join(trees["says"])
