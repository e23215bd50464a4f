"""Every shipped scenario loads, is told in the README, and can be planned."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import optimizer
from optimizer import load_scenario, plan
from optimizer.market.tree import Tree
from optimizer.planning import Plan
from optimizer.scenario.market_spec import Cases

SCENARIOS = Path(optimizer.__file__).parents[1] / "scenarios"
FILES = sorted(SCENARIOS.glob("*.yaml"))
COMPANIES = [path for path in FILES if not path.name.startswith("teach_")]
FLAGSHIP = SCENARIOS / "fleet_refresh.yaml"

# All 24 months, all lenders and machines; fewer branches and paths, and a gap that is reached in a second.
FEWER_BRANCHES = "market.tree.branching=[{month: 1, children: 2}, {month: 4, children: 2}]"
QUICK = ("market.fan.paths=400", "solver.gap_share=0.01")


def assert_is_sound(made: Plan) -> None:
    """The books agree, every rule is kept, and the reported terms add up to the objective."""
    assert made.audit.violations == ()
    assert made.audit.largest_difference < 1e-6
    assert sum(made.value.terms.values()) == pytest.approx(made.value.value, rel=1e-6)
    assert made.value.value + made.tie_break == pytest.approx(made.objective, rel=1e-6)


def test_every_file_stands_in_the_readme_and_no_other() -> None:
    readme = (SCENARIOS / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `(\w+\.yaml)`", readme, re.MULTILINE)) == [path.name for path in FILES]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_loads_with_known_warnings_only(path: Path) -> None:
    loaded = load_scenario(path)
    assert loaded.scenario.description
    assert all("falls due in month" in warning.message for warning in loaded.warnings)


@pytest.mark.parametrize("path", COMPANIES, ids=lambda path: path.stem)
def test_a_smaller_tree_of_it_has_a_sound_plan(path: Path) -> None:
    named_cases = isinstance(load_scenario(path).scenario.market.price, Cases)
    sets = QUICK if named_cases else (*QUICK, FEWER_BRANCHES)
    made = plan(path, sets=sets, compare=False, monte_carlo=200)
    assert (made.out_of_sample is None) == named_cases
    assert made.scenario.horizon_months == (12 if path.stem == "backtest_miner" else 24)
    assert_is_sound(made)
    assert 0 <= made.solver.gap <= 0.01
    assert not made.solver.hit_limit
    assert made.decisions.orders
    assert len(made.tree.leaves) == (3 if named_cases else 4)
    assert survives(made.tree) == {stress.name for stress in made.scenario.market.stress}


def survives(tree: Tree) -> set[str]:
    """The stresses that have nodes in the tree."""
    return {tree.stress_names[s] for s in tree.stress.tolist() if s >= 0}


def test_boards_differ_as_their_names_say() -> None:
    careful, bold = (
        load_scenario(SCENARIOS / f"treasury_{name}.yaml").scenario for name in ("conservative", "aggressive")
    )
    assert careful.requirements.min_btc > bold.requirements.min_btc
    assert careful.requirements.calls.buffer_ltv > bold.requirements.calls.buffer_ltv
    assert careful.risk.weight > bold.risk.weight
    assert careful.sites == bold.sites


@pytest.mark.slow
def test_the_flagship_in_full() -> None:
    made = plan(FLAGSHIP)
    assert_is_sound(made)
    assert 450 <= made.solver.nodes <= 650
    assert made.solver.gap <= 0.001
    assert not made.solver.hit_limit
    feasible = [other for other in made.comparators if other.feasible]
    assert len(feasible) >= 4
    for other in feasible:
        assert other.loses >= -made.solver.gap * abs(made.objective), other.name
    # The question is worth asking: machines, and how they are paid for, both matter.
    loses = {other.name: other.loses for other in feasible}
    assert loses["no_machines"] > loses["sell_only"] > 1.0
