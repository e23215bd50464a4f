"""One sampled tree: planned, and other trees' decisions of today tried on it. What worker processes do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from optimizer.decisions import Decisions
from optimizer.errors import InfeasibleError, LimitError
from optimizer.scenario.load import LoadedScenario, sha256_of
from optimizer.scenario.schema import Scenario, SolverSettings
from optimizer.solve.highs import NoPlanError, Solver
from optimizer.solve.linear_model import LinearModel
from optimizer.solving import Found, Tell, check, model_of_tree, solve_tree, unit_of
from optimizer.trees.off_tree import OffTree, Replay
from optimizer.trees.today import ANY_DAY, Today, held_to, only_today, today_of
from optimizer.why.flips import Advice, advice_today

BREAKS = "breaks a requirement on some branch"


def _quiet(stage: str, detail: str) -> None:
    """Nobody watches a worker."""


@dataclass(frozen=True)
class Planned:
    """A sampled tree and its plan. In the numeraire: its ``objective``, and the ``bound`` that no plan of this tree is
    above.

    ``model``: the tree's, with the names of today's columns only; ``today``: the plan's values of them. ``advice``:
    what it says today in kind. ``off_tree``: None where it was not replayed.
    """

    seed: int
    found: Found
    model: LinearModel
    today: Today
    decisions: Decisions
    advice: Advice
    nodes: int
    objective: float
    bound: float
    off_tree: OffTree | None


@dataclass(frozen=True)
class Unplanned:
    """A sampled tree without a plan: there is none, or none was found in time."""

    seed: int
    error: InfeasibleError | LimitError


@dataclass(frozen=True)
class Trial:
    """Today's decisions of the tree number ``of`` on the tree number ``on``, all that comes later chosen anew there.

    ``objective``: in the numeraire; NaN with ``why_not`` where that cannot be done. ``moved``: as they stand they break
    a requirement there, so that the BTC sold, bought and pledged today were chosen anew too; ``sell_more_btc``: how
    much more is sold today then. ``in_time``: False where the solver was stopped before it knew.
    """

    of: int
    on: int
    objective: float
    moved: bool = False
    sell_more_btc: float = 0.0
    why_not: str = ""
    in_time: bool = True


class PlanTree:
    """The plan of one sampled tree; sent to a worker with each seed."""

    def __init__(self, loaded: LoadedScenario, replay: Replay | None) -> None:
        self.loaded, self.replay = loaded, replay

    def __call__(self, seed: int, say: Tell = _quiet) -> Planned | Unplanned:
        """The plan of the tree of this seed. Raises as `optimizer.solving` where that is not for lack of a plan."""
        given = with_seed(self.loaded, seed).scenario
        modelled = model_of_tree(given, say)
        try:
            found = solve_tree(modelled, given, say)
        except (InfeasibleError, LimitError) as error:
            return Unplanned(seed, error)
        best = found.solution
        checked = check(modelled, given, best, say)
        off_tree = self.replay(modelled.tree, checked.decisions) if self.replay else None
        model = only_today(modelled.handed)
        return Planned(
            seed=seed,
            found=found,
            model=model,
            today=today_of(model, best.x),
            decisions=checked.decisions,
            advice=advice_today(given, checked.decisions),
            nodes=len(modelled.tree),
            objective=checked.objective,
            bound=checked.objective + best.gap * abs(checked.objective),
            off_tree=off_tree,
        )


@dataclass(frozen=True)
class OnTree:
    """A tree's ``model`` and today's decisions of other trees, by their numbers, to try on it."""

    on: int
    model: LinearModel
    todays: Sequence[tuple[int, Today]]


class TryOn:
    """Other trees' decisions of today on one tree; sent to a worker with each tree."""

    def __init__(self, given: Scenario) -> None:
        self.settings: SolverSettings = given.solver
        self.unit = unit_of(given)

    def __call__(self, tree: OnTree) -> list[Trial]:
        """A trial for each of its ``todays``."""
        solver = Solver(tree.model, self.settings)
        return [self._trial(solver, tree.on, of, today) for of, today in tree.todays]

    def _trial(self, solver: Solver, on: int, of: int, today: Today) -> Trial:
        model, none = solver.model, float("nan")
        try:
            try:
                # What this verdict decides is told as such; the one after it excludes a candidate, and is made twice.
                solver.second_opinion = False
                best, moved = solver.solve(held_to(model, today)), False
            except NoPlanError:
                solver.second_opinion = True
                best, moved = solver.solve(held_to(model, today, free=ANY_DAY)), True
        except NoPlanError:
            return Trial(of, on, none, why_not=BREAKS)
        except LimitError as stopped:
            return Trial(of, on, none, why_not=str(stopped), in_time=False)
        sold = best.x[model.columns["sell_btc"][0]] - today["sell_btc", 0]
        return Trial(of, on, -best.objective * self.unit, moved, float(sold) if moved else 0.0)


def with_seed(loaded: LoadedScenario, seed: int) -> LoadedScenario:
    """The scenario as ``--set market.fan.seed=SEED`` would have it."""
    market = loaded.scenario.market
    fan = market.fan.model_copy(update={"seed": seed})
    scenario = loaded.scenario.model_copy(update={"market": market.model_copy(update={"fan": fan})})
    written = loaded.resolved["market"]
    resolved = {**loaded.resolved, "market": {**written, "fan": {**written["fan"], "seed": seed}}}
    return replace(loaded, scenario=scenario, resolved=resolved, sha256=sha256_of(resolved))
