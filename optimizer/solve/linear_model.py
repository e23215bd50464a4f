"""The model as arrays: what a solver needs, with the names that lead back to the formulation. It can be pickled."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pyomo.environ import Var
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

from optimizer.formulation.model import Formulation

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LinearModel:
    """Minimise ``cost @ x + offset`` with ``row_lower <= matrix @ x <= row_upper``, ``lower <= x <= upper`` and
    whole x where ``integral``.

    ``matrix``: scipy CSC, [row, column]. ``rows``: (family, index) of each row. ``columns``: variable name ->
    index -> column; variables that no row uses are absent.
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


def to_arrays(f: Formulation) -> LinearModel:
    """Compile the Pyomo model of a formulation."""
    compiled = LinearStandardFormCompiler().write(f.pyomo, mixed_form=True, set_sense=None)
    variables = compiled.columns
    columns: dict[str, dict[Hashable, int]] = {}
    for j, var in enumerate(variables):
        columns.setdefault(var.parent_component().name, {})[var.index()] = j
    # bound_type: 1 row <= rhs, -1 row >= rhs, 0 row == rhs.
    kind = np.array([entry.bound_type for entry in compiled.rows])
    rhs = np.asarray(compiled.rhs, dtype=np.float64)
    return LinearModel(
        matrix=compiled.A.tocsc(),
        cost=np.asarray(compiled.c.todense(), dtype=np.float64).ravel(),
        offset=float(compiled.c_offset[0]),
        lower=np.array([-np.inf if v.lb is None else v.lb for v in variables], dtype=np.float64),
        upper=np.array([np.inf if v.ub is None else v.ub for v in variables], dtype=np.float64),
        row_lower=np.where(kind == 1, -np.inf, rhs),
        row_upper=np.where(kind == -1, np.inf, rhs),
        integral=np.array([v.is_integer() or v.is_binary() for v in variables], dtype=np.bool_),
        rows=[(e.constraint.parent_component().name, e.constraint.index()) for e in compiled.rows],
        columns=columns,
    )


def load_solution(f: Formulation, model: LinearModel, x: Floats) -> None:
    """Put solver values into the Pyomo variables; variables that no row uses are 0."""
    values = x.tolist()
    for component in f.pyomo.component_objects(ctype=Var, descend_into=False):
        columns = model.columns.get(component.name, {})
        for index, var in component.items():
            j = columns.get(index)
            var.set_value(0.0 if j is None else values[j], skip_validation=True)
