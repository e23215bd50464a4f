"""plan.xlsx computed anew by LibreOffice: every formula must come to the plan's figure, and follow its inputs."""

import shutil
import subprocess
from io import BytesIO
from math import isclose
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from openpyxl.workbook import Workbook

from optimizer.planning import Plan
from optimizer.planning import plan as make_plan
from optimizer.report.plan_json import plan_document
from optimizer.report.workbook.book import workbook
from tests.report.conftest import SCENARIOS
from tests.report.test_workbook import named

SOFFICE = shutil.which("soffice") or shutil.which("libreoffice")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(SOFFICE is None, reason="needs LibreOffice Calc (libreoffice-calc-nogui on Debian)"),
    # openpyxl cannot read the charts that LibreOffice writes; their cells are all that is read here.
    pytest.mark.filterwarnings("ignore:Unable to read chart"),
]


def recalculated(books: dict[str, Workbook], folder: Path) -> dict[str, Workbook]:
    """The workbooks as LibreOffice computes them: saved by openpyxl, they hold no figures to fall back on."""
    (folder / "in").mkdir()
    for name, book in books.items():
        book.save(folder / "in" / f"{name}.xlsx")
    files = [str(folder / "in" / f"{name}.xlsx") for name in books]
    # A profile of its own: another LibreOffice may be running.
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    to = ["--convert-to", "xlsx", "--outdir", str(folder / "out")]
    subprocess.run([str(SOFFICE), profile, "--headless", *to, *files], check=True, capture_output=True, timeout=300)
    return {name: load_workbook(folder / "out" / f"{name}.xlsx", data_only=True) for name in books}


def close(shown: Any, computed: Any, number_format: str) -> bool:
    """Equal, but for the twelve digits of the document: of USD, to a cent in a difference of millions."""
    if isinstance(shown, (int, float)) and isinstance(computed, (int, float)):
        in_usd = number_format.startswith(("#,##0;", "#,##0.00;", "0.00####"))
        return isclose(shown, computed, rel_tol=1e-9, abs_tol=0.011 if in_usd else 1e-7)
    return (shown or "") == (computed or "")


@pytest.fixture(scope="module")
def counts_full_term() -> Plan:
    """A loan whose LTV counts the whole term's interest, in a plan that counts dollars and has no alternatives."""
    sets = ("facilities[0].ltv_counts=full_term", "numeraire=usd")
    return make_plan(SCENARIOS / "teach_borrow_or_sell.yaml", sets=sets, compare=False)


@pytest.fixture(scope="module")
def failing_lender() -> Plan:
    """A lender that may fail: BTC are lost in expectation. The arithmetic is in scenarios/README.md."""
    return make_plan(SCENARIOS / "teach_lender_failure.yaml")


def test_every_formula_comes_to_the_plans_figure(
    small: Plan,
    one_machine: Plan,
    counts_full_term: Plan,
    failing_lender: Plan,
    top_up: Plan,
    with_a_note: Plan,
    with_a_line: Plan,
    taxed: Plan,
    liquidated: Plan,
    tmp_path: Path,
) -> None:
    plans = {
        "small": small,
        "one_machine": one_machine,
        "counts_full_term": counts_full_term,
        "failing_lender": failing_lender,
        "top_up": top_up,
        "with_a_note": with_a_note,
        "with_a_line": with_a_line,
        "taxed": taxed,
        "liquidated": liquidated,
    }
    files = {name: workbook(plan_document(plan)) for name, plan in plans.items()}
    found = recalculated({name: load_workbook(BytesIO(file)) for name, file in files.items()}, tmp_path)
    for name, file in files.items():
        shown, formulas = load_workbook(BytesIO(file), data_only=True), load_workbook(BytesIO(file))
        off, count = [], 0
        for sheet in formulas:
            for row in sheet.iter_rows():
                for cell in row:
                    if cell.data_type != "f":
                        continue
                    count += 1
                    here = (sheet.title, cell.coordinate)
                    says, computes = shown[here[0]][here[1]].value, found[name][here[0]][here[1]].value
                    if not close(says, computes, cell.number_format):
                        off.append((*here, cell.value, says, computes))
        assert not off, (name, off[:10], len(off))
        assert count > 150, name
        assert found[name]["Summary"]["B3"].value == shown["Summary"]["B3"].value > 12


def test_formulas_are_live(small: Plan, tmp_path: Path) -> None:
    file = workbook(plan_document(small))
    changed, shown = load_workbook(BytesIO(file)), load_workbook(BytesIO(file), data_only=True)
    orders = changed["Orders"]
    assert orders["A4"].value == "Machine" and orders["H4"].value == "Due on delivery, USD"
    orders["H5"].value += 1000
    mined = next(row for row in changed["Budget bad"].iter_rows() if row[0].value == "Mined")
    mined[5].value += 1.0
    computed = recalculated({"changed": changed}, tmp_path)["changed"]
    assert named(computed, "order_cost_usd") == pytest.approx(named(shown, "order_cost_usd") + 1000)
    held = next(row for row in computed["Budget bad"].iter_rows(values_only=True) if row[0] == "BTC held after")
    before = next(row for row in shown["Budget bad"].iter_rows(values_only=True) if row[0] == "BTC held after")
    assert [a - b for a, b in zip(held[3:], before[3:], strict=True)] == pytest.approx([0, 0] + [1] * (len(held) - 5))
    # What was changed by hand is no longer the plan: two checks say so.
    assert computed["Summary"]["B3"].value == shown["Summary"]["B3"].value - 2
