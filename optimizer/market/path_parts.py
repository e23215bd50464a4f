"""What every maker of `optimizer.market.paths.Paths` shares: the days of the months, and lenders and deliveries as
they usually are.
"""

from __future__ import annotations

from datetime import date
from typing import TypedDict

import numpy as np

from optimizer.decisions import facility_names
from optimizer.market.calendar import days_per_month, month_end_days
from optimizer.market.paths import Bools
from optimizer.market.tree import Floats, Ints
from optimizer.scenario.schema import Scenario


class DailySteps(TypedDict):
    """The fields of `Paths` that say when its steps are."""

    month_end: Ints
    elapsed_share: Floats
    days: Floats


class Calm(TypedDict):
    """The fields of `Paths` for lenders that neither freeze nor fail and machines that come when they should."""

    delivery_delay_months: Ints
    frozen: Bools
    failed_month: Ints
    recovery_share: Floats
    recovery_month: Ints


def daily_steps(start: date, months: int) -> DailySteps:
    """A step a day from ``start``. Day j of a month of D days counts its low when j/D of the month has passed:
    at the day's end, so that a lender counts the whole day's interest.
    """
    month_days = days_per_month(start, months)
    shares = [np.arange(1, days + 1) / days for days in month_days[1:].tolist()]
    return {
        "month_end": month_end_days(start, months),
        "elapsed_share": np.concatenate([[0.0], *shares]),
        "days": month_days.astype(np.float64),
    }


def calm(scenario: Scenario, paths: int, months: int) -> Calm:
    """No delay, no freeze, no failure; the arrays are read-only, a single number stands behind each."""
    facilities = len(facility_names(scenario))
    never = np.broadcast_to(np.int64(0), (paths, facilities))
    return {
        "delivery_delay_months": np.broadcast_to(np.int64(0), (paths,)),
        "frozen": np.broadcast_to(np.bool_(False), (paths, months + 1, facilities)),
        "failed_month": never,
        "recovery_share": np.broadcast_to(np.float64(0.0), (paths, facilities)),
        "recovery_month": never,
    }
