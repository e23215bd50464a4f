"""The report: what stands in it is what plan.json says, and text in it stays text."""

import copy
import json
import re
from dataclasses import replace
from functools import reduce
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from optimizer.planning import Plan
from optimizer.report import words
from optimizer.report.html import section_debt, section_ladder, section_reasons
from optimizer.report.html.advice import FlipPoint, changes, tie_weight
from optimizer.report.html.memo import memo, worst_outcomes
from optimizer.report.html.page import SECTIONS, report_html
from optimizer.report.plan_json import plan_document
from optimizer.report.write import write_plan

NAMES = [
    "outcomes",
    "fleet",
    "btc",
    "cash",
    "debt",
    "ladder",
    "hashprice",
    "margins",
    "cost",
    "survival",
    "reasons",
    "assumptions",
    "trust",
]
HOSTILE = "</script><img src=x onerror=alert(1)>{{ 7 * 7 }}=1+1&amp;\u202e"


class Page(HTMLParser):
    """Elements with their attributes, the text that a reader sees, and the JSON of what is drawn."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.json, self._inside = "", "", ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.json += data
        elif self._inside != "style":
            self.text += data + " "

    @property
    def ids(self) -> list[str]:
        """The ids of elements, in order."""
        return [str(attrs["id"]) for _, attrs in self.tags if "id" in attrs]


@pytest.fixture(scope="module")
def document(small: Plan) -> dict[str, Any]:
    return plan_document(small)


@pytest.fixture(scope="module")
def page(document: dict[str, Any]) -> Page:
    return Page(report_html(document))


def test_every_section_is_there_in_order_below_the_memo(page: Page) -> None:
    assert len(SECTIONS) == len(NAMES)
    assert [name for name in page.ids if name in ("memo", *NAMES)] == ["memo", *NAMES]
    for title in ("Do today", "What it costs", "What would change the advice", "The worst that was looked at"):
        assert title in page.text


def test_an_alternative_s_causes_fall_from_nothing_to_what_it_loses(document: dict[str, Any]) -> None:
    """A chart for each alternative that is one; its rows add up, and its bars are as many as causes that count."""
    figures = {figure.name: figure for figure in section_reasons.section(document).figures}
    there = [row for row in document["comparators"] if row["feasible"]]
    assert list(figures) == [f"causes-{row['name']}" for row in there]
    for row in there:
        figure, loses = figures[f"causes-{row['name']}"], row["loses_btc"]
        amounts = [cause["loses_btc"] for cause in figure.drawn]
        assert sum(amounts) == pytest.approx(loses, abs=1e-5)
        counted = [amount for amount in amounts if abs(amount) > 1e-3 * abs(sum(amounts))]
        assert figure.chart.__html__().count('aria-roledescription="bar"') == len(counted) + 1


def test_what_is_drawn_is_what_plan_json_says(page: Page, document: dict[str, Any]) -> None:
    drawn = json.loads(page.json)
    assert {f"figure-{name}" for name in drawn} == {name for name in page.ids if name.startswith("figure-")}
    assert len(drawn) >= 15
    for name, figure in drawn.items():
        assert figure["rows"], name
        there = reduce(lambda found, key: found[key], figure["of"].split("."), document)
        for row in figure["rows"]:
            if row.get("name") == "plan":
                objective = document["objective"]
                said = {f"{point}_btc": objective[f"{point}_net_btc"] for point in ("p05", "p50", "p95", "worst")}
                assert said.items() <= row.items()
                assert row["expected_btc"] == objective["expected_net_btc"]
            else:
                assert any(row.items() <= other.items() for other in there), (name, row)


def test_the_memo_says_what_plan_json_says(page: Page, document: dict[str, Any]) -> None:
    today, objective = document["today"], document["objective"]
    for order in today["orders"]:
        assert f"{order['units']:,.0f} " in page.text
        assert words.usd(order["now_usd"] + order["on_delivery_usd"]) in page.text
    for draw in today["draws"]:
        assert words.usd(draw["amount_usd"]) in page.text
        assert f"{words.share(draw['apr'], 2)} a year, LTV {words.share(draw['ltv'])}" in page.text
        assert f"pledge {words.btc(draw['pledged_btc'])} BTC" in page.text
    assert words.worth(objective["expected_net_btc"], "btc") in page.text
    [sell] = [row for row in document["comparators"] if row["name"] == "sell_only"]
    assert f"ahead in {words.share(sell['plan_ahead_share'])} of futures" in page.text
    assert words.usd(today["after"]["cash_usd"]) in page.text


def test_the_worst_outcomes_are_the_worst_of_the_shocks(document: dict[str, Any]) -> None:
    found = list(worst_outcomes(document))
    ends = sorted(row["net_end_btc"] for row in document["survival"])
    assert [outcome.left for outcome in found] == [f"{words.btc(end)} BTC" for end in ends[:3]]
    expected = document["months"][-1]["net_btc_mean"]
    assert found[0].costs == f"{words.btc(expected - ends[0])} BTC less than expected"


def test_a_company_with_taxes_is_told_of_the_shocks_too(taxed: Plan) -> None:
    document = plan_document(taxed)
    assert len(list(worst_outcomes(document))) == 3
    assert f"of {len(document['survival'])}: no forced sale" in Page(report_html(document)).text


@pytest.mark.parametrize("name", ["price", "fall", "lost"])
def test_a_lender_may_be_called_what_a_column_is(name: str, borrow_or_sell: Plan) -> None:
    document = plan_document(borrow_or_sell)
    renamed = document | {key: [row | {"facility": name} for row in document[key]] for key in ("ladder", "price_falls")}
    mine, theirs = (section_ladder.section(doc).tables[-1].table for doc in (document, renamed))
    assert [theirs.cells(row) for row in theirs.rows] == [mine.cells(row) for row in mine.rows]
    assert theirs.columns[2].heading == name


def test_lenders_beyond_those_drawn_are_in_the_table(document: dict[str, Any]) -> None:
    [first, *_] = document["ladder"]
    many = document | {"ladder": [first | {"facility": f"lender {k}"} for k in range(8)]}
    assert len(list(section_debt.section(many).figures)) == 1 + 6
    for figure in section_ladder.section(many).figures:
        assert len({row["facility"] for row in figure.drawn}) == 6
        assert len({row["facility"] for row in figure.table.rows}) == 8


def test_nobody_reads_a_number_that_is_none(page: Page) -> None:
    assert not re.search(r"\b(nan|NaN|None|null|inf|undefined)\b", page.text)


@pytest.mark.parametrize("name", ["borrow_or_sell", "one_machine", "top_up", "with_a_note", "taxed", "liquidated"])
def test_every_plan_has_its_report(name: str, request: pytest.FixtureRequest) -> None:
    plan: Plan = request.getfixturevalue(name)
    page = Page(report_html(plan_document(plan)))
    assert [found for found in page.ids if found in NAMES] == NAMES
    assert plan.scenario.name in page.text
    assert not re.search(r"\bnan\b|\bNone\b", page.text)


def test_a_plan_counted_in_dollars_is_told_in_dollars(small: Plan) -> None:
    in_usd = small.scenario.model_copy(update={"numeraire": "usd"})
    page = Page(report_html(plan_document(replace(small, loaded=replace(small.loaded, scenario=in_usd)))))
    assert "counted in USD" in page.text
    assert "plan gains, USD" in page.text


def test_text_of_the_scenario_stays_text(document: dict[str, Any]) -> None:
    hostile = copy.deepcopy(document)
    named = {"name", "site", "facility", "lender", "description", "branch", "source", "value", "message", "who", "text"}

    def spoil(value: Any) -> None:
        if isinstance(value, list):
            for item in value:
                spoil(item)
        elif isinstance(value, dict):
            for key, item in value.items():
                if key in named and isinstance(item, str) and item not in ("sell_only", "plan"):
                    value[key] = item + HOSTILE
                spoil(item)

    for key in document:
        spoil(hostile[key])
    html = report_html(hostile)
    page = Page(html)
    assert not [tag for tag, _ in page.tags if tag in ("img", "iframe", "object", "link")]
    assert [attrs for tag, attrs in page.tags if tag == "script"] == [{"type": "application/json", "id": "drawn"}]
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert "{{ 7 * 7 }}" in page.text
    assert "\u202e" not in html
    assert hostile["scenario"]["name"].removesuffix("\u202e") in page.text
    assert json.loads(page.json)


def test_it_asks_nobody_for_anything(page: Page) -> None:
    for tag, attrs in page.tags:
        for name in ("src", "href", "data", "action", "xlink:href"):
            assert (attrs.get(name) or "#").startswith("#"), (tag, attrs)
    [policy] = [attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv")]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_flip_points_come_first_the_nearest_of_them_before_the_others(document: dict[str, Any]) -> None:
    far = FlipPoint("BTC price", "$84,714", "$60,000", "borrow nothing", 0.29)
    near = FlipPoint("APR of line", "11%", "12%", "sell 10 BTC", 0.09)
    found = changes(document, [far, near])
    assert [change.what for change in found[:2]] == ["APR of line: 12%", "BTC price: $60,000"]
    assert found[2] == changes(document)[0]
    assert "nothing was planned again" in report_html(document)


def test_where_flips_were_asked_for_the_memo_tells_them(reasoned: Plan) -> None:
    page = report_html(plan_document(reasoned))
    assert "nothing was planned again" not in page
    assert "The plan borrows; beyond it, it never borrows." in page


def test_the_weight_at_which_an_alternative_ties_is_where_both_are_worth_the_same(document: dict[str, Any]) -> None:
    objective = document["objective"]
    ties = [(row, tie_weight(document, row)) for row in document["comparators"] if row["feasible"]]
    for row, weight in ties:
        if weight is not None:
            mine = (1 - weight) * objective["expected_net_btc"] + weight * objective["cvar_net_btc"]
            theirs = (1 - weight) * row["expected_btc"] + weight * row["cvar_btc"]
            assert mine == pytest.approx(theirs)
    ahead = {"expected_btc": objective["expected_net_btc"] - 1, "cvar_btc": objective["cvar_net_btc"] - 1}
    assert tie_weight(document, ahead) is None
    behind_on_average = {"expected_btc": objective["expected_net_btc"] + 1, "cvar_btc": objective["cvar_net_btc"] - 3}
    assert tie_weight(document, behind_on_average) == pytest.approx(0.25)


def test_what_is_used_is_told_with_whom(with_a_note: Plan) -> None:
    document = plan_document(with_a_note)
    [use] = document["today"]["uses"]
    [action] = [action for action in memo(document).actions if use["source"] in action.who]
    assert action.verb == "Issue"
    assert action.usd == words.usd(use["amount"])


def test_debts_of_other_sources_are_told_beside_the_charts_that_leave_them_out(with_a_note: Plan) -> None:
    document = plan_document(with_a_note)
    text = Page(report_html(document)).text
    owed = -document["nodes"][0]["sources_worth_usd"]
    assert owed > 0
    assert f"after today the company owes all of them {words.usd(owed)}, net" in text


def test_it_is_written_beside_the_plan_the_same_every_time(small: Plan, tmp_path: Path) -> None:
    write_plan(small, tmp_path / "plan")
    written = (tmp_path / "plan" / "report.html").read_text(encoding="utf-8")
    assert written == report_html(json.loads((tmp_path / "plan" / "plan.json").read_text(encoding="utf-8")))
    assert len(written) < 2_000_000
