"""The sheet of machines: ordered, delivered, retired, racked and hashing by month."""

from __future__ import annotations

from optimizer.report.plain import Document
from optimizer.report.workbook.lines import Line, Schedule, groups, values
from optimizer.report.workbook.page import Book, Column, Page

NAME = "Machines"
LABELS = (Column("Outlook", 9), Column("Machine", 28), Column("Site", 16))


def machines(book: Book, document: Document) -> None:
    """Write the sheet."""
    page = Page(
        book,
        NAME,
        "Machine schedule",
        "In machines. Hashing: ran in the month; switched off where no mode earns its power. "
        "After today a plan may order parts of a lot, and the mean is over branches.",
    )
    schedule = Schedule(page, LABELS, document["months"])
    schedule.head()
    row = schedule.FIRST_ROW
    found = groups(document["machine_months"], "model", "name", "site", "outlook")
    for (_, name, site, outlook), months in found.items():
        lines = [
            Line("ordered", "Ordered", "units", values(months, "ordered_units"), flow=True),
            Line("before", "Racked before", "units", values(months, "before_units"), "[racked@-1]"),
            Line("delivered", "Delivered", "units", values(months, "delivered_units"), flow=True),
            Line("retired", "Retired", "units", values(months, "retired_units", -1), flow=True),
            Line(
                "racked",
                "Racked after",
                "units",
                values(months, "racked_units"),
                "[before]+[delivered]+[retired]",
                strong=True,
            ),
            Line("hashing", "Hashing in the month", "units", values(months, "hashing_units")),
        ]
        row, _ = schedule.put(row, (outlook, name, site), lines)
    if row == schedule.FIRST_ROW:
        page.text(row, 0, "There are no machines on any branch.", "note")
    else:
        page.sheet.autofilter(schedule.HEADER_ROW, 0, row - 1, len(LABELS))
