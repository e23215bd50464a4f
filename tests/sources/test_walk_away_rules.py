"""Rules of walking away from machine loans: what the audit sees, and which loans are refused."""

from __future__ import annotations

from typing import Any

import pytest

from optimizer.decisions import Decisions, Order, Retirement, Use
from optimizer.errors import AuditError
from optimizer.ledger.books import keep_books
from optimizer.scenario.checks import issues_of
from optimizer.scenario.schema import Scenario
from tests.formulation.source_companies import with_sources
from tests.ledger.cases import broken_rules
from tests.ledger.company import candidate, decisions

from .test_walk_away import DRAWN_USD, UNITS, company, two_branches


def walking(**changes: Any) -> Decisions:
    """A sound walk in month 1 of the bad branch, but for ``changes``."""
    sound = {
        "orders": (Order(0, "new", "Plains", UNITS),),
        "uses": (
            Use(0, "Equipment", "draw_usd", DRAWN_USD),
            Use(2, "Equipment", "walk_away_month_0_usd", DRAWN_USD),
        ),
        "retirements": (Retirement(2, "new", "Plains", UNITS, 1, "Equipment"),),
        "sell_btc": {0: 1.0},
    }
    return decisions(two_branches(1_000.0), **{**sound, **changes})


def test_a_sound_walk_keeps_every_rule() -> None:
    assert broken_rules(company(), two_branches(1_000.0), walking()) == set()


DRAW = Use(0, "Equipment", "draw_usd", DRAWN_USD)


@pytest.mark.parametrize(
    ("given", "changes", "rule"),
    [
        ({"recourse": "full"}, {}, "only loans of limited recourse are walked away from"),
        ({"decision_months": [0]}, {}, "walked away from at decision months only"),
        (
            {},
            {"uses": (DRAW, Use(2, "Equipment", "walk_away_month_0_usd", DRAWN_USD + 10))},
            "no more is walked away from than is owed",
        ),
        (
            {},
            {"uses": (DRAW, Use(2, "Equipment", "walk_away_month_1_usd", DRAWN_USD))},
            "no more is walked away from than is owed",
        ),
        ({}, {"uses": (DRAW, Use(2, "Equipment", "walk_away_month_0_usd", -1_000.0))}, "no negative amounts"),
        (
            {},
            {"retirements": (Retirement(2, "new", "Plains", UNITS - 1, 1, "Equipment"),)},
            "machines handed over are those that were financed",
        ),
        ({}, {"uses": (DRAW,)}, "machines handed over are those that were financed"),
        ({}, {"retirements": ()}, "machines handed over are those that were financed"),
        (
            {},
            {"retirements": (Retirement(2, "new", "Plains", UNITS, 2, "Equipment"),)},
            "machines are handed over at once",
        ),
        (
            {"until_month": 1},
            {
                "orders": (Order(0, "new", "Plains", 20), Order(2, "new", "Plains", 5)),
                "uses": (
                    DRAW,
                    Use(2, "Equipment", "walk_away_month_0_usd", DRAWN_USD),
                    Use(2, "Equipment", "draw_usd", 100.0),
                ),
            },
            "a lender walked away from lends no more",
        ),
        ({}, {"orders": (Order(0, "new", "Plains", 15),)}, "machines retired are racked"),
        (
            {"machines": {"candidates": [candidate(lead_months=0)]}},
            {"orders": (Order(0, "new", "Plains", 15), Order(2, "new", "Plains", 5))},
            "lenders take machines that stood there before",
        ),
    ],
)
def test_the_audit_speaks_up(given: dict[str, Any], changes: dict[str, Any], rule: str) -> None:
    assert rule in broken_rules(company(**given), two_branches(1_000.0), walking(**changes))


def test_the_audit_sees_machines_of_another_model() -> None:
    owned = {"owned": [{"model": "old", "site": "Plains", "units": 9}], "candidates": [candidate(lead_months=0)]}
    other = Retirement(2, "old", "Plains", 1.0, 1, "Equipment")
    made = walking(retirements=(Retirement(2, "new", "Plains", UNITS, 1, "Equipment"), other))
    broken = broken_rules(company(machines=owned), two_branches(1_000.0), made)
    assert "lenders take machines that they financed" in broken


@pytest.mark.parametrize("given", [company(), with_sources(machines={"candidates": [candidate()]})])
def test_machines_go_to_a_loan_that_there_is(given: Scenario) -> None:
    on = two_branches(1_000.0)
    with pytest.raises(AuditError, match="no machine loan"):
        keep_books(given, on, decisions(on, retirements=(Retirement(2, "new", "Plains", 1.0, 1, "Nobody"),)))


# ---- what may be asked for --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({}, []),
        ({"models": None}, ["is on one model, this one on all"]),
        ({"models": ["new", "old"]}, ["is on one model, this one on new, old"]),
        ({"early_repayment": True}, ["is repaid on schedule only"]),
        ({"models": None, "early_repayment": True}, ["is on one model", "is repaid on schedule only"]),
        ({"decision_months": [0]}, ["a plan cannot walk away from it"]),
        ({"recourse": "full", "models": None, "early_repayment": True}, []),
    ],
)
def test_a_loan_of_limited_recourse_says_what_is_handed_over(terms: dict[str, Any], said: list[str]) -> None:
    both = {"candidates": [candidate(lead_months=0), candidate(model="old", lead_months=0)]}
    found = [issue for issue in issues_of(company(**terms, machines=both)) if issue.place[0] == "sources"]
    assert len(found) == len(said)
    for issue, words in zip(found, said, strict=True):
        assert words in issue.message
        assert issue.mend
        assert issue.warning is ("cannot walk away" in words)
