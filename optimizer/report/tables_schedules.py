"""The budget's schedules: each debt, each source of money and each machine month by month, for every outlook."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optimizer.decisions import facility_names
from optimizer.ledger.fleet import HOURS_PER_DAY
from optimizer.ledger.paths import ancestors, before
from optimizer.ledger.sources import keep_source_books
from optimizer.market.tree import Floats
from optimizer.report.frames import DUST_BTC, DUST_UNITS, DUST_USD, frame
from optimizer.report.outlooks import months_of, outlooks_of, rows_by_month
from optimizer.report.places import Row
from optimizer.report.pledged_debts import pledged_debts
from optimizer.report.tables_decisions import contract_of, lines_of

if TYPE_CHECKING:
    from optimizer.planning import Plan

MONTH = ["outlook", "month", "date"]


def debt_months(plan: Plan) -> pd.DataFrame:
    """One row per facility with debt or pledged BTC on some branch, outlook and month.

    Principal carries: before + drawn - repaid - liquidated. interest_usd is paid in cash, accrued interest included;
    counted_usd is what the LTV counts; ltv, ltv_low (at the month's low), call_price_usd and fall_to_call_share are
    blank for the mean.
    """
    tree, debt, given = plan.tree, plan.books.debt, plan.scenario
    owed_today = np.array([loan.balance_usd for loan in given.loans] + [0.0] * len(given.facilities))
    principal_before, owed_before = before(tree, debt.principal_usd, owed_today), before(tree, debt.owed_usd)
    used = ((debt.owed_usd >= DUST_USD) | (debt.pledged_btc >= DUST_BTC) | (principal_before >= DUST_USD)).any(axis=0)
    names = facility_names(given)
    rows: list[Row] = []
    for f in np.flatnonzero(used).tolist():
        terms = contract_of(plan, f)
        lines = lines_of(plan, np.arange(len(tree)), f)
        flows = {
            "before_usd": principal_before,
            "drawn_usd": debt.drawn_usd,
            "repaid_usd": debt.repaid_usd,
            "liquidated_usd": debt.liquidated_usd,
            "principal_usd": debt.principal_usd,
            "interest_usd": debt.interest_usd + debt.accrued_paid_usd,
            "loan_fees_usd": debt.origination_fee_usd + debt.early_fee_usd,
            "owed_usd": debt.owed_usd,
            "counted_usd": debt.counted_usd,
            "pledged_btc": debt.pledged_btc,
        }
        low = np.where(owed_before[:, f] >= DUST_USD, debt.ltv_low[:, f], np.nan)
        for outlook in outlooks_of(plan):
            figures = {name: outlook.of(values[:, f]) for name, values in flows.items()}
            figures["price_usd"] = outlook.of(tree.price_usd)
            figures["ltv"] = outlook.of_one_branch(lines["ltv"])
            figures["ltv_low"] = outlook.of_one_branch(low)
            figures["call_price_usd"] = outlook.of_one_branch(lines["call_price_usd"])
            figures["fall_to_call_share"] = outlook.of_one_branch(lines["fall_to_call_share"])
            said = {"facility": names[f], "lender": terms.lender}
            lines_said = {"call_ltv": terms.call_ltv, "liquidation_ltv": terms.liquidation_ltv}
            months = [{**said, **row, **lines_said} for row in months_of(given, outlook)]
            rows += rows_by_month(months, figures)
    columns = ["facility", "lender", *MONTH, "call_ltv", "liquidation_ltv", "before_usd", "drawn_usd", "repaid_usd"]
    columns += ["liquidated_usd", "principal_usd", "interest_usd", "loan_fees_usd", "owed_usd", "counted_usd"]
    return frame(rows, [*columns, "pledged_btc", "price_usd", "ltv", "ltv_low", "call_price_usd", "fall_to_call_share"])


def source_months(plan: Plan) -> pd.DataFrame:
    """One row per other source of money that is used on some branch, outlook and month: cash_usd and btc that come in
    (+) or go out (-), BTC out of reach, what is owed to it and by it.

    Of those that may call: call_ltv, liquidation_ltv, and, blank for the mean and where nothing is owed, ltv and
    call_price_usd.
    """
    tree, made = plan.tree, plan.decisions
    ancestor = ancestors(tree)
    names = ("cash_usd", "btc", "tied_btc", "owed_usd", "asset_usd")
    may_call = {debt.name: debt for debt in pledged_debts(plan)}
    rows: list[Row] = []
    for source in plan.scenario.sources:
        uses = tuple(use for use in made.uses if use.source == source.name)
        books = keep_source_books(plan.scenario, tree, ancestor, replace(made, uses=uses))
        if not any(np.abs(getattr(books, name)).max() >= DUST_BTC for name in names):
            continue
        said: Row = {"source": source.name, "kind": source.kind, "counterparty": source.counterparty}
        debt = may_call.get(source.name)
        lines: dict[str, Floats] = {}
        if debt:
            said |= {"call_ltv": debt.lines.call_ltv, "liquidation_ltv": debt.lines.liquidation_ltv}
            owes = np.flatnonzero((debt.owed_usd >= DUST_USD) & (debt.pledged_btc >= DUST_BTC))
            stands = debt.figures(owes, tree.price_usd[owes])
            for name in ("ltv", "call_price_usd"):
                lines[name] = np.full(len(tree), np.nan)
                lines[name][owes] = stands[name]
        for outlook in outlooks_of(plan):
            figures = {name: outlook.of(getattr(books, name)) for name in names}
            figures["price_usd"] = outlook.of(tree.price_usd)
            figures |= {name: outlook.of_one_branch(values) for name, values in lines.items()}
            rows += rows_by_month([{**said, **row} for row in months_of(plan.scenario, outlook)], figures)
    called = ["price_usd", "call_ltv", "liquidation_ltv", "ltv", "call_price_usd"]
    return frame(rows, ["source", "kind", "counterparty", *MONTH, *names, *called])


def machine_months(plan: Plan) -> pd.DataFrame:
    """One row per model at a site, outlook and month, in machines.

    Racks carry: before + delivered - retired. ordered_units: by the month's decisions. hashing_units: ran in the month,
    whose best mode earned its power.
    """
    tree, fleet = plan.tree, plan.books.fleet
    today = np.array([pair.units_today for pair in fleet.pairs], dtype=np.float64)
    racked_before, retired = before(tree, fleet.racked_units, today), _retired_units(plan)
    moves = {
        "ordered_units": fleet.ordered_units - before(tree, fleet.ordered_units, np.zeros(len(fleet.pairs))),
        "before_units": racked_before,
        "delivered_units": fleet.racked_units - racked_before + retired,
        "retired_units": retired,
        "racked_units": fleet.racked_units,
        "hashing_units": racked_before * _earns(plan),
    }
    rows: list[Row] = []
    for k, pair in enumerate(fleet.pairs):
        said: Row = {
            "model": pair.model,
            "name": plan.scenario.machines.specs[pair.model].name,
            "site": plan.scenario.sites[pair.site].name,
        }
        for outlook in outlooks_of(plan):
            figures = {what: _without_dust(outlook.of(units[:, k])) for what, units in moves.items()}
            rows += rows_by_month([{**said, **row} for row in months_of(plan.scenario, outlook)], figures)
    return frame(rows, ["model", "name", "site", *MONTH, *moves])


def _retired_units(plan: Plan) -> Floats:
    """Machines unplugged at each node, ``[node, pair]``: on every branch below the decision, in its month."""
    tree, pairs, ancestor = plan.tree, plan.books.fleet.pairs, ancestors(plan.tree)
    column = {(pair.model, plan.scenario.sites[pair.site].name): k for k, pair in enumerate(pairs)}
    retired = np.zeros((len(tree), len(pairs)))
    for r in plan.decisions.retirements:
        here = (tree.month == r.month) & (ancestor[:, tree.month[r.node]] == r.node)
        retired[here, column[r.model, r.site]] += r.units
    return retired


def _earns(plan: Plan) -> Floats:
    """1 where some mode of a machine earned its power in the month that ends at a node, ``[node, pair]``."""
    tree = plan.tree
    earns = np.zeros((len(tree), len(plan.books.fleet.pairs)))
    for k, pair in enumerate(plan.books.fleet.pairs):
        power_usd_per_mw = HOURS_PER_DAY * tree.days * tree.power_usd_per_mwh[:, pair.site]
        earns[:, k] = np.any([tree.revenue_usd_per_ph * ph > power_usd_per_mw * mw for ph, mw in pair.modes], axis=0)
    return earns


def _without_dust(units: Floats) -> Floats:
    return np.where(np.abs(units) < DUST_UNITS, 0.0, units)
