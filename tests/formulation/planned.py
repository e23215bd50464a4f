"""A small company planned: model, solution, the ledger's audit. What the tests of the model share.

Companies and trees come from the ledger's tests: BTC at $100,000, months of 30 days, 1 PH earns 0.01 BTC
($1,000) a month, one site of 10 MW at $50/MWh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyomo.environ import NonNegativeReals, Var

from optimizer.decisions import Decisions, Position
from optimizer.formulation.build import build
from optimizer.formulation.extract import decisions, position
from optimizer.formulation.model import Formulation
from optimizer.ledger.audit import audit
from optimizer.ledger.books import Books
from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario
from optimizer.solve.highs import Solution, Solver
from optimizer.solve.linear_model import LinearModel, load_solution, to_arrays
from optimizer.valuation import Value, value_of
from tests.ledger import company


@dataclass(frozen=True)
class Planned:
    """An audited plan. ``value`` is the ledger's, free of the model's tie-break."""

    formulation: Formulation
    model: LinearModel
    solution: Solution
    decisions: Decisions
    position: Position
    books: Books
    value: Value

    @property
    def worth(self) -> float:
        return self.value.value


def scenario(**changes: Any) -> Scenario:
    """`company.scenario`, solved to no gap."""
    return company.scenario(**{"solver": {"gap_share": 0.0}, **changes})


def market(**changes: Any) -> dict[str, Any]:
    """The company's market section; top-level keys may be replaced."""
    return {**company.scenario().market.model_dump(mode="json"), **changes}


def planned(given: Scenario, tree: Tree, relaxed: bool = False) -> Planned:
    """The best plan of ``given`` on ``tree``, audited; ``relaxed``: without whole numbers, rules on lots and
    tiers aside."""
    f = build(given, tree)
    if relaxed:
        relax(f)
    model = to_arrays(f)
    solution = Solver(model, given.solver).solve()
    load_solution(f, model, solution.x)
    chosen, claimed = decisions(f), position(f)
    audited = audit(given, tree, chosen, claimed)
    if not relaxed:
        audited.raise_if_failed()
    value = value_of(given, tree, audited.books)
    return Planned(f, model, solution, chosen, claimed, audited.books, value)


def relax(f: Formulation) -> None:
    """Lets every whole-number variable of the model take any value within its bounds."""
    for var in f.pyomo.component_data_objects(Var):
        if var.is_binary() or var.is_integer():
            var.setub(1.0 if var.is_binary() else var.ub)
            var.domain = NonNegativeReals


def path(prices: Sequence[float], lows: Sequence[float] | None = None, **changes: Any) -> Tree:
    """One branch of month-end prices (today's first); a month's low: the lower of its opening and close."""
    price = np.array(prices, dtype=float)
    low = np.minimum(price, np.roll(price, 1)) if lows is None else np.array(lows, dtype=float)
    low[0] = price[0]
    return company.tree(range(-1, len(price) - 1), price_usd=price, low_usd=low, **changes)


def fork(*leaf_prices: float, **changes: Any) -> Tree:
    """Today and one month later as many leaves, alike in probability unless told otherwise."""
    price = np.array([company.PRICE, *leaf_prices])
    lows = np.minimum(price, company.PRICE)
    parents = [-1, *[0] * len(leaf_prices)]
    return company.tree(parents, **{"price_usd": price, "low_usd": lows, **changes})


def liability(month: int, amount_usd: float) -> dict[str, Any]:
    return {"name": f"bill of month {month}", "month": month, "amount_usd": amount_usd}


def no_cash(**changes: Any) -> dict[str, Any]:
    """A treasury without cash that may not hold any: every dollar comes in when it goes out."""
    return company.treasury(**{"cash_usd": 0.0, "max_cash_months": 0.0, "sell_fee_share": 0.0, **changes})
