"""The sheet of what the plan takes as given: each figure with its source and its date."""

from __future__ import annotations

from optimizer.report.plain import Document
from optimizer.report.workbook.formats import TYPED
from optimizer.report.workbook.page import Book, Column, Page
from optimizer.report.workbook.tables import Field, put_table

NAME = "Assumptions"
STATED = (
    Field("subject", Column("Of", 18)),
    Field("name", Column("What", 36)),
    Field("value", Column("Taken as", 70)),
    Field("as_of", Column("As of", 12, "day")),
    Field("source", Column("Source; blank: the scenario's own", 90)),
)
# Today's market: the name of its row, its key in the document, and the number format that says the unit.
MARKET = (
    ("BTC price", "btc_price_usd", '"$"#,##0'),
    ("network hashrate", "network_ehs", '#,##0" EH/s"'),
    ("hashprice", "hashprice_usd_per_ph_day", '"$"0.00" per PH/s and day"'),
)


def assumptions(book: Book, document: Document) -> None:
    """Write the sheet."""
    given = document["scenario"]
    page = Page(
        book,
        NAME,
        "Assumptions",
        f"Of the scenario {given['file']}, as of {given['as_of']}; SHA-256 of all inputs {given['sha256']}.",
    )
    page.widths([field.column for field in STATED])
    page.sheet.freeze_panes(4, 2)
    stated = document["assumptions"]
    below = put_table(page, 3, STATED, stated, "Nothing is taken as given.")
    page.sheet.autofilter(3, 0, below - 1, len(STATED) - 1)
    rows = {record["name"]: 4 + k for k, record in enumerate(stated) if record["subject"] == "market"}
    for name, key, number_format in MARKET:
        typed = book.workbook.add_format({"num_format": number_format, "align": "left", "font_color": TYPED})
        page.sheet.write_number(rows[name], 2, document["market"][key], typed)
