"""Linear expressions as plain dictionaries: fast to build, and read like the formula.

Pyomo's own arithmetic builds a tree for each `a * x + b * y`; with tens of thousands of rows that costs more
than solving them. `Terms` collects coefficients and hands Pyomo a finished `LinearExpression`.
"""

from __future__ import annotations

from typing import Any, Self

from pyomo.core.expr.numeric_expr import LinearExpression
from pyomo.environ import Constraint

Var = Any  # Pyomo ships no types; a VarData.
Row = Any  # What a rule returns to Pyomo: (lower, expression, upper), or Constraint.Skip.

SKIP: Row = Constraint.Skip

# Below this (in model units: BTC, PH/s, lots, today's BTC price) a value is solver noise, not a decision.
NOISE = 1e-9


class Terms:
    """A linear expression: a constant plus coefficients times variables."""

    __slots__ = ("_coefs", "_vars", "constant")

    def __init__(self, constant: float = 0.0) -> None:
        self.constant = constant
        self._coefs: dict[int, float] = {}
        self._vars: dict[int, Var] = {}

    def add(self, coef: float, var: Var) -> Self:
        """Add ``coef * var``."""
        if coef != 0.0:
            key = id(var)
            self._coefs[key] = self._coefs.get(key, 0.0) + coef
            self._vars[key] = var
        return self

    def plus(self, other: Terms, factor: float = 1.0) -> Self:
        """Add ``factor * other``."""
        if factor != 0.0:
            self.constant += factor * other.constant
            coefs, variables = self._coefs, self._vars
            for key, coef in other._coefs.items():
                coefs[key] = coefs.get(key, 0.0) + factor * coef
                variables[key] = other._vars[key]
        return self

    def shift(self, constant: float) -> Self:
        """Add a constant."""
        self.constant += constant
        return self

    def is_empty(self) -> bool:
        """Whether there is no variable in it."""
        return not self._coefs

    def expression(self) -> Any:
        """The same as a Pyomo expression, constant included."""
        keys = [k for k, c in self._coefs.items() if c != 0.0]
        return LinearExpression(
            constant=self.constant,
            linear_coefs=[self._coefs[k] for k in keys],
            linear_vars=[self._vars[k] for k in keys],
        )

    def value(self) -> float:
        """The expression's value at the variables' current values."""
        return float(self.constant + sum(c * self._vars[k].value for k, c in self._coefs.items()))

    def _bounded(self, lower: float | None, upper: float | None) -> Row:
        """``lower <= self <= upper`` with the constant moved to the bounds; a row without variables is skipped
        when it holds, and left to Pyomo to refuse when it does not."""
        keys = [k for k, c in self._coefs.items() if c != 0.0]
        low = None if lower is None else lower - self.constant
        high = None if upper is None else upper - self.constant
        if not keys:
            holds = (low is None or low <= 1e-9) and (high is None or high >= -1e-9)
            return Constraint.Feasible if holds else Constraint.Infeasible
        body = LinearExpression(
            constant=0.0,
            linear_coefs=[self._coefs[k] for k in keys],
            linear_vars=[self._vars[k] for k in keys],
        )
        return (low, body, high)


def total(*parts: tuple[float, Var]) -> Terms:
    """The sum of ``coef * var``."""
    terms = Terms()
    for coef, var in parts:
        terms.add(coef, var)
    return terms


def at_most(terms: Terms, bound: float = 0.0) -> Row:
    """The row ``terms <= bound``."""
    return terms._bounded(None, bound)


def at_least(terms: Terms, bound: float = 0.0) -> Row:
    """The row ``terms >= bound``."""
    return terms._bounded(bound, None)


def equal(terms: Terms, value: float = 0.0) -> Row:
    """The row ``terms == value``."""
    return terms._bounded(value, value)
