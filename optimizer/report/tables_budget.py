"""The budget: what comes in, goes out and stands month by month, on average and along a good and a bad branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optimizer.ledger.lending import ltv
from optimizer.ledger.paths import before
from optimizer.report.frames import DUST_BTC, DUST_USD, frame
from optimizer.report.outlooks import months_of, outlook_row, outlooks_of, rows_by_month
from optimizer.report.places import Row
from optimizer.report.tables_state import nodes

if TYPE_CHECKING:
    from optimizer.market.tree import Floats
    from optimizer.planning import Plan

# Columns of the table of nodes whose mean over branches means something.
FLOWS = (
    "mined_btc",
    "sold_btc",
    "bought_btc",
    "seized_btc",
    "sources_btc",
    "sale_usd",
    "sale_fee_usd",
    "power_usd",
    "overhead_usd",
    "liabilities_usd",
    "capex_usd",
    "resale_usd",
    "drawn_usd",
    "loan_fees_usd",
    "interest_usd",
    "repaid_usd",
    "liquidation_surplus_usd",
    "sources_cash_usd",
    "tax_usd",
)
BALANCES = (
    "btc",
    "free_btc",
    "pledged_btc",
    "tied_btc",
    "cash_usd",
    "owed_usd",
    "machines_usd",
    "payable_usd",
    "sources_worth_usd",
    "tax_owed_usd",
    "net_btc",
    "bills_usd_per_month",
)
STATE = ("price_usd", "hashprice_usd_per_ph_day", "running_ph", "installed_mw")


def outlooks(plan: Plan) -> pd.DataFrame:
    """What the budget looks at: the mean, and the branches at the edges of the worst and of the best tenth.

    not_above_share: of probability, that ends with no more net worth; blank for the mean, as is ``node``.
    """
    rows = [outlook_row(plan, outlook) for outlook in outlooks_of(plan)]
    table = frame(rows, ["outlook", "node", "branch", "not_above_share", f"net_{plan.scenario.numeraire}"])
    table["node"] = table["node"].astype("Int64")
    return table


def budget(plan: Plan) -> pd.DataFrame:
    """One row per outlook and month: flows of the month with the decisions at its end, balances after them.

    BTC and cash carry: what was there before (``before_btc``, ``before_cash_usd``), flows, what is there. failure_btc:
    expected to be lost with lenders that may fail. counted_usd: what the LTVs of all facilities together count. ltv, on
    that, and runway_months are blank for the mean.
    """
    tree, books, table = plan.tree, plan.books, nodes(plan)
    counted, pledged = books.debt.counted_usd.sum(axis=1), books.pledged_btc.sum(axis=1)
    secured = (counted >= DUST_USD) & (pledged >= DUST_BTC)
    of_all = np.where(secured, ltv(counted, pledged, tree.price_usd), np.nan)
    carried: dict[str, Floats] = {
        "before_btc": before(tree, books.btc, plan.scenario.treasury.btc),
        "before_cash_usd": before(tree, books.cash_usd, plan.scenario.treasury.cash_usd),
        "failure_btc": books.expected_failure_btc.sum(axis=1),
        "counted_usd": counted,
    }
    rows: list[Row] = []
    for outlook in outlooks_of(plan):
        figures = {name: outlook.of(table[name]) for name in (*STATE, *FLOWS, *BALANCES)}
        figures |= {name: outlook.of(values) for name, values in carried.items()}
        figures["ltv"] = outlook.of_one_branch(of_all)
        figures["runway_months"] = outlook.of_one_branch(books.runway_months)
        rows += rows_by_month(months_of(plan.scenario, outlook), figures)
    return frame(rows, list(rows[0]))
