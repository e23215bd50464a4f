"""Where a plan walks away from loans on machines, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from optimizer.report.frames import rows
from optimizer.report.words import month_of, share, usd

if TYPE_CHECKING:
    from optimizer.planning import Plan

Row = dict[str, Any]
WALK = "walk_away_"


def walks_of(plan: Plan, tables: dict[str, pd.DataFrame]) -> list[str]:
    """A sentence for each loan, month and named branch (or all branches without a name together): what is left unpaid,
    and which machines go for it. Means over the branches on which it happens."""
    found: dict[tuple[int, str, str], list[Row]] = {}
    uses = tables["uses"]
    for use in rows(uses[uses["what"].str.startswith(WALK).astype(bool)]):
        found.setdefault((use["month"], use["branch"], use["source"]), []).append(use)
    return [_sentence(plan, uses, tables["retirements"]) for _, uses in sorted(found.items())]


def _sentence(plan: Plan, uses: list[Row], retirements: pd.DataFrame) -> str:
    first = uses[0]
    chance = {use["node"]: use["probability"] for use in uses}
    total = sum(chance.values())
    weight = {node: (p / total if total > 0 else 1 / len(chance)) for node, p in chance.items()}
    owed = sum(weight[use["node"]] * use["amount"] for use in uses)
    machines: dict[str, float] = {}
    for gone in rows(retirements):
        if gone["node"] in weight and gone["seized_by"] == first["source"]:
            name = plan.scenario.machines.specs[gone["model"]].name
            machines[name] = machines.get(name, 0.0) + weight[gone["node"]] * gone["units"]
    what = " and ".join(f"{units:,.0f} machines of {name}" for name, units in machines.items())
    where = first["branch"] or f"on branches of {share(total)} chance"
    mean = " (means)" if len(chance) > 1 else ""
    return (
        f"{month_of(first['date'])}, {where}: walk away from {usd(owed)} of {first['source']}; "
        f"{what} go to {first['counterparty']}{mean}."
    )
