"""Markets by the day for tests: one path or several, months of thirty days, everything flat unless said otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from optimizer.decisions import Decisions, facility_names
from optimizer.ledger.company import set_up
from optimizer.ledger.fleet import pairs_in_use
from optimizer.ledger.intents import NearestNode, SellOnly
from optimizer.ledger.outcome import Outcome
from optimizer.ledger.replay import follow
from optimizer.market.paths import Paths
from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario

from .company import PRICE

DAYS = 30


def market(company: Scenario, months: int = 4, paths: int = 1, **changes: Any) -> Paths:
    """BTC at $100,000 every day; 1 PH mines 0.01 BTC a month; power at the sites' prices."""
    steps, facilities = months * DAYS + 1, len(facility_names(company))
    month = np.minimum(np.arange(months + 1), 1.0)
    flat = np.full((paths, steps), PRICE)
    by_month = lambda values: np.tile(values, (paths, 1))  # noqa: E731
    made = Paths(
        month_end=np.arange(months + 1) * DAYS,
        elapsed_share=np.concatenate([[0.0], np.tile(np.arange(1, DAYS + 1) / DAYS, months)]),
        days=DAYS * month,
        close_usd=flat,
        low_usd=flat,
        btc_per_ph=by_month(0.01 * month),
        revenue_usd_per_ph=by_month(1_000.0 * month),
        hashprice_usd_per_ph_day=by_month(np.full(months + 1, 40.0)),
        network_ehs=by_month(np.full(months + 1, 964.0)),
        power_usd_per_mwh=np.tile([s.power_usd_per_mwh for s in company.sites], (paths, months + 1, 1)),
        asic_price_factor=by_month(np.ones(months + 1)),
        delivery_delay_months=np.zeros(paths, dtype=np.int64),
        frozen=np.zeros((paths, months + 1, facilities), dtype=bool),
        failed_month=np.zeros((paths, facilities), dtype=np.int64),
        recovery_share=np.zeros((paths, facilities)),
        recovery_month=np.zeros((paths, facilities), dtype=np.int64),
    )
    return replace(made, **changes)


def priced(company: Scenario, days: Mapping[int, float], months: int = 4, **changes: Any) -> Paths:
    """One path whose low and close are at a price from each named day on (1: the first day), until the next."""
    close = np.full(months * DAYS + 1, PRICE)
    for day, price in sorted(days.items()):
        close[day:] = price
    return market(company, months, close_usd=close[None], low_usd=close[None], **changes)


def sell_only(company: Scenario, on: Tree, decided: Decisions, paths: Paths) -> Outcome:
    """Today as decided, then only what must be."""
    s = set_up(company, paths, pairs_in_use(company, decided))
    return follow(s, SellOnly(s, on, decided))


def nearest(company: Scenario, on: Tree, decided: Decisions, paths: Paths, nodes: Any = None) -> Outcome:
    """The nearest node's decisions, or those of ``nodes``."""
    s = set_up(company, paths, pairs_in_use(company, decided))
    return follow(s, NearestNode(s, on, decided, nodes))
