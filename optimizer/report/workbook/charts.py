"""The sheet of charts, drawn by the spreadsheet from the budget's own cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xlsxwriter.chart import Chart

from optimizer.report.plain import Document
from optimizer.report.workbook.budget import Budget
from optimizer.report.workbook.page import Book, Page

NAME = "Charts"
COLORS = {"mean": "#1F2A44", "good": "#1B7F3B", "bad": "#B3261E"}
ROWS_PER_CHART = 24


@dataclass(frozen=True)
class Series:
    """A line of a budget to draw. right: against the axis on the right, dashed."""

    outlook: str
    key: str
    label: str
    right: bool = False


CHARTS: Sequence[tuple[str, str, str, Sequence[Series]]] = (
    (
        "Cash and runway",
        "USD",
        "months",
        (
            *(Series(outlook, "cash", "cash") for outlook in COLORS),
            *(Series(outlook, "runway", "runway", right=True) for outlook in ("good", "bad")),
        ),
    ),
    (
        "BTC held",
        "BTC",
        "",
        (*(Series(outlook, "btc", "held") for outlook in COLORS), Series("mean", "pledged", "pledged to lenders")),
    ),
    (
        "Debt and LTV",
        "USD",
        "LTV",
        (
            *(Series(outlook, "owed", "owed to lenders") for outlook in COLORS),
            *(Series(outlook, "ltv", "LTV", right=True) for outlook in ("good", "bad")),
        ),
    ),
)


def charts(book: Book, document: Document, budgets: Mapping[str, Budget]) -> None:
    """Write the sheet. A runway that is endless in some month is left out: it would be drawn as 0."""
    endless = {row["outlook"] for row in document["budget"] if row["runway_months"] is None}
    page = Page(book, NAME, "Charts", "Month by month; the outlooks are those of the budget sheets.")
    page.sheet.set_portrait()
    page.sheet.fit_to_pages(1, 1)
    for k, (title, left, right, series) in enumerate(CHARTS):
        chart = book.workbook.add_chart({"type": "line"})
        assert isinstance(chart, Chart)
        for one in series:
            if one.key != "runway" or one.outlook not in endless:
                chart.add_series(_series(one, budgets[one.outlook]))
        chart.set_title({"name": title, "name_font": {"size": 14}})
        chart.set_x_axis({"date_axis": True, "num_format": "mmm yy", "major_unit": 3, "major_unit_type": "months"})
        chart.set_y_axis({"name": left, "num_format": "#,##0", "major_gridlines": {"visible": True}})
        if right:
            chart.set_y2_axis({"name": right, "num_format": "0%" if right == "LTV" else "0", "min": 0})
        chart.set_legend({"position": "bottom"})
        chart.set_size({"width": 1000, "height": 440})
        chart.show_blanks_as("gap")
        page.sheet.insert_chart(3 + k * ROWS_PER_CHART, 0, chart, {"description": f"{title} by month"})


def _series(one: Series, budget: Budget) -> dict[str, object]:
    schedule, row = budget.schedule, budget.rows[one.key]
    sheet, first, last = schedule.page.name, schedule.month_column, schedule.last_column
    dashed = one.right or one.key == "pledged"
    return {
        "name": f"{one.label}, {one.outlook}",
        "categories": [sheet, schedule.HEADER_ROW, first, schedule.HEADER_ROW, last],
        "values": [sheet, row, first, row, last],
        "line": {"color": COLORS[one.outlook], "width": 1.75, "dash_type": "dash" if dashed else "solid"},
        "y2_axis": one.right,
    }
