"""Plans made in the past and what came of them: blind to the future, the same on any workers, honest in the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from optimizer.decisions import Decisions
from optimizer.errors import ReplayError
from optimizer.replay.backtest import backtest
from optimizer.replay.calibrate import prepared, scenario_at
from optimizer.replay.strategies import strategies
from optimizer.replay.tested import STRATEGIES, Backtest, Result, Window
from optimizer.scenario.load import LoadedScenario, load_scenario
from tests.replay.made_history import LAST, made_history, write_history

ROOT = Path(__file__).parents[2]
MINER = ROOT / "scenarios" / "backtest_miner.yaml"
REAL = ROOT.parent / "shared" / "data" / "btc_network_daily.csv"
SMALL = (
    "market.fan.paths=200",
    "market.tree.branching=[{month: 1, children: 2}, {month: 4, children: 2}]",
    "solver.gap_share=0.01",
)
START = date(2020, 7, 1)


@pytest.fixture(scope="module")
def miner() -> LoadedScenario:
    return load_scenario(MINER, sets=SMALL)


@pytest.fixture(scope="module")
def csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_history(made_history(), tmp_path_factory.mktemp("history"))


@pytest.fixture(scope="module")
def tested(miner: LoadedScenario, csv: Path) -> Backtest:
    return backtest(miner, csv, START, every_months=4, workers=1)


def test_every_start_has_every_strategy_and_its_window(tested: Backtest) -> None:
    assert [window.start.isoformat() for window in tested.windows] == [
        "2020-07-01",
        "2020-11-01",
        "2021-03-01",
        "2021-07-01",
    ]
    # The history ends on 2021-09-30: 2021-09-01 is the last month end of the last window.
    assert [window.months for window in tested.windows] == [12, 10, 6, 2]
    prices = made_history()["price_usd"]
    for window in tested.windows:
        assert [result.strategy for result in window.results] == list(STRATEGIES)
        assert all(result.net_btc > 0 and not result.why_not for result in window.results)
        assert window.btc_price_usd[0] == pytest.approx(prices[str(window.start)])
    assert tested.windows[0].btc_price_usd[1] == pytest.approx(prices["2021-07-01"])


def test_strategies_do_what_their_names_say(tested: Backtest) -> None:
    for window in tested.windows:
        sell_only, borrow_most, no_machines, hold = (window.of(name) for name in list(STRATEGIES)[1:])
        assert sell_only.borrowed_usd == 0 and np.isnan(sell_only.headroom_share)
        assert borrow_most.borrowed_usd > 100_000
        assert borrow_most.borrowed_usd >= window.of("plan").borrowed_usd
        assert no_machines.ordered_units == 0
        assert (hold.sold_btc, hold.borrowed_usd, hold.ordered_units) == (0, 0, 0)
        assert np.isnan(hold.expected_btc) and np.isnan(hold.headroom_share)


def test_the_tree_promises_no_less_to_the_plan(miner: LoadedScenario, tested: Backtest) -> None:
    # The plan is best in its own worth, nine tenths of it the mean; a hundredth is the gap that the solver may leave.
    for window in tested.windows:
        for name in ("sell_only", "borrow_most", "no_machines"):
            assert window.of("plan").expected_btc > window.of(name).expected_btc * 0.97, (window.start, name)


def test_the_table_has_a_row_for_each(tested: Backtest) -> None:
    table = tested.table
    assert len(table) == len(tested.windows) * len(STRATEGIES)
    row = table[(table["start"] == "2020-11-01") & (table["strategy"] == "borrow_most")].iloc[0]
    assert row["net_btc"] == tested.windows[1].of("borrow_most").net_btc
    assert row["end_btc_price_usd"] == tested.windows[1].btc_price_usd[1]


@pytest.mark.slow
def test_workers_change_nothing_but_the_time(miner: LoadedScenario, csv: Path, tested: Backtest) -> None:
    told: list[tuple[str, str]] = []
    again = backtest(
        miner, csv, START, every_months=4, end=date(2020, 12, 1), workers=2, tell=lambda *line: told.append(line)
    )
    assert repr(again.windows) == repr(tested.windows[:2])
    assert told == [
        ("2020-07-01", "planned and replayed, 1 of 2"),
        ("2020-11-01", "planned and replayed, 2 of 2"),
    ]


# What may stand in the history after the start; the reader refuses a file with gaps or text, so these are read ones.
AFTER: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "ten times as much": lambda later: later * 10,
    "nothing": lambda later: later.iloc[:0],
    "not a number": lambda later: later * np.nan,
}


def decided(miner: LoadedScenario, record: pd.DataFrame) -> dict[str, Decisions | None]:
    scenario = scenario_at(prepared(miner.scenario, 12), record, START)
    return {strategy.name: strategy.decisions for strategy in strategies(replace(miner, scenario=scenario))[1]}


@pytest.fixture(scope="module")
def as_it_was(miner: LoadedScenario) -> dict[str, Decisions | None]:
    return decided(miner, made_history())


@pytest.mark.parametrize("after", AFTER)
def test_data_after_the_start_cannot_change_a_plan(
    miner: LoadedScenario, as_it_was: dict[str, Decisions | None], after: str
) -> None:
    record = made_history()
    until = record.loc[: str(START)]
    other = decided(miner, pd.concat([until, AFTER[after](record.iloc[len(until) :])]))
    for name, before in as_it_was.items():
        now = other[name]
        assert before is not None and now is not None
        np.testing.assert_array_equal(now.sell_btc, before.sell_btc)
        np.testing.assert_array_equal(now.buy_btc, before.buy_btc)
        assert now.orders == before.orders and now.retirements == before.retirements
        assert now.draws == before.draws and now.repayments == before.repayments
        assert now.pledges == before.pledges and now.liquidations == before.liquidations


def test_data_before_the_start_can(miner: LoadedScenario, as_it_was: dict[str, Decisions | None]) -> None:
    record = made_history()
    record.loc[: str(START), "price_usd"] *= 2
    now, before = decided(miner, record)["plan"], as_it_was["plan"]
    assert now is not None and before is not None
    assert (now.orders, now.sell_btc.tolist()) != (before.orders, before.sell_btc.tolist())


def test_what_came_after_changes_what_it_brought_alone(miner: LoadedScenario, tmp_path: Path, tested: Backtest) -> None:
    record = made_history()
    record.loc["2020-07-02":, "price_usd"] *= 0.5
    crashed = backtest(miner, write_history(record, tmp_path), START, end=START, workers=1).windows[0]
    before = tested.windows[0]
    for name in STRATEGIES:
        was, now = before.of(name), crashed.of(name)
        if name != "hold":
            assert now.expected_btc == was.expected_btc
        assert (now.sold_btc, now.borrowed_usd, now.ordered_units) == (
            (was.sold_btc, was.borrowed_usd, was.ordered_units)
        )
        assert now.net_btc != was.net_btc
    # A call at 74% (70%) of a loan at 50% of the price: half the price is past it, where anything was owed.
    assert crashed.of("borrow_most").headroom_share < 0 < crashed.of("borrow_most").calls


def test_a_start_without_a_plan_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    # A bill of $3M: 500 coins and $2M pay it at thousands of dollars a coin, not at a hundredth of that.
    billed = load_scenario(MINER, sets=(*SMALL, "liabilities=[{name: bill, month: 0, amount_usd: 3000000}]"))
    record = made_history(volatility_pa=0.2)
    record.loc[: str(START), "price_usd"] /= 100
    found = backtest(billed, write_history(record, tmp_path), START, every_months=13, workers=1)
    broke, fine = found.windows
    assert broke.why_not == "" and broke.of("plan").why_not.startswith("No plan meets every requirement")
    assert np.isnan(broke.of("plan").net_btc)
    assert broke.of("hold").insolvent
    assert fine.of("plan").net_btc > 0
    assert found.against("hold").starts == 1


def test_a_start_that_cannot_be_is_told(csv: Path) -> None:
    unfit = load_scenario(MINER, sets=(*SMALL, "market.asic_prices.ageing_pa=1.0"))
    window = backtest(unfit, csv, START, end=START, workers=1).windows[0]
    assert (window.months, window.results) == (0, ())
    assert "price_usd" in window.why_not
    assert window.of("plan").why_not == window.why_not


def test_the_plan_against_another() -> None:
    def window(day: int, plan: float, hold: float) -> Window:
        return Window(date(2020, 1, day), 12, results=(Result("plan", net_btc=plan), Result("hold", net_btc=hold)))

    windows = (window(1, 10.0, 8.0), window(2, 10.0, 13.0), window(3, 10.0, 10.001), window(4, float("nan"), 5.0))
    met = Backtest(load_scenario(MINER), "made.csv", 3, 12, windows).against("hold")
    assert (met.starts, met.ahead, met.behind) == (3, 1, 1)
    assert met.mean_btc == pytest.approx((2 - 3 - 0.001) / 3)
    assert (met.worst_btc, met.best_btc) == pytest.approx((-3, 2))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"start": date(2019, 7, 1)}, "needs the history of each day from 2018-07-01"),
        ({"start": date(2021, 9, 15)}, "no start from 2021-09-15 on up to 2021-08-30"),
        ({"end": LAST}, "no month of it follows a start on 2021-09-30. End with 2021-08-30"),
    ],
)
def test_starts_that_the_history_does_not_hold_are_refused(
    miner: LoadedScenario, csv: Path, asked: dict[str, date], said: str
) -> None:
    with pytest.raises(ReplayError, match=said):
        backtest(miner, csv, **{"start": START, **asked}, workers=1)


@pytest.mark.slow
@pytest.mark.skipif(not REAL.exists(), reason="the shared history is not here")
def test_two_real_starts() -> None:
    windows = backtest(load_scenario(MINER), REAL, date(2020, 10, 1), end=date(2022, 4, 1), every_months=18).windows
    boom, bust = windows
    assert (boom.months, bust.months) == (12, 12)
    assert boom.btc_price_usd[1] / boom.btc_price_usd[0] == pytest.approx(4.53, abs=0.01)
    # October 2020: machines were cheap against what followed. April 2022: they were dear, and lenders called.
    assert boom.of("plan").ordered_units > 1000
    assert boom.of("plan").net_btc > boom.of("no_machines").net_btc + 100
    assert bust.of("plan").ordered_units > 1000
    assert bust.of("plan").net_btc < bust.of("no_machines").net_btc - 50
    assert bust.of("borrow_most").calls > 0


def test_a_company_that_is_taxed_is_tested_too(miner: LoadedScenario, csv: Path, tested: Backtest) -> None:
    """Every plan expects less for the tax. Of what came of them only those who sell for bills and decide nothing can be
    compared: they end with no more. Whoever plans otherwise for the tax may have luck."""
    found = backtest(load_scenario(MINER, sets=(*SMALL, "taxes.rate=0.3")), csv, START, every_months=12, workers=1)
    for window in found.windows:
        untaxed = next(other for other in tested.windows if other.start == window.start)
        assert [window.of(name).why_not for name in STRATEGIES] == [untaxed.of(name).why_not for name in STRATEGIES]
        assert window.of("hold").net_btc <= untaxed.of("hold").net_btc
        for name in ("plan", "sell_only", "no_machines"):
            assert window.of(name).expected_btc < untaxed.of(name).expected_btc
