"""From a scenario to its tree: the fan reduced, or named cases, with the stress branches added."""

from __future__ import annotations

from optimizer.market.branches import stages
from optimizer.market.cases import cases_tree
from optimizer.market.chain import join
from optimizer.market.fan import simulate
from optimizer.market.fidelity import Fidelity, fidelity
from optimizer.market.reduce import fan_to_tree
from optimizer.market.stress import stress_branch
from optimizer.market.tree import Tree
from optimizer.scenario.market_spec import Cases
from optimizer.scenario.schema import Scenario


def build_tree(scenario: Scenario) -> tuple[Tree, Fidelity]:
    """The scenario's tree, its stress branches last, and how well it keeps the simulated market.

    Raises ScenarioError when the market cannot be simulated (see `optimizer.market.fan.simulate`).
    """
    horizon = scenario.horizon_months
    if isinstance(scenario.market.price, Cases):
        tree = cases_tree(scenario, scenario.market.price)
        kept = fidelity(None, tree, tuple(range(1, horizon + 1)))
    else:
        fan = simulate(scenario)
        tree = fan_to_tree(fan, scenario)
        kept = fidelity(fan, tree, tuple(stage.last for stage in stages(scenario.market.tree.branching, horizon)))
    return join([tree, *(stress_branch(scenario, stress) for stress in scenario.market.stress)]), kept
