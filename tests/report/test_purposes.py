"""What borrowed money is for."""

from __future__ import annotations

import pytest

from optimizer.planning import Plan
from optimizer.report.purposes import purposes_of
from optimizer.report.terminal import print_plan

from .conftest import printed


def test_a_loan_for_a_bill_is_defensive(borrow_or_sell: Plan) -> None:
    purposes = purposes_of(borrow_or_sell)
    assert purposes.borrowed_usd == pytest.approx(1e6)
    assert purposes.bills_usd == pytest.approx(1e6)
    assert purposes.btc_usd == purposes.machines_usd == purposes.debts_usd == 0
    said = printed(lambda console: print_plan(borrow_or_sell, console))
    assert "that is borrowed, fees deducted: $1.00M for bills; none of it to buy BTC." in said


def test_what_is_borrowed_is_spent_once(small: Plan) -> None:
    p = purposes_of(small)
    assert p.borrowed_usd == pytest.approx(p.debts_usd + p.machines_usd + p.bills_usd + p.btc_usd + p.cash_usd)
