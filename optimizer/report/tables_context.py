"""Tables of what the plan is judged by: objective, alternatives, machines, requirements, doubts, market."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optimizer.market.mining import breakeven_usd_per_mwh, hashcost_usd_per_ph_day
from optimizer.market.tree import Floats
from optimizer.replay.summary import SHARES
from optimizer.report import machine_ties as of_machines
from optimizer.report import price_view as of_loans
from optimizer.report.frames import frame
from optimizer.report.machine_ties import MachineTie
from optimizer.report.places import Row
from optimizer.report.price_view import LoanTie
from optimizer.report.tables_replay import POINTS
from optimizer.valuation import weighted_quantile

if TYPE_CHECKING:
    from optimizer.planning import Plan

# Two outcomes nearer than this, against the largest, are the same.
ROUNDING = 1e-9


def terms(plan: Plan) -> pd.DataFrame:
    """What the objective is made of: the terms add up to it."""
    unit = plan.scenario.numeraire
    worth = {**plan.value.terms, "tie_break": plan.tie_break}
    rows: list[Row] = [{"term": name, f"value_{unit}": amount} for name, amount in worth.items()]
    return frame(rows, ["term", f"value_{unit}"])


def comparators(plan: Plan) -> pd.DataFrame:
    """The alternatives, in the numeraire; blank where an alternative has no plan. ``p05`` to ``p95``: net worth that so
    much of the probability does not exceed. plan_ahead_share: of probability, in which the plan ends with more."""
    unit = plan.scenario.numeraire
    chance = plan.tree.probability[list(plan.value.leaves)]
    rows: list[Row] = [
        {
            "name": c.name,
            "told_to": c.told_to,
            "feasible": c.feasible,
            "why_not": c.why_not,
            f"value_{unit}": c.value,
            f"expected_{unit}": c.expected,
            f"cvar_{unit}": c.cvar,
            f"worst_{unit}": c.worst,
            f"loses_{unit}": c.loses,
            "sell_today_btc": c.sell_btc,
            "borrow_today_usd": c.borrow_usd,
            "machines_today_usd": c.machines_usd,
            **spread(np.array(c.outcomes), chance, unit),
            "plan_ahead_share": _ahead_share(plan.value.outcomes, np.array(c.outcomes), chance),
        }
        for c in plan.comparators
    ]
    columns = ["name", "told_to", "feasible", "why_not"]
    columns += [f"{name}_{unit}" for name in ("value", "expected", "cvar", "worst", "loses")]
    columns += ["sell_today_btc", "borrow_today_usd", "machines_today_usd"]
    return frame(rows, [*columns, *(f"{point}_{unit}" for point in POINTS), "plan_ahead_share"])


def spread(outcomes: Floats, chance: Floats, unit: str) -> dict[str, float]:
    """The quantiles of outcomes by name, as ``p05_btc``; NaN without an outcome."""
    quantiles = [weighted_quantile(outcomes, chance, share) if len(outcomes) else float("nan") for share in SHARES]
    return {f"{point}_{unit}": value for point, value in zip(POINTS, quantiles, strict=True)}


def _ahead_share(mine: Floats, theirs: Floats, chance: Floats) -> float:
    """Probability that mine is more, but for rounding; NaN without theirs."""
    if not len(theirs):
        return float("nan")
    return float(chance @ (mine > theirs + ROUNDING * np.abs(mine).max()))


def machines(plan: Plan) -> pd.DataFrame:
    """Every model at a site that is owned, ordered or retired, at today's market.

    breakeven_usd_per_ph_day: hashprice that pays the power; breakeven_usd_per_mwh: power price that today's
    hashprice pays. Both count cooling (PUE). margin_usd_per_unit_day: revenue less power at nameplate.
    """
    scenario, tree, books = plan.scenario, plan.tree, plan.books
    hashprice = float(tree.hashprice_usd_per_ph_day[0])
    rows: list[Row] = []
    for k, pair in enumerate(books.fleet.pairs):
        site, spec = scenario.sites[pair.site], scenario.machines.specs[pair.model]
        power_price = float(tree.power_usd_per_mwh[0, pair.site])
        at_meter = spec.efficiency_j_per_th * site.pue
        hashcost = hashcost_usd_per_ph_day(at_meter, power_price)
        ordered = float(books.fleet.ordered_units[0, k])
        rows.append(
            {
                "model": pair.model,
                "name": spec.name,
                "site": site.name,
                "units_today": pair.units_today,
                "ordered_today": ordered,
                "hashrate_ph_today": pair.units_today * pair.nameplate_ph,
                "power_mw_today": pair.units_today * pair.nameplate_mw,
                "ordered_ph": ordered * pair.nameplate_ph,
                "ordered_mw": ordered * pair.nameplate_mw,
                "efficiency_j_per_th": spec.efficiency_j_per_th,
                "power_usd_per_mwh": power_price,
                "breakeven_usd_per_ph_day": hashcost,
                "breakeven_usd_per_mwh": breakeven_usd_per_mwh(hashprice, at_meter),
                "margin_usd_per_unit_day": (hashprice - hashcost) * pair.nameplate_ph,
                "resale_usd_per_unit": pair.resale_usd,
            }
        )
    columns = ["model", "name", "site", "units_today", "ordered_today", "hashrate_ph_today", "power_mw_today"]
    columns += ["ordered_ph", "ordered_mw", "efficiency_j_per_th", "power_usd_per_mwh"]
    columns += ["breakeven_usd_per_ph_day", "breakeven_usd_per_mwh", "margin_usd_per_unit_day"]
    return frame(rows, [*columns, "resale_usd_per_unit"])


def requirements(plan: Plan) -> pd.DataFrame:
    """For every rule the place where the plan comes nearest to breaking it: ``room`` left, in ``unit``."""
    rows: list[Row] = [
        {
            "rule": found.rule,
            "who": found.who,
            "room": -found.by,
            "unit": found.unit,
            "room_share": -found.relative,
            "node": found.place.node,
            "month": found.place.month,
            "branch": found.place.branch,
        }
        for found in plan.audit.headrooms
    ]
    return frame(rows, ["rule", "who", "room", "unit", "room_share", "node", "month", "branch"])


def loan_ties(plan: Plan) -> pd.DataFrame:
    """Every tier offered against selling: see `optimizer.report.price_view.LoanTie`."""
    return _of_dataclasses(LoanTie, of_loans.loan_ties(plan))


def machine_ties(plan: Plan) -> pd.DataFrame:
    """Every machine ordered today on its own: see `optimizer.report.machine_ties.MachineTie`."""
    return _of_dataclasses(MachineTie, of_machines.machine_ties(plan))


def market(plan: Plan) -> pd.DataFrame:
    """How well the tree keeps the simulated market: see `optimizer.market.fidelity.Fidelity`."""
    return plan.fidelity.table.reset_index()


def _of_dataclasses(kind: type[LoanTie | MachineTie], rows: Sequence[LoanTie | MachineTie]) -> pd.DataFrame:
    names = [field.name for field in fields(kind)]
    return frame(({name: getattr(row, name) for name in names} for row in rows), names)
