"""Tables of where the company stands: node by node, debt by debt, and month by month over all branches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optimizer.decisions import facility_names
from optimizer.ledger.paths import before
from optimizer.market.tree import Floats
from optimizer.report.frames import DUST_BTC, DUST_USD, PLACE, frame, tidy
from optimizer.report.places import Row, date_of, place, places
from optimizer.report.tables_decisions import contracts_of, lines_of
from optimizer.valuation import weighted_quantile

if TYPE_CHECKING:
    from optimizer.planning import Plan

# What the months table summarises over branches.
MONTHLY = (
    "price_usd",
    "hashprice_usd_per_ph_day",
    "mined_btc",
    "sold_btc",
    "bought_btc",
    "sale_usd",
    "power_usd",
    "overhead_usd",
    "liabilities_usd",
    "interest_usd",
    "capex_usd",
    "resale_usd",
    "drawn_usd",
    "repaid_usd",
    "running_ph",
    "btc",
    "pledged_btc",
    "cash_usd",
    "owed_usd",
    "net_btc",
    "free_btc",
    "runway_months",
)


def nodes(plan: Plan) -> pd.DataFrame:
    """One row per node: the market there, the flows of the month that ends there and the balances after it.

    Cash carries: cash_usd = parent's + sale - sale fee - power - overhead - liabilities - capex + resale
    + drawn - loan fees - interest - repaid + liquidation surplus + sources - tax.
    """
    tree, books, scenario = plan.tree, plan.books, plan.scenario
    debt, fleet = books.debt, books.fleet
    columns = places(scenario, tree, np.arange(len(tree))) | {
        "parent": tree.parent,
        "stress": tree.stress >= 0,
        "price_usd": tree.price_usd,
        "low_usd": tree.low_usd,
        "hashprice_usd_per_ph_day": tree.hashprice_usd_per_ph_day,
        "network_ehs": tree.network_ehs,
        "machine_price_factor": tree.asic_price_factor,
        "running_ph": fleet.running_ph,
        "installed_mw": fleet.installed_mw.sum(axis=1),
        "mined_btc": books.mined_btc,
        "sold_btc": books.sold_btc,
        "bought_btc": books.bought_btc,
        "seized_btc": books.seized_btc,
        "sale_usd": books.sale_usd,
        "sale_fee_usd": books.sale_fee_usd,
        "power_usd": books.power_usd,
        "overhead_usd": books.overhead_usd,
        "liabilities_usd": books.liabilities_usd,
        "capex_usd": fleet.capex_usd,
        "resale_usd": fleet.resale_usd,
        "drawn_usd": debt.drawn_usd.sum(axis=1),
        "loan_fees_usd": (debt.origination_fee_usd + debt.early_fee_usd).sum(axis=1),
        "interest_usd": (debt.interest_usd + debt.accrued_paid_usd).sum(axis=1),
        "repaid_usd": debt.repaid_usd.sum(axis=1),
        "liquidation_surplus_usd": debt.liquidation_surplus_usd.sum(axis=1),
        "btc": books.btc,
        "free_btc": books.free_btc,
        "tied_btc": books.sources.tied_btc,
        "sources_cash_usd": books.sources.cash_usd,
        "sources_btc": books.sources.btc,
        "sources_worth_usd": books.sources.asset_usd - books.sources.owed_usd,
        "taxable_usd": books.taxes.income_usd,
        "tax_usd": books.taxes.paid_usd,
        "tax_owed_usd": books.taxes.owed_usd,
        "pledged_btc": books.pledged_btc.sum(axis=1),
        "cash_usd": books.cash_usd,
        "owed_usd": books.owed_usd.sum(axis=1),
        "machines_usd": fleet.worth_usd,
        "payable_usd": fleet.payable_usd,
        "net_btc": books.net_btc,
        "bills_usd_per_month": books.bills_usd_per_month,
        "runway_months": books.runway_months,
    }
    return tidy(pd.DataFrame(columns))


def debts(plan: Plan) -> pd.DataFrame:
    """One row per node and facility with debt or pledged BTC, and how far it is from call and liquidation.

    ``ltv_low`` is the LTV at the month's low, after top-ups, of what was owed before the node's decisions.
    """
    tree, debt = plan.tree, plan.books.debt
    owed_before = before(tree, debt.owed_usd)
    shown = (debt.owed_usd >= DUST_USD) | (debt.pledged_btc >= DUST_BTC) | (owed_before >= DUST_USD)
    node, f = np.nonzero(shown)
    contracts = contracts_of(plan)
    call_ltv = np.array([terms.call_ltv for terms in contracts])[f]
    low = np.where(owed_before[shown] >= DUST_USD, debt.ltv_low[shown], np.nan)
    lines = lines_of(plan, node, f)
    columns = places(plan.scenario, tree, node) | {
        "facility": np.array(facility_names(plan.scenario), dtype=object)[f],
        "lender": np.array([terms.lender for terms in contracts], dtype=object)[f],
        "principal_usd": debt.principal_usd[shown],
        "owed_usd": debt.owed_usd[shown],
        "interest_usd": debt.interest_usd[shown] + debt.accrued_paid_usd[shown],
        "pledged_btc": debt.pledged_btc[shown],
        "ltv": lines.pop("ltv"),
        "ltv_low": low,
        "call_ltv": call_ltv,
        "liquidation_ltv": np.array([terms.liquidation_ltv for terms in contracts])[f],
        **lines,
        "low_to_call_share": 1 - low / call_ltv,
    }
    return tidy(pd.DataFrame(columns))


def months(plan: Plan) -> pd.DataFrame:
    """Flows and balances of each month over the branches that have a probability: mean, and the values that a
    tenth (``_p10``) and nine tenths (``_p90``) of the probability do not exceed. A runway may be endless."""
    tree, table = plan.tree, nodes(plan)
    counted = tree.probability > 0
    rows: list[Row] = []
    for month in range(int(tree.month[counted].max()) + 1):
        here = counted & (tree.month == month)
        chance = tree.probability[here] / tree.probability[here].sum()
        row: Row = {"month": month, "date": date_of(plan.scenario, month), "branches": int(here.sum())}
        for name in MONTHLY:
            values: Floats = table[name].to_numpy(dtype=float)[here]
            row[f"{name}_mean"] = float(chance @ values)
            row[f"{name}_p10"] = weighted_quantile(values, chance, 0.1)
            row[f"{name}_p90"] = weighted_quantile(values, chance, 0.9)
        rows.append(row)
    return frame(rows, list(rows[0]))


def outcomes(plan: Plan) -> pd.DataFrame:
    """One row per final branch: its probability, its weight in the objective, the net worth it ends with, and what each
    alternative that has a plan ends with there."""
    unit, value = plan.scenario.numeraire, plan.value
    others = [c for c in plan.comparators if c.feasible]
    columns = [*PLACE, "weight", "price_usd", f"net_{unit}", *(f"{c.name}_{unit}" for c in others)]
    rows: list[Row] = [
        {
            **place(plan.scenario, plan.tree, leaf),
            "weight": float(weight),
            "price_usd": float(plan.tree.price_usd[leaf]),
            f"net_{unit}": float(outcome),
            **{f"{c.name}_{unit}": c.outcomes[k] for c in others},
        }
        for k, (leaf, outcome, weight) in enumerate(zip(value.leaves, value.outcomes, value.weights, strict=True))
    ]
    return frame(rows, columns)
