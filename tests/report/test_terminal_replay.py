import re
from dataclasses import replace

import pytest

from optimizer.planning import Plan
from optimizer.replay.replayed import Replayed, on_stress
from optimizer.replay.saved import SavedPlan
from optimizer.report import words
from optimizer.report.terminal import print_plan
from optimizer.report.terminal_replay import print_replay
from tests.report.conftest import printed


def _text(replayed: Replayed, width: int = 100) -> str:
    return printed(lambda console: print_replay(replayed, console), width)


def _line(text: str, start: str) -> str:
    [line] = [line for line in text.splitlines() if line.startswith(start)]
    return line


@pytest.mark.parametrize("name", ["drawn", "shocked", "lived"])
@pytest.mark.parametrize("width", [100, 200])
def test_fits_a_hundred_columns_without_colour(name: str, width: int, request: pytest.FixtureRequest) -> None:
    text = _text(request.getfixturevalue(name), width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 100
    assert "\x1b" not in text
    assert not re.search(r"\bnan\b|\binf\b|\bnode\b", text.lower())


def test_tree_and_sample_stand_side_by_side(drawn: Replayed) -> None:
    text, summary = _text(drawn), drawn.summary
    assert summary is not None
    assert "200 paths of 18 months from 3 Oct 2026" in text
    assert "Today as planned; later what the plan does" in text
    mean = _line(text, "mean  ")
    for figures in (summary.tree, summary.sample):
        assert words.worth(figures.expected, "btc").removesuffix(" BTC") in mean
    chance = summary.chances["p_call"]
    assert f"{words.share(chance.share, 1)} (" in _line(text, "a margin call")
    for debt in summary.debts:
        assert words.share(debt.ltv_high_p95) in _line(text, f"{debt.facility} ")


def test_rows_that_can_only_be_nothing_are_left_out(drawn: Replayed) -> None:
    scenario = drawn.saved.scenario
    assert "BTC below the minimum" not in _text(drawn)  # the company has promised none
    demand = scenario.requirements.model_copy(update={"min_btc": 1.0, "min_cash_usd": 0.0})
    alone = scenario.model_copy(update={"requirements": demand, "loans": (), "facilities": ()})
    text = _text(replace(drawn, saved=replace(drawn.saved, scenario=alone)))
    assert "BTC below the minimum" in text
    assert not re.search("a margin call|cash below the minimum|lost to lenders, mean", text)


def test_the_survival_table_has_a_row_for_each_shock(shocked: Replayed) -> None:
    text, found = _text(shocked), shocked.fates
    assert f"Survives {found.survives.sum()} of {len(shocked.names)}" in text
    crash = shocked.names.index("crash")
    row = _line(text, "crash ").split()
    assert row[1] == ("yes" if found.survives[crash] else "NO")
    assert row[2] == words.btc(found.net_end_btc[crash])
    assert f"Planned anew {len(shocked.names)} times" in text


def test_a_grid_of_shocks_is_a_grid(saved: SavedPlan) -> None:
    replayed = on_stress(saved, "grid")
    text = _text(replayed)
    row = _line(text, "BTC -50%, hashprice -50%").split()[4:]
    mine = [k for k, name in enumerate(replayed.names) if name.startswith("BTC -50%, hashprice -50%")]
    assert row == [f"{replayed.fates.net_end_btc[k]:,.0f}" + ("" if replayed.fates.survives[k] else "*") for k in mine]
    assert len(text.splitlines()) < 30


def test_history_is_told_month_by_month(lived: Replayed) -> None:
    text = _text(lived)
    assert "prices.csv: 12 months from 3 Dec 2021" in text
    assert "later nothing but selling BTC" in text
    assert words.usd(lived.outcome.cash_usd[0, 6]) in _line(text, "Jun 2022")
    assert f"Net worth {words.btc(lived.fates.net_end_btc[0])} BTC" in text
    assert ("The company survives." in text) == bool(lived.fates.survives[0])


def test_names_command_no_terminal(shocked: Replayed) -> None:
    text = _text(replace(shocked, names=tuple(f"\x1b[31m[red]{name}" for name in shocked.names)))
    assert "\x1b" not in text
    assert "?[31m[red]crash" in text


def test_a_plan_shows_its_own_replay(small: Plan) -> None:
    text = printed(lambda console: print_plan(small, console))
    assert "Out of sample: 5,000 other paths of the same market" in text
    summary = small.out_of_sample
    assert summary is not None
    for figures in (summary.tree, summary.sample):
        assert f" {figures.tail_mean:.2f} " in _line(text, "mean of the worst")
    without = printed(lambda console: print_plan(replace(small, out_of_sample=None), console))
    assert "Out of sample" not in without
