"""What happens to a loan's collateral as price falls: the lender's lines, cures, and what it sells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from optimizer.ledger.lending import (
    cure_by_adding,
    cure_by_repaying,
    fall_to_ltv,
    forced_sale,
    ltv,
    price_at_ltv,
)
from optimizer.quote.loan_terms import LoanTerms

State = Literal["", "warning", "call", "liquidation"]
NOT_KNOWN = float("nan")
# A price at a line is at it, whatever the last digit says.
TOUCH = 1 - 1e-9
# USD: less is nothing.
CENT = 0.005


@dataclass(frozen=True)
class Line:
    """One of a lender's lines: ``warning``, ``call`` or ``liquidation``.

    ``price_usd``, ``fall_share``: where price touches it with what is owed today, and by what fall from today's.
    ``highest_price_usd``, ``highest_fall_share``: the same just before payment ``highest_at_payment``, with the
    interest that has run by then; as today where payments are not known (0).
    """

    name: str
    ltv: float
    price_usd: float
    fall_share: float
    highest_price_usd: float
    highest_fall_share: float
    highest_at_payment: int


@dataclass(frozen=True)
class Rung:
    """What holds at one price, with what is owed today.

    ``state``: the highest line that the LTV touches. From the call on: ``add_btc`` or ``repay_usd`` brings the LTV to
    the cure target (NaN if there is none); else the lender sells ``sold_btc``, of which ``lost_btc`` go to fee and
    slippage. ``left_btc`` are then still there, given back if ``left_owed_usd`` is 0; ``short_usd`` is what all the
    collateral did not cover. NaN where no lender acts.
    """

    price_usd: float
    fall_share: float
    ltv: float
    state: State
    add_btc: float = NOT_KNOWN
    repay_usd: float = NOT_KNOWN
    sold_btc: float = NOT_KNOWN
    lost_btc: float = NOT_KNOWN
    left_btc: float = NOT_KNOWN
    left_owed_usd: float = NOT_KNOWN
    short_usd: float = NOT_KNOWN


@dataclass(frozen=True)
class Debt:
    """A debt and its collateral today: ``owed_usd`` with the interest that has run, ``counted_usd`` what the LTV
    counts, ``pledge_btc`` at ``btc_price_usd``."""

    owed_usd: float
    counted_usd: float
    pledge_btc: float
    btc_price_usd: float

    @property
    def ltv(self) -> float:
        """What the LTV counts over what the pledge is worth."""
        return float(ltv(self.counted_usd, self.pledge_btc, self.btc_price_usd))


def lines_of(terms: LoanTerms, debt: Debt, highest_counted_usd: float, at_payment: int) -> tuple[Line, ...]:
    """The lines that the terms know, nearest first. ``highest_counted_usd``: the most that the LTV will count."""
    known = {name: getattr(terms, f"{name}_ltv") for name in ("warning", "call", "liquidation")}
    return tuple(_line(name, at, debt, highest_counted_usd, at_payment) for name, at in known.items() if at is not None)


def _line(name: str, at_ltv: float, debt: Debt, highest_counted_usd: float, at_payment: int) -> Line:
    highest = highest_counted_usd / debt.counted_usd
    return Line(
        name=name,
        ltv=at_ltv,
        price_usd=float(price_at_ltv(debt.counted_usd, debt.pledge_btc, at_ltv)),
        fall_share=float(fall_to_ltv(debt.ltv, at_ltv)),
        highest_price_usd=float(price_at_ltv(highest_counted_usd, debt.pledge_btc, at_ltv)),
        highest_fall_share=float(fall_to_ltv(debt.ltv * highest, at_ltv)),
        highest_at_payment=at_payment,
    )


def rung(terms: LoanTerms, debt: Debt, price_usd: float) -> Rung:
    """What holds when BTC stands at ``price_usd``."""
    now = float(ltv(debt.counted_usd, debt.pledge_btc, price_usd))
    state = _state(terms, now)
    here = Rung(price_usd, 1 - price_usd / debt.btc_price_usd, now, state)
    if state not in ("call", "liquidation"):
        return here
    value, per_usd = debt.pledge_btc * price_usd, debt.counted_usd / debt.owed_usd
    add = repay = NOT_KNOWN
    if (target := terms.cure_target_ltv) is not None:
        add = float(cure_by_adding(debt.counted_usd, value, target)) / price_usd
        repay = float(cure_by_repaying(debt.counted_usd, value, target)) / per_usd
    cost = terms.liquidation_cost_share
    sale = float(forced_sale(debt.owed_usd, value, terms.liquidation_target_ltv, cost, per_usd))
    rest = max(0.0, debt.owed_usd - sale * (1 - cost))
    rest = rest if rest > CENT else 0.0
    emptied = value - sale <= CENT
    return Rung(
        price_usd=price_usd,
        fall_share=here.fall_share,
        ltv=now,
        state=state,
        add_btc=add,
        repay_usd=repay,
        sold_btc=sale / price_usd,
        lost_btc=sale * cost / price_usd,
        left_btc=0.0 if emptied else debt.pledge_btc - sale / price_usd,
        left_owed_usd=0.0 if emptied else rest,
        short_usd=rest if emptied else 0.0,
    )


def _state(terms: LoanTerms, now: float) -> State:
    states: tuple[State, ...] = ("liquidation", "call", "warning")
    for name in states:
        line = getattr(terms, f"{name}_ltv")
        if line is not None and now >= line * TOUCH:
            return name
    return ""
