"""The sheet of today's orders: a purchase list, and what is sold off."""

from __future__ import annotations

from optimizer.report.plain import Document
from optimizer.report.workbook.page import Book, Column, Page
from optimizer.report.workbook.tables import Field, put_table

NAME = "Orders"
THS_PER_PHS = 1000

PURCHASES = (
    Field("name", Column("Machine", 30)),
    Field("site", Column("Site", 16)),
    Field("units", Column("Units", 10, "whole"), summed=True),
    Field("price_usd_per_unit", Column("Price ex works, USD", 12, "usd_cents")),
    Field("list_usd", Column("Units * price, USD", 14, "usd"), "[units]*[price_usd_per_unit]", summed=True),
    Field("extra_usd", Column("Duty, freight, installation, USD", 15, "usd"), "[cost_usd]-[list_usd]", summed=True),
    Field("now_usd", Column("Due with the order, USD", 14, "usd"), summed=True),
    Field("on_delivery_usd", Column("Due on delivery, USD", 14, "usd"), summed=True),
    Field("cost_usd", Column("Whole cost, USD", 14, "usd"), "[now_usd]+[on_delivery_usd]", summed=True),
    Field("arrival_date", Column("Arrives", 12, "day")),
    Field("hashrate_ph", Column("PH/s", 10, "units"), summed=True),
    Field("power_mw", Column("MW at the meter", 10, "units"), summed=True),
    Field("efficiency_j_per_th", Column("J/TH", 8, "units")),
    Field("usd_per_th", Column("Whole cost, USD per TH/s", 13, "usd_cents"), "[cost_usd]/([hashrate_ph]*1000)"),
)
SALES = (
    Field("name", Column("Machine", 30)),
    Field("site", Column("Site", 16)),
    Field("units", Column("Units", 10, "whole"), summed=True),
    Field("resale_usd_per_unit", Column("Expected price, USD", 12, "usd_cents")),
    Field("resale_usd", Column("Expected proceeds, USD", 14, "usd"), "[units]*[resale_usd_per_unit]", summed=True),
    Field("retired_date", Column("Unplugged", 15, "day")),
)


def orders(book: Book, document: Document) -> None:
    """Write the sheet."""
    today = document["today"]
    page = Page(book, NAME, "Machines to order today", f"Purchase list of {document['scenario']['as_of']}.")
    page.widths([field.column for field in PURCHASES])
    first = 3
    bought = [_purchase(order, document) for order in today["orders"]]
    below = put_table(page, first, PURCHASES, bought, "No machine is ordered today.")
    page.sheet.freeze_panes(first + 1, 1)
    if bought:
        keys = [field.key for field in PURCHASES]
        for key in ("units", "cost_usd", "now_usd", "hashrate_ph"):
            book.name(f"order_{key}", page, below - 1, keys.index(key))
    row = page.section(below + 1, "Machines to sell, decided today", len(SALES))
    sold = [{**sale, "name": _name(sale, document)} for sale in today["retirements"]]
    put_table(page, row, SALES, sold, "No machine is sold by a decision of today.")


def _name(row: Document, document: Document) -> str:
    """The maker's name of a machine."""
    return next(str(machine["name"]) for machine in document["machines"] if machine["model"] == row["model"])


def _purchase(order: Document, document: Document) -> Document:
    listed, cost = order["units"] * order["price_usd_per_unit"], order["now_usd"] + order["on_delivery_usd"]
    return {
        **order,
        "name": _name(order, document),
        "list_usd": listed,
        "cost_usd": cost,
        "extra_usd": cost - listed,
        "usd_per_th": cost / (order["hashrate_ph"] * THS_PER_PHS),
    }
