"""The plan as pandas tables: what notebooks, CSV files and plan.json are made of.

Every figure is the ledger's. Units stand in column names: ``_usd``, ``_btc``, ``_ph`` (PH/s), ``_mw``,
``_share`` (0..1), ``_pa`` (a year); ``probability`` is that of the branch, 0 on stress branches. ``node`` is
the row's place in the tree, ``month`` 0 is today and ``date`` the month's end. `docs/reference/plan-json.md`
says what every column means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from optimizer.report import tables_context as context
from optimizer.report import tables_decisions as decisions
from optimizer.report import tables_state as state

if TYPE_CHECKING:
    from optimizer.planning import Plan


def tables_of(plan: Plan) -> dict[str, pd.DataFrame]:
    """All tables by name. A table without rows keeps its columns."""
    return {
        "orders": decisions.orders(plan),
        "retirements": decisions.retirements(plan),
        "draws": decisions.draws(plan),
        "repayments": decisions.repayments(plan),
        "pledges": decisions.pledges(plan),
        "liquidations": decisions.liquidations(plan),
        "nodes": state.nodes(plan),
        "debts": state.debts(plan),
        "months": state.months(plan),
        "outcomes": state.outcomes(plan),
        "terms": context.terms(plan),
        "comparators": context.comparators(plan),
        "machines": context.machines(plan),
        "requirements": context.requirements(plan),
        "loan_ties": context.loan_ties(plan),
        "machine_ties": context.machine_ties(plan),
        "market": context.market(plan),
    }
