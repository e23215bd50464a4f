"""Months as a planner counts them: the end of month t is the day of the plan, t calendar months later."""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from functools import cache

import numpy as np

from optimizer.market.tree import Floats, Ints

DAYS_PER_YEAR = 365.0


@cache
def month_end(as_of: date, month: int) -> date:
    """The end of month ``month``: ``as_of`` plus so many calendar months, the day clipped to the month's
    last.
    """
    years, index = divmod(as_of.month - 1 + month, 12)
    year = as_of.year + years
    return date(year, index + 1, min(as_of.day, monthrange(year, index + 1)[1]))


def day_of(as_of: date, month: int) -> int:
    """Days from ``as_of`` to the end of month ``month``."""
    return (month_end(as_of, month) - as_of).days


def month_end_days(as_of: date, horizon_months: int) -> Ints:
    """Days from ``as_of`` to every month's end, [month 0..horizon]."""
    return np.array([day_of(as_of, month) for month in range(horizon_months + 1)], dtype=np.int64)


def days_per_month(as_of: date, horizon_months: int) -> Ints:
    """Days in the month that ends at t, [month 0..horizon]; 0 for month 0."""
    return np.diff(month_end_days(as_of, horizon_months), prepend=0)


def seasonal_factor(as_of: date, horizon_months: int, by_calendar_month: tuple[float, ...]) -> Floats:
    """Mean of twelve factors (January first) over the days of every month, [month 0..horizon].

    A month from 3 October to 3 November has 28 days of October and 3 of November. Month 0 takes today's
    factor.
    """
    ends = month_end_days(as_of, horizon_months)
    dates = np.datetime64(as_of, "D") + np.arange(ends[-1] + 1)
    daily = np.asarray(by_calendar_month, dtype=np.float64)[dates.astype("datetime64[M]").astype(np.int64) % 12]
    total = np.cumsum(daily)
    return np.concatenate([daily[:1], np.diff(total[ends]) / np.diff(ends)])
