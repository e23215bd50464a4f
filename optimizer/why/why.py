"""All that is asked of a plan in the room, in one object: worth of limits, the next best, flips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from optimizer.decisions import Decisions
from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario
from optimizer.solve.highs import Solution
from optimizer.solve.linear_model import LinearModel
from optimizer.why.flips import Flip, flips
from optimizer.why.forbidden import NextBest, next_best
from optimizer.why.shadow import Worth, worths


@dataclass(frozen=True)
class Why:
    """In the numeraire. limits: most worth first; without: what is done today, left out, least loss first; flips: by
    assumption, whether or not they turn."""

    limits: tuple[Worth, ...]
    without: tuple[NextBest, ...]
    flips: tuple[Flip, ...]


def why_of(
    scenario: Scenario,
    tree: Tree,
    model: LinearModel,
    best: Solution,
    decided: Decisions,
    say: Callable[[str, str], None],
) -> Why:
    """Why a plan: minutes of solving. ``model`` and ``best``: the plan's."""
    unit = 1.0 if scenario.numeraire == "btc" else scenario.market.btc_price_usd
    say("limits", "what they are worth, by duals and by solving again")
    limits = worths(scenario, tree, model, best.x, unit)
    say("next best", "the plan without each thing that it does today")
    without = next_best(scenario, model, best, scenario.solver, unit)
    say("flips", "the plan anew where assumptions move")
    return Why(limits, without, flips(scenario, tree, decided))
