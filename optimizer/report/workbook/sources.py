"""The sheet of sources of money other than selling BTC and borrowing against it; without rows where none is used."""

from __future__ import annotations

from collections.abc import Sequence

from optimizer.report.plain import Document
from optimizer.report.workbook.debt import Totals
from optimizer.report.workbook.lines import Line, Schedule, groups, values
from optimizer.report.workbook.page import Book, Column, Page

NAME = "Sources"
CASH = "Cash in (out)"
LABELS = (Column("Outlook", 9), Column("Source", 22), Column("Kind", 17), Column("Counterparty", 18))


def sources(book: Book, document: Document) -> Totals:
    """Write the sheet; its totals."""
    page = Page(
        book,
        NAME,
        "Sources of money",
        "Per source and outlook: what comes in or goes out with the month's decisions, and what stands after them.",
    )
    schedule = Schedule(page, LABELS, document["months"])
    schedule.head()
    row = schedule.FIRST_ROW
    found = groups(document["source_months"], "source", "kind", "counterparty", "outlook")
    for (source, kind, counterparty, outlook), months in found.items():
        lines = [
            Line("cash", CASH, "usd", values(months, "cash_usd"), flow=True),
            Line("btc", "BTC in (out)", "btc", values(months, "btc"), flow=True),
            Line("tied", "BTC out of reach", "btc", values(months, "tied_btc")),
            Line("owed", "Owed to it", "usd", values(months, "owed_usd", -1)),
            Line("asset", "Owed by it", "usd", values(months, "asset_usd")),
            Line(
                "worth",
                "Worth to the company",
                "usd",
                [month["asset_usd"] - month["owed_usd"] for month in months],
                "[asset]+[owed]",
                strong=True,
            ),
        ]
        if outlook != "mean" and months[0]["call_ltv"] is not None:
            lines += _lines_of_a_lender(months)
        row, _ = schedule.put(row, (outlook, source, kind.replace("_", " "), counterparty), lines)
    if row == schedule.FIRST_ROW:
        page.text(row, 0, "No other source of money is used on any branch.", "note")
    else:
        page.sheet.autofilter(schedule.HEADER_ROW, 0, row - 1, len(LABELS))
    return Totals(schedule, row)


def _lines_of_a_lender(months: Sequence[Document]) -> list[Line]:
    """What stands between a source that may call and its call, along one branch."""
    secured = "AND([owed]<0,[tied]>0)"
    return [
        Line("price", "BTC price", "usd", values(months, "price_usd")),
        Line(
            "ltv",
            "LTV at the close",
            "share",
            values(months, "ltv"),
            f'IF({secured},-[owed]/([tied]*[price]),"")',
            strong=True,
        ),
        Line("call_ltv", "Margin call at LTV", "share", values(months, "call_ltv")),
        Line("liquidation_ltv", "Liquidation at LTV", "share", values(months, "liquidation_ltv")),
        Line(
            "call_price",
            "BTC price of the margin call",
            "usd",
            values(months, "call_price_usd"),
            f'IF({secured},-[owed]/([tied]*[call_ltv]),"")',
        ),
    ]
