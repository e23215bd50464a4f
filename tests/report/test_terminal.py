import difflib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from optimizer.planning import Plan
from optimizer.report import words
from optimizer.report.places import representatives
from optimizer.report.plan_json import plan_document
from optimizer.report.terminal import print_plan, print_scenario
from optimizer.scenario.fleet import OrderedMachines
from optimizer.scenario.load import load_scenario
from tests.report.conftest import printed
from tests.scenarios.test_shipped import SCENARIOS

GOLDEN = Path(__file__).parent / "golden"
SECTIONS = ["Do today", "Then", "Money", "Risk", "Against", "Doubt", "How it was found"]


def _text(plan: Plan, width: int = 100) -> str:
    return printed(lambda console: print_plan(plan, console), width)


def _section(plan: Plan, title: str) -> str:
    text = _text(plan, 100)
    start = text.index(f"\n{title}\n")
    ends = [text.find(f"\n{other}\n", start + 1) for other in SECTIONS]
    return text[start : min([end for end in ends if end > 0], default=len(text))]


def test_every_section_is_there_in_order(small: Plan) -> None:
    text = _text(small)
    assert [line for line in text.splitlines() if line in SECTIONS] == SECTIONS


@pytest.mark.parametrize("width", [100, 200])
def test_fits_a_hundred_columns_without_colour(small: Plan, width: int) -> None:
    text = _text(small, width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 100
    assert "\x1b" not in text
    assert "nan" not in text.lower()


def test_nobody_is_told_about_nodes_or_nan_but_the_footer(small: Plan) -> None:
    for title in SECTIONS[:-1]:
        assert not re.search(r"\bnode\b|\bleaf\b", _section(small, title))


def test_today_says_what_the_document_says(small: Plan) -> None:
    document, text = plan_document(small)["today"], _section(small, "Do today")
    (order,) = document["orders"]
    assert f"{order['units']:,.0f}" in text
    for amount in (order["now_usd"], order["on_delivery_usd"], document["after"]["cash_usd"]):
        assert words.usd(amount) in text
    for draw in document["draws"]:
        (line,) = [line for line in text.splitlines() if line.startswith(f"{draw['facility']} (")]
        assert words.usd(draw["amount_usd"]) in line
        assert words.share(draw["apr"], 2) in line
        assert words.btc(draw["pledged_btc"]) in line
    for debt in document["debts"]:
        lines = [line for line in text.splitlines() if line.startswith(debt["facility"] + "  ")]
        said = lines[-1].split()
        assert words.share(debt["ltv"], 1) in said
        assert words.price(debt["call_price_usd"]) in said
        assert words.price(debt["liquidation_price_usd"]) in said
    for repaid in document["repayments"]:
        assert f"Repay {words.usd(repaid['principal_usd'])} of {repaid['facility']}" in text


def test_money_adds_up_over_the_periods(small: Plan) -> None:
    lines = _section(small, "Money").splitlines()
    table = [line.split() for line in lines if re.match(r"(today|[A-Z][a-z]{2} \d{4}) ", line)]
    months = plan_document(small)["months"]
    mined = sum(float(row[-10]) for row in table)
    assert mined == pytest.approx(sum(month["mined_btc_mean"] for month in months), abs=0.05)
    assert table[-1][-1] == words.usd(months[-1]["owed_usd_mean"])
    assert table[0][-1] == words.usd(months[0]["owed_usd_mean"])


def test_against_shows_the_plan_and_what_others_lose(small: Plan) -> None:
    text = _section(small, "Against")
    document = plan_document(small)
    value = document["objective"]["value_btc"]
    for other in document["comparators"]:
        if other["feasible"]:
            assert words.worth(other["loses_btc"], "btc", value).removesuffix(" BTC") in text
        else:
            assert other["why_not"] in " ".join(text.split())


def test_risk_names_every_stress_and_the_nearest_call(small: Plan) -> None:
    text = _section(small, "Risk")
    debts = [row for node in plan_document(small)["nodes"] if not node["stress"] for row in node["debts"]]
    rooms = [row[name] for row in debts for name in ("low_to_call_share", "fall_to_call_share") if row[name]]
    (line,) = [line for line in text.splitlines() if line.startswith("the simulated market")]
    assert words.share(min(rooms), 1) in line
    assert [line for line in text.splitlines() if line.startswith("crash")]


def test_later_decisions_are_shown_where_price_is_high_and_low(small: Plan) -> None:
    shown = representatives(small.tree, 3)
    prices = [small.tree.price_usd[node] for _, node in shown]
    assert [label for label, _ in shown] == ["high", "low"]
    assert prices == sorted(prices, reverse=True)
    here = (small.tree.month == 3) & (small.tree.probability > 0)
    assert prices[0] == small.tree.price_usd[here].max()


def test_a_limit_is_said_with_its_gap(small: Plan) -> None:
    stopped = replace(small, solver=replace(small.solver, hit_limit=True, gap=0.0123, status="Time limit"))
    text = " ".join(_text(stopped).split())
    assert "stopped by a limit: a better plan may exist, by at most 1.23%" in text
    unknown = replace(small, solver=replace(small.solver, hit_limit=True, gap=float("inf")))
    assert "not known yet" in _text(unknown)
    assert "stopped" not in _text(small)


def test_without_alternatives_there_is_no_comparison(small: Plan) -> None:
    assert "\nAgainst\n" not in _text(replace(small, comparators=()))


def test_names_from_a_file_are_printed_as_they_stand(small: Plan) -> None:
    given = small.scenario.model_copy(update={"name": "[red]x[/red] \x1b[31m"})
    text = _text(replace(small, loaded=replace(small.loaded, scenario=given)))
    assert "[red]x[/red] ?[31m" in text


def test_a_liquidation_is_said(liquidated: Plan) -> None:
    assert "Lenders liquidate 1.000 times on average, 8.00 BTC at most." in _section(liquidated, "Risk")


def test_the_scenario_on_one_screen(small: Plan) -> None:
    text = printed(lambda console: print_scenario(small.loaded, console))
    lines = text.splitlines()
    assert len(lines) <= 40
    assert max(len(line.rstrip()) for line in lines) <= 100
    assert "Holds 100.0 BTC (14.00 pledged) worth $8.47M and $2.00M in cash" in text
    # 605,000 owed against 14 BTC at $84,714: 51.0%; a fall of 1 - 0.51 / 0.7 to the call.
    (debt,) = [line for line in lines if line.startswith("old loan")]
    assert "51.0%" in debt
    assert debt.split()[-1] == "27%"
    # 1,200 machines of 95 TH/s and 3,250 W.
    (site,) = [line for line in lines if line.startswith("texas")]
    assert site.split()[1:] == ["5.0", "3.9", "45.00", "1,200", "114", "34.2"]
    assert "Warning: loans[0].matures_month" in text


def test_machines_on_order_are_shown(small: Plan) -> None:
    coming = OrderedMachines(model="s21", site="texas", units=1_200, arrives_month=4, due_usd_per_unit=900.0)
    machines = small.scenario.machines.model_copy(update={"on_order": (coming, coming)})
    given = small.scenario.model_copy(update={"machines": machines})
    text = printed(lambda console: print_scenario(replace(small.loaded, scenario=given), console))
    line = "On order: 1,200 Antminer S21 for texas, arriving 3 Feb 2027, $1.08M due then."
    assert text.splitlines().count(line) == 2


@pytest.mark.parametrize("case", ["one_machine", "top_up"])
def test_teaching_cases_read_as_they_should(case: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    text = _text(request.getfixturevalue(case))
    # The footer holds seconds and versions.
    actual = "\n".join(line.rstrip() for line in text[: text.index("\nHow it was found\n")].splitlines())
    golden = GOLDEN / f"{case}.txt"
    expected = golden.read_text(encoding="utf-8").rstrip("\n") if golden.exists() else ""
    if actual != expected:
        kept = tmp_path / golden.name
        kept.write_text(actual + "\n", encoding="utf-8")
        changes = "\n".join(difflib.unified_diff(expected.splitlines(), actual.splitlines(), lineterm=""))
        pytest.fail(f"{changes}\n\nIf this is right: cp {kept} {golden}", pytrace=False)


def test_a_dear_loan_that_the_plan_takes_is_explained(small: Plan) -> None:
    assert "dearer than its tie" not in _section(small, "Doubt")
    price = small.tree.price_usd.copy()
    price[small.tree.month > 0] = price[0]
    flat = replace(small, tree=replace(small.tree, price_usd=price))
    assert "dearer than its tie" in _section(flat, "Doubt")


def test_what_is_said_of_taxes(taxed: Plan) -> None:
    said = " ".join(_text(taxed).split())
    assert "held 30.0000 BTC, tax -1.3889 BTC" in said
    assert "selling BTC, both before tax, if price grows" in said


def test_validate_says_which_other_money_is_on_offer() -> None:
    loaded = load_scenario(SCENARIOS / "full_menu.yaml", sets=("taxes.rate=0.21",))
    said = printed(lambda console: print_scenario(loaded, console))
    for source in loaded.scenario.sources:
        [line] = [line for line in said.splitlines() if line.startswith(f"{source.name} ")]
        assert source.kind.replace("_", " ") in line
    assert "Taxes: 21% of gains" in said
