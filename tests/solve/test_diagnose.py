"""Why there is no plan: the requirement in words, and the least it must give, as computed by hand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest

from optimizer.formulation.build import build
from optimizer.market.tree import Tree
from optimizer.solve.diagnose import explain
from optimizer.solve.highs import NoPlanError, Solver
from optimizer.solve.linear_model import to_arrays
from tests.formulation.planned import liability, no_cash, path, scenario
from tests.ledger.company import PRICE, loan, requirements, treasury, tree

CALM = path([PRICE] * 5)
TEN_BTC = [{"btc": 10.0, "cost_basis_usd": 0.0}]
OWNED = {"owned": [{"model": "old", "site": "Plains", "units": 100}]}
LOAN = loan(early_repayment=False, matures_month=12)


def crash() -> Tree:
    """Nothing happens, but a stress sees a low of $50,000 in month 1."""
    return tree([-1, 0, 1, 2, 3, 0], stressed=[5], low_usd=[PRICE] * 5 + [50_000.0])


@dataclass(frozen=True)
class Case:
    """A company without a plan: the requirement's ``words``, by how much it is ``short``, of what, where."""

    company: dict[str, Any]
    words: str
    short: float
    unit: str
    place: str
    loosen: str
    on: Tree = CALM


CASES: dict[str, Case] = {
    "min_cash above all there is": Case(
        {"treasury": treasury(btc_lots=[]), "requirements": requirements(min_cash_usd=1_500_000.0)},
        "cash at least $1,500,000",
        500_000.0,
        "USD",
        "today",
        "requirements.min_cash_usd",
    ),
    "min_cash above all that can be sold": Case(
        # $1m, 100 BTC less 1% and 100 machines at $800.
        {"machines": OWNED, "requirements": requirements(min_cash_usd=20_000_000.0)},
        "cash at least $20,000,000",
        20_000_000.0 - 1_000_000.0 - 9_900_000.0 - 80_000.0,
        "USD",
        "today",
        "requirements.min_cash_usd",
    ),
    "a bill beyond the treasury": Case(
        {"treasury": no_cash(btc_lots=TEN_BTC), "liabilities": [liability(2, 3_000_000.0)]},
        "cash at least $0",
        2_000_000.0,
        "USD",
        "in month 2 (BTC at $100,000)",
        "treasury",
    ),
    "a bill that takes BTC below its floor": Case(
        {
            "treasury": no_cash(btc_lots=TEN_BTC),
            "liabilities": [liability(2, 500_000.0)],
            "requirements": requirements(min_btc=8.0),
        },
        "BTC held at least 8 BTC",
        3.0,
        "BTC",
        "in month 2 (BTC at $100,000)",
        "requirements.min_btc",
    ),
    "an old loan called in a stress": Case(
        # 1.2m owed; 65% of 30 BTC at $50,000 is 975,000. Nothing but the pledge is held.
        {"treasury": treasury(btc_lots=[{"btc": 30.0, "cost_basis_usd": 0.0}]), "loans": [LOAN]},
        "margin calls met at the month's low, Old loan",
        225_000.0,
        "USD",
        "in month 1 (stress 'crash')",
        "",
        crash(),
    ),
    "an old loan above the board's limit": Case(
        {"loans": [LOAN], "requirements": requirements(max_debt_usd=1_000_000.0)},
        "debt at most $1,000,000",
        200_000.0,
        "USD",
        "today",
        "requirements.max_debt_usd",
    ),
    "a runway longer than what is liquid": Case(
        # $12m wanted; $11m today, 400,000 less after four months.
        {
            "treasury": treasury(overhead_usd_per_month=100_000.0, sell_fee_share=0.0),
            "requirements": requirements(min_runway_months=120.0),
        },
        "runway of 120 months",
        1_400_000.0,
        "USD",
        "in month 4 (BTC at $100,000)",
        "requirements.min_runway_months",
    ),
    "debt service that mining cannot cover": Case(
        # Without machines, twice a month's 1% of $1.2m.
        {"loans": [LOAN], "requirements": requirements(min_dscr=2.0)},
        "debt service covered 2 times",
        24_000.0,
        "USD a month",
        "in month",
        "requirements.min_dscr",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_requirement_is_named_with_what_is_missing(name: str) -> None:
    case = CASES[name]
    given = scenario(**case.company)
    f = build(given, case.on)
    solver = Solver(to_arrays(f), given.solver)
    with pytest.raises(NoPlanError):
        solver.solve()
    text = explain(f, solver)
    said = next(line for line in text.splitlines() if "short by" in line and case.words in line)
    short = re.search(r"short by ([-+\d.,e]+) (USD a month|USD|BTC)", said)
    assert short is not None
    assert float(short[1].replace(",", "")) == pytest.approx(case.short, rel=1e-4)
    assert short[2] == case.unit
    assert case.place in said
    assert case.loosen in said
    assert case.words in text.split("cannot hold together:")[1]
