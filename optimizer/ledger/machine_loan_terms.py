"""Machine loans as all parts of the ledger read them: what they are used for, how they run off, what they finance."""

from __future__ import annotations

import numpy as np

from optimizer.ledger.fleet import Pair
from optimizer.ledger.lending import level_remaining_share
from optimizer.market.tree import Floats, Ints
from optimizer.scenario.schema import Scenario
from optimizer.scenario.sources import MachineLoan

DRAW, AHEAD = "draw_usd", "repay_ahead_usd"
MOST_MONTHS = 120
# Walking away from what was drawn in a month, in USD owed on it before the payment of the month.
WALKS = tuple(f"walk_away_month_{month}_usd" for month in range(MOST_MONTHS + 1))


def machine_loans(scenario: Scenario) -> list[MachineLoan]:
    """All machine loans, in the scenario's order."""
    return [source for source in scenario.sources if isinstance(source, MachineLoan)]


def left_share(loan: MachineLoan, age: Ints | int) -> Floats:
    """Of a draw, the share that level payments have left after ``age`` months; 0 before it and after the term."""
    age = np.asarray(age)
    return np.where(age < 0, 0.0, level_remaining_share(np.maximum(age, 0), loan.apr / 12, loan.term_months))


def kept_share(scenario: Scenario) -> float:
    """Of a machine's price, what a used one fetches."""
    return 1 - scenario.market.asic_prices.resale_discount_share


def list_prices(loan: MachineLoan, pairs: tuple[Pair, ...]) -> Floats:
    """USD per machine at today's prices of what the lender takes, 0 of the rest, ``[pair]``."""
    return np.array([pair.price_usd if pair.candidate and loan.takes(pair.model) else 0.0 for pair in pairs])
