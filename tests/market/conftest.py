"""Small scenarios made directly, without the YAML loader, and a tree's own rules."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario

BASE: dict[str, Any] = {
    "name": "test",
    "as_of": "2026-09-30",
    "horizon_months": 12,
    "decision_months": [0],
    "market": {
        "btc_price_usd": 80_000.0,
        "block_height": 950_000,
        "price": {"process": "gbm", "view": "btc_neutral", "volatility_pa": 0.5},
        "network": {
            "hashrate_ehs": 960.0,
            "growth_pa": 0.2,
            "response": 1.0,
            "fair_hashprice_usd_per_ph_day": 39.0,
        },
        "fees": {"share": 0.02},
        "asic_prices": {"elasticity": 1.0, "ageing_pa": 0.15, "resale_discount_share": 0.15},
        "fan": {"paths": 1000, "seed": 7},
        "tree": {"branching": [{"month": 1, "children": 3}], "low_quantile": 0.05},
    },
    "treasury": {
        "btc_lots": [{"btc": 100.0, "cost_basis_usd": 50_000.0}],
        "cash_usd": 1e6,
        "sell_fee_share": 0.002,
        "max_cash_months": 6.0,
    },
    "sites": [
        {
            "name": "Odessa",
            "power_mw": 10.0,
            "cooling": ["air"],
            "power_usd_per_mwh": 50.0,
            "uptime_share": 0.97,
        }
    ],
    "requirements": {"calls": {"buffer_ltv": 0.05}},
    "risk": {"weight": 0.3, "tail_share": 0.1},
}


def scenario(**changes: Any) -> Scenario:
    """The base scenario with changes: ``market__fan__paths=100`` sets market.fan.paths."""
    data = deepcopy(BASE)
    for key, value in changes.items():
        *place, last = key.split("__")
        at = data
        for name in place:
            at = at[name]
        at[last] = value
    return Scenario.model_validate_json(json.dumps(data))


def branching(children: dict[int, int]) -> list[dict[str, int]]:
    """A tree's shape from {month: children}."""
    return [{"month": month, "children": count} for month, count in children.items()]


def check_tree(tree: Tree) -> None:
    """What every tree must be, whatever it was made from."""
    later = np.arange(1, len(tree))
    parent = tree.parent[later]
    assert tree.parent[0] == -1 and tree.month[0] == 0 and tree.probability[0] == 1.0
    assert (parent < later).all() and (parent >= 0).all()
    assert (tree.month[later] == tree.month[parent] + 1).all()
    for node in range(len(tree)):
        likely = [c for c in tree.children[node] if tree.stress[c] < 0]
        if likely:
            assert tree.probability[likely].sum() == pytest.approx(tree.probability[node], abs=1e-12)
    assert tree.probability[tree.leaves].sum() == pytest.approx(1.0, abs=1e-12)
    assert ((tree.stress >= 0) == (tree.probability == 0)).all()
    assert (tree.low_usd[later] <= np.minimum(tree.price_usd[later], tree.price_usd[parent])).all()
    for field in ("price_usd", "low_usd", "hashprice_usd_per_ph_day", "network_ehs", "asic_price_factor"):
        values = getattr(tree, field)
        assert np.isfinite(values).all() and (values > 0).all(), field
    for field in ("btc_per_ph", "revenue_usd_per_ph", "days"):
        values = getattr(tree, field)
        assert values[0] == 0.0 and np.isfinite(values).all() and (values[1:] > 0).all(), field
    assert tree.power_usd_per_mwh.shape[0] == len(tree.frozen) == len(tree.delivery_delay_months) == len(tree)


@pytest.fixture(scope="session")
def make() -> Callable[..., Scenario]:
    """`scenario` for tests."""
    return scenario


@pytest.fixture(scope="session")
def shape() -> Callable[[dict[int, int]], list[dict[str, int]]]:
    """`branching` for tests."""
    return branching


@pytest.fixture(scope="session")
def well_formed() -> Callable[[Tree], None]:
    """`check_tree` for tests."""
    return check_tree
