"""Lots of BTC on many paths: what is in each, what it cost, and which of them BTC leave.

Index order ``[path]`` and ``[path, lot]``; lots in the order of `lot_names`, which is by kind and not by age.
"""

from __future__ import annotations

import numpy as np

from optimizer.ledger.company import Setting
from optimizer.market.calendar import month_end
from optimizer.market.tree import Floats, Ints
from optimizer.scenario.schema import Scenario
from optimizer.scenario.taxes import LotMethod, Taxes, bought_lot, mined_lot, opening_lot


def tax_years(scenario: Scenario, taxes: Taxes, months: int) -> list[int]:
    """The tax year of each month, ``[month]``; month 0 is today."""
    return [taxes.year_of(month_end(scenario.as_of, month)) for month in range(months + 1)]


def lot_names(scenario: Scenario, taxes: Taxes, months: int) -> tuple[str, ...]:
    """Lots held today, one for what is mined in each tax year, one for what is bought in each month."""
    held = [opening_lot(k) for k in range(len(scenario.treasury.btc_lots))]
    mined = [mined_lot(year) for year in dict.fromkeys(tax_years(scenario, taxes, months))]
    return (*held, *mined, *(bought_lot(month) for month in range(months + 1)))


class Lots:
    """What is left of each lot, and its cost in USD per BTC: of what is mined in a year the price of the year's months
    so far, weighed by what a machine mined in each, or nothing where mined BTC are no income."""

    def __init__(self, s: Setting, taxes: Taxes) -> None:
        self._s, self._taxes = s, taxes
        months, lots = s.paths.months, s.scenario.treasury.btc_lots
        names = lot_names(s.scenario, taxes, months)
        self._years = tax_years(s.scenario, taxes, months)
        self._column = {name: k for k, name in enumerate(names)}
        self.left_btc, self.cost_usd = np.zeros((2, len(s.paths), len(names)))
        for k, lot in enumerate(lots):
            self.left_btc[:, k], self.cost_usd[:, k] = lot.btc, lot.cost_basis_usd
        # A year's BTC count from its first month, before what is bought at that month's end.
        began = [*range(-len(lots), 0), *(self._years.index(y) for y in dict.fromkeys(self._years)), *range(months + 1)]
        self._by_age = np.argsort(began, kind="stable")
        self._mined_btc, self._mined_usd = np.zeros((2, len(s.paths)))

    def mined_in(self, month: int) -> Floats:
        """What is left of the lot of the month's year."""
        return np.asarray(self.left_btc[:, self._of_year(month)])

    def come(self, month: int, earned_btc: Floats, bought_btc: Floats) -> None:
        """Put what was earned in a month into its year's lot and what was bought into one of its own."""
        price, per_ph = self._s.price_usd[:, month], self._s.paths.btc_per_ph[:, month]
        same_year = float(month > 0 and self._years[month] == self._years[month - 1])
        self._mined_btc = self._mined_btc * same_year + per_ph
        self._mined_usd = self._mined_usd * same_year + per_ph * price
        mined, bought = self._of_year(month), self._column[bought_lot(month)]
        if self._taxes.mined_income:
            mean = np.divide(self._mined_usd, self._mined_btc, out=np.array(price), where=self._mined_btc > 0)
            self.cost_usd[:, mined] = mean
        self.cost_usd[:, bought] = price * (1 + self._s.scenario.treasury.buy_fee_share)
        self.left_btc[:, mined] += earned_btc
        self.left_btc[:, bought] += bought_btc

    def go(self, out_btc: Floats, planned_btc: Floats | None) -> Floats:
        """Take BTC out of lots; returns what they cost, USD ``[path]``. ``planned_btc``: out of each lot in a plan,
        followed in proportion as far as the lots are there where the plan may choose. The rest goes by the rule; where
        the plan may choose, by the highest cost."""
        gone = np.zeros_like(self.left_btc)
        method: LotMethod = self._taxes.lot_method
        if method == "plan" and planned_btc is not None:
            gone = in_proportion(out_btc, planned_btc, self.left_btc)
        rest = out_btc - gone.sum(axis=1)
        order = np.broadcast_to(self._by_age, gone.shape) if method == "fifo" else self._by_cost()
        gone = gone + in_turn(rest, self.left_btc - gone, order)
        self.left_btc -= gone
        return np.asarray((gone * self.cost_usd).sum(axis=1))

    def _by_cost(self) -> Ints:
        """Columns from the highest cost to the lowest, to the cent; of the same cost the oldest first."""
        by_age = np.round(self.cost_usd[:, self._by_age], 2)
        return np.asarray(self._by_age[np.argsort(-by_age, axis=1, kind="stable")])

    def _of_year(self, month: int) -> int:
        return self._column[mined_lot(self._years[month])]


def in_proportion(out_btc: Floats, planned_btc: Floats, there_btc: Floats) -> Floats:
    """``out_btc`` shared among lots as planned, at most what is there of each."""
    planned = planned_btc.sum(axis=1)
    share = np.divide(out_btc, planned, out=np.zeros_like(out_btc), where=planned > 0)
    return np.asarray(np.minimum(planned_btc * share[:, None], np.maximum(there_btc, 0.0)))


def in_turn(out_btc: Floats, there_btc: Floats, order: Ints) -> Floats:
    """``out_btc`` taken from lots one after another, ``order`` ``[path, turn]``; what none has, if only by rounding,
    from the first."""
    there = np.maximum(np.take_along_axis(there_btc, order, axis=1), 0.0)
    before = np.cumsum(there, axis=1) - there
    taken = np.clip(out_btc[:, None] - before, 0.0, there)
    taken[:, 0] += out_btc - taken.sum(axis=1)
    gone = np.zeros_like(there_btc)
    np.put_along_axis(gone, order, taken, axis=1)
    return gone
