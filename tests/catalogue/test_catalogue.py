"""The catalogue is valid, dated, sourced and plausible; every scenario of the project loads with it."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from optimizer.scenario.catalogue import AsicModel, Catalogue, LoanProduct, SitePreset
from optimizer.scenario.load import load_scenario
from optimizer.scenario.sources.catalogue import blank_allowed, source_kinds

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "models"
SCENARIOS = sorted((ROOT / "scenarios").glob("*.yaml"))
DATE = re.compile(r"20\d\d(-(0[1-9]|1[0-2])(-([0-2]\d|3[01]))?)?")


def read(name: str) -> dict[str, Any]:
    data = yaml.safe_load((MODELS / name).read_text(encoding="utf-8"))
    assert isinstance(data, dict)
    return data


# From JSON, as strict pydantic types want lists for tuples.
CATALOGUE = Catalogue.model_validate_json(
    json.dumps({kind: read(f"{kind}.yaml") for kind in ("asics", "loans", "sites")})
)
ENTRIES: dict[str, AsicModel | LoanProduct | SitePreset] = {
    **CATALOGUE.asics,
    **CATALOGUE.loans,
    **CATALOGUE.sites,
}


def test_there_is_enough_to_choose_from() -> None:
    assert len(CATALOGUE.asics) >= 45
    assert len(CATALOGUE.loans) >= 18
    assert len(CATALOGUE.sites) >= 5
    assert sum(len(kind) for kind in (CATALOGUE.asics, CATALOGUE.loans, CATALOGUE.sites)) == len(ENTRIES)


@pytest.mark.parametrize("name", ENTRIES)
def test_entry_says_when_and_whence(name: str) -> None:
    entry = ENTRIES[name]
    assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name)
    assert DATE.fullmatch(entry.as_of)
    assert len(entry.source) > 10


@pytest.mark.parametrize("name", CATALOGUE.asics)
def test_machine_is_plausible(name: str) -> None:
    machine = CATALOGUE.asics[name]
    assert 8 <= machine.efficiency_j_per_th <= 100
    assert machine.cooling is not None
    assert f"{machine.hashrate_ths:g}T" in machine.name
    assert name.endswith(f"_{machine.hashrate_ths:g}t")
    if machine.release is not None:
        assert DATE.fullmatch(machine.release)
    for mode in machine.modes:
        # A mode that hashes no less for the same power would be the nameplate.
        assert mode.hashrate_ths < machine.hashrate_ths and mode.power_w < machine.power_w


@pytest.mark.parametrize("name", CATALOGUE.asics)
def test_price_says_what_it_is(name: str) -> None:
    machine = CATALOGUE.asics[name]
    if machine.price_usd is None:
        assert machine.price_kind is None and machine.price_as_of is None and machine.price_source is None
        return
    assert 1 <= machine.price_usd / machine.hashrate_ths <= 30
    assert machine.price_kind and machine.price_source
    # A price without a date must say so.
    assert ("undated" in machine.price_kind) == (machine.price_as_of is None)
    if machine.price_as_of is not None:
        assert DATE.fullmatch(machine.price_as_of)


@pytest.mark.parametrize("name", CATALOGUE.loans)
def test_ltvs_are_in_order(name: str) -> None:
    loan = CATALOGUE.loans[name]
    tiers = [tier.max_ltv for tier in loan.tiers or ()]
    rising = [*tiers, loan.call_ltv, loan.liquidation_ltv]
    known = [ltv for ltv in rising if ltv is not None]
    assert known == sorted(set(known))
    for low, high in (
        (loan.cure_target_ltv, loan.call_ltv),
        (loan.release_ltv, loan.cure_target_ltv),
        (loan.liquidation_target_ltv, loan.liquidation_ltv),
    ):
        if low is not None and high is not None:
            assert low < high


@pytest.mark.parametrize(
    ("name", "field", "collateral_ratio"),
    [
        ("two_prime_hut8", "call_ltv", 1.35),
        ("two_prime_hut8", "cure_target_ltv", 1.60),
        ("two_prime_hut8", "release_ltv", 1.90),
        ("unchained_commercial", "call_ltv", 1.50),
        ("unchained_commercial", "cure_target_ltv", 1.65),
        ("unchained_commercial", "liquidation_ltv", 1.10),
        ("empery_repurchase", "release_ltv", 3.00),
        ("galaxy_bitfarms_2021", "call_ltv", 1.33),
    ],
)
def test_collateral_ratios_became_ltvs(name: str, field: str, collateral_ratio: float) -> None:
    assert getattr(CATALOGUE.loans[name], field) == pytest.approx(1 / collateral_ratio, abs=5e-5)


def age_table() -> list[str]:
    """The rows of the README's table: entries by the month of ``as_of``."""
    kinds = (CATALOGUE.asics, CATALOGUE.loans, CATALOGUE.sites)
    counts = [Counter(entry.as_of[:7] for entry in kind.values()) for kind in kinds]
    rows = [(month, [count[month] for count in counts]) for month in sorted(set().union(*counts))]
    rows.append(("all", [len(kind) for kind in kinds]))
    return [f"| {month} | {' | '.join(str(n or '') for n in numbers)} |" for month, numbers in rows]


def test_readme_tells_the_catalogues_age() -> None:
    lines = (MODELS / "README.md").read_text(encoding="utf-8").splitlines()
    start = lines.index("| as_of | machines | loans | sites |") + 2
    assert lines[start:] == age_table()


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenario_loads(path: Path) -> None:
    scenario = load_scenario(path).scenario
    assert scenario.name and scenario.as_of.year in (2025, 2026)


def test_every_scenario_is_described() -> None:
    text = (ROOT / "scenarios" / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in SCENARIOS if f"`{path.name}`" not in text] == []


SOURCES = read("sources.yaml")


@pytest.mark.parametrize("name", SOURCES)
def test_source_of_money_is_of_a_kind_and_says_when_and_whence(name: str) -> None:
    entry = SOURCES[name]
    assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name)
    model = blank_allowed(source_kinds()[entry["kind"]])
    read_back = model.model_validate_json(json.dumps(entry))
    assert DATE.fullmatch(read_back.as_of)
    assert len(read_back.source) > 10
