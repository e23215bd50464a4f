"""A comparison as text, as a page and as JSON: it adds up as shown, and lets no text of a file through as code."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from optimizer.compare.compared import Compared, compare
from optimizer.compare.split import CAUSES
from optimizer.errors import OutputError
from optimizer.report.compare_html import comparison_html, refuse_foreign_file, write_comparison
from optimizer.report.compare_json import comparison_document
from optimizer.report.compare_parts import more
from optimizer.report.compare_verdict import verdicts
from optimizer.report.compare_view import sections
from optimizer.report.terminal_compare import print_comparison
from optimizer.report.words import btc, usd
from tests.compare.conftest import given
from tests.report.conftest import printed

APR = "facilities[0].tiers[0].apr"
HOSTILE = "<script>alert(1)</script>\x1b[31m[bold]"


class Page(HTMLParser):
    """Tags and attributes of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def hostile() -> Compared:
    """Two plans whose every text comes from a file that means harm."""
    one = given("teach_borrow_or_sell")
    scenario = one.saved.scenario.model_copy(update={"name": HOSTILE})
    other = given("teach_note")
    source = other.saved.scenario.sources[0].model_copy(update={"name": HOSTILE})
    uses = tuple(replace(use, source=HOSTILE) for use in other.saved.decisions.uses)
    saved = replace(
        other.saved,
        scenario=other.saved.scenario.model_copy(update={"sources": (source,)}),
        decisions=replace(other.saved.decisions, uses=uses),
    )
    return compare(
        [replace(one, saved=replace(one.saved, scenario=scenario), place=HOSTILE), replace(other, saved=saved)]
    )


def table(c: Compared, title: str) -> dict[str, tuple[str, ...]]:
    [part] = [part for part in sections(c) if part.title == title]
    return {row[0]: row[1:] for row in part.rows}


def test_the_verdict_by_hand(borrow_and_sell: Compared) -> None:
    first, risk = verdicts(borrow_and_sell)
    assert first == (
        "B is worth 0.4348 BTC less than A by the plans' own measure, 30.0000 BTC against 30.4348 BTC. Mostly: "
        "selling BTC before the end -0.8257, promised payments -0.4787; against it: interest +0.8696."
    )
    assert risk.startswith("Risk of B: survives 6 of 6 shocks (A ")


def test_a_small_difference_has_its_causes_too() -> None:
    """Interest of $1,000 more, at $115,000 a BTC."""
    first, *_ = verdicts(compare([given("teach_borrow_or_sell"), given("teach_borrow_or_sell", f"{APR}=0.101")]))
    assert first.startswith("B is worth 0.0087 BTC less than A")
    assert first.endswith(" Mostly: interest -0.0087.")


def test_the_shown_split_adds_up(borrow_and_sell: Compared) -> None:
    rows = table(borrow_and_sell, "Where the difference comes from")
    shown = [[float(cell.replace(",", "")) for cell in cells] for cells in rows.values()]
    for column in zip(*shown, strict=True):
        assert sum(column[:-1]) == pytest.approx(column[-1], abs=0.0005)
    assert [cells[0] for cells in rows.values()][-1] == "30.4348"


def test_what_is_the_same_is_said(borrow_and_sell: Compared) -> None:
    alike = compare([borrow_and_sell.plans[0]] * 2)
    text = printed(lambda console: print_comparison(alike, console))
    assert "B is worth what A is: 30.4348 BTC by the plans' own measure." in text
    assert "All were planned from the same inputs" in text
    assert re.search(r"Inputs that differ\n +None\.|Inputs that differ\nNone\.", text)
    assert "Decided differently today\nNothing.\n" in text
    differences = [cells[-1] for cells in table(alike, "Where the difference comes from").values()]
    assert set(differences) == {"0.0000"}


def test_a_difference_within_the_gap_is_a_tie(borrow_and_sell: Compared) -> None:
    plans = tuple(replace(plan, gap=0.01) for plan in borrow_and_sell.plans)
    assert any("a tie" in said for said in verdicts(replace(borrow_and_sell, plans=plans)))
    assert not any("a tie" in said for said in verdicts(borrow_and_sell))


def test_a_plan_that_a_limit_stopped_is_named(borrow_and_sell: Compared) -> None:
    plans = (borrow_and_sell.plans[0], replace(borrow_and_sell.plans[1], hit_limit=True))
    text = printed(lambda console: print_comparison(replace(borrow_and_sell, plans=plans), console))
    assert "Stopped by a limit, so that a better plan may exist: B." in text


def test_plans_of_different_days_have_no_split_and_no_differences() -> None:
    other = compare([given("teach_borrow_or_sell"), given("teach_borrow_or_sell", "as_of=2026-11-03")])
    text = printed(lambda console: print_comparison(other, console))
    assert "there is no split of a difference" in text
    assert "B less A" not in text
    assert "Where the difference comes from" not in text
    assert comparison_document(other)["split"] is None


def test_units_that_differ_are_not_subtracted() -> None:
    other = compare([given("teach_borrow_or_sell"), given("teach_borrow_or_sell", "numeraire=usd")])
    assert table(other, "Outcomes")["Mean"] == ("30.4348 BTC", "$3.50M", "-")
    assert "their worth is compared in BTC" in printed(lambda console: print_comparison(other, console))


def test_three_plans_stand_side_by_side(borrow_and_sell: Compared) -> None:
    three = compare([*borrow_and_sell.plans, given("teach_note")])
    text = printed(lambda console: print_comparison(three, console))
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "C is worth" in text
    assert "Only in C: sources: convertible." in text
    [part] = [part for part in sections(three) if part.title == "Where the difference comes from"]
    assert part.headings == ("", "A", "B less A", "C less A")
    assert any(row[0] == "Source: convertible" for row in part.rows)


def test_other_paths_are_told_where_a_plan_was_replayed(borrow_and_sell: Compared) -> None:
    found = {"expected": 30.0, "tail_mean": 20.0, "p_call": 0.1, "p_liquidation": 0.05, "p_insolvent": 0.0}
    outcomes = (
        replace(borrow_and_sell.outcomes[0], paths=500, out_of_sample=found),
        replace(borrow_and_sell.outcomes[1], paths=500, out_of_sample={**found, "p_liquidation": 0.0}),
    )
    shown = replace(borrow_and_sell, outcomes=outcomes)
    assert table(shown, "Outcomes")["    a liquidation"] == ("5.0%", "0.0%", "-5.0%")
    assert "a liquidation on 0.0% of other paths (A 5.0%)" in verdicts(shown)[-1]


def test_signs() -> None:
    assert [more(amount, usd) for amount in (5e6, -5e6, 0.2, -0.2, float("nan"))] == [
        "+$5.00M",
        "-$5.00M",
        "$0",
        "$0",
        "-",
    ]
    assert more(-0.00001, lambda x: f"{x:.1f}") == "0.0"
    assert more(1.5, btc) == "+1.50"


def test_the_page_needs_nothing_and_holds_all(borrow_and_sell: Compared) -> None:
    page = Page(comparison_html(borrow_and_sell))
    assert page.links == []
    assert "script" not in page.tags
    assert "http" not in page.text
    assert page.tags.count("rect") == 3 + 1  # and all of it
    for part in sections(borrow_and_sell)[1:]:
        assert part.title in page.text
        assert all(cell in page.text for row in part.rows for cell in row)


def test_script_text_stays_text(hostile: Compared) -> None:
    html = comparison_html(hostile)
    page = Page(html)
    assert "script" not in page.tags
    assert "<script>alert(1)</script>" in page.text
    text = printed(lambda console: print_comparison(hostile, console), width=400)
    assert "<script>alert(1)</script>?[31m[bold]" in text
    for shown in (html, text):
        assert "\x1b" not in shown
    assert json.loads(json.dumps(comparison_document(hostile), allow_nan=False))["plans"][0]["name"] == HOSTILE


def test_the_document_adds_up_and_names_every_cause(borrow_and_sell: Compared) -> None:
    document = json.loads(json.dumps(comparison_document(borrow_and_sell), allow_nan=False))
    assert document["schema"] == "hashlever/compare/1"
    split = document["split"]
    for k in range(2):
        assert sum(row["expected"][k] for row in split["causes"]) == pytest.approx(split["mean"][k], abs=1e-6)
        assert sum(row["weighed"][k] for row in split["causes"]) == pytest.approx(split["worth"][k], abs=1e-6)
    assert {row["cause"] for row in split["causes"]} <= set(CAUSES)
    [price] = document["inputs"]
    assert price["path"] == "market.price.cases[rise].price[0].usd"
    assert (price["values"], price["there"]) == ([115_000, 109_000], [True, True])
    assert document["today"]["same"] == 0
    assert [plan["read_from"] for plan in document["plans"]] == ["plans/teach_borrow_or_sell"] * 2
    assert document["outcomes"][1]["least_fall_to_call_share"] is None


def test_only_an_earlier_comparison_is_replaced(borrow_and_sell: Compared, tmp_path: Path) -> None:
    file = tmp_path / "new" / "page.html"
    write_comparison(borrow_and_sell, file)
    first = file.read_bytes()
    write_comparison(borrow_and_sell, file)
    assert file.read_bytes() == first
    assert [path.name for path in file.parent.iterdir()] == ["page.html"]
    for k, generator in enumerate(("", "hashlever 1.2.3", "hashlever 1.2.3 sweep")):
        other = tmp_path / f"{k}.html"
        other.write_text(f'<meta name="generator" content="{generator}"><p>other</p>')
        with pytest.raises(OutputError, match="is no comparison that hashlever wrote"):
            write_comparison(borrow_and_sell, other)
        assert other.read_text().endswith("<p>other</p>")
    with pytest.raises(OutputError, match="is not a file"):
        refuse_foreign_file(tmp_path)


def test_a_place_that_cannot_be_written_ends_in_a_sentence(borrow_and_sell: Compared, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Cannot"):
        write_comparison(borrow_and_sell, tmp_path / "file" / "page.html")


def test_every_key_of_the_document_is_described(borrow_and_sell: Compared) -> None:
    described = (Path(__file__).parents[2] / "docs" / "reference" / "compare-json.md").read_text(encoding="utf-8")

    def keys(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value).union(*(keys(item) for item in value.values()))
        return set().union(*(keys(item) for item in value)) if isinstance(value, list) else set()

    with_later = compare([given("teach_taxes")] * 2)
    written = keys(comparison_document(borrow_and_sell)) | keys(comparison_document(with_later))
    assert {key for key in written if f"`{key}`" not in described} == set()
    assert {cause for cause in CAUSES if f"`{cause}`" not in described} == set()
