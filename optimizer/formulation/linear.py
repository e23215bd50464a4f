"""Linear expressions as plain lists: fast to build, and read like the formula.

Pyomo's own arithmetic builds a tree for each `a * x + b * y`; with tens of thousands of rows that costs more
than solving them. `Terms` collects coefficients and hands Pyomo a finished expression.
"""

from __future__ import annotations

from typing import Any, Self

from pyomo.core import Constraint
from pyomo.core.expr.numeric_expr import LinearExpression

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
        # A variable may stand here more than once.
        self._coefs: list[float] = []
        self._vars: list[Var] = []

    def add(self, coef: float, var: Var) -> Self:
        """Add ``coef * var``."""
        if coef != 0.0:
            self._coefs.append(coef)
            self._vars.append(var)
        return self

    def plus(self, other: Terms, factor: float = 1.0) -> Self:
        """Add ``factor * other``."""
        if factor == 1.0:
            self.constant += other.constant
            self._coefs += other._coefs
            self._vars += other._vars
        elif factor != 0.0:
            self.constant += factor * other.constant
            self._coefs += [factor * coef for coef in other._coefs]
            self._vars += other._vars
        return self

    def copy(self) -> Terms:
        """The same, to be changed by whoever asked."""
        other = Terms(self.constant)
        other._coefs, other._vars = self._coefs.copy(), self._vars.copy()
        return other

    def shift(self, constant: float) -> Self:
        """Add a constant."""
        self.constant += constant
        return self

    def is_empty(self) -> bool:
        """Whether there is no variable in it."""
        return not self._coefs

    def expression(self) -> Any:
        """The same as a Pyomo expression, constant included."""
        coefs, variables = self._together()
        return LinearExpression(constant=self.constant, linear_coefs=coefs, linear_vars=variables)

    def value(self) -> float:
        """The expression's value at the variables' current values."""
        return float(self.constant + sum(c * v.value for c, v in zip(self._coefs, self._vars, strict=True)))

    def _together(self) -> tuple[list[float], list[Var]]:
        """(coefficients, variables), each variable once and none with 0."""
        coefs, variables = self._coefs, self._vars
        if len(set(map(id, variables))) < len(variables):
            summed: dict[int, float] = {}
            for key, coef in zip(map(id, variables), coefs, strict=True):
                summed[key] = summed.get(key, 0.0) + coef
            once = dict(zip(map(id, variables), variables, strict=True))
            coefs, variables = list(summed.values()), [once[key] for key in summed]
        if 0.0 in coefs:
            used = [k for k, coef in enumerate(coefs) if coef != 0.0]
            coefs, variables = [coefs[k] for k in used], [variables[k] for k in used]
        return coefs, variables

    def _bounded(self, lower: float | None, upper: float | None) -> Row:
        """``lower <= self <= upper`` with the constant moved to the bounds; a row without variables is skipped
        when it holds, and left to Pyomo to refuse when it does not."""
        coefs, variables = self._together()
        low = None if lower is None else lower - self.constant
        high = None if upper is None else upper - self.constant
        if not coefs:
            holds = (low is None or low <= 1e-9) and (high is None or high >= -1e-9)
            return Constraint.Feasible if holds else Constraint.Infeasible
        return (low, LinearExpression(linear_coefs=coefs, linear_vars=variables), high)


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
