"""Plans to report on: a small company with everything in it, and the teaching cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from optimizer.decisions import OPENING, Liquidation
from optimizer.ledger.audit import audit
from optimizer.planning import Plan, plan
from optimizer.replay.replayed import Replayed, on_history, on_monte_carlo, on_stress
from optimizer.replay.saved import SavedPlan, read_plan
from optimizer.report.write import write_plan
from optimizer.trees.statistics import Gap
from optimizer.why.flips import Advice
from tests.builders import minimal_scenario_dict, write_scenario

SCENARIOS = Path(__file__).parents[2] / "scenarios"


def company() -> dict[str, Any]:
    """A company with a loan to repay, two lenders, old machines, a bill and a crash to survive."""
    data = minimal_scenario_dict()
    data["name"] = "small company"
    data["horizon_months"] = 18
    data["risk"]["weight"] = 0.1
    data["market"]["price"]["view"] = {"median_growth_pa": 0.6}
    data["sites"][0] |= {"power_usd_per_mwh": 45, "power_mw": 5}
    data["machines"]["owned"][0]["units"] = 1200
    data["machines"]["candidates"][0] |= {"price_usd": 1600, "deposit_share": 0.4}
    data["market"]["tree"]["branching"] = [{"month": 1, "children": 2}, {"month": 4, "children": 2}]
    data["market"]["stress"][0]["price"] = [{"month": 2, "change": -0.4}]
    data["liabilities"] = [{"name": "transformer", "month": 0, "amount_usd": 1_500_000}]
    data["loans"] = [
        {
            "name": "old loan",
            "product": "lender_bullet",
            "balance_usd": 600_000,
            "accrued_usd": 5_000,
            "pledged_btc": 14,
            "apr": 0.12,
            "matures_month": 5,
        }
    ]
    data["facilities"].append(
        {
            "name": "second line",
            "lender": "Second lender",
            "tiers": [{"max_ltv": 0.4, "apr": 0.08}, {"max_ltv": 0.6, "apr": 0.1}],
            "term_months": 12,
            "origination_fee_share": 0.01,
            "interest": "at_maturity",
            "repayment": "bullet",
            "call_ltv": 0.75,
            "cure_target_ltv": 0.6,
            "liquidation_ltv": 0.85,
            "liquidation_fee_share": 0.02,
            "limit_usd": 2_000_000,
            "draw_until_month": 3,
        }
    )
    return data


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The small company's plan, with its alternatives."""
    return plan(write_scenario(tmp_path_factory.mktemp("small"), company()))


@pytest.fixture(scope="session")
def treed(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The small company's plan over three trees, with its alternatives."""
    return plan(write_scenario(tmp_path_factory.mktemp("treed"), company()), trees=3, workers=1, monte_carlo=200)


def doubted(treed: Plan) -> Plan:
    """The same as if another tree had no plan, another plan advised otherwise, and nothing were clear."""
    trees = treed.trees
    assert trees is not None
    first, second, *rest = trees.candidates
    gap = Gap(2, 1.0, 0.5, 9.0)
    best = replace(trees.best, gap=gap, moved=1, sell_more_btc=2.5, impossible=1, unknown=1)
    candidates = [replace(first, advice=Advice(False, True)), second, *rest]
    candidates[trees.recommended] = best
    rivals = tuple(replace(rival, off_tree_loses=0.1, off_tree_error=1.0) for rival in trees.rivals)
    found = replace(
        trees,
        candidates=tuple(candidates),
        rivals=rivals,
        without=((9, "No plan meets every requirement."),),
        doubts=("no_plan", "impossible", "advice", "unknown", "gap", "rival"),
    )
    return replace(treed, trees=found)


@pytest.fixture(scope="session")
def saved(small: Plan, tmp_path_factory: pytest.TempPathFactory) -> SavedPlan:
    """The small company's plan, written and read back."""
    out = tmp_path_factory.mktemp("written") / "plan"
    write_plan(small, out)
    return read_plan(out)


@pytest.fixture(scope="session")
def drawn(saved: SavedPlan) -> Replayed:
    """The small company's plan on 200 paths of its market."""
    return on_monte_carlo(saved, 200)


@pytest.fixture(scope="session")
def shocked(saved: SavedPlan) -> Replayed:
    """The small company's plan on the shock library and its own stress, planned anew on the way."""
    return on_stress(saved, "all", policy="replan")


@pytest.fixture(scope="session")
def lived(saved: SavedPlan, tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """The small company's plan on a year in which price and hashprice fall to a quarter."""
    days = [(date(2021, 11, 1) + timedelta(days=k), 0.25 ** (k / 365)) for k in range(400)]
    csv = tmp_path_factory.mktemp("history") / "prices.csv"
    rows = "\n".join(f"{day},{60_000 * share:.2f},{300 * share:.4f}" for day, share in days)
    csv.write_text("date,price_usd,hashprice_usd_per_ph_day\n" + rows)
    return on_history(saved, csv, date(2021, 12, 3), policy="sell_only")


@pytest.fixture(scope="session")
def borrow_or_sell() -> Plan:
    """Ten BTC or a loan at 10%: the arithmetic is in scenarios/README.md."""
    return plan(SCENARIOS / "teach_borrow_or_sell.yaml")


@pytest.fixture(scope="session")
def one_machine() -> Plan:
    """A hundred slots and a price that does not move: the arithmetic is in scenarios/README.md."""
    return plan(SCENARIOS / "teach_one_machine.yaml")


@pytest.fixture(scope="session")
def top_up() -> Plan:
    """A price low that forces a top-up: the arithmetic is in scenarios/README.md."""
    return plan(SCENARIOS / "teach_top_up.yaml")


@pytest.fixture(scope="session")
def with_a_note() -> Plan:
    """A convertible note: the arithmetic is in scenarios/README.md."""
    return plan(SCENARIOS / "teach_note.yaml")


@pytest.fixture(scope="session")
def with_a_line() -> Plan:
    """An open credit line: the arithmetic is in scenarios/README.md."""
    return plan(SCENARIOS / "teach_credit_line.yaml", compare=False)


@pytest.fixture(scope="session")
def taxed() -> Plan:
    """Ten BTC sold at a gain, since price falls by a tenth: the arithmetic is in scenarios/README.md."""
    return plan(SCENARIOS / "teach_taxes.yaml", sets=("market.price.cases[0].price[0].usd=90000",))


@pytest.fixture(scope="session")
def liquidated(top_up: Plan) -> Plan:
    """The top-up case, had the lender sold half of the collateral in month 3: not a plan to follow."""
    seized = Liquidation(3, "loan", 8.0, ((0, OPENING, 8.0 * 63_000 * 0.98),))
    decisions = replace(top_up.decisions, liquidations=(seized,))
    audited = audit(top_up.scenario, top_up.tree, decisions, top_up.position)
    return replace(top_up, decisions=decisions, audit=audited)


def printed(show: Callable[[Console], None], width: int = 100) -> str:
    """What ``show`` prints on a console of ``width`` columns without colour."""
    console = Console(width=width, file=StringIO(), color_system=None, force_terminal=False)
    show(console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.fixture(scope="session")
def reasoned() -> Plan:
    """The plan of a teaching case, asked why."""
    return plan(SCENARIOS / "teach_borrow_or_sell.yaml", why=True)
