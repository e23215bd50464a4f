"""Plans to compare: teaching cases changed by a value or two, made in an instant and with arithmetic by hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from optimizer.compare.compared import Compared, compare
from optimizer.compare.given import Given, given_of
from optimizer.planning import Plan, plan

SCENARIOS = Path(__file__).parents[2] / "scenarios"
RISE = "market.price.cases[0].price[0].usd"

Planned = Callable[..., Plan]


@cache
def planned(name: str, *sets: str) -> Plan:
    """A shipped scenario planned with some values set, once a test run."""
    return plan(SCENARIOS / f"{name}.yaml", sets=sets, compare=False, monte_carlo=0)


def given(name: str, *sets: str) -> Given:
    """The same as a plan to compare."""
    return given_of(planned(name, *sets), f"plans/{name}")


@pytest.fixture(scope="session")
def borrow_and_sell() -> Compared:
    """A loan at 10% where price rises by 15%, and where it rises by 9%: see scenarios/README.md."""
    return compare([given("teach_borrow_or_sell"), given("teach_borrow_or_sell", f"{RISE}=109000")])
