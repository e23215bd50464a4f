"""The sheet of debts: each facility's schedule, its LTV and how far price is from the margin call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optimizer.report.plain import Document
from optimizer.report.workbook.lines import Heading, Line, Schedule, groups, values
from optimizer.report.workbook.page import Book, Column, Page

NAME = "Debt"
OWED, COUNTED, DRAWN = "Owed, with accrued interest", "Counted in the LTV", "Drawn"
LABELS = (Column("Outlook", 9), Column("Facility", 20), Column("Lender", 16))
_SECURED = "AND([counted]>0,[pledged]>0)"


@dataclass(frozen=True)
class Totals:
    """Sums over blocks of a schedule, as formulas for other sheets. The outlook stands in the first column."""

    schedule: Schedule
    below: int

    def of(self, outlook: str, label: str, month: int) -> str:
        """The sum of an outlook's lines of that label in a month."""
        line = len(self.schedule.labels)
        return (
            f'SUMIFS({self._column(self.schedule.month_column + month)},{self._column(0)},"{outlook}",'
            f'{self._column(line)},"{label}")'
        )

    def _column(self, column: int) -> str:
        page, first = self.schedule.page, self.schedule.FIRST_ROW
        return f"{page.elsewhere(first, column)}:{Page.cell(max(self.below - 1, first), column, absolute=True)}"


def debt(book: Book, document: Document) -> tuple[Totals, dict[tuple[str, str], dict[str, int]]]:
    """Write the sheet; its totals, and the rows of each outlook's and facility's lines."""
    page = Page(
        book,
        NAME,
        "Debt schedule",
        "Per facility and outlook, after each month's decisions. LTV = counted debt / (pledged BTC * price). "
        "The mean has no LTV: one of averages says nothing about a margin call.",
    )
    schedule = Schedule(page, LABELS, document["months"])
    schedule.head()
    row, found = schedule.FIRST_ROW, {}
    for (facility, lender, outlook), months in groups(document["debt_months"], "facility", "lender", "outlook").items():
        lines = _lines(months, one_branch=outlook != "mean")
        row, found[outlook, facility] = schedule.put(row, (outlook, facility, lender), lines)
    if row == schedule.FIRST_ROW:
        page.text(row, 0, "Nothing is owed on any branch.", "note")
    else:
        page.sheet.autofilter(schedule.HEADER_ROW, 0, row - 1, len(LABELS))
    return Totals(schedule, row), found


def _lines(months: Sequence[Document], *, one_branch: bool) -> list[Line | Heading]:
    lines: list[Line | Heading] = [
        Line("before", "Principal before", "usd", values(months, "before_usd"), "[principal@-1]"),
        Line("drawn", DRAWN, "usd", values(months, "drawn_usd"), flow=True),
        Line("repaid", "Repaid", "usd", values(months, "repaid_usd", -1), flow=True),
        Line("liquidated", "Met by the lender's sale of BTC", "usd", values(months, "liquidated_usd", -1), flow=True),
        Line(
            "principal",
            "Principal after",
            "usd",
            values(months, "principal_usd"),
            "[before]+[drawn]+[repaid]+[liquidated]",
            strong=True,
        ),
        Line("interest", "Interest paid", "usd", values(months, "interest_usd", -1), flow=True),
        Line("fees", "Fees paid", "usd", values(months, "loan_fees_usd", -1), flow=True),
        Line("owed", OWED, "usd", values(months, "owed_usd")),
        Line("counted", COUNTED, "usd", values(months, "counted_usd")),
        Line("pledged", "BTC pledged", "btc", values(months, "pledged_btc")),
        Line("price", "BTC price", "usd", values(months, "price_usd")),
    ]
    if not one_branch:
        return lines
    ltv = f'IF({_SECURED},[counted]/([pledged]*[price]),"")'
    call_price = f'IF({_SECURED},[counted]/([pledged]*[call_ltv]),"")'
    return [
        *lines,
        Line("ltv", "LTV at the close", "share", values(months, "ltv"), ltv, strong=True),
        Line("ltv_low", "LTV at the month's low", "share", values(months, "ltv_low")),
        Line("call_ltv", "Margin call at LTV", "share", values(months, "call_ltv")),
        Line("liquidation_ltv", "Liquidation at LTV", "share", values(months, "liquidation_ltv")),
        Line("call_price", "BTC price of the margin call", "usd", values(months, "call_price_usd"), call_price),
        Line(
            "fall",
            "Fall of price to the call",
            "share",
            values(months, "fall_to_call_share"),
            'IF(ISNUMBER([ltv]),1-[ltv]/[call_ltv],"")',
        ),
    ]
