"""Today's decisions of a plan, as columns of the model that another tree's model can be held to.

Node 0 is the same on every tree of a scenario: the same day, the same prices, the same offers. So a column of node 0
means the same in each of their models, whatever its number there.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import replace

from optimizer.errors import SolverError
from optimizer.solve.highs import Bounds
from optimizer.solve.linear_model import Floats, LinearModel

# (variable, index) -> value in the model's units.
Today = dict[tuple[str, Hashable], float]

# Columns at node 0 that decide nothing: where the tail of outcomes begins.
NO_DECISION = ("threshold",)
# Decided today though no node is in their names: which tiers are drawn and which notes issued.
CHOICES = ("tier_open", "note_chosen")
# What a treasury does today and can do as well on any other day, trading BTC and moving collateral, with the balances
# and tax lots that follow.
ANY_DAY = (
    *("sell_btc", "buy_btc", "buys", "btc", "cash_usd"),
    *("pledged_btc", "release", "released_btc"),
    *("lot_btc", "lot_empty", "taken_btc", "income_usd", "tax_usd", "tax_owed_usd"),
)
# Values that a solver gave meet the rows to its tolerance: held to the last digit they could break one by rounding.
HAIR = 1e-7


def only_today(model: LinearModel) -> LinearModel:
    """The model with the names of today's columns only: what a worker needs to hold it to other decisions."""
    columns = {
        name: {i: j for i, j in at.items() if _is_today(name, i)}
        for name, at in model.columns.items()
        if name not in NO_DECISION
    }
    return replace(model, rows=[], columns={name: at for name, at in columns.items() if at})


def today_of(model: LinearModel, x: Floats) -> Today:
    """Today's decisions and balances in a solution ``x`` [column]; ``model``: as `only_today` gives it."""
    return {(name, index): float(x[j]) for name, at in model.columns.items() for index, j in at.items()}


def held_to(model: LinearModel, today: Today, free: Collection[str] = ()) -> Bounds:
    """Bounds that hold a tree's model to ``today``, but for the variables named in ``free``. Raises `SolverError` where
    today is not the same on both trees."""
    bounds: Bounds = {}
    for (name, index), value in today.items():
        if name in free:
            continue
        j = model.columns.get(name, {}).get(index)
        if j is None:
            raise SolverError(f"today's {name} {index} of one tree is unknown to another tree of the same scenario")
        hair = HAIR * max(1.0, abs(value))
        low, high = float(model.lower[j]), float(model.upper[j])
        if model.integral[j]:
            bounds[j] = (round(value), round(value))
        else:
            bounds[j] = (min(max(value - hair, low), high), max(min(value + hair, high), low))
    return bounds


def _is_today(name: str, index: Hashable) -> bool:
    first = index[0] if isinstance(index, tuple) else index
    return name in CHOICES or (isinstance(first, int) and first == 0)
