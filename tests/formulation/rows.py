"""The model's rows as text by family: ``name: +c var -c var <= rhs``, sorted, 9 significant digits."""

from __future__ import annotations

from typing import Any

from pyomo.environ import Constraint, Objective, value
from pyomo.repn import generate_standard_repn

from optimizer.formulation.model import Formulation

OBJECTIVE = "loss"


def families(f: Formulation) -> dict[str, str]:
    """The text of every family of rows in the model, and of the objective, by name."""
    found = {
        family.name: "".join(sorted(f"{row.name}: {_row_text(row)}\n" for row in family.values()))
        for family in f.pyomo.component_objects(Constraint)
    }
    (objective,) = f.pyomo.component_data_objects(Objective)
    return {**found, OBJECTIVE: _terms_text(objective.expr, "\n  ") + "\n"}


def _row_text(row: Any) -> str:
    low, high = value(row.lower), value(row.upper)
    sign, bound = ("=", low) if low == high else (">=", low) if high is None else ("<=", high)
    return f"{_terms_text(row.body, ' ')} {sign} {_number(bound)}"


def _terms_text(expression: Any, between: str) -> str:
    linear = generate_standard_repn(expression)
    terms = sorted(zip(linear.linear_vars, linear.linear_coefs, strict=True), key=lambda term: term[0].name)
    texts = [f"{_number(coef)} {var.name}" for var, coef in terms]
    if linear.constant:
        texts.append(f"{_number(linear.constant)} constant")
    return between.join(text if text.startswith("-") else f"+{text}" for text in texts)


def _number(x: float) -> str:
    return f"{x + 0.0:.9g}"
