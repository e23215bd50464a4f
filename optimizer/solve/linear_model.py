"""The model as arrays: what a solver needs, with the names that lead back to the formulation. It can be pickled."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from pyomo.core import Constraint, Var
from pyomo.core.expr.numeric_expr import LinearExpression
from scipy.sparse import csr_array

from optimizer.formulation.model import Formulation
from optimizer.uncollected import uncollected

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LinearModel:
    """Minimise ``cost @ x + offset`` with ``row_lower <= matrix @ x <= row_upper``, ``lower <= x <= upper`` and
    whole x where ``integral``.

    ``matrix``: scipy CSC, [row, column]. ``rows``: (family, index) of each row. ``columns``: variable name ->
    index -> column.
    """

    matrix: Any
    cost: Floats
    offset: float
    lower: Floats
    upper: Floats
    row_lower: Floats
    row_upper: Floats
    integral: npt.NDArray[np.bool_]
    rows: list[tuple[str, Hashable]]
    columns: dict[str, dict[Hashable, int]]


@uncollected()
def to_arrays(f: Formulation) -> LinearModel:
    """The Pyomo model of a formulation as arrays.

    Every row is a `LinearExpression` with its constant on the other side, as `optimizer.formulation.linear` leaves
    it, so it is copied as it stands: Pyomo's own compiler, which takes any expression, needs several times as long.
    """
    columns: dict[str, dict[Hashable, int]] = {}
    variables: list[Any] = []
    for component in f.pyomo.component_objects(ctype=Var, descend_into=False):
        columns[component.name] = {index: len(variables) + k for k, index in enumerate(component)}
        variables += component.values()
    column_of = {id(var): j for j, var in enumerate(variables)}
    rows: list[tuple[str, Hashable]] = []
    lower: list[float] = []
    upper: list[float] = []
    starts, used, coefs = [0], list[int](), list[float]()
    for component in f.pyomo.component_objects(ctype=Constraint, descend_into=False):
        family = component.name
        for index, row in component.items():
            low, body, high = row.to_bounded_expression()
            constant = 0.0
            if isinstance(body, LinearExpression):
                of_terms, in_terms = zip(*[term.args for term in body.args], strict=True)
                used += map(column_of.__getitem__, map(id, in_terms))
                coefs += of_terms
            else:  # A row without variables is a number; where it does not hold, no plan meets it.
                constant = float(body)
            starts.append(len(used))
            rows.append((family, index))
            lower.append(-np.inf if low is None else low - constant)
            upper.append(np.inf if high is None else high - constant)
    loss = f.pyomo.loss.expr
    cost = np.zeros(len(variables))
    cost[[column_of[id(var)] for var in loss.linear_vars]] = loss.linear_coefs
    matrix = csr_array((coefs, used, starts), shape=(len(rows), len(variables))).tocsc()
    return LinearModel(
        matrix=matrix,
        cost=cost,
        offset=float(loss.constant),
        lower=np.array([-np.inf if var.lb is None else var.lb for var in variables], dtype=np.float64),
        upper=np.array([np.inf if var.ub is None else var.ub for var in variables], dtype=np.float64),
        row_lower=np.array(lower, dtype=np.float64),
        row_upper=np.array(upper, dtype=np.float64),
        integral=np.array([not var.is_continuous() for var in variables], dtype=np.bool_),
        rows=rows,
        columns=columns,
    )


def without_rows(model: LinearModel, left_out: Collection[tuple[str, Hashable]]) -> LinearModel:
    """The model without the rows named (family, index)."""
    kept = np.array([row not in left_out for row in model.rows], dtype=np.bool_)
    return replace(
        model,
        matrix=model.matrix.tocsr()[kept].tocsc(),
        row_lower=model.row_lower[kept],
        row_upper=model.row_upper[kept],
        rows=[row for row, stays in zip(model.rows, kept, strict=True) if stays],
    )


def node_of(index: Hashable) -> int:
    """The node of a variable or row; those without one are of today."""
    first = index[0] if isinstance(index, tuple) else index
    return first if isinstance(first, int) else 0


def load_solution(f: Formulation, model: LinearModel, x: Floats) -> None:
    """Put solver values into the Pyomo variables; variables that no row uses are 0."""
    values = x.tolist()
    for component in f.pyomo.component_objects(ctype=Var, descend_into=False):
        columns = model.columns.get(component.name, {})
        for index, var in component.items():
            j = columns.get(index)
            var.set_value(0.0 if j is None else values[j], skip_validation=True)
