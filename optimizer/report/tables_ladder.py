"""Tables of the liquidation ladder: at which price lenders call and sell, how far it is, what is lost then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optimizer.ledger.lender_days import BEYOND
from optimizer.ledger.lending import cure_by_adding, cure_by_repaying, ltv
from optimizer.report.frames import DUST_BTC, DUST_USD, frame
from optimizer.report.places import Row, date_of
from optimizer.report.pledged_debts import Lines, pledged_debts
from optimizer.valuation import weighted_quantile

if TYPE_CHECKING:
    from optimizer.planning import Plan

FALLS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
# What the ladder summarises over the branches that owe.
SUMMARISED = (
    "owed_usd",
    "pledged_btc",
    "ltv",
    "call_price_usd",
    "liquidation_price_usd",
    "fall_to_call_share",
    "fall_to_liquidation_share",
    "seized_btc",
    "lost_btc",
)


def ladder(plan: Plan) -> pd.DataFrame:
    """One row per debt against BTC and month in which something is owed: mean, p10 and p90 over the branches that owe
    then.

    owes_share: of probability. seized_btc, lost_btc: sold by the lender, and lost to its fee and slippage, were price
    to fall straight to the liquidation line.
    """
    tree = plan.tree
    rows: list[Row] = []
    for debt in pledged_debts(plan):
        owing = (debt.owed_usd >= DUST_USD) & (debt.pledged_btc >= DUST_BTC) & (tree.probability > 0)
        for month in np.unique(tree.month[owing]).tolist():
            nodes = np.flatnonzero(owing & (tree.month == month))
            chance = tree.probability[nodes]
            row: Row = {
                "facility": debt.name,
                "lender": debt.lender,
                "month": month,
                "date": date_of(plan.scenario, month),
                "owes_share": float(chance.sum()),
                "call_ltv": debt.lines.call_ltv,
                "liquidation_ltv": debt.lines.liquidation_ltv,
            }
            found = debt.figures(nodes, tree.price_usd[nodes])
            for key in SUMMARISED:
                row[f"{key}_mean"] = float(chance @ found[key] / chance.sum())
                row[f"{key}_p10"] = weighted_quantile(found[key], chance, 0.1)
                row[f"{key}_p90"] = weighted_quantile(found[key], chance, 0.9)
            rows.append(row)
    columns = ["facility", "lender", "month", "date", "owes_share", "call_ltv", "liquidation_ltv"]
    return frame(rows, columns + [f"{key}_{point}" for key in SUMMARISED for point in ("mean", "p10", "p90")])


def price_falls(plan: Plan) -> pd.DataFrame:
    """What every lender does if price falls overnight by so much, after today's decisions and before anybody acts.

    does: ``nothing``, ``calls`` or ``sells``. cure_btc or cure_usd: to send, or else to repay, to be back at the
    target. seized_btc, lost_btc: where the lender sells. free_btc: what the company has to send, to all of them.
    """
    price_today, free = float(plan.tree.price_usd[0]), float(plan.books.free_btc[0])
    rows: list[Row] = []
    for fall in FALLS:
        price = price_today * (1 - fall)
        for debt in pledged_debts(plan):
            owed, pledged = float(debt.owed_usd[0]), float(debt.pledged_btc[0])
            if owed < DUST_USD or pledged < DUST_BTC:
                continue
            row: Row = {
                "fall_share": fall,
                "price_usd": price,
                "facility": debt.name,
                "lender": debt.lender,
                "owed_usd": owed,
                "pledged_btc": pledged,
            }
            answer = _answer(debt.lines, owed, float(debt.counted_usd[0]), pledged, price)
            rows.append({**row, **answer, "free_btc": free})
    columns = ["fall_share", "price_usd", "facility", "lender", "owed_usd", "pledged_btc", "ltv", "does"]
    return frame(rows, [*columns, "cure_btc", "cure_usd", "seized_btc", "lost_btc", "free_btc"])


def _answer(lines: Lines, owed: float, counted: float, pledged: float, price: float) -> Row:
    """What a lender does at a price, and what that asks of the company."""
    now, value = float(ltv(counted, pledged, price)), pledged * price
    row: Row = {"ltv": now, "does": "nothing", "cure_btc": 0.0, "cure_usd": 0.0, "seized_btc": 0.0, "lost_btc": 0.0}
    if now > lines.liquidation_ltv * BEYOND:
        seized = float(lines.sold_btc(owed, counted, pledged, price))
        return row | {"does": "sells", "seized_btc": seized, "lost_btc": seized * lines.cost_share}
    if now > lines.call_ltv * BEYOND:
        adds = cure_by_adding(counted, value, lines.cure_target_ltv)
        repays = cure_by_repaying(counted, value, lines.cure_target_ltv) * owed / counted
        return row | {"does": "calls", "cure_btc": float(adds) / price, "cure_usd": float(repays)}
    return row
