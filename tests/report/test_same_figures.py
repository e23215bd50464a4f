"""The report, the workbook, the terminal and plan.json tell the same numbers: read back from all four."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from openpyxl.workbook import Workbook

from optimizer.planning import Plan
from optimizer.replay.saved import read_plan
from optimizer.report.terminal import print_plan
from optimizer.report.words import btc, usd, worth
from optimizer.report.write import write_plan
from tests.report.conftest import printed


class Text(HTMLParser):
    """What a reader of a page sees, blanks as one."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self._parts: list[str] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self._parts.append(data)

    @property
    def seen(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self._parts))


def cell(book: Workbook, name: str) -> Any:
    [(sheet, where)] = book.defined_names[name].destinations
    return book[sheet][where.replace("$", "")].value


@pytest.mark.parametrize("which", ["small", "borrow_or_sell", "with_a_note"])
def test_four_readers_find_one_plan(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    made: Plan = request.getfixturevalue(which)
    write_plan(made, tmp_path / "plan")
    document = read_plan(tmp_path / "plan").document
    book = load_workbook(tmp_path / "plan" / "plan.xlsx", data_only=True)
    page = Text((tmp_path / "plan" / "report.html").read_text(encoding="utf-8")).seen
    screen = re.sub(r"\s+", " ", printed(lambda console: print_plan(made, console)))

    unit = document["objective"]["numeraire"]
    mean, tail = document["objective"][f"expected_net_{unit}"], document["objective"][f"cvar_net_{unit}"]
    value, after = document["objective"][f"value_{unit}"], document["today"]["after"]
    # The workbook holds the figures themselves.
    for name, figure in (
        ("plan_value", value),
        ("mean_net", mean),
        ("tail_net", tail),
        ("btc_today", after["btc"]),
        ("free_btc_today", after["free_btc"]),
        ("pledged_btc_today", after["pledged_btc"]),
        ("cash_usd_today", after["cash_usd"]),
        ("owed_usd_today", after["owed_usd"]),
    ):
        assert cell(book, name) == pytest.approx(figure, rel=1e-9, abs=1e-6), name
    # The terminal and the page round them, alike.
    for words in (worth(mean, unit), f"{btc(after['free_btc'])}", usd(after["cash_usd"])):
        assert words in screen, words
        assert words in page, words
    for order in document["today"]["orders"]:
        for text in (screen, page):
            assert f"{order['units']:,.0f}" in text
    for draw in document["today"]["draws"]:
        for text in (screen, page):
            assert usd(draw["amount_usd"]) in text
    if document["today"]["sell_btc"] > 0:
        for text in (screen, page):
            assert btc(document["today"]["sell_btc"]) in text
    for row in document["comparators"]:
        if row["feasible"]:
            loses = worth(row[f"loses_{unit}"], unit, value).removesuffix(" BTC")
            assert loses in screen
            assert loses.lstrip("-") in page
