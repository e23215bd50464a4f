"""A loan is quoted as the ledger plays it: the same debt, the same LTV, month by month."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.ledger.tranches import all_tranches, read_schedule
from optimizer.quote.loan_terms import LoanTerms
from optimizer.quote.schedule import counted_per_usd, payments_of
from optimizer.scenario.load import load_scenario
from tests.builders import minimal_scenario_dict, write_scenario


@pytest.mark.parametrize(
    "terms",
    [
        {"interest": "monthly", "repayment": "bullet"},
        {"interest": "at_maturity", "repayment": "bullet"},
        {"interest": "monthly", "repayment": "amortising"},
        {"interest": "at_maturity", "repayment": "bullet", "ltv_counts": "full_term"},
    ],
)
def test_debt_and_interest_month_by_month(terms: dict[str, Any], tmp_path: Path) -> None:
    data = minimal_scenario_dict()
    [facility] = data["facilities"]
    facility |= {**terms, "term_months": 9, "tiers": [{"max_ltv": 0.4, "apr": 0.12}]}
    facility |= {"draw_from_month": 0, "draw_until_month": 0, "early_repayment": False}
    scenario = load_scenario(write_scenario(tmp_path, data)).scenario
    [tranche] = all_tranches(scenario)
    ledger = read_schedule(scenario, np.arange(10), (tranche,))
    mine = LoanTerms(apr=0.12, term_months=9, **terms)
    principal = np.cumprod(np.concatenate([[1.0], ledger.keep_share[1:, 0]]))
    payments = payments_of(mine, 1.0)
    for k, payment in enumerate(payments, start=1):
        assert payment.principal_usd == pytest.approx(principal[k - 1] - principal[k])
        assert payment.owed_usd == pytest.approx(principal[k] * (1 + ledger.accrued_share[k, 0]))
        in_cash = principal[k - 1] * ledger.interest_share[0] * ledger.paid_monthly[0]
        accrued = payment.principal_usd * ledger.accrued_share[k, 0]
        assert payment.interest_usd == pytest.approx(in_cash + accrued)
    assert counted_per_usd(mine) == pytest.approx(ledger.counted_share[0, 0])
