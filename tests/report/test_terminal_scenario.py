"""What `hashlever validate` says of every shipped scenario: one screen, and no word broken in a narrow one."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from optimizer.report.terminal import print_scenario
from optimizer.report.terminal_sources import months_open
from optimizer.scenario.load import LoadedScenario, load_scenario
from tests.cli.command import SCENARIOS


def said(loaded: LoadedScenario, columns: int) -> list[str]:
    """The lines printed in a terminal of so many columns."""
    text = StringIO()
    print_scenario(loaded, Console(file=text, width=columns))
    return [line.rstrip() for line in text.getvalue().splitlines()]


@pytest.mark.parametrize("name", sorted(path.stem for path in SCENARIOS.glob("*.yaml")))
def test_a_shipped_scenario_fits_a_screen_and_breaks_no_word(name: str) -> None:
    loaded = load_scenario(SCENARIOS / f"{name}.yaml")
    wide, narrow = said(loaded, 100), said(loaded, 80)
    assert len(wide) <= 40
    assert len(narrow) <= 50
    assert max(map(len, wide)) <= 100
    assert max(map(len, narrow)) <= 80
    words = set(" ".join(wide).split())
    assert set(" ".join(narrow).split()) == words
    given = loaded.scenario
    offers = [*given.sites, *given.loans, *given.facilities, *given.sources]
    assert words >= {word for offer in offers for word in offer.name.split()}
    assert all(any(line.startswith(f"{offer.name} ") for line in narrow) for offer in offers)


def test_the_flagship_s_tables_stand_in_eighty_columns_as_in_a_hundred() -> None:
    loaded = load_scenario(SCENARIOS / "fleet_refresh.yaml")
    wide, narrow = said(loaded, 100), said(loaded, 80)
    for start in ("Odessa", "ledn-may (Ledn)", "May borrow from", "ledn-custodied"):
        [line] = [line for line in wide if line.startswith(start)]
        assert line in narrow


def test_the_months_of_an_offer_are_any_when_it_always_stands() -> None:
    loaded = load_scenario(SCENARIOS / "fleet_refresh.yaml")
    ends = {line.split()[0]: line.rsplit("  ", 1)[1].strip() for line in said(loaded, 100) if line.count("%") > 2}
    assert (ends["two-prime"], ends["ledn-custodied"]) == ("any", "0, 3, 6")
    assert months_open(loaded.scenario, 1, 2) == "never"
    alone = load_scenario(SCENARIOS / "teach_one_machine.yaml")
    assert months_open(alone.scenario, 0, 12) == "0"
    assert any("deciding in month 0;" in line for line in said(alone, 100))
