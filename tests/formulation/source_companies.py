"""A company for each kind of source of money: every family of its rows has at least one row. Golden rows come of these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from optimizer.scenario.schema import Scenario

from .planned import scenario


def with_sources(*sources: dict[str, Any], **changes: Any) -> Scenario:
    """A company of three months that decides today and in month 2, with these sources of money."""
    timed = [{"counterparty": "House", "until_month": 2, **source} for source in sources]
    return scenario(**{"horizon_months": 3, "decision_months": [0, 2], "sources": timed, **changes})


def note(**changes: Any) -> dict[str, Any]:
    """$2m at 12% for two months against twice as much BTC, half a million at least, 2% to place it."""
    return {
        "kind": "note",
        "name": "Senior",
        "counterparty": "House",
        "apr": 0.12,
        "term_months": 2,
        "limit_usd": 2_000_000.0,
        "min_issue_usd": 500_000.0,
        "issue_fee_share": 0.02,
        "min_btc_cover": 2.0,
        **changes,
    }


def btc_lending(**changes: Any) -> dict[str, Any]:
    """40 BTC lent for two months at 12%, with a borrower that fails once in ten years and then pays half."""
    return {
        "kind": "btc_lending",
        "name": "Desk",
        "counterparty": "House",
        "yield_pa": 0.12,
        "lock_months": 2,
        "limit_btc": 40.0,
        "failure_pa": 0.1,
        "recovery_share": 0.5,
        **changes,
    }


COMPANIES: dict[str, Callable[[], Scenario]] = {
    "note": lambda: with_sources(note()),
    "btc_lending": lambda: with_sources(btc_lending()),
}
