"""Lenders that fail on sampled paths: as often as their contracts say, more often where price has fallen."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from optimizer.market.sampled import sample
from tests.ledger.company import facility, loan

PATHS = 4000


def lenders(**terms: Any) -> dict[str, Any]:
    """A loan and an offer of one lender that may fail, and an offer of another that does not."""
    bank = {"lender": "Bank", **terms}
    return {
        "loans": [loan(**bank, matures_month=12, early_repayment=False)],
        "facilities": [facility(**bank, draw_until_month=0), facility(name="Safe", lender="House", draw_until_month=0)],
    }


def test_so_many_fail_as_the_chance_says_and_all_contracts_of_a_lender_at_once(make: Any) -> None:
    drawn = sample(make(**lenders(failure_pa=0.3, failure_recovery_share=0.4)), 1, 0, PATHS)
    month = drawn.failed_month
    assert (month[:, 0] == month[:, 1]).all()
    assert (month[:, 2] == 0).all()
    expected = 1 - (1 - 0.3 / 12) ** 12
    assert (month[:, 0] > 0).mean() == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / PATHS))
    assert (month.max(), (month[:, 0] == 1).mean()) == (12, pytest.approx(0.3 / 12, abs=0.01))
    assert (drawn.recovery_share[:, :2] == 0.4).all()
    assert (drawn.recovery_month == month).all()
    assert not drawn.failures_expected


def test_more_fail_where_price_has_fallen(make: Any) -> None:
    drawn = sample(make(**lenders(failure_pa=0.2, failure_price_beta=3.0)), 1, 0, PATHS)
    failed = drawn.failed_month[:, 0] > 0
    lowest = drawn.price_usd.min(axis=1)
    fallen, risen = lowest < np.quantile(lowest, 0.3), lowest > np.quantile(lowest, 0.7)
    assert failed[fallen].mean() > 2 * failed[risen].mean()


def test_the_markets_are_those_without_any_chance_and_the_draws_are_repeated(make: Any) -> None:
    calm, risky, again = (sample(make(**lenders(failure_pa=p)), 3, 1, 2100) for p in (0.0, 0.2, 0.2))
    drawn = ("failed_month", "recovery_share", "recovery_month")
    for field in fields(calm):
        assert np.array_equal(getattr(risky, field.name), getattr(again, field.name)), field.name
        if field.name not in drawn:
            assert np.array_equal(getattr(calm, field.name), getattr(risky, field.name)), field.name
    assert not calm.failed_month.any()
    assert not np.array_equal(risky.failed_month, sample(make(**lenders(failure_pa=0.2)), 3, 2, 2100).failed_month)
