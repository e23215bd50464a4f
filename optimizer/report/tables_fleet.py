"""Tables of what machines earn and cost: their margin month by month, and what today's orders cost per TH."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optimizer.ledger.fleet import DAYS_PER_MONTH, HOURS_PER_DAY, THS_PER_PHS, Pair, payment_per_unit
from optimizer.market.tree import Floats
from optimizer.report.frames import DUST_UNITS, frame
from optimizer.report.places import Row, date_of
from optimizer.report.tables_decisions import arrival_month, pair_of
from optimizer.valuation import weighted_quantile

if TYPE_CHECKING:
    from optimizer.planning import Plan


def margins(plan: Plan) -> pd.DataFrame:
    """One row per machine at a site and month from the first in which any is racked on some branch: what one machine
    that runs earns a day, revenue less power in its best mode, over the branches with a probability.

    off_share: of probability; it is switched off where its best mode earns nothing. racked_units_mean: expected, after
    the month's decisions.
    """
    tree, fleet, scenario = plan.tree, plan.books.fleet, plan.scenario
    counted = tree.probability > 0
    rows: list[Row] = []
    for k, pair in enumerate(fleet.pairs):
        if not (fleet.racked_units[counted, k] >= DUST_UNITS).any():
            continue
        margin = _margin_usd_per_day(plan, pair)
        for month in range(1, int(tree.month[counted].max()) + 1):
            nodes = np.flatnonzero(counted & (tree.month == month))
            chance = tree.probability[nodes] / tree.probability[nodes].sum()
            rows.append(
                {
                    "model": pair.model,
                    "name": scenario.machines.specs[pair.model].name,
                    "site": scenario.sites[pair.site].name,
                    "month": month,
                    "date": date_of(scenario, month),
                    "racked_units_mean": float(chance @ fleet.racked_units[nodes, k]),
                    "margin_usd_per_unit_day_mean": float(chance @ margin[nodes]),
                    "margin_usd_per_unit_day_p10": weighted_quantile(margin[nodes], chance, 0.1),
                    "margin_usd_per_unit_day_p90": weighted_quantile(margin[nodes], chance, 0.9),
                    "off_share": float(chance @ (margin[nodes] <= 0)),
                }
            )
    columns = ["model", "name", "site", "month", "date", "racked_units_mean"]
    columns += [f"margin_usd_per_unit_day_{point}" for point in ("mean", "p10", "p90")]
    return frame(rows, [*columns, "off_share"])


def _margin_usd_per_day(plan: Plan, pair: Pair) -> Floats:
    """Revenue less power of one machine a day, in its best mode, ``[node]``; 0 today, before which no month is."""
    tree = plan.tree
    power_usd_per_mw = HOURS_PER_DAY * tree.days * tree.power_usd_per_mwh[:, pair.site]
    of_month = np.max([tree.revenue_usd_per_ph * ph - power_usd_per_mw * mw for ph, mw in pair.modes], axis=0)
    return np.asarray(np.divide(of_month, tree.days, out=np.zeros(len(tree)), where=tree.days > 0))


def order_costs(plan: Plan) -> pd.DataFrame:
    """Today's orders: what a machine costs per TH with duty, freight and installation, unfinanced, and the months in
    which today's margin at nameplate pays it back; blank where it has none."""
    tree = plan.tree
    rows: list[Row] = []
    for order in plan.decisions.orders:
        if order.node != 0 or order.units < DUST_UNITS:
            continue
        pair = pair_of(plan, order.model, order.site)
        cost_usd = sum(payment_per_unit(plan.scenario, pair, float(tree.asic_price_factor[0])))
        revenue = pair.nameplate_ph * float(tree.hashprice_usd_per_ph_day[0])
        margin = revenue - pair.nameplate_mw * HOURS_PER_DAY * float(tree.power_usd_per_mwh[0, pair.site])
        rows.append(
            {
                "model": order.model,
                "name": plan.scenario.machines.specs[order.model].name,
                "site": order.site,
                "units": order.units,
                "cost_usd": order.units * cost_usd,
                "cost_usd_per_unit": cost_usd,
                "cost_usd_per_th": cost_usd / (pair.nameplate_ph * THS_PER_PHS),
                "payback_months": cost_usd / (margin * DAYS_PER_MONTH) if margin > 0 else float("nan"),
            }
        )
    columns = ["model", "name", "site", "units", "cost_usd", "cost_usd_per_unit", "cost_usd_per_th", "payback_months"]
    return frame(rows, columns)


def fleet_schedule(plan: Plan) -> pd.DataFrame:
    """Which machines come and go where and when: one row per order or retirement of a month, model and site, put
    together over the branches with a probability.

    what: ``arrives`` or ``leaves``, at the end of ``month``. units_mean: expected. chance_share: that there are any.
    """
    tree, scenario, made = plan.tree, plan.scenario, plan.decisions
    sums: dict[tuple[int, int, str, str, str], Floats] = {}
    moves = [("arrives", o.node, arrival_month(plan, o), o.model, o.site, o.units) for o in made.orders]
    moves += [("leaves", r.node, r.month, r.model, r.site, r.units) for r in made.retirements]
    for what, node, month, model, site, units in moves:
        chance = float(tree.probability[node])
        if chance > 0 and units >= DUST_UNITS:
            pair = pair_of(plan, model, site)
            each = np.array([units, units * pair.nameplate_ph, units * pair.nameplate_mw, 1.0])
            key = (int(tree.month[node]), month, what, model, site)
            sums[key] = sums.get(key, np.zeros(4)) + chance * each
    amounts = ("units_mean", "hashrate_ph_mean", "power_mw_mean", "chance_share")
    rows: list[Row] = [
        {
            "what": what,
            "model": model,
            "name": scenario.machines.specs[model].name,
            "site": site,
            "decided_month": decided,
            "decided_date": date_of(scenario, decided),
            "month": month,
            "date": date_of(scenario, month),
            **dict(zip(amounts, sums[key].tolist(), strict=True)),
        }
        for key in sorted(sums)
        for decided, month, what, model, site in (key,)
    ]
    columns = ["what", "model", "name", "site", "decided_month", "decided_date", "month", "date"]
    return frame(rows, [*columns, *amounts])
