"""No feasible plan: which requirements conflict, and the least that would have to give, in business words.

Two questions to HiGHS. Which rows cannot hold together: an irreducible set of rows of the relaxation (`getIis`).
What is the smallest change that makes a plan possible: slack on the rows that people set (not on arithmetic such
as balances), each slack weighed by the size of the requirement it loosens, and as little of it as possible.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np

from optimizer.formulation.model import Formulation
from optimizer.solve.highs import Solver, to_highs
from optimizer.solve.linear_model import Floats

# (family, index) of a row.
Row = tuple[str, Any]

# Smallest slack, in weighed units, that counts as a requirement having to give.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Requirement:
    """How a family of rows is called in a meeting. ``unit`` of its slack; ``scale`` model unit -> that unit is
    ``usd`` (times the BTC price), or 1."""

    words: str
    unit: str
    usd: bool = False
    factor: float = 1.0
    loosen: str = ""


# Rows that a person set. All other rows are arithmetic, contracts' mechanics or physics and are never loosened.
REQUIREMENTS: dict[str, Requirement] = {
    "min_cash": Requirement(
        "cash at least {min_cash}", "USD", usd=True, loosen="the treasury or requirements.min_cash_usd"
    ),
    "min_btc": Requirement("BTC held at least {min_btc}", "BTC", loosen="requirements.min_btc"),
    "max_cash": Requirement("cash under its ceiling", "USD", usd=True, loosen="treasury.max_cash_months"),
    "max_debt": Requirement("debt at most {max_debt}", "USD", usd=True, loosen="requirements.max_debt_usd"),
    "max_lender_share": Requirement(
        "no lender holds more than {lender_share} of all BTC", "BTC", loosen="requirements.max_lender_btc_share"
    ),
    "min_runway": Requirement("runway of {runway} months", "USD", usd=True, loosen="requirements.min_runway_months"),
    "max_fleet_breakeven": Requirement(
        "fleet break-even under {breakeven}",
        "PH/s times USD above it",
        factor=100.0,
        loosen="requirements.max_fleet_breakeven_usd_per_ph_day",
    ),
    "min_dscr": Requirement(
        "debt service covered {dscr} times", "USD a month", usd=True, loosen="requirements.min_dscr"
    ),
    "ltv_at_low": Requirement(
        "margin calls met at the month's low", "USD", usd=True, loosen="the BTC at hand to top up, or the debt"
    ),
    "ltv_at_close": Requirement(
        "LTV at the close within {close_ltv}", "USD", usd=True, loosen="the pledge, the debt or requirements.max_ltv"
    ),
    "site_power": Requirement("power at the site", "MW", loosen="sites.power_mw"),
    "site_racks": Requirement("racks at the site", "slots", factor=1000.0, loosen="sites.rack_slots"),
}


def explain(f: Formulation, solver: Solver) -> str:
    """Why no plan exists, in business words, with the smallest change that would allow one."""
    lines = ["No plan meets every requirement."]
    gives, nearest = _smallest_relaxation(f, solver)
    if gives:
        lines.append("The least that would have to give:")
        lines += [f"  - {line}" for line in gives]
    # Where only whole numbers conflict, those of the nearest thing to a plan show which requirements do.
    conflict = _conflict(f, solver) or _conflict(f, solver, nearest)
    if conflict:
        lines.append("Requirements that cannot hold together:")
        lines += [f"  - {line}" for line in conflict]
    if len(lines) == 1:
        lines.append("No single requirement explains it: loans, liabilities and opening balances conflict.")
    return "\n".join(lines)


def _smallest_relaxation(f: Formulation, solver: Solver) -> tuple[list[str], Floats | None]:
    """What would have to give, and the solution that gives so little."""
    model = solver.model
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("time_limit", min(solver.settings.time_limit_s, 30.0))
    highs.setOptionValue("mip_rel_gap", 0.05)
    highs.passModel(to_highs(model))
    columns = len(model.cost)
    every = np.arange(columns, dtype=np.int32)
    highs.changeColsCost(columns, every, np.zeros(columns))
    slacks: list[int] = []
    for r, (family, _) in enumerate(model.rows):
        if family in REQUIREMENTS:
            low, high = model.row_lower[r], model.row_upper[r]
            sign = 1.0 if np.isinf(high) else -1.0
            weight = 1.0 / max(abs(low if np.isfinite(low) else high), 1.0)
            highs.addCol(weight, 0.0, highspy.kHighsInf, 1, np.array([r], dtype=np.int32), np.array([sign]))
            slacks.append(r)
    highs.run()
    if highs.getModelStatus() not in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kTimeLimit):
        return [], None
    solution = np.array(highs.getSolution().col_value)
    x = solution[columns:]
    worst: dict[tuple[str, str], tuple[float, Row]] = {}
    for amount, r in zip(x, slacks, strict=True):
        if amount > TOLERANCE:
            row = model.rows[r]
            key = (row[0], _who(f, row))
            if amount > worst.get(key, (0.0, row))[0]:
                worst[key] = (float(amount), row)
    lines = []
    for (family, who), (amount, row) in sorted(worst.items(), key=lambda item: -item[1][0]):
        wanted = REQUIREMENTS[family]
        size = amount * wanted.factor * (f.data.money_usd if wanted.usd else 1.0)
        lines.append(
            f"{_words(f, family)}{who}: short by {_amount(size)} {wanted.unit} {_place(f, row)}"
            f" (change {wanted.loosen})"
        )
    return lines, solution[:columns]


def _conflict(f: Formulation, solver: Solver, at: Floats | None = None) -> list[str]:
    """Families of an irreducible infeasible set of rows of the relaxation; empty when only integers conflict, unless
    they are held as they are ``at`` some solution."""
    model = solver.model
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("time_limit", min(solver.settings.time_limit_s, 30.0))
    highs.passModel(to_highs(model))
    whole = np.flatnonzero(model.integral).astype(np.int32)
    if len(whole):
        kind = np.full(len(whole), highspy.HighsVarType.kContinuous)
        highs.changeColsIntegrality(len(whole), whole, kind)
        if at is not None:
            highs.changeColsBounds(len(whole), whole, np.round(at[whole]), np.round(at[whole]))
    highs.setOptionValue("iis_strategy", 4)
    status, iis = highs.getIis()
    if status != highspy.HighsStatus.kOk or not iis.valid_:
        return []
    where: dict[tuple[str, str], set[str]] = defaultdict(set)
    for r in iis.row_index_:
        row = model.rows[r]
        family = row[0]
        if family in REQUIREMENTS:
            where[family, _who(f, row)].add(_place(f, row))
    return [f"{_words(f, family)}{who} {_some(places)}" for (family, who), places in sorted(where.items())]


def _amount(size: float) -> str:
    return f"{size:,.0f}" if size >= 1000 else f"{size:,.4g}"


def _some(places: set[str]) -> str:
    first, *rest = sorted(places)
    return first if not rest else f"{first} (and {len(rest)} more)"


def _words(f: Formulation, family: str) -> str:
    asked = f.data.scenario.requirements
    share = asked.max_lender_btc_share
    return REQUIREMENTS[family].words.format(
        min_cash=f"${asked.min_cash_usd:,.0f}",
        min_btc=f"{asked.min_btc:,.6g} BTC",
        max_debt=f"${asked.max_debt_usd or 0:,.0f}",
        lender_share=f"{share or 0:.0%}",
        runway=f"{asked.min_runway_months or 0:g}",
        breakeven=f"${asked.max_fleet_breakeven_usd_per_ph_day or 0:g} per PH and day",
        dscr=f"{asked.min_dscr or 0:g}",
        close_ltv="the call" if asked.max_ltv is None else f"the board's {asked.max_ltv:.0%}",
    )


def _who(f: Formulation, row: Row) -> str:
    """The facility, lender or site of a row, if it has one."""
    (family, index), data = row, f.data
    if family in ("ltv_at_low", "ltv_at_close"):
        return f", {data.debts[index[1]].name}"
    if family in ("site_power", "site_racks"):
        return f", {data.scenario.sites[index[1]].name}"
    return f", {index[1]}" if family == "max_lender_share" else ""


def _place(f: Formulation, row: Row) -> str:
    """The month and branch of a row."""
    (family, index), data = row, f.data
    first = index[0] if isinstance(index, tuple) else index
    if family == "min_dscr":
        return f"in month {first}"
    stress = int(data.tree.stress[first])
    price = float(data.tree.price_usd[first])
    branch = f"stress '{data.tree.stress_names[stress]}'" if stress >= 0 else f"BTC at ${price:,.0f}"
    return "today" if first == 0 else f"in month {data.month(first)} ({branch})"
