"""Taxes on income and gains: what of a scenario's flows is taxed, and the names that both accounts give to lots."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from optimizer.scenario.base import Share, Strict, Usd

LotMethod = Literal["plan", "fifo", "hifo"]


class Taxes(Strict):
    """A tax of ``rate`` on the company's income of each tax year, losses carried forward without end; blank: none.

    A year ends with calendar month ``year_end_month``; a month of the plan belongs to the year of its last day, and the
    tax of a year is paid at the first month's end after it. ``lot_method``: which lots BTC leave: ``plan``
    those that the plan chooses, ``fifo`` the oldest first (lots held today in the order listed, then by month; what is
    mined in a year counts from its first month), ``hifo`` those of the highest cost first (of the same cost the
    oldest). A rule takes a switch for each lot and node: for small trees.
    ``carry_forward_usd``: losses of years before today. ``mined_income``: BTC mined are income at the month's price,
    which is then their cost; else their cost is nothing and they are taxed when sold. ``interest_deductible``: interest
    and fees of debts and the result of sources of money count. ``depreciation``: ``none`` leaves machines out, bought
    or sold; ``straight`` deducts their cost evenly over ``depreciation_months`` after delivery, ``bonus`` all of it on
    delivery; what they are resold for is then income. ``count_deferred``: net worth at the end bears the tax that
    selling all would bring; else only what has been earned.
    """

    rate: Share
    year_end_month: Annotated[int, Field(ge=1, le=12)] = 12
    lot_method: LotMethod = "plan"
    carry_forward_usd: Usd = 0.0
    mined_income: bool = True
    interest_deductible: bool = True
    depreciation: Literal["none", "straight", "bonus"] = "none"
    depreciation_months: Annotated[int, Field(ge=1, le=120)] | None = None
    count_deferred: bool = True

    def year_of(self, day: date) -> int:
        """The tax year of a day, named by the calendar year in which it ends."""
        return day.year + (day.month > self.year_end_month)

    @property
    def months_of_depreciation(self) -> int:
        """Months over which a machine's cost is deducted after delivery; 0: at once."""
        return (self.depreciation_months or 0) if self.depreciation == "straight" else 0


def opening_lot(index: int) -> str:
    """Name of a lot held today: the scenario's ``treasury.btc_lots[index]``."""
    return f"held {index}"


def mined_lot(year: int) -> str:
    """Name of the BTC mined (and brought by sources of money) on a branch in a tax year."""
    return f"mined {year}"


def bought_lot(month: int) -> str:
    """Name of the BTC bought on a branch at the end of a month."""
    return f"bought {month}"
