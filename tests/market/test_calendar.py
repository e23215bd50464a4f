from datetime import date

import numpy as np
import pytest

from optimizer.market.calendar import (
    day_of,
    days_per_month,
    month_end,
    month_end_days,
    seasonal_factor,
)


@pytest.mark.parametrize(
    ("as_of", "month", "end"),
    [
        (date(2026, 10, 3), 0, date(2026, 10, 3)),
        (date(2026, 10, 3), 3, date(2027, 1, 3)),
        (date(2027, 1, 31), 1, date(2027, 2, 28)),
        (date(2027, 1, 31), 2, date(2027, 3, 31)),
        (date(2027, 12, 31), 2, date(2028, 2, 29)),
        (date(2026, 12, 5), 120, date(2036, 12, 5)),
    ],
)
def test_month_end_is_the_same_day_clipped(as_of, month, end):
    assert month_end(as_of, month) == end


def test_days_add_up():
    as_of = date(2027, 1, 31)
    days = days_per_month(as_of, 3)
    assert days.tolist() == [0, 28, 31, 30]
    assert month_end_days(as_of, 3).tolist() == np.cumsum(days).tolist()
    assert day_of(as_of, 12) == 365


def test_seasonal_factor_weights_calendar_months_by_days():
    by_month = tuple(float(m) for m in range(1, 13))
    factor = seasonal_factor(date(2026, 10, 3), 2, by_month)
    october_to_november = (28 * 10 + 3 * 11) / 31
    november_to_december = (27 * 11 + 3 * 12) / 30
    assert factor == pytest.approx([10.0, october_to_november, november_to_december])
