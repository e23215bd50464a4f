"""What became of the company on each path, in a few figures: what summaries, survival tables and CSV files share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.ledger.checks import TOLERANCE
from optimizer.ledger.lending import fall_to_ltv
from optimizer.ledger.outcome import Outcome
from optimizer.market.paths import Bools
from optimizer.market.tree import Floats, Ints
from optimizer.scenario.schema import Scenario

NOBODY = -1
# Fewer machines than this are rounding.
LEAST_UNITS = 0.5


@dataclass(frozen=True)
class Fates:
    """Index order ``[path]``.

    worth: net worth at the end in the numeraire. net_today_btc, net_end_btc: in BTC. lowest_cash_usd and its
    lowest_cash_month; lowest_btc, pledged included. calls, liquidations: how many; lost_btc: to the lender, beyond
    the debt that it met. ltv_high: the highest LTV of any day and lender (NaN without debt), of ltv_high_facility
    (NOBODY without debt) in ltv_high_month. room_to_call_share: the least that price could have fallen further before
    a call; negative when called, infinite without debt. below_min_cash, below_min_btc: whether in some month less was
    held than the scenario requires. insolvent: whether some bill or debt could not be paid (a default). lender_failed:
    whether a failed lender kept a pledge. machines_seized: whether lenders took machines, walked away from or not paid.
    survives: not liquidated, no default, and never below the cash required.
    first_trouble_month: of a call, a liquidation, too little cash or BTC, or a default; -1 without.
    """

    worth: Floats
    net_today_btc: Floats
    net_end_btc: Floats
    sold_btc: Floats
    lowest_cash_usd: Floats
    lowest_cash_month: Ints
    lowest_btc: Floats
    calls: Ints
    liquidations: Ints
    lost_btc: Floats
    ltv_high: Floats
    ltv_high_facility: Ints
    ltv_high_month: Ints
    room_to_call_share: Floats
    below_min_cash: Bools
    below_min_btc: Bools
    insolvent: Bools
    lender_failed: Bools
    machines_seized: Bools
    survives: Bools
    first_trouble_month: Ints


def fates(scenario: Scenario, outcome: Outcome) -> Fates:
    """The figures of every path of an outcome."""
    net = outcome.net_btc
    call_ltv = np.array([c.call_ltv for c in (*scenario.loans, *scenario.facilities)], dtype=np.float64)
    short_of_cash, short_of_btc = below_limits(scenario, outcome.cash_usd, outcome.btc)
    below_cash, below_btc = np.any(short_of_cash, axis=1), np.any(short_of_btc, axis=1)
    calls, liquidations = outcome.calls.sum(axis=2), outcome.liquidations.sum(axis=2)
    trouble = (calls > 0) | (liquidations > 0) | outcome.insolvent | short_of_cash | short_of_btc
    facility, month, highest = _highest(outcome.ltv_high)
    liquidated, broke = liquidations.sum(axis=1), outcome.insolvent[:, -1]
    return Fates(
        worth=net[:, -1] * (1.0 if scenario.numeraire == "btc" else outcome.price_usd[:, -1]),
        net_today_btc=net[:, 0],
        net_end_btc=net[:, -1],
        sold_btc=outcome.sold_btc.sum(axis=1),
        lowest_cash_usd=outcome.cash_usd.min(axis=1),
        lowest_cash_month=outcome.cash_usd.argmin(axis=1),
        lowest_btc=outcome.btc.min(axis=1),
        calls=calls.sum(axis=1),
        liquidations=liquidated,
        lost_btc=outcome.lost_btc.sum(axis=(1, 2)),
        ltv_high=highest,
        ltv_high_facility=facility,
        ltv_high_month=month,
        room_to_call_share=_least_room(outcome.ltv_high, call_ltv),
        below_min_cash=below_cash,
        below_min_btc=below_btc,
        insolvent=broke,
        lender_failed=np.asarray(outcome.flows.get("set_off_btc", np.zeros(len(outcome))) > 0),
        machines_seized=outcome.seized_units.sum(axis=1) > LEAST_UNITS,
        survives=(liquidated == 0) & ~broke & ~below_cash,
        first_trouble_month=np.where(trouble.any(axis=1), trouble.argmax(axis=1), -1),
    )


def below_limits(scenario: Scenario, cash_usd: Floats, btc: Floats) -> tuple[Bools, Bools]:
    """Where less cash, and less BTC, is held than the scenario requires, but for rounding against what the company
    holds today; for balances of any shape."""
    price, demand = scenario.market.btc_price_usd, scenario.requirements
    size_btc = max(1.0, scenario.treasury.btc + scenario.treasury.cash_usd / price)
    slack_btc = TOLERANCE * size_btc
    return (
        np.asarray(cash_usd < demand.min_cash_usd - slack_btc * price),
        np.asarray(btc < demand.min_btc - slack_btc),
    )


def _highest(ltv: Floats) -> tuple[Ints, Ints, Floats]:
    """Of ``[path, month, facility]`` the facility, the month and the highest LTV of each path."""
    paths, _, facilities = ltv.shape
    if facilities == 0:
        none = np.full(paths, NOBODY)
        return none, np.zeros_like(none), np.full(paths, np.nan)
    flat = np.nan_to_num(ltv, nan=-1.0, posinf=np.inf).reshape(paths, -1)
    at = flat.argmax(axis=1)
    highest = flat[np.arange(paths), at]
    owed = highest >= 0
    return np.where(owed, at % facilities, NOBODY), at // facilities, np.where(owed, highest, np.nan)


def _least_room(ltv: Floats, call_ltv: Floats) -> Floats:
    """The smallest fall to the call over months and facilities."""
    if not len(call_ltv):
        return np.full(len(ltv), np.inf)
    room = fall_to_ltv(np.nan_to_num(ltv, nan=-np.inf, posinf=np.inf), call_ltv)
    return np.asarray(np.min(room, axis=(1, 2)))
