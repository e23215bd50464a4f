"""The rows of a whole tree's model, given to modelling libraries and by them to HiGHS.

All start from the same plain lists: for each family of rows its coefficients, variables and bounds. So what is compared
is the library's own work, from coefficients to a model in HiGHS, and nothing of how they were computed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.asked import Asked, medians
from benchmarks.measured import apart
from benchmarks.tables import Column, Row, Table
from benchmarks.trees import FLAGSHIP, SHAPES

ROUNDS = 3
COLUMNS = (
    Column("nodes", "nodes", ",d"),
    Column("way", "way"),
    Column("rows", "rows", ",d"),
    Column("nonzeros", "non-zeros", ",d"),
    Column("build", "written, s", ".2f"),
    Column("hand", "handed over, s", ".2f"),
    Column("seconds", "both, s", ".2f"),
    Column("rows_per_second", "rows/s", ",.0f"),
    Column("nonzeros_per_second", "non-zeros/s", ",.0f"),
)


@dataclass(frozen=True)
class Family:
    """Rows of one name: of each its columns, coefficients and bounds."""

    name: str
    columns: list[list[int]]
    coefs: list[list[float]]
    lower: list[float]
    upper: list[float]


@dataclass(frozen=True)
class Plain:
    """A model as plain lists. ``variables``: of each name its columns, which follow one another."""

    nodes: int
    variables: dict[str, range]
    lower: Any
    upper: Any
    integral: Any
    cost: Any
    families: list[Family]


def measure(asked: Asked) -> list[Table]:
    """Every tree that is solved whole, each way in a process of its own."""
    rows: list[Row] = []
    for nodes in asked.whole:
        for way in WAYS:
            if way == LINOPY and find_spec("linopy") is None:
                asked.tell("linopy is left out: pip install -c constraints.txt '.[bench]'")
                continue
            asked.tell(f"{nodes:,} nodes, rows by {way}")
            rows.append(apart(handed_over, SHAPES[nodes].sets, way, asked.times(ROUNDS)))
    return [Table("handover", COLUMNS, rows)]


def handed_over(sets: tuple[str, ...], way: str, rounds: int) -> Row:
    """One way on one tree. Raises `RuntimeError` where HiGHS does not come to hold every row and coefficient."""
    from optimizer.scenario.load import load_scenario
    from optimizer.solving import model_of_tree

    if way == LINOPY:
        import_module("linopy")  # Loading it is not its work on the rows.
    modelled = model_of_tree(load_scenario(FLAGSHIP, sets=sets).scenario, lambda stage, detail: None)
    given, size = plain(modelled), (len(modelled.model.rows), int(modelled.model.matrix.nnz))
    del modelled
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        hand_over = WAYS[way](given)
        built = time.perf_counter()
        highs = hand_over()
        over = time.perf_counter()
        if (highs.getNumRow(), highs.getNumNz()) != size:
            raise RuntimeError(f"{way}: HiGHS holds {highs.getNumRow()} rows, {highs.getNumNz()} non-zeros, not {size}")
        taken.append({"build": built - started, "hand": over - built, "seconds": over - started})
    middle = medians(taken)
    speed = {"rows_per_second": size[0] / middle["seconds"], "nonzeros_per_second": size[1] / middle["seconds"]}
    return {"nodes": given.nodes, "way": way, "rows": size[0], "nonzeros": size[1], **middle, **speed}


def plain(modelled: Any) -> Plain:
    """A tree's model as plain lists."""
    model = modelled.model
    by_row = model.matrix.tocsr()
    names = [family for family, _ in model.rows]
    starts = [k for k in range(len(names)) if k == 0 or names[k] != names[k - 1]]
    families = []
    for first, after in zip(starts, [*starts[1:], len(names)], strict=True):
        spans = [slice(by_row.indptr[k], by_row.indptr[k + 1]) for k in range(first, after)]
        families.append(
            Family(
                names[first],
                [by_row.indices[span].tolist() for span in spans],
                [by_row.data[span].tolist() for span in spans],
                model.row_lower[first:after].tolist(),
                model.row_upper[first:after].tolist(),
            )
        )
    variables = {name: range(min(c.values()), max(c.values()) + 1) for name, c in model.columns.items() if c}
    return Plain(len(modelled.tree), variables, model.lower, model.upper, model.integral, model.cost, families)


def _pyomo(given: Plain, row: Callable[[list[float], list[Any]], Any]) -> Any:
    """A Pyomo model whose rows `row` writes."""
    from pyomo.core.expr.numeric_expr import LinearExpression
    from pyomo.environ import Binary, ConcreteModel, Constraint, Integers, Objective, Reals, Var

    model = ConcreteModel()
    every: list[Any] = []
    for name, columns in given.variables.items():
        kinds = [(Binary if given.upper[j] == 1 else Integers) if given.integral[j] else Reals for j in columns]
        bounds = [(_bound(given.lower[j]), _bound(given.upper[j])) for j in columns]
        var = Var(range(len(columns)), domain=lambda _, k, of=kinds: of[k], bounds=lambda _, k, of=bounds: of[k])
        model.add_component(name, var)
        every += var.values()

    def rule(family: Family) -> Callable[[Any, int], Any]:
        def written(_: Any, k: int) -> Any:
            body = row(family.coefs[k], [every[j] for j in family.columns[k]])
            return _bound(family.lower[k]), body, _bound(family.upper[k])

        return written

    for family in given.families:
        model.add_component(f"{family.name}_rows", Constraint(range(len(family.columns)), rule=rule(family)))
    used = np.flatnonzero(given.cost)
    model.loss = Objective(
        expr=LinearExpression(linear_coefs=given.cost[used].tolist(), linear_vars=[every[j] for j in used])
    )
    return model


def _as_hashlever(given: Plain) -> Callable[[], Any]:
    """Pyomo's `LinearExpression`, copied out row by row."""
    import highspy
    from pyomo.core.expr.numeric_expr import LinearExpression

    from optimizer.solve.highs import to_highs
    from optimizer.solve.linear_model import to_arrays
    from optimizer.uncollected import uncollected

    with uncollected():
        model = _pyomo(given, lambda coefs, over: LinearExpression(linear_coefs=coefs, linear_vars=over))

    def hand_over() -> Any:
        highs = highspy.Highs()
        highs.setOptionValue("output_flag", False)
        highs.passModel(to_highs(to_arrays(SimpleNamespace(pyomo=model))))  # type: ignore[arg-type]
        return highs

    return hand_over


def _by_rules(given: Plain) -> Any:
    """Pyomo's own arithmetic, term by term."""
    return _pyomo(given, lambda coefs, over: sum(coef * var for coef, var in zip(coefs, over, strict=True)))


def _compiled(given: Plain) -> Callable[[], Any]:
    import highspy
    from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

    model = _by_rules(given)

    def hand_over() -> Any:
        form = LinearStandardFormCompiler().write(model, mixed_form=True)
        lp = highspy.HighsLp()
        lp.num_row_, lp.num_col_ = form.A.shape
        lp.col_cost_ = np.asarray(form.c.todense()).ravel()
        lp.col_lower_, lp.col_upper_ = np.array([_bounds(var) for var in form.columns]).T
        kinds = {True: highspy.HighsVarType.kContinuous, False: highspy.HighsVarType.kInteger}
        lp.integrality_ = [kinds[var.is_continuous()] for var in form.columns]
        # bound_type: -1 for >=, 0 for ==, 1 for <=.
        sense = np.array([row.bound_type for row in form.rows])
        lp.row_lower_, lp.row_upper_ = np.where(sense <= 0, form.rhs, -np.inf), np.where(sense >= 0, form.rhs, np.inf)
        matrix = form.A.tocsc()
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
        highs = highspy.Highs()
        highs.setOptionValue("output_flag", False)
        highs.passModel(lp)
        return highs

    return hand_over


def _by_interface(given: Plain) -> Callable[[], Any]:
    from pyomo.contrib.appsi.solvers import Highs

    model = _by_rules(given)

    def hand_over() -> Any:
        interface = Highs()
        interface.set_instance(model)
        return interface._solver_model

    return hand_over


def _linopy(given: Plain) -> Callable[[], Any]:
    """Each family as one array of terms, short rows filled up: how linopy holds rows that it vectorises."""
    import linopy
    import xarray

    model = linopy.Model()
    for name, columns in given.variables.items():
        # Labels follow the order in which variables are added: those of linopy are our columns. What is whole only
        # today is a variable of its own.
        cuts = columns.start + 1 + np.flatnonzero(np.diff(given.integral[columns.start : columns.stop].astype(int)))
        for k, (first, after) in enumerate(pairwise([columns.start, *cuts.tolist(), columns.stop])):
            model.add_variables(
                lower=given.lower[first:after],
                upper=given.upper[first:after],
                coords=[np.arange(after - first)],
                dims=[f"{name}_{k}_index"],
                name=f"{name}_{k}",
                integer=bool(given.integral[first]),
            )
    for family in given.families:
        rows = len(family.columns)
        counts = np.array([len(of) for of in family.columns])
        there = np.arange(counts.max()) < counts[:, None]
        labels, coefs = np.full(there.shape, -1), np.full(there.shape, np.nan)
        labels[there] = [j for of in family.columns for j in of]
        coefs[there] = [coef for of in family.coefs for coef in of]
        dims_of = (f"{family.name}_index", "_term")
        data = xarray.Dataset(
            {"vars": (dims_of, labels), "coeffs": (dims_of, coefs)}, coords={dims_of[0]: np.arange(rows)}
        )
        low, high = np.array(family.lower), np.array(family.upper)
        sign = np.where(low == high, "=", np.where(np.isfinite(low), ">=", "<="))
        along = {"dims": dims_of[:1], "coords": {dims_of[0]: np.arange(rows)}}
        model.add_constraints(
            linopy.LinearExpression(data, model),
            xarray.DataArray(sign, **along),
            xarray.DataArray(np.where(np.isfinite(low), low, high), **along),
            name=family.name,
        )
    used = np.flatnonzero(given.cost)
    loss = xarray.Dataset({"vars": (("_term",), used), "coeffs": (("_term",), given.cost[used])})
    model.add_objective(linopy.LinearExpression(loss, model))
    return model.to_highspy


def _bound(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _bounds(var: Any) -> tuple[float, float]:
    return (-np.inf if var.lb is None else var.lb), (np.inf if var.ub is None else var.ub)


LINOPY = "linopy, by arrays"
WAYS: dict[str, Callable[[Plain], Callable[[], Any]]] = {
    "Pyomo as hashlever uses it": _as_hashlever,
    "Pyomo by rules, its standard compiler": _compiled,
    "Pyomo by rules, its HiGHS interface": _by_interface,
    LINOPY: _linopy,
}
