"""Where borrowing and selling tie moves with volatility as theory says: a dollar owed weighs 1 / P in BTC.

Two leaves alike in chance at P e^(m + s) and P e^(m - s): s is the volatility of log price, m its median's growth.
"""

from __future__ import annotations

import math

import pytest

from tests.formulation.planned import fork, liability, no_cash, planned
from tests.formulation.source_companies import note, with_sources
from tests.ledger.company import PRICE

MONTHLY = 0.01


def borrows(numeraire: str, growth: float, volatility: float) -> bool:
    """Whether a company of 40 BTC borrows the $400,000 that are due at 1% a month, for a month."""
    terms = note(apr=12 * MONTHLY, min_issue_usd=0.0, issue_fee_share=0.0, min_btc_cover=None, term_months=1)
    given = with_sources(
        terms,
        numeraire=numeraire,
        horizon_months=1,
        decision_months=[0],
        liabilities=[liability(0, 400_000.0)],
        machines={},
        sites=[],
        treasury=no_cash(btc_lots=[{"btc": 40.0, "cost_basis_usd": 0.0}]),
    )
    leaves = fork(*(PRICE * math.exp(growth + sign * volatility) for sign in (1, -1)))
    return bool(planned(given, leaves).decisions.uses)


@pytest.mark.parametrize("volatility", [0.0, 0.1, 0.3, 0.6])
@pytest.mark.parametrize(
    ("numeraire", "sign"),
    # In BTC the debt weighs E[1 / P], which volatility raises; in dollars a coin kept is worth E[P], which it raises.
    [("btc", 1), ("usd", -1)],
)
def test_the_tie_moves_with_volatility(numeraire: str, sign: int, volatility: float) -> None:
    tie = math.log1p(MONTHLY) + sign * math.log(math.cosh(volatility))
    assert not borrows(numeraire, tie - 1e-3, volatility)
    assert borrows(numeraire, tie + 1e-3, volatility)


@pytest.mark.parametrize("volatility", [0.2, 0.5])
def test_who_counts_in_btc_wants_more_growth_the_less_is_known(volatility: float) -> None:
    """At the growth that ties when nothing moves, volatility makes selling right in BTC and borrowing in dollars."""
    tie = math.log1p(MONTHLY)
    assert not borrows("btc", tie, volatility)
    assert borrows("usd", tie, volatility)
