import numpy as np
import pytest

from optimizer.market.branches import Stage, split, stages, trunk
from optimizer.market.fan import simulate
from optimizer.scenario.market_spec import Branching


def of(children):
    return tuple(Branching(month=m, children=c) for m, c in children.items())


@pytest.mark.parametrize(
    ("children", "horizon", "expected"),
    [
        ({1: 3, 4: 2}, 6, [Stage(1, 3, 3), Stage(4, 6, 2)]),
        ({4: 2, 2: 3}, 4, [Stage(1, 1, 1), Stage(2, 3, 3), Stage(4, 4, 2)]),
        ({1: 3, 13: 2}, 12, [Stage(1, 12, 3)]),
        ({}, 5, [Stage(1, 5, 1)]),
    ],
)
def test_stages_run_from_branching_to_branching(children, horizon, expected):
    assert list(stages(of(children), horizon)) == expected


def test_split_sorts_paths_by_their_return_over_the_stage(make):
    fan = simulate(make())
    first = split(fan, trunk(1000), Stage(1, 3, 3))
    second = split(fan, first, Stage(4, 6, 2))
    returns = np.log(fan.price_usd[:, 3] / 80_000)
    assert first.parent.tolist() == [0, 0, 0] and second.parent.tolist() == [0, 0, 1, 1, 2, 2]
    assert (np.diff(first.mean(returns)) > 0.1).all()
    assert (second.parent[second.group] == first.group).all()
    assert second.weight.sum() == pytest.approx(1.0)
    assert second.weight.reshape(3, 2).sum(axis=1) == pytest.approx(first.weight)


def test_fewer_paths_than_children_give_fewer_branches(make):
    fan = simulate(make(market__fan={"paths": 10, "seed": 1}))
    assert len(split(fan, trunk(10), Stage(1, 1, 50))) == 10
