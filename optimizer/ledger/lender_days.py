"""A month as lenders see it, day by day: top-ups, margin calls, cures and liquidations.

Rules and examples: docs/explanation/lender-mechanics.md. Only paths on which some lender comes near a line are played
day by day; on the others nothing can happen, because nothing moves but price.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.ledger.company import NO_CALL, Company, Setting, counted_usd, owed_usd
from optimizer.ledger.cures import cure
from optimizer.ledger.lending import forced_sale
from optimizer.ledger.record import Record
from optimizer.market.paths import Bools
from optimizer.market.tree import Floats, Ints

# A touch is a touch only beyond rounding.
BEYOND = 1 + 1e-9
CENT = 0.005


def play_month(s: Setting, c: Company, month: int, r: Record) -> None:
    """Play the days of a month; changes ``c`` and writes what happened to ``r``."""
    steps = np.arange(s.paths.month_end[month - 1] + 1, s.paths.month_end[month] + 1)
    debts = _Debts.at(s, c, month)
    # A call does not outlive the debt that it was for.
    c.call_deadline[debts.owed_usd <= CENT] = NO_CALL
    elapsed, low = s.paths.elapsed_share[steps], s.paths.low_usd[:, steps]
    near = (c.call_deadline != NO_CALL).any(axis=1)
    line = _first_line(s)
    for f in range(s.facilities):
        if not debts.owed_usd[:, f].any():
            continue
        counted = debts.counted_usd[:, f, None] + debts.counted_slope_usd[:, f, None] * elapsed
        with np.errstate(divide="ignore", invalid="ignore"):
            highest = (counted / low).max(axis=1) / c.pledged_btc[:, f]
        r.ltv_high[:, month, f] = np.where(debts.owed_usd[:, f] > CENT, highest, np.nan)
        near |= (debts.owed_usd[:, f] > CENT) & (highest > line[f])
    busy = np.flatnonzero(near)
    if len(busy):
        _Days(s, c, month, r, busy, debts).play(steps)


@dataclass(frozen=True)
class _Debts:
    """What is owed and what the LTV counts when the month begins, and how both grow over it, ``[path, facility]``."""

    owed_usd: Floats
    owed_slope_usd: Floats
    counted_usd: Floats
    counted_slope_usd: Floats

    @staticmethod
    def at(s: Setting, c: Company, month: int) -> _Debts:
        interest = s.by_facility(c.principal_usd * s.schedule.interest_share)
        return _Debts(
            owed_usd=owed_usd(s, c, month - 1),
            owed_slope_usd=interest,
            counted_usd=counted_usd(s, c, month - 1),
            counted_slope_usd=interest * s.contracts.counts_accrued,
        )


def _first_line(s: Setting) -> Floats:
    """The LTV from which on somebody acts, ``[facility]``."""
    calls, terms = s.scenario.requirements.calls, s.contracts
    act = terms.call_ltv - (calls.buffer_ltv if calls.policy == "top_up_ahead" else 0.0)
    return np.minimum(act, terms.liquidation_ltv)


class _Days:
    """The days of one month on the paths where something may happen."""

    def __init__(self, s: Setting, c: Company, month: int, r: Record, busy: Ints, debts: _Debts) -> None:
        self.s, self.c, self.month, self.r, self.busy = s, c, month, r, busy
        self.owed, self.owed_slope = debts.owed_usd[busy], debts.owed_slope_usd[busy]
        self.counted, self.counted_slope = debts.counted_usd[busy], debts.counted_slope_usd[busy]
        # Share of each debt that is still there: whatever is repaid meets all its tranches alike.
        self.left = np.ones((len(busy), s.facilities))
        self.pledged, self.free = c.pledged_btc[busy], c.free_btc[busy]
        self.cash, self.unpaid = c.cash_usd[busy], c.unpaid_usd[busy]
        self.deadline = c.call_deadline[busy]
        calls = s.scenario.requirements.calls
        self.ahead, self.same_day, self.buffer = calls.policy == "top_up_ahead", calls.same_day, calls.buffer_ltv

    def play(self, steps: Ints) -> None:
        s, r, month, busy = self.s, self.r, self.month, self.busy
        low, close = s.paths.low_usd[np.ix_(busy, steps)], s.paths.close_usd[np.ix_(busy, steps)]
        indebted = [f for f in range(s.facilities) if (self.owed[:, f] > CENT).any()]
        highest = np.full((len(busy), s.facilities), np.nan)
        for day, step in enumerate(steps.tolist()):
            elapsed = float(s.paths.elapsed_share[step])
            for f in indebted:
                seen = self._one_lender(f, step, elapsed, low[:, day], close[:, day])
                highest[:, f] = np.fmax(highest[:, f], seen)
        r.ltv_high[busy, month] = highest
        c = self.c
        c.principal_usd[busy] *= self.left @ s.lender.T
        c.unpaid_interest_usd[busy] *= self.left
        c.pledged_btc[busy], c.free_btc[busy] = self.pledged, self.free
        c.cash_usd[busy], c.unpaid_usd[busy] = self.cash, self.unpaid
        c.call_deadline[busy] = self.deadline

    def _one_lender(self, f: int, step: int, elapsed: float, low: Floats, close: Floats) -> Floats:
        """One lender's day; returns the LTV at the low before anybody acts, NaN without debt."""
        terms = self.s.contracts
        call, target = float(terms.call_ltv[f]), float(terms.cure_target_ltv[f])
        counted = (self.counted[:, f] + self.counted_slope[:, f] * elapsed) * self.left[:, f]
        indebted = (self.owed[:, f] + self.owed_slope[:, f] * elapsed) * self.left[:, f] > CENT
        ltv = _ltv(counted, self.pledged[:, f], low)
        seen = np.where(indebted, ltv, np.nan)
        if self.ahead and self.same_day:
            self._top_up(f, indebted & (ltv > call - self.buffer), counted, low)
            ltv = _ltv(counted, self.pledged[:, f], low)

        waiting = self.deadline[:, f] != NO_CALL
        gone = indebted & (ltv > terms.liquidation_ltv[f] * BEYOND)
        called = indebted & ~waiting & (ltv > call * BEYOND)
        self.r.calls[self.busy[called], self.month, f] += 1
        self.deadline[called, f] = step + terms.cure_days[f]
        waiting |= called
        answered = self._answer(f, waiting & indebted & ~gone, counted, elapsed, low)
        late = waiting & indebted & ~answered & (step >= self.deadline[:, f])
        self._liquidate(f, np.flatnonzero(gone | late), elapsed, low)

        still = (self.counted[:, f] + self.counted_slope[:, f] * elapsed) * self.left[:, f]
        lapsed = waiting & (_ltv(still, self.pledged[:, f], close) <= target)
        self.deadline[lapsed | answered | gone | late | ~indebted, f] = NO_CALL
        if self.ahead and not self.same_day:
            calm = indebted & ~waiting & ~gone & (ltv > call - self.buffer)
            self._top_up(f, calm, counted, low)
        return seen

    def _top_up(self, f: int, where: Bools, counted: Floats, low: Floats) -> None:
        """Free BTC, as far as it goes, so that the LTV at the low is the call less the buffer."""
        if not where.any():
            return
        line = float(self.s.contracts.call_ltv[f]) - self.buffer
        wanted = np.where(where, counted / (line * low) - self.pledged[:, f], 0.0)
        self._send(f, np.clip(wanted, 0.0, self.free))

    def _send(self, f: int, btc: Floats) -> None:
        self.free -= btc
        self.pledged[:, f] += btc
        self.r.topped_up_btc[self.busy, self.month, f] += btc

    def _answer(self, f: int, where: Bools, counted: Floats, elapsed: float, low: Floats) -> Bools:
        """Cure the calls that can be cured; returns which."""
        if not where.any():
            return where
        treasury = self.s.scenario.treasury
        floor = self.s.scenario.requirements.min_cash_usd
        fee, target = treasury.sell_fee_share, float(self.s.contracts.cure_target_ltv[f])
        spare = np.maximum(self.cash - floor, 0.0)
        owed = (self.owed[:, f] + self.owed_slope[:, f] * elapsed) * self.left[:, f]
        how = cure(owed, self.pledged[:, f], low, target / _counted_per_usd(counted, owed), self.free, spare, fee)
        done = where & how.cured
        repaid = np.where(done, how.repaid_usd, 0.0)
        sold = np.where(done, how.sold_btc, 0.0)
        self._send(f, np.minimum(np.where(done, how.added_btc, 0.0), self.free))
        self.free -= np.minimum(sold, self.free)
        self.cash += sold * low * (1 - fee) - repaid
        self.left[:, f] *= 1 - np.divide(repaid, owed, out=np.zeros_like(owed), where=owed > CENT)
        self.r.sold_btc[self.busy, self.month] += sold
        self.r.flow("sold_btc", sold, self.busy)
        self.r.flow("sale_usd", sold * low, self.busy)
        self.r.flow("sale_fee_usd", sold * low * fee, self.busy)
        self.r.flow("repaid_usd", repaid, self.busy)
        return done

    def _liquidate(self, f: int, which: Ints, elapsed: float, low: Floats) -> None:
        """The lender sells at the low, to its target or to be repaid whole; what is left of its debt after all the
        pledge is sold is due as a bill, or forgiven where recourse is limited."""
        if not len(which):
            return
        terms, price, left = self.s.contracts, low[which], self.left[which, f]
        cost, target = float(terms.liquidation_cost_share[f]), float(terms.liquidation_target_ltv[f])
        owed = (self.owed[which, f] + self.owed_slope[which, f] * elapsed) * left
        counted = (self.counted[which, f] + self.counted_slope[which, f] * elapsed) * left
        value = self.pledged[which, f] * price
        sale = forced_sale(owed, value, None if np.isnan(target) else target, cost, _counted_per_usd(counted, owed))
        sold = np.minimum(sale / price, self.pledged[which, f])
        met = np.minimum(sold * price * (1 - cost), owed)
        self.pledged[which, f] -= sold
        emptied = self.pledged[which, f] * price <= CENT
        short = np.where(emptied, owed - met, 0.0)
        rest = np.where(emptied, 0.0, owed - met)
        self.left[which, f] *= np.divide(rest, owed, out=np.zeros_like(owed), where=owed > CENT)
        self.left[which[rest <= CENT], f] = 0.0
        # What is left of the pledge comes back once nothing is owed, but not from a lender that is frozen.
        given_back = (rest <= CENT) & ~self.s.paths.frozen[self.busy[which], self.month, f]
        self.free[which[given_back]] += self.pledged[which[given_back], f]
        self.pledged[which[given_back], f] = 0.0
        forgiven = short if terms.limited_recourse[f] else np.zeros_like(short)
        self.unpaid[which] += short - forgiven
        at = self.busy[which]
        self.r.liquidations[at, self.month, f] += 1
        self.r.seized_btc[at, self.month, f] += sold
        self.r.lost_btc[at, self.month, f] += sold * cost
        self.r.flow("seized_btc", sold, at)
        self.r.flow("met_usd", met, at)
        self.r.flow("forgiven_usd", forgiven, at)
        self.r.flow("billed_usd", short - forgiven, at)


def _counted_per_usd(counted: Floats, owed: Floats) -> Floats:
    """What the LTV counts per USD owed: more than 1 where the whole term's interest counts from the first day, so that
    a dollar repaid takes more than a dollar off. An LTV of t counted is one of t over this of what is owed."""
    return np.asarray(np.divide(counted, owed, out=np.ones_like(owed), where=owed > CENT))


def _ltv(counted: Floats, pledged_btc: Floats, price_usd: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(pledged_btc > 0, counted / (pledged_btc * price_usd), np.inf))
