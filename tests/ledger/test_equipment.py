"""A loan against machines, by hand: what is owed, what mining pays, and when the machines are given back."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.ledger.equipment import (
    FinancedMachines,
    MachineLoan,
    debt_before_payments,
    follow_machine_loan,
    gross_profit,
)
from optimizer.ledger.lending import level_payment, level_remaining_share
from optimizer.market.tree import Floats

DAYS = np.full(4, 30.0)
# 100 PH/s at 25 J/TH and $50/MWh: power costs $30 per PH and day. $50,000 a month for the room.
MACHINES = FinancedMachines(hashrate_ph=100.0, j_per_th=25.0, power_usd_per_mwh=50.0, other_usd_per_month=50_000.0)
# $1m without interest in four payments.
LOAN = MachineLoan(balance_usd=1_000_000.0, apr=0.0, service_usd_per_month=250_000.0, paid_in_usd=400_000.0)


def paths(*rows: list[float]) -> Floats:
    return np.array(rows)


def test_a_level_loan_is_repaid_by_its_last_payment() -> None:
    payment = float(level_payment(1_000_000.0, 0.01, 12))
    loan = MachineLoan(balance_usd=1_000_000.0, apr=0.12, service_usd_per_month=payment)
    debt = debt_before_payments(loan, 14)
    remaining = 1_000_000 * level_remaining_share(np.arange(14), 0.01, 12)
    assert debt == pytest.approx(remaining * 1.01, abs=1e-6)
    assert debt[11] == pytest.approx(payment)


def test_a_loan_without_interest_falls_by_its_payment() -> None:
    assert debt_before_payments(LOAN, 6).tolist() == [1e6, 750e3, 500e3, 250e3, 0.0, 0.0]


def test_machines_earn_hashprice_less_power_and_stand_still_below_it() -> None:
    # (130 - 30) * 100 PH * 30 days = $300,000; at $20 they are off and only the room costs.
    assert gross_profit(MACHINES, paths([130.0, 20.0]), DAYS[:2]).tolist() == [[250_000.0, -50_000.0]]


def test_machines_go_back_when_neither_mining_nor_their_value_covers_the_debt() -> None:
    hashprice = paths(
        [130.0, 90.0, 90.0, 90.0],  # mining fails in month 1, when the machines are still worth more
        [130.0, 130.0, 130.0, 130.0],  # mining pays throughout, whatever the machines are worth
        [90.0, 130.0, 130.0, 130.0],
    )
    machine = paths([12.0, 9.0, 4.0, 4.0], [4.0, 4.0, 4.0, 4.0], [9.99, 9.0, 4.0, 4.0])
    outcome = follow_machine_loan(LOAN, MACHINES, hashprice, machine, DAYS)
    # Path 0: $750,000 against $900,000 in month 1, $500,000 against $400,000 in month 2.
    assert outcome.given_back.tolist() == [2, -1, 0]
    assert outcome.ltv[0].tolist() == pytest.approx([1 / 1.2, 0.75 / 0.9, 0.5 / 0.4, 0.25 / 0.4])
    assert outcome.dscr[0].tolist() == pytest.approx([1.0, 0.52, 0.52, 0.52])
    assert outcome.lender_loss_usd.tolist() == pytest.approx([100_000.0, 0.0, 1_000.0])
    # $400,000 down and two payments of $250,000 are lost with them; on path 2 the down payment alone.
    assert outcome.borrower_loss_usd.tolist() == pytest.approx([900_000.0, 0.0, 400_000.0])


def test_nothing_is_due_once_nothing_is_owed() -> None:
    flat = paths([20.0] * 6)
    outcome = follow_machine_loan(LOAN, MACHINES, flat, flat, np.full(6, 30.0))
    assert outcome.service_usd.tolist() == [250e3] * 4 + [0.0, 0.0]
    assert np.isnan(outcome.dscr[0, 4:]).all()
    assert np.isnan(outcome.ltv[0, 4:]).all()
    assert outcome.given_back.tolist() == [-1]


def test_what_the_lender_loses_is_what_the_machines_do_not_cover() -> None:
    rng = np.random.default_rng(1)
    hashprice, machine = rng.uniform(20, 140, (200, 4)), rng.uniform(1, 15, (200, 4))
    some = follow_machine_loan(LOAN, MACHINES, hashprice, machine, DAYS)
    path, back = np.arange(200), some.given_back
    left = some.debt_usd[back] - some.value_usd[path, back]
    assert 0 < (back >= 0).sum() < 200
    assert (left[back >= 0] > 0).all()
    assert some.lender_loss_usd.tolist() == np.where(back >= 0, left, 0.0).tolist()
    # Machines that are worth nothing go back with the first payment that mining does not earn, never later.
    worthless = follow_machine_loan(LOAN, MACHINES, hashprice, machine * 0, DAYS)
    assert ((worthless.given_back <= back) | (back < 0)).all()
    assert worthless.lender_loss_usd[back >= 0] == pytest.approx(worthless.debt_usd[worthless.given_back[back >= 0]])
