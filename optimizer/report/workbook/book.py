"""The workbook from the plan's document: the sheets in their order."""

from __future__ import annotations

from datetime import date as day
from datetime import datetime, time
from io import BytesIO

from xlsxwriter.workbook import Workbook

from optimizer.report.plain import Document
from optimizer.report.workbook import assumptions, charts, debt, financing, machines, orders, sources, summary
from optimizer.report.workbook.budget import budget, name_of
from optimizer.report.workbook.page import Book

# Text of a scenario never becomes a formula, a link or a number.
OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def workbook(document: Document) -> bytes:
    """A plan's document (`optimizer.report.plan_json.plan_document`) as an Excel workbook.

    Equal documents make equal bytes. Every figure is the document's; sums and products of them are live formulas.
    """
    file = BytesIO()
    made = Workbook(file, OPTIONS)
    made.set_properties(
        {
            "title": f"hashlever plan: {document['scenario']['name']}",
            "comments": f"hashlever {document['version']}, scenario {document['scenario']['sha256']}",
            # The scenario's day, so that the same plan makes the same file.
            "created": datetime.combine(day.fromisoformat(document["scenario"]["as_of"]), time()),
        }
    )
    made.set_calc_mode("auto")
    outlooks = document["outlooks"]
    budgets = [name_of(outlook["outlook"]) for outlook in outlooks]
    for name in (summary.NAME, charts.NAME, orders.NAME, financing.NAME, *budgets, debt.NAME):
        made.add_worksheet(name)
    book = Book(made)
    orders.orders(book, document)
    financing.financing(book, document)
    of_debt, debt_rows = debt.debt(book, document)
    of_sources = sources.sources(book, document)
    written = {one["outlook"]: budget(book, document, one, of_debt, of_sources) for one in outlooks}
    machines.machines(book, document)
    assumptions.assumptions(book, document)
    charts.charts(book, document, written)
    # Last, for it shows what the others found.
    summary.summary(book, document, written, of_debt, debt_rows)
    made.close()
    return file.getvalue()
