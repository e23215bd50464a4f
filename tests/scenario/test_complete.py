"""The catalogue: what it supplies, what wins over it, what it leaves blank."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import Problem, ScenarioError
from optimizer.scenario.load import LoadedScenario, load_scenario
from tests.builders import CATALOGUE, write_scenario

Load = Callable[..., LoadedScenario]
Problems = Callable[..., list[Problem]]
Data = dict[str, Any]

OLD_LOAN = {
    "product": "lender_bullet",
    "balance_usd": 500_000,
    "pledged_btc": 15,
    "apr": 0.12,
    "matures_month": 7,
}


def test_a_product_supplies_what_the_scenario_leaves_out(load: Load, data: Data) -> None:
    data["facilities"] = [{"product": "lender_bullet", "limit_usd": 1e6, "call_ltv": 0.75}]
    (facility,) = load(data).scenario.facilities
    assert facility.name == facility.product == "lender_bullet"
    assert (facility.lender, facility.call_ltv, facility.liquidation_ltv) == ("Lender", 0.75, 0.8)
    assert facility.tiers[0].apr == 0.11
    assert facility.source == CATALOGUE["loans"]["lender_bullet"]["source"]


def test_a_list_of_the_scenario_replaces_the_product_s(load: Load, data: Data) -> None:
    data["facilities"][0]["tiers"] = [{"max_ltv": 0.3, "apr": 0.08}]
    (facility,) = load(data).scenario.facilities
    assert [tier.max_ltv for tier in facility.tiers] == [0.3]


def test_an_existing_loan_takes_only_the_terms_that_it_has(load: Load, data: Data) -> None:
    data["loans"] = [OLD_LOAN]
    (loan,) = load(data).scenario.loans
    assert (loan.name, loan.apr, loan.call_ltv, loan.term_months) == ("lender_bullet", 0.12, 0.7, 12)
    assert not hasattr(loan, "tiers")


def test_a_preset_supplies_a_site(load: Load, data: Data) -> None:
    data["sites"] = [{"preset": "hosted_air", "power_mw": 10, "uptime_share": 0.9}]
    data["machines"]["owned"] = []
    (site,) = load(data).scenario.sites
    assert (site.name, site.uptime_share, site.power_usd_per_mwh) == ("hosted_air", 0.9, 60)
    assert site.cooling == ("air",)


def test_models_are_looked_up_and_prices_taken_with_their_date(load: Load, data: Data) -> None:
    machines = load(data).scenario.machines
    assert sorted(machines.specs) == ["s19", "s21"]
    (candidate,) = machines.candidates
    assert (candidate.price_usd, candidate.quote_as_of) == (2800, "2026-09-01")
    assert candidate.quote_source == "a test's quote"


def test_machines_on_order_have_their_model_looked_up(load: Load, data: Data) -> None:
    data["machines"] |= {"candidates": [], "on_order": [{"model": "s21", "site": "texas", "units": 5}]}
    data["machines"]["on_order"][0]["arrives_month"] = 2
    machines = load(data).scenario.machines
    assert machines.specs["s21"].price_usd == 2800
    assert (machines.on_order[0].due_usd_per_unit, machines.on_order[0].resale_usd) == (0.0, None)


def test_a_quote_of_the_scenario_s_own_keeps_no_date_of_the_catalogue_s(load: Load, data: Data) -> None:
    data["machines"]["candidates"][0]["price_usd"] = 2500
    (candidate,) = load(data).scenario.machines.candidates
    assert (candidate.price_usd, candidate.quote_as_of) == (2500, None)


def test_a_scenario_amends_and_adds_models(load: Load, data: Data) -> None:
    mine = {**CATALOGUE["asics"]["s21"], "name": "Mine", "price_usd": 99}
    data["machines"]["specs"] = {"s21": {"power_w": 3400}, "mine": mine, "uncooled": {"cooling": "air"}}
    for model in ("mine", "uncooled"):
        data["machines"]["candidates"].append({"model": model, "lead_months": 1, "lot_units": 1})
    machines = load(data).scenario.machines
    assert machines.specs["s21"].power_w == 3400
    assert machines.specs["s21"].hashrate_ths == 200
    assert machines.specs["uncooled"].cooling == "air"
    assert [c.price_usd for c in machines.candidates] == [2800, 99, 1500]


def test_every_blank_is_told_with_its_source(problems: Problems, data: Data) -> None:
    data["facilities"].append({"product": "lender_sparse", "limit_usd": 1e6})
    found = problems(data)
    assert [p.path.rsplit(".")[-1] for p in found] == [
        "call_ltv",
        "origination_fee_share",
        "term_months",
    ]
    assert all(p.message.startswith("product lender_sparse leaves") for p in found)


def test_faults_of_catalogue_scenario_and_checks_come_together(problems: Problems, data: Data) -> None:
    data["facilities"][0]["product"] = "lender_bulet"
    data["treasury"]["cash_usd"] = -1
    data["decision_months"] = [0, 50]
    assert [p.path for p in problems(data)] == [
        "decision_months[1]",
        "treasury.cash_usd",
        "facilities[0].product",
    ]


def test_a_faulty_entry_of_the_catalogue_is_told_once_where_it_stands(tmp_path: Path, data: Data) -> None:
    path = write_scenario(tmp_path, data)
    loans = {**CATALOGUE["loans"], "lender_bullet": {**CATALOGUE["loans"]["lender_bullet"], "call_ltv": 7}}
    (tmp_path / "catalogue" / "loans.yaml").write_text(json.dumps(loans, indent=1))
    with pytest.raises(ScenarioError) as raised:
        load_scenario(path)
    (problem,) = raised.value.problems
    assert problem.path == "lender_bullet.call_ltv"
    assert Path(problem.file).name == "loans.yaml"
    assert '"call_ltv": 7' in (tmp_path / "catalogue" / "loans.yaml").read_text().splitlines()[problem.line - 1]


@pytest.mark.parametrize("kind", ["asics", "loans", "sites"])
def test_a_faulty_entry_that_nobody_uses_is_told_too(tmp_path: Path, kind: str) -> None:
    path = write_scenario(tmp_path)
    (tmp_path / "catalogue" / f"{kind}.yaml").write_text(json.dumps({**CATALOGUE[kind], "odd": {"as_of": "x"}}))
    with pytest.raises(ScenarioError, match=r"odd\.source: is required"):
        load_scenario(path)


def test_a_missing_catalogue_file_is_named(tmp_path: Path) -> None:
    path = write_scenario(tmp_path)
    (tmp_path / "catalogue" / "sites.yaml").unlink()
    with pytest.raises(ScenarioError, match=r"the folder has no sites\.yaml"):
        load_scenario(path)


def test_what_was_resolved_loads_again_without_a_catalogue(load: Load, data: Data) -> None:
    data["loans"] = [OLD_LOAN]
    first = load(data)
    again = load({"schema": "hashlever/scenario/1", **first.resolved})
    assert again.scenario == first.scenario
    assert again.sha256 == first.sha256
