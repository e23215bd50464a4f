"""Why this plan, as a reader sees it: on a terminal, on the page, in plan.json; the same figures, adding up."""

from __future__ import annotations

import pytest

from optimizer.planning import Plan
from optimizer.report.html.page import report_html
from optimizer.report.html.section_reasons import NOT_ASKED, flip_points
from optimizer.report.plan_json import plan_document
from optimizer.report.reasons import distance, flip_in_words
from optimizer.report.terminal import print_plan
from tests.report.conftest import printed


def test_causes_add_up_to_what_each_alternative_loses(small: Plan, reasoned: Plan) -> None:
    for made in (small, reasoned):
        document = plan_document(made)
        unit, told = document["objective"]["numeraire"], 0
        for row in document["comparators"]:
            found = [
                cause[f"loses_{unit}"] for cause in document["reasons"]["causes"] if cause["alternative"] == row["name"]
            ]
            if row["feasible"]:
                assert sum(found) == pytest.approx(row[f"loses_{unit}"], abs=1e-5)
                told += 1
            else:
                assert not found
        assert told > 0


def test_what_was_not_asked_is_not_told(small: Plan) -> None:
    document = plan_document(small)
    assert [document["reasons"][key] for key in ("limits", "without", "flips")] == [None, None, None]
    assert NOT_ASKED.split(":")[0] in report_html(document)
    assert "Where the advice turns" not in printed(lambda console: print_plan(small, console))


def test_the_three_say_the_same(reasoned: Plan) -> None:
    """The loan of 10% ties with selling at 15%: five points up."""
    document = plan_document(reasoned)
    [turning] = [row for row in document["reasons"]["flips"] if row["turns_at"] is not None]
    assert (turning["assumption"], turning["today"], turning["beyond"]) == ("apr", "borrows", "never borrows")
    assert turning["holds_at"] <= 0.05 <= turning["turns_at"]
    said = flip_in_words(turning)
    assert said in printed(lambda console: print_plan(reasoned, console))
    page = report_html(document)
    assert said in page
    [point] = flip_points(document)
    assert point.distance == pytest.approx(distance(turning))
    assert f"APR of every loan on offer: {said}" in page
    assert "9.5655 BTC" in page  # a million dollars of cash
    assert "nothing drawn from lender today" in page


@pytest.mark.parametrize(
    ("unit", "assumed", "holds", "turns", "said"),
    [
        ("times", 1.0, 0.7, 0.72, "0.70 to 0.72 times today's"),
        ("points", 0.0, 0.052, 0.047, "+4.7 to +5.2 points"),
        ("growth", None, 0.25, 0.225, "22.5% to 25.0% a year"),
        ("growth", 0.3, 0.25, 0.225, "22.5% to 25.0% a year, assumed 30.0%"),
        ("times", 1.0, None, None, "not from 0.50 to 2.00 times today's"),
    ],
)
def test_flips_in_words(unit: str, assumed: float, holds: float | None, turns: float | None, said: str) -> None:
    row = {"unit": unit, "assumed": assumed, "holds_at": holds, "turns_at": turns, "tried_from": 0.5, "tried_to": 2.0}
    assert flip_in_words(row) == said
    assert distance(row) > 0


def test_what_is_nearer_comes_first() -> None:
    """A turn near the growth that the view states is nearer than one at twice today's price."""
    growth = {"unit": "growth", "assumed": 0.3, "holds_at": 0.25, "turns_at": 0.2, "tried_from": -0.5, "tried_to": 1.0}
    price = {"unit": "times", "assumed": 1.0, "holds_at": 1.9, "turns_at": 1.95, "tried_from": 0.5, "tried_to": 2.0}
    assert distance(growth) == pytest.approx(0.1 / 0.8)
    assert distance(growth) < distance(price)
