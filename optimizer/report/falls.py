"""What lenders do if price falls overnight, in sentences: for the page and the terminal alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from optimizer.report.plain import Document
from optimizer.report.words import btc, price, share

# Of the falls that are looked at, the one that is told first.
TOLD = 0.4


def at_fall(falls: Sequence[Document], fall: float) -> str:
    """What each lender does at a fall, of the rows of ``price_falls``: who sells, who calls, who waits."""
    here = [row for row in falls if abs(row["fall_share"] - fall) < 1e-9]
    sells, calls, waits = ([row for row in here if row["does"] == what] for what in ("sells", "calls", "nothing"))
    said = []
    if sells:
        seized, lost = sum(row["seized_btc"] for row in sells), sum(row["lost_btc"] for row in sells)
        verb = "sells" if len(sells) == 1 else "sell"
        said.append(f"{_names(sells)} {verb} {btc(seized)} BTC of the pledge ({btc(lost)} of them lost to fees)")
    if calls:
        need = sum(row["cure_btc"] for row in calls)
        verb = "calls" if len(calls) == 1 else "call"
        said.append(f"{_names(calls)} {verb} for {btc(need)} BTC more, of {btc(here[0]['free_btc'])} free")
    if waits:
        verb = "does nothing" if len(waits) == 1 else "do nothing"
        said.append(f"{_names(waits)} {verb}")
    return f"At {share(-fall)} overnight (BTC at {price(here[0]['price_usd'])}): {'; '.join(said)}."


def tightest(ladder: Sequence[Document]) -> str:
    """The lender and month of the ladder in which a call is nearest."""
    row = min(ladder, key=lambda row: row["fall_to_call_share_p10"])
    return (
        f"Tightest: {row['facility']} in {date.fromisoformat(str(row['date'])):%b %Y}; there one future in ten is a "
        f"fall of {share(row['fall_to_call_share_p10'])} or less from a margin call."
    )


def _names(rows: Sequence[Document]) -> str:
    return ", ".join(f"{row['facility']} (LTV {share(row['ltv'])})" for row in rows)
