"""Every rule of machines, broken once."""

from __future__ import annotations

from typing import Any

import pytest

from optimizer.decisions import Order, Retirement

from .cases import OWNED, Case, check, named, order
from .company import (
    candidate,
    site,
    tree,
)

OFFER = {"machines": {"candidates": [candidate(lead_months=0)]}}


def offer(**quote: Any) -> dict[str, Any]:
    return {"machines": {"candidates": [candidate(lead_months=0, **quote)]}}


CASES = [
    Case(
        "machines retired are racked",
        20,
        0,
        OWNED,
        {"retirements": (Retirement(0, "old", "Plains", 120.0, 0),)},
    ),
    Case("site power", 0.04, 0, offer(price_usd=10.0), {**order(2_510), "sell_btc": {1: 10.0}}),
    Case("site power", 0.4, 0, {**OWNED, "sites": [site(power_mw=0.4, pue=2.0)]}),
    Case("rack slots", 10, 0, {**OFFER, "sites": [site(rack_slots=30)]}, order(40)),
    Case(
        "vendor's supply",
        10,
        2,
        offer(max_units=40),
        {"orders": (Order(0, "new", "Plains", 30.0), Order(2, "new", "Plains", 20.0))},
    ),
    Case("no negative amounts", 10, 2, OFFER, order(-10, node=2), among=True),
    Case("machines are ordered and retired at decision months only", 10, 1, OFFER, order(10, node=1)),
    Case(
        "machines are ordered and retired at decision months only",
        10,
        3,
        OWNED,
        {"retirements": (Retirement(3, "old", "Plains", 10.0, 3),)},
    ),
    Case(
        "machines are not retired in the past",
        1,
        2,
        OWNED,
        {"retirements": (Retirement(2, "old", "Plains", 10.0, 1),)},
    ),
    Case(
        "machines go to sites that take them",
        10,
        0,
        offer(model="wet", price_usd=None),
        order(10, model="wet"),
    ),
    Case(
        "machines go to sites that take them",
        10,
        0,
        {**offer(sites=["Hills"]), "sites": [site(), site(name="Hills")]},
        order(10),
        tree(sites=2),
    ),
    Case("whole lots today", 0.5, 0, OFFER, order(15)),
]


@pytest.mark.parametrize("case", CASES, ids=named)
def test_a_broken_rule_is_reported_where_and_by_how_much(case: Case) -> None:
    check(case)
