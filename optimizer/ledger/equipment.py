"""A loan against machines without recourse to anything else, month by month on given market paths.

The borrower is a company that owns nothing but the machines it financed. It mines, pays for power and hosting, and
repays in equal payments of interest and principal. When mining no longer pays for a payment and the machines are
worth less than the debt, its parent gives the machines back: there is nothing left worth paying for. Pure functions
over NumPy arrays; formulas are those of annuities and of mining (`optimizer.market.mining`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.ledger.lending import ltv
from optimizer.market.mining import hashcost_usd_per_ph_day
from optimizer.market.tree import Floats, Ints


@dataclass(frozen=True)
class MachineLoan:
    """``balance_usd`` owed today at ``apr``; ``service_usd_per_month`` of interest and principal at the end of every
    month until it is repaid (`optimizer.ledger.lending.level_payment` gives it from a number of payments).
    ``paid_in_usd``: the borrower's own money in the machines so far, down payment and principal repaid."""

    balance_usd: float
    apr: float
    service_usd_per_month: float
    paid_in_usd: float = 0.0


@dataclass(frozen=True)
class FinancedMachines:
    """What was financed: hashrate in PH/s at the wall, efficiency, its power price (hosting included), other costs."""

    hashrate_ph: float
    j_per_th: float
    power_usd_per_mwh: float
    other_usd_per_month: float = 0.0


@dataclass(frozen=True)
class MachineLoanOutcome:
    """What the loan does on each path; ``[path, month]``, month 0 is the first month after today.

    debt_usd: owed at the month's end with its interest, before the payment, as if every payment before had been made;
    service_usd: the payment due. Both ``[month]``. value_usd: of the machines. gross_profit_usd: mining revenue less
    power and other costs. ltv: debt over value, dscr: gross profit over service; NaN once nothing is owed.
    given_back: month in which the machines go back, -1 where they do not, ``[path]``. lender_loss_usd: debt that they
    do not cover then; borrower_loss_usd: its own money in them, principal repaid included; 0 where they are kept.
    """

    debt_usd: Floats
    service_usd: Floats
    value_usd: Floats
    gross_profit_usd: Floats
    ltv: Floats
    dscr: Floats
    given_back: Ints
    lender_loss_usd: Floats
    borrower_loss_usd: Floats


def debt_before_payments(loan: MachineLoan, months: int) -> Floats:
    """USD owed at the end of each month with its interest, before the payment, ``[month]``.

    B (1 + r)^k - S ((1 + r)^k - 1) / r after k payments S, never below 0, and a month's interest on it.
    """
    rate, paid = loan.apr / 12, np.arange(months)
    growth = (1 + rate) ** paid
    payments = paid if rate == 0 else np.expm1(paid * np.log1p(rate)) / rate
    return np.maximum(0.0, loan.balance_usd * growth - loan.service_usd_per_month * payments) * (1 + rate)


def gross_profit(machines: FinancedMachines, hashprice_usd_per_ph_day: Floats, days: Floats) -> Floats:
    """USD a month earns after power and other costs, in the shape of ``hashprice_usd_per_ph_day`` (its mean over the
    month) and ``days`` in it. The machines are off where power costs more than they mine."""
    hashcost = hashcost_usd_per_ph_day(machines.j_per_th, machines.power_usd_per_mwh)
    margin = np.maximum(0.0, hashprice_usd_per_ph_day - hashcost)
    return np.asarray(margin * machines.hashrate_ph * days - machines.other_usd_per_month)


def follow_machine_loan(
    loan: MachineLoan,
    machines: FinancedMachines,
    hashprice_usd_per_ph_day: Floats,
    machine_usd_per_th: Floats,
    days: Floats,
) -> MachineLoanOutcome:
    """Follow the loan on ``hashprice_usd_per_ph_day`` (mean of each month) and ``machine_usd_per_th`` (what the
    machines bring at its end), both ``[path, month]``, and the ``days`` of each month.

    The machines go back in the first month in which service > gross profit and debt > value. Until then the parent
    puts in what mining does not earn: with value above the debt it would be giving away the difference.
    """
    debt = debt_before_payments(loan, hashprice_usd_per_ph_day.shape[1])
    service = np.minimum(loan.service_usd_per_month, debt)
    value = machine_usd_per_th * machines.hashrate_ph * 1_000
    profit = gross_profit(machines, hashprice_usd_per_ph_day, days)
    gives_back = (service > profit) & (debt > value)
    given_back = np.where(gives_back.any(axis=1), gives_back.argmax(axis=1), -1)
    path, back = np.arange(len(value)), given_back >= 0
    repaid = loan.balance_usd - debt / (1 + loan.apr / 12)
    return MachineLoanOutcome(
        debt_usd=debt,
        service_usd=service,
        value_usd=value,
        gross_profit_usd=profit,
        ltv=ltv(debt, machines.hashrate_ph * 1_000, machine_usd_per_th),
        dscr=np.divide(profit, service, out=np.full_like(profit, np.nan), where=service > 0),
        given_back=given_back,
        lender_loss_usd=np.where(back, debt[given_back] - value[path, given_back], 0.0),
        borrower_loss_usd=np.where(back, loan.paid_in_usd + repaid[given_back], 0.0),
    )
