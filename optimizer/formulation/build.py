"""The model: a table of contents. Each family of rows stands in the file named here; see docs/formulation.md."""

from __future__ import annotations

from optimizer.formulation.calls import add_calls
from optimizer.formulation.data import make_data
from optimizer.formulation.facilities import add_facilities
from optimizer.formulation.fleet import add_fleet
from optimizer.formulation.liquidation import add_liquidation, add_liquidation_variables
from optimizer.formulation.model import Formulation
from optimizer.formulation.objective import add_objective
from optimizer.formulation.requirements import add_requirements
from optimizer.formulation.sources import add_source_variables, add_sources
from optimizer.formulation.taxes import add_taxes
from optimizer.formulation.treasury import add_treasury, add_treasury_variables
from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario
from optimizer.uncollected import uncollected


def build(scenario: Scenario, tree: Tree) -> Formulation:
    """The whole model of a scenario on a tree."""
    return assemble(Formulation(make_data(scenario, tree)))


def assemble(f: Formulation) -> Formulation:
    """All variables and rows, added to a model that has its data only; returns it."""
    with uncollected():
        add_treasury_variables(f)
        add_source_variables(f)
        add_fleet(f)
        add_liquidation_variables(f)
        add_sources(f)
        add_facilities(f)
        add_calls(f)
        add_liquidation(f)
        add_taxes(f)
        add_treasury(f)
        add_requirements(f)
        add_objective(f)
        return f
