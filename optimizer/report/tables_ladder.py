"""Tables of the liquidation ladder: at which price lenders call and sell, how far it is, what is lost then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optimizer.decisions import facility_names
from optimizer.ledger.lender_days import BEYOND
from optimizer.ledger.lending import Real, cure_by_adding, cure_by_repaying, forced_sale, ltv
from optimizer.market.tree import Floats, Ints
from optimizer.report.frames import DUST_BTC, DUST_USD, frame
from optimizer.report.places import Row, date_of
from optimizer.report.tables_decisions import contract_of, lines_of
from optimizer.scenario.money import ExistingLoan, Facility
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
    """One row per facility and month in which something is owed: mean, p10 and p90 over the branches that owe then.

    owes_share: of probability. seized_btc, lost_btc: sold by the lender, and lost to its fee and slippage, were price
    to fall straight to the liquidation line.
    """
    tree, debt = plan.tree, plan.books.debt
    owing = (debt.owed_usd >= DUST_USD) & (debt.pledged_btc >= DUST_BTC) & (tree.probability > 0)[:, None]
    rows: list[Row] = []
    for f, name in enumerate(facility_names(plan.scenario)):
        terms = contract_of(plan, f)
        for month in np.unique(tree.month[owing[:, f]]).tolist():
            nodes = np.flatnonzero(owing[:, f] & (tree.month == month))
            chance = tree.probability[nodes]
            rungs = _rungs(plan, nodes, f, terms)
            row: Row = {
                "facility": name,
                "lender": terms.lender,
                "month": month,
                "date": date_of(plan.scenario, month),
                "owes_share": float(chance.sum()),
                "call_ltv": terms.call_ltv,
                "liquidation_ltv": terms.liquidation_ltv,
            }
            for key in SUMMARISED:
                values = rungs[key]
                row[f"{key}_mean"] = float(chance @ values / chance.sum())
                row[f"{key}_p10"] = weighted_quantile(values, chance, 0.1)
                row[f"{key}_p90"] = weighted_quantile(values, chance, 0.9)
            rows.append(row)
    columns = ["facility", "lender", "month", "date", "owes_share", "call_ltv", "liquidation_ltv"]
    return frame(rows, columns + [f"{key}_{point}" for key in SUMMARISED for point in ("mean", "p10", "p90")])


def _rungs(plan: Plan, nodes: Ints, f: int, terms: ExistingLoan | Facility) -> dict[str, Floats]:
    """Where one facility stands at each of ``nodes``, ``[node]``."""
    debt, lines = plan.books.debt, lines_of(plan, nodes, f)
    owed, counted, pledged = debt.owed_usd[nodes, f], debt.counted_usd[nodes, f], debt.pledged_btc[nodes, f]
    seized, lost = _forced_sale_btc(terms, owed, counted, pledged, lines["liquidation_price_usd"])
    return {"owed_usd": owed, "pledged_btc": pledged, "seized_btc": seized, "lost_btc": lost, **lines}


def _forced_sale_btc(
    terms: ExistingLoan | Facility, owed_usd: Real, counted_usd: Real, pledged_btc: Real, price_usd: Real
) -> tuple[Floats, Floats]:
    """BTC that the lender sells at this price, to its target or to be repaid whole, and what of it fee and slippage
    take."""
    value, cost, per_usd = pledged_btc * price_usd, terms.liquidation_cost_share, counted_usd / owed_usd
    sold = np.asarray(forced_sale(owed_usd, value, terms.liquidation_target_ltv, cost, per_usd) / price_usd)
    return sold, sold * cost


def price_falls(plan: Plan) -> pd.DataFrame:
    """What every lender does if price falls overnight by so much, after today's decisions and before anybody acts.

    does: ``nothing``, ``calls`` or ``sells``. cure_btc or cure_usd: to send, or else to repay, to be back at the
    target. seized_btc, lost_btc: where the lender sells. free_btc: what the company has to send, to all of them.
    """
    books, price_today = plan.books, float(plan.tree.price_usd[0])
    rows: list[Row] = []
    for fall in FALLS:
        for f, name in enumerate(facility_names(plan.scenario)):
            owed, pledged = float(books.debt.owed_usd[0, f]), float(books.debt.pledged_btc[0, f])
            if owed < DUST_USD or pledged < DUST_BTC:
                continue
            price = price_today * (1 - fall)
            row: Row = {
                "fall_share": fall,
                "price_usd": price,
                "facility": name,
                "lender": contract_of(plan, f).lender,
                "owed_usd": owed,
                "pledged_btc": pledged,
            }
            answer = _answer(contract_of(plan, f), owed, float(books.debt.counted_usd[0, f]), pledged, price)
            rows.append({**row, **answer, "free_btc": float(books.free_btc[0])})
    columns = ["fall_share", "price_usd", "facility", "lender", "owed_usd", "pledged_btc", "ltv", "does"]
    return frame(rows, [*columns, "cure_btc", "cure_usd", "seized_btc", "lost_btc", "free_btc"])


def _answer(terms: ExistingLoan | Facility, owed: float, counted: float, pledged: float, price: float) -> Row:
    """What a lender does at a price, and what that asks of the company."""
    now, value = float(ltv(counted, pledged, price)), pledged * price
    row: Row = {"ltv": now, "does": "nothing", "cure_btc": 0.0, "cure_usd": 0.0, "seized_btc": 0.0, "lost_btc": 0.0}
    if now > terms.liquidation_ltv * BEYOND:
        seized, lost = _forced_sale_btc(terms, owed, counted, pledged, price)
        return row | {"does": "sells", "seized_btc": float(seized), "lost_btc": float(lost)}
    if now > terms.call_ltv * BEYOND:
        adds = cure_by_adding(counted, value, terms.cure_target_ltv)
        repays = cure_by_repaying(counted, value, terms.cure_target_ltv) * owed / counted
        return row | {"does": "calls", "cure_btc": float(adds) / price, "cure_usd": float(repays)}
    return row
