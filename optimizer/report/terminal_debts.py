"""What is owed against BTC after today, on a terminal: how far each lender's lines are, and a fall overnight."""

from __future__ import annotations

import pandas as pd

from optimizer.report.falls import TOLD, at_fall
from optimizer.report.frames import rows, rows_at
from optimizer.report.screen import Lines
from optimizer.report.words import add, btc, grid, price, share, usd

# Of a line, by its keys in the table of debts.
OF = (
    "owed_usd",
    "pledged_btc",
    "ltv",
    "call_price_usd",
    "fall_to_call_share",
    "liquidation_price_usd",
    "fall_to_liquidation_share",
)


def debts_today(tables: dict[str, pd.DataFrame]) -> Lines:
    """Debts after today's decisions, other sources that may call among them, and what each lender does at -40%."""
    loans = rows_at(tables["debts"], 0)
    named = {row["facility"] for row in loans}
    sources = [
        row | {key: row[f"{key}_mean"] for key in OF}
        for row in rows(tables["ladder"])
        if row["month"] == 0 and row["facility"] not in named
    ]
    if not loans and not sources:
        return []
    headings = ("Debt after that", "owed", "pledged BTC", "LTV", "call at", "a fall of", "liquidated at")
    table = grid(*headings, "a fall of")
    for d in [*loans, *sources]:
        add(
            table,
            d["facility"],
            usd(d["owed_usd"]),
            btc(d["pledged_btc"]),
            share(d["ltv"], 1),
            price(d["call_price_usd"]),
            share(d["fall_to_call_share"]),
            price(d["liquidation_price_usd"]),
            share(d["fall_to_liquidation_share"]),
        )
    falls = rows(tables["price_falls"])
    return [table, at_fall(falls, TOLD)] if falls else [table]
