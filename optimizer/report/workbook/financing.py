"""The sheet of today's money: BTC to sell, loans to draw and repay, pledges, other sources, and what lenders offer."""

from __future__ import annotations

from optimizer.report.plain import Document
from optimizer.report.workbook.page import Book, Column, Page
from optimizer.report.workbook.tables import Field, put_table

NAME = "Financing"
WIDTHS = [Column("", 30), Column("", 22), *(Column("", 15) for _ in range(10))]

TRADES = (
    Field("what", Column("What", 30)),
    Field("btc", Column("BTC", 22, "btc")),
    Field("price_usd", Column("Price, USD", 15, "usd")),
    Field("usd", Column("USD", 15, "usd"), "[btc]*[price_usd]"),
)
DRAWS = (
    Field("facility", Column("Facility", 30)),
    Field("lender", Column("Lender", 22)),
    Field("tier_max_ltv", Column("Tier up to LTV", 15, "share")),
    Field("amount_usd", Column("Principal, USD", 15, "usd"), summed=True),
    Field("fee_usd", Column("Fee, USD", 15, "usd"), summed=True),
    Field("received_usd", Column("Received, USD", 15, "usd"), "[amount_usd]-[fee_usd]", summed=True),
    Field("apr", Column("Interest a year", 15, "share")),
    Field("matures_date", Column("Due", 15, "day")),
    Field("pledged_btc", Column("BTC pledged", 15, "btc"), summed=True),
    Field("ltv", Column("LTV of the facility", 15, "share")),
    Field("call_price_usd", Column("Margin call at, USD", 15, "usd")),
    Field("liquidation_price_usd", Column("Liquidation at, USD", 15, "usd")),
)
REPAYMENTS = (
    Field("facility", Column("Facility", 30)),
    Field("lender", Column("Lender", 22)),
    Field("principal_usd", Column("Principal, USD", 15, "usd"), summed=True),
    Field("accrued_interest_usd", Column("Interest, USD", 15, "usd"), summed=True),
    Field("early_fee_usd", Column("Early fee, USD", 15, "usd"), summed=True),
)
PLEDGES = (
    Field("facility", Column("Facility", 30)),
    Field("lender", Column("Lender", 22)),
    Field("top_up_btc", Column("Send, BTC", 15, "btc"), summed=True),
    Field("release_btc", Column("Take back, BTC", 15, "btc"), summed=True),
)
USES = (
    Field("source", Column("Source", 30)),
    Field("counterparty", Column("Counterparty", 22)),
    Field("kind", Column("Kind", 15)),
    Field("what", Column("Use", 15)),
    Field("amount", Column("Amount", 15, "usd_cents")),
)
OFFERS = (
    Field("facility", Column("Facility", 30)),
    Field("lender", Column("Lender", 22)),
    Field("tier_max_ltv", Column("Tier up to LTV", 15, "share")),
    Field("apr", Column("Interest a year", 15, "share")),
    Field("term_months", Column("Term, months", 15, "whole")),
    Field("break_even_growth_pa", Column("Break-even BTC growth a year", 15, "share")),
    Field("sure_growth_pa", Column("Growth in the view", 15, "share")),
    Field("drawn_today_usd", Column("Drawn today, USD", 15, "usd"), summed=True),
    Field("expected_draws_usd", Column("Drawn in all, expected, USD", 15, "usd"), summed=True),
)


def financing(book: Book, document: Document) -> None:
    """Write the sheet."""
    today, price = document["today"], document["market"]["btc_price_usd"]
    page = Page(book, NAME, "Money moved today", f"Decisions of {document['scenario']['as_of']}.")
    page.widths(WIDTHS)
    page.sheet.freeze_panes(2, 1)
    trades = [
        {"what": what, "btc": today[key], "price_usd": price, "usd": today[key] * price}
        for what, key in (("BTC to sell", "sell_btc"), ("BTC to buy", "buy_btc"))
        if today[key] > 0
    ]
    uses = [{**use, "kind": _words(use["kind"]), "what": _words(use["what"])} for use in today["uses"]]
    row = 3
    for heading, fields, records, empty in (
        ("BTC to trade", TRADES, trades, "No BTC is sold or bought today."),
        ("Loans to draw", DRAWS, today["draws"], "No loan is drawn today."),
        ("Loans to repay", REPAYMENTS, today["repayments"], "No loan is repaid today."),
        ("BTC to send or take back", PLEDGES, today["pledges"], "No pledge moves but with draws and repayments."),
        ("Other sources of money", USES, uses, "No other source of money is used today."),
        ("What lenders offer", OFFERS, document["doubt"]["loans"], "No facility is offered."),
    ):
        row = page.section(row, heading, len(WIDTHS))
        row = put_table(page, row, fields, records, empty) + 1


def _words(key: str) -> str:
    return key.replace("_", " ").replace(" usd", ", USD").replace(" btc", ", BTC")
