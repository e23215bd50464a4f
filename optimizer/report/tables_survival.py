"""The table of named shocks: what becomes of the company if the plan meets them, as `hashlever replay --stress all`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from optimizer.report.frames import tidy
from optimizer.report.tables_replay import paths

if TYPE_CHECKING:
    from optimizer.planning import Plan

COLUMNS = [
    "name",
    "source",
    "survives",
    "net_today_btc",
    "net_end_btc",
    "price_end_usd",
    "sold_btc",
    "lowest_btc",
    "lowest_cash_usd",
    "lowest_cash_month",
    "calls",
    "liquidations",
    "lost_btc",
    "ltv_high",
    "ltv_high_facility",
    "ltv_high_month",
    "room_to_call_share",
    "below_min_cash",
    "below_min_btc",
    "insolvent",
    "lender_failed",
    "seized_units",
    "first_trouble_month",
]


def survival(plan: Plan) -> pd.DataFrame:
    """One row per shock of the library and per stress of the scenario, met day by day without knowing it."""
    from optimizer.replay.replayed import on_stress
    from optimizer.replay.saved import SavedPlan
    from optimizer.scenario.shocks import ALL

    as_saved = SavedPlan(plan.scenario, plan.tree, plan.decisions, plan.books, plan.loaded.sha256, {})
    return tidy(paths(on_stress(as_saved, ALL))[COLUMNS].copy())
