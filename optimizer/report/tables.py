"""The plan as pandas tables: what notebooks, CSV files and plan.json are made of.

Every figure is the ledger's. Units stand in column names: ``_usd``, ``_btc``, ``_ph`` (PH/s), ``_mw``,
``_share`` (0..1), ``_pa`` (a year); ``probability`` is that of the branch, 0 on stress branches. ``node`` is
the row's place in the tree, ``month`` 0 is today and ``date`` the month's end. `docs/reference/plan-json.md`
says what every column means.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd

from optimizer.report import tables_context as context
from optimizer.report import tables_decisions as decisions
from optimizer.report import tables_fleet as fleet
from optimizer.report import tables_ladder as lenders
from optimizer.report import tables_schedules as schedules
from optimizer.report import tables_state as state
from optimizer.report.tables_assumptions import assumptions
from optimizer.report.tables_budget import budget, outlooks
from optimizer.report.tables_replay import SUMMARY_TABLES
from optimizer.report.tables_survival import survival
from optimizer.scenario.schema import Scenario

if TYPE_CHECKING:
    from optimizer.planning import Plan
    from optimizer.replay.summary import Summary


# Every table by name, in the order in which they are written.
TABLES: dict[str, Callable[[Plan], pd.DataFrame]] = {
    "orders": decisions.orders,
    "retirements": decisions.retirements,
    "draws": decisions.draws,
    "repayments": decisions.repayments,
    "pledges": decisions.pledges,
    "liquidations": decisions.liquidations,
    "liquidated_draws": decisions.liquidated_draws,
    "uses": decisions.uses,
    "lot_sales": decisions.lot_sales,
    "nodes": state.nodes,
    "debts": state.debts,
    "months": state.months,
    "outcomes": state.outcomes,
    "terms": context.terms,
    "comparators": context.comparators,
    "machines": context.machines,
    "requirements": context.requirements,
    "loan_ties": context.loan_ties,
    "machine_ties": context.machine_ties,
    "market": context.market,
    "ladder": lenders.ladder,
    "price_falls": lenders.price_falls,
    "fleet_schedule": fleet.fleet_schedule,
    "margins": fleet.margins,
    "order_costs": fleet.order_costs,
    "survival": survival,
    "outlooks": outlooks,
    "budget": budget,
    "debt_months": schedules.debt_months,
    "source_months": schedules.source_months,
    "machine_months": schedules.machine_months,
    "assumptions": assumptions,
}


def _off_tree(table: Callable[[Scenario, Summary | None], pd.DataFrame]) -> Callable[[Plan], pd.DataFrame]:
    """A table of a replay's summary as one of the plan that was replayed; without rows where it was not."""
    return lambda plan: table(plan.scenario, plan.out_of_sample)


TABLES |= {f"out_of_sample_{name}": _off_tree(table) for name, table in SUMMARY_TABLES.items()}


def tables_of(plan: Plan) -> dict[str, pd.DataFrame]:
    """All tables by name. A table without rows keeps its columns."""
    return {name: table(plan) for name, table in TABLES.items()}
