"""Outcomes made by hand: nothing happens but what a test says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optimizer.ledger.outcome import Outcome


def uneventful(paths: int, months: int, facilities: int, price_usd: float = 100_000.0, **changed: object) -> Outcome:
    """A company of 10 BTC and $1M in cash that owes nothing, except what is ``changed``."""
    by_month, by_facility = (paths, months + 1), (paths, months + 1, facilities)
    none, nothing = np.zeros(by_month), np.zeros(by_facility)
    counts = np.zeros(by_facility, dtype=np.int64)
    outcome = Outcome(
        price_usd=np.full(by_month, price_usd),
        net_btc=np.full(by_month, 20.0),
        btc=np.full(by_month, 10.0),
        free_btc=np.full(by_month, 10.0),
        cash_usd=np.full(by_month, 1e6),
        machines_usd=none,
        owed_usd=none,
        unpaid_usd=none,
        receivable_usd=none,
        sources_usd=none,
        tax_owed_usd=none,
        sold_btc=none,
        seized_units=none,
        ltv_high=np.full(by_facility, np.nan),
        pledged_btc=nothing,
        debt_usd=nothing,
        warnings=counts,
        calls=counts,
        liquidations=counts,
        defaults=np.zeros(by_month, dtype=np.int64),
        topped_up_btc=nothing,
        seized_btc=nothing,
        lost_btc=nothing,
        flows={},
    )
    return replace(outcome, **changed)  # type: ignore[arg-type]


def at(shape: tuple[int, ...], *places: tuple[int, ...], value: float = 1.0) -> np.ndarray:
    """Zeros but for ``value`` at these places."""
    out = np.zeros(shape)
    for place in places:
        out[place] = value
    return out
