"""plan.xlsx: its sheets, what stands in the cells, and that text stays text."""

import zipfile
from copy import deepcopy
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from optimizer.planning import Plan
from optimizer.report.plan_json import plan_document
from optimizer.report.workbook.book import workbook
from optimizer.report.workbook.page import LONGEST_TEXT
from optimizer.report.write import write_plan

SHEETS = ["Summary", "Charts", "Orders", "Financing", "Budget mean", "Budget good", "Budget bad"]
SHEETS += ["Debt", "Sources", "Machines", "Assumptions"]


def opened(document: dict[str, Any], *, figures: bool = True) -> Workbook:
    """The workbook with the figures that it shows, or with its formulas."""
    return load_workbook(BytesIO(workbook(document)), data_only=figures)


@pytest.fixture(scope="module")
def document(small: Plan) -> dict[str, Any]:
    return plan_document(small)


@pytest.fixture(scope="module")
def book(document: dict[str, Any]) -> Workbook:
    return opened(document)


def lines(sheet: Worksheet, *labels: str) -> dict[str, list[Any]]:
    """Lines of a schedule by their label: the figures by month, of the block that begins with ``labels``."""
    found = {}
    first = len(labels)
    for row in sheet.iter_rows(min_row=5, values_only=True):
        if row[:first] == labels and row[first]:
            found[str(row[first])] = list(row[first + 3 :])
    return found


def named(book: Workbook, name: str) -> Any:
    [(sheet, cells)] = book.defined_names[name].destinations
    return book[sheet][cells.replace("$", "")].value


def table(sheet: Worksheet, heading: str) -> list[dict[str, Any]]:
    """The rows of the table whose header begins with ``heading``, by heading, up to the first row without a name."""
    rows = list(sheet.iter_rows(values_only=True))
    at = next(k for k, row in enumerate(rows) if row[0] == heading)
    found = []
    for row in rows[at + 1 :]:
        if row[0] in (None, "Total"):
            break
        found.append(dict(zip(rows[at], row, strict=True)))
    return found


def test_it_is_written_beside_the_plan(small: Plan, document: dict[str, Any], tmp_path: Path) -> None:
    write_plan(small, tmp_path / "plan")
    assert (tmp_path / "plan" / "plan.xlsx").read_bytes() == workbook(document)


def test_sheets_and_frozen_headers(book: Workbook) -> None:
    assert book.sheetnames == SHEETS
    frozen = {name: book[name].freeze_panes for name in SHEETS}
    assert frozen["Orders"] == "B5"
    assert frozen["Budget mean"] == frozen["Budget good"] == frozen["Budget bad"] == "B5"
    assert frozen["Debt"] == frozen["Machines"] == "E5"
    assert frozen["Sources"] == "F5"
    assert frozen["Assumptions"] == "C5"
    assert all(frozen[name] for name in SHEETS if name != "Charts")
    for name in ("Debt", "Machines", "Assumptions"):
        assert book[name].auto_filter.ref
    assert all(book["Orders"].column_dimensions[letter].width >= 8 for letter in "ABCDEFGHIJKLM")


def test_numbers_and_days_are_typed(book: Workbook, document: dict[str, Any]) -> None:
    sheet = book["Budget bad"]
    days = [cell.value for cell in sheet[4][3:]]
    assert days == [datetime.fromisoformat(month["date"]) for month in document["months"]]
    assert [cell.value for cell in sheet[3][3:]] == [month["month"] for month in document["months"]]
    assert all(cell.is_date and cell.number_format == "yyyy-mm-dd" for cell in sheet[4][3:])
    for name in SHEETS[4:10]:
        for row in book[name].iter_rows(min_row=5, min_col=len(SHEETS)):
            assert all(isinstance(cell.value, (int, float, type(None))) or cell.value == "" for cell in row)
    formats = {row[0].value: row[5].number_format for row in sheet.iter_rows(min_row=5)}
    assert formats["Cash after"].startswith("#,##0;") and formats["BTC held after"].startswith("#,##0.0000;")
    assert formats["LTV of all facilities together"].startswith("0.0%")


def test_the_purchase_list_is_todays_orders(book: Workbook, document: dict[str, Any]) -> None:
    rows, orders = table(book["Orders"], "Machine"), document["today"]["orders"]
    assert len(rows) == len(orders) > 0
    for row, order in zip(rows, orders, strict=True):
        assert row["Units"] == order["units"]
        assert row["Units * price, USD"] == pytest.approx(order["units"] * order["price_usd_per_unit"])
        assert row["Whole cost, USD"] == pytest.approx(order["now_usd"] + order["on_delivery_usd"])
        assert row["Arrives"] == datetime.fromisoformat(order["arrival_date"])
    assert named(book, "order_units") == sum(order["units"] for order in orders)
    assert named(book, "order_now_usd") == pytest.approx(sum(order["now_usd"] for order in orders))


def test_named_cells_hold_todays_position(book: Workbook, document: dict[str, Any]) -> None:
    after = document["today"]["after"]
    assert named(book, "btc_price_usd") == document["market"]["btc_price_usd"]
    for name, key in (
        ("btc_today", "btc"),
        ("free_btc_today", "free_btc"),
        ("pledged_btc_today", "pledged_btc"),
        ("cash_usd_today", "cash_usd"),
        ("owed_usd_today", "owed_usd"),
        ("payable_usd_today", "payable_usd"),
        ("runway_months_today", "runway_months"),
    ):
        assert named(book, name) == pytest.approx(after[key], rel=1e-11), name
    assert named(book, "plan_value") == document["objective"]["value_btc"]


@pytest.mark.parametrize("outlook", ["mean", "good", "bad"])
def test_the_budget_is_the_plans(book: Workbook, document: dict[str, Any], outlook: str) -> None:
    rows = [row for row in document["budget"] if row["outlook"] == outlook]
    found = lines(book[f"Budget {outlook}"])
    assert found["Cash after"] == [row["cash_usd"] for row in rows]
    assert found["BTC held after"] == [row["btc"] for row in rows]
    assert found["Power"] == [-row["power_usd"] for row in rows]
    assert found["Net worth"] == [row["net_btc"] for row in rows]
    assert len([values for values in found.values() if len(values) == 19]) > 35
    [cells] = [cells for sheet, cells in book.defined_names[f"cash_{outlook}"].destinations]
    assert [cell.value for cell in book[f"Budget {outlook}"][cells.replace("$", "")][0]] == found["Cash after"]


def test_the_debt_schedule_is_the_plans(book: Workbook, document: dict[str, Any]) -> None:
    facilities = {row["facility"]: row["lender"] for row in document["debt_months"]}
    assert len(facilities) > 1
    for facility, lender in facilities.items():
        rows = [row for row in document["debt_months"] if (row["facility"], row["outlook"]) == (facility, "bad")]
        found = lines(book["Debt"], "bad", facility, lender)
        assert found["Principal after"] == [row["principal_usd"] for row in rows]
        for label, key in (("LTV at the close", "ltv"), ("BTC price of the margin call", "call_price_usd")):
            assert [value or None for value in found[label]] == [row[key] for row in rows]
        assert "LTV at the close" not in lines(book["Debt"], "mean", facility, lender)


def test_machines_and_sources_are_the_plans(book: Workbook, document: dict[str, Any], with_a_note: Plan) -> None:
    for row in document["machine_months"][:: len(document["months"])]:
        found = lines(book["Machines"], row["outlook"], row["name"], row["site"])
        of = [r for r in document["machine_months"] if all(r[k] == row[k] for k in ("outlook", "model", "site"))]
        assert found["Racked after"] == [r["racked_units"] for r in of]
        assert found["Hashing in the month"] == [r["hashing_units"] for r in of]
    assert book["Sources"]["A5"].value == "No other source of money is used on any branch."
    note = plan_document(with_a_note)
    rows = [row for row in note["source_months"] if row["outlook"] == "bad"]
    assert max(row["owed_usd"] for row in rows) > 0
    block = ("bad", rows[0]["source"], rows[0]["kind"], rows[0]["counterparty"])
    assert lines(opened(note)["Sources"], *block)["Cash in (out)"] == [row["cash_usd"] for row in rows]


def test_a_credit_line_has_its_ltv_beside_its_debt(with_a_line: Plan) -> None:
    document = plan_document(with_a_line)
    rows = [row for row in document["source_months"] if row["outlook"] == "bad"]
    block = (rows[0]["source"], "credit line", rows[0]["counterparty"])
    sheet = opened(document)["Sources"]
    found = lines(sheet, "bad", *block)
    for label, key in (("LTV at the close", "ltv"), ("BTC price of the margin call", "call_price_usd")):
        assert [value or None for value in found[label]] == [row[key] for row in rows]
    assert rows[0]["ltv"] == pytest.approx(rows[0]["owed_usd"] / (rows[0]["tied_btc"] * 100_000))
    assert "LTV at the close" not in lines(sheet, "mean", *block)


def test_assumptions_stand_with_source_and_date(book: Workbook, document: dict[str, Any]) -> None:
    rows = table(book["Assumptions"], "Of")
    assert [row["What"] for row in rows] == [stated["name"] for stated in document["assumptions"]]
    assert [row["Source; blank: the scenario's own"] for row in rows] == [
        stated["source"] or None for stated in document["assumptions"]
    ]
    assert rows[0]["Taken as"] == document["market"]["btc_price_usd"]
    assert rows[0]["As of"] == datetime.fromisoformat(document["scenario"]["as_of"])


def test_charts_are_the_spreadsheets_own(document: dict[str, Any]) -> None:
    with zipfile.ZipFile(BytesIO(workbook(document))) as parts:
        drawn = [parts.read(name).decode() for name in sorted(parts.namelist()) if name.startswith("xl/charts/chart")]
    assert len(drawn) == 3
    for title, chart in zip(("Cash and runway", "BTC held", "Debt and LTV"), drawn, strict=True):
        assert f"<a:t>{title}</a:t>" in chart
        assert all(f"'Budget {outlook}'!$D$" in chart for outlook in ("mean", "good", "bad"))
    assert "runway, bad" in drawn[0]
    endless = deepcopy(document)
    endless["budget"][-1]["runway_months"] = None
    with zipfile.ZipFile(BytesIO(workbook(endless))) as parts:
        assert "runway, bad" not in parts.read("xl/charts/chart1.xml").decode()


def test_equal_documents_make_equal_bytes(document: dict[str, Any]) -> None:
    assert workbook(document) == workbook(deepcopy(document))


# Keys whose text is a scenario's own.
NAMES = {"name", "description", "facility", "lender", "site", "counterparty", "source", "value", "subject", "branch"}


def _renamed(value: Any, start: str, key: str = "") -> Any:
    if isinstance(value, dict):
        return {k: v if k == "resolved" else _renamed(v, start, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_renamed(item, start, key) for item in value]
    market = key in ("name", "subject") and value in ("market", "BTC price", "network hashrate", "hashprice")
    return start + value if isinstance(value, str) and key in NAMES and not market else value


@pytest.mark.parametrize("start", ["=1+1;", "+", "-", "@SUM(A1)", "{=1}", "https://x.example/", "\t=", "0"])
def test_text_never_becomes_a_formula_or_a_link(document: dict[str, Any], start: str) -> None:
    def formulas(book: Workbook) -> set[tuple[str, str]]:
        cells = (cell for sheet in book for row in sheet.iter_rows() for cell in row)
        return {(cell.parent.title, cell.coordinate) for cell in cells if cell.data_type == "f"}

    hostile = _renamed(document, start)
    book = opened(hostile, figures=False)
    assert formulas(book) == formulas(opened(document, figures=False)) != set()
    names = [cell for row in book["Debt"].iter_rows(min_row=5, max_col=3) for cell in row if cell.value]
    hit = [cell for cell in names if str(cell.value).startswith(start)]
    assert len(hit) > 10 and all(cell.data_type == "s" for cell in hit)
    assert all(cell.hyperlink is None for cell in names)


def test_long_text_is_cut_and_control_characters_do_no_harm(document: dict[str, Any]) -> None:
    changed = deepcopy(document)
    changed["assumptions"][3] |= {"value": "x" * (LONGEST_TEXT + 5), "source": "bell \x07, \ud7ff & <tag>"}
    sheet = opened(changed)["Assumptions"]
    assert len(sheet["C8"].value) == LONGEST_TEXT
    assert sheet["E8"].value.endswith("& <tag>")
