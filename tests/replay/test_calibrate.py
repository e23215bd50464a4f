"""A company put into the past: from closed forms, with machines of the time, and blind to what came after."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from optimizer.errors import ReplayError, ScenarioError
from optimizer.market.network import hashprice_usd_today
from optimizer.replay.calibrate import block_height, known_by, market_at, prepared, read_record, scenario_at
from optimizer.scenario.load import load_scenario
from optimizer.scenario.market_spec import Bootstrap, JumpDiffusion
from optimizer.scenario.schema import Scenario
from tests.replay.made_history import BLOCKS, BLOCKS_AFTER, FEE_SHARE, HALVING, LAST, made_history, write_history

ROOT = Path(__file__).parents[2]
MINER = ROOT / "scenarios" / "backtest_miner.yaml"
REAL = ROOT.parent / "shared" / "data" / "btc_network_daily.csv"
START = date(2020, 7, 1)
YEARS = (START - date(2025, 6, 30)).days / 365


@pytest.fixture(scope="module")
def miner() -> Scenario:
    return prepared(load_scenario(MINER).scenario, 12)


@pytest.fixture(scope="module")
def record() -> pd.DataFrame:
    return made_history()


def edited(scenario: Scenario, section: str, **values: Any) -> Scenario:
    return scenario.model_copy(update={section: getattr(scenario, section).model_copy(update=values)})


def test_the_market_of_a_day_in_closed_form() -> None:
    growth = 0.5
    record = made_history(growth_pa=growth)
    record["price_usd"] = 20_000.0
    # A price that goes up and down by turns: log returns of +-c have this standard deviation, whatever their mean.
    record.iloc[::2, 0] = 21_000.0
    past = known_by(record, date(2021, 7, 1))
    found = market_at(past)
    year = past.iloc[-366:]
    assert found.btc_price_usd == year["price_usd"].iloc[-1]
    assert found.network_ehs == pytest.approx(year["difficulty"].iloc[-1] * 2**32 / 600 / 1e18)
    assert found.fee_share == pytest.approx(FEE_SHARE)
    assert found.growth_pa == pytest.approx(growth)
    # 365 moves, one more in one direction than in the other.
    c = np.log(21 / 20)
    assert found.volatility_pa == pytest.approx(c * np.sqrt(365 * (365 - 1 / 365) / 364))
    # Difficulty grows evenly, so its geometric mean is that of the middle day; price is half of the days either.
    middle = np.sqrt(year["difficulty"].iloc[0] * year["difficulty"].iloc[-1])
    reward = 6.25 / (1 - FEE_SHARE)
    expected = np.sqrt(20_000 * 21_000) * 1e15 * 86_400 / (middle * 2**32) * reward
    assert found.mean_hashprice_usd_per_ph_day == pytest.approx(expected)


def test_blocks_are_counted_from_the_halving(record: pd.DataFrame) -> None:
    assert block_height(known_by(record, HALVING)) == 630_000 + BLOCKS_AFTER - 1
    later = date(2020, 5, 21)
    assert block_height(known_by(record, later)) == 630_000 + BLOCKS_AFTER + 10 * BLOCKS - 1


def test_subsidy_left_unclaimed_is_no_halving(record: pd.DataFrame) -> None:
    past = known_by(record, START).copy()
    past.iloc[-1, past.columns.get_loc("issuance_btc_per_day")] -= 6.25
    assert block_height(past) == block_height(known_by(record, START))


def test_a_history_that_begins_after_the_halving_counts_144_blocks_a_day_to_its_first(record: pd.DataFrame) -> None:
    # From 2016-07-09 to 2019-01-01 are 906 days; on the last day of 2019, 365 days have been counted.
    assert block_height(record.loc[:"2019-12-31"]) == 420_000 + 906 * 144 + 365 * BLOCKS - 1


def test_a_halving_nobody_has_seen_is_not_guessed(record: pd.DataFrame) -> None:
    future = record.assign(issuance_btc_per_day=BLOCKS * 50 / 2**6)
    with pytest.raises(ReplayError, match=r"after the halving to 0\.78125 BTC a block: begin it before"):
        block_height(future)


@pytest.mark.skipif(not REAL.exists(), reason="the shared history is not here")
def test_real_heights() -> None:
    # The halvings' own days: 630,000 came on 2020-05-11 and 840,000 at the turn of 2024-04-19 and 20 (UTC).
    record = read_record(REAL)
    heights = [block_height(known_by(record, date.fromisoformat(day))) for day in ("2020-05-10", "2020-05-11")]
    assert heights[0] < 630_000 <= heights[1] == heights[0] + 157
    assert block_height(known_by(record, date(2024, 4, 18))) < 840_000
    assert block_height(known_by(record, date(2024, 4, 20))) > 840_000


def test_the_company_stays_and_the_market_is_the_day_s(miner: Scenario, record: pd.DataFrame) -> None:
    then, known = scenario_at(miner, record, START), market_at(known_by(record, START))
    assert (then.treasury, then.sites, then.facilities, then.requirements, then.risk) == (
        (miner.treasury, miner.sites, miner.facilities, miner.requirements, miner.risk)
    )
    market = then.market
    assert then.as_of == START
    assert market.btc_price_usd == known.btc_price_usd == record.loc[str(START), "price_usd"]
    assert market.price == miner.market.price.model_copy(update={"volatility_pa": known.volatility_pa})
    assert (market.network.hashrate_ehs, market.network.growth_pa) == (known.network_ehs, known.growth_pa)
    assert market.network.response == miner.market.network.response
    # The law of the network over the year before, fair hashprice falling by a tenth a year, gives its growth when fair
    # was the year's mean in the middle of it.
    fair = known.mean_hashprice_usd_per_ph_day * 0.9**0.5
    assert market.network.fair_hashprice_usd_per_ph_day == pytest.approx(fair)


def test_machines_cost_what_the_scenario_s_law_says_back_in_time(miner: Scenario, record: pd.DataFrame) -> None:
    then = scenario_at(miner, record, START)
    factor = hashprice_usd_today(then.market) / hashprice_usd_today(miner.market) * 0.8**YEARS
    prices = {candidate.model: candidate.price_usd for candidate in miner.machines.candidates}
    for candidate in then.machines.candidates:
        assert candidate.price_usd == pytest.approx(prices[candidate.model] * factor)
        spec = miner.machines.specs[candidate.model].price_usd
        assert then.machines.specs[candidate.model].price_usd == pytest.approx(spec * factor)
    assert factor > 2


def test_machines_of_later_years_are_not_there(miner: Scenario, record: pd.DataFrame) -> None:
    then = scenario_at(miner, record, date(2020, 2, 28)).machines
    # Released "2020-02": on sale from the month's last day.
    assert [machine.model for machine in then.owned] == ["antminer_s9_14t", "antminer_s17_pro_50t"]
    assert [machine.model for machine in then.candidates] == ["antminer_s9_14t", "antminer_s17_pro_50t"]
    later = scenario_at(miner, record, date(2020, 2, 29)).machines
    assert later.candidates[-1].model == later.owned[-1].model == "antminer_s19_pro_110t"


@pytest.mark.parametrize(
    ("release", "last_before"), [("2020", date(2020, 12, 30)), ("2020-07-02", date(2020, 7, 1)), ("2019-12", None)]
)
def test_a_release_is_its_last_possible_day(
    miner: Scenario, record: pd.DataFrame, release: str, last_before: date | None
) -> None:
    specs = dict(miner.machines.specs)
    specs["antminer_s21_200t"] = specs["antminer_s21_200t"].model_copy(update={"release": release})
    scenario = edited(miner, "machines", specs=specs)
    day = last_before or date(2020, 1, 1)
    assert ("antminer_s21_200t" in scenario_at(scenario, record, day).machines.specs) is (last_before is None)
    if last_before:
        after = last_before + (date(2020, 1, 2) - date(2020, 1, 1))
        assert "antminer_s21_200t" in scenario_at(scenario, record, after).machines.specs


@pytest.mark.parametrize(("release", "said"), [(None, "is not known"), ("Q3 2024", "is 'Q3 2024'")])
def test_a_machine_of_unknown_age_is_refused(miner: Scenario, release: str | None, said: str) -> None:
    specs = {name: spec.model_copy(update={"release": release}) for name, spec in miner.machines.specs.items()}
    with pytest.raises(ReplayError, match=f"The release of antminer_s9_14t {said}.*Write `release:`"):
        prepared(edited(miner, "machines", specs=specs), 12)


def test_named_cases_cannot_be_carried(miner: Scenario) -> None:
    cases = load_scenario(ROOT / "scenarios" / "cases_bull_base_bear.yaml").scenario.market.price
    with pytest.raises(ReplayError, match="Named cases state prices in dollars"):
        prepared(edited(miner, "market", price=cases), 12)


def test_jumps_keep_their_part_of_the_volatility(miner: Scenario, record: pd.DataFrame) -> None:
    known = market_at(known_by(record, START)).volatility_pa
    jumps = JumpDiffusion(
        process="jump_diffusion", view="btc_neutral", volatility_pa=0.1, jumps_pa=4, jump_mean_log=0.0, jump_sd_log=0.1
    )
    price = scenario_at(edited(miner, "market", price=jumps), record, START).market.price
    assert isinstance(price, JumpDiffusion)
    assert price.volatility_pa**2 + 4 * 0.1**2 == pytest.approx(known**2)
    calm = jumps.model_copy(update={"jump_sd_log": 1.0})
    price = scenario_at(edited(miner, "market", price=calm), record, START).market.price
    assert isinstance(price, JumpDiffusion) and price.volatility_pa == 0


def test_a_bootstrap_draws_from_the_past_alone(miner: Scenario, record: pd.DataFrame) -> None:
    drawn = Bootstrap(process="bootstrap", view="btc_neutral", csv="made.csv", block_days=10)
    for to_date, expected in ((None, START), (date(2020, 1, 1), date(2020, 1, 1)), (LAST, START)):
        asked = edited(miner, "market", price=drawn.model_copy(update={"to_date": to_date}))
        price = scenario_at(asked, record, START).market.price
        assert isinstance(price, Bootstrap) and price.to_date == expected


def test_a_shorter_horizon_leaves_out_what_lies_beyond(miner: Scenario) -> None:
    short = prepared(load_scenario(MINER).scenario, 6)
    assert (short.horizon_months, short.decision_months) == (6, (0, 3))
    assert [branching.month for branching in short.market.tree.branching] == [1, 4]
    with pytest.raises(ScenarioError, match="month"):
        prepared(load_scenario(MINER).scenario, 3)  # its stress moves price until month 6


def test_a_plan_needs_a_whole_year_before(miner: Scenario, record: pd.DataFrame) -> None:
    assert scenario_at(miner, record, date(2020, 1, 1)).as_of == date(2020, 1, 1)
    with pytest.raises(ReplayError, match="needs the history of each day from 2018-12-31 to it; it is from 2019-01-01"):
        scenario_at(miner, record, date(2019, 12, 31))
    with pytest.raises(ReplayError, match="it is from 2019-01-01 to 2021-09-30"):
        scenario_at(miner, record, date(2021, 10, 1))
    with pytest.raises(ReplayError, match="days are missing after 2020-03-04"):
        scenario_at(miner, record.drop(pd.Timestamp("2020-03-05")), START)


def test_what_the_company_cannot_be_on_that_day_is_told(miner: Scenario, record: pd.DataFrame) -> None:
    still = edited(miner, "market", asic_prices=miner.market.asic_prices.model_copy(update={"ageing_pa": 1.0}))
    with pytest.raises(ScenarioError, match=r"Backtest miner 20 MW, 2020-07-01: .*price_usd"):
        scenario_at(still, record, START)


# What may stand after the start: nothing of it may be seen.
AFTER: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "ten times as much": lambda later: later * 10,
    "nothing": lambda later: later.iloc[:0],
    "not a number": lambda later: later * np.nan,
    "another halving": lambda later: later.assign(issuance_btc_per_day=1.0, blocks=1.0),
}


@pytest.mark.parametrize("after", AFTER)
def test_nothing_after_the_start_is_seen(miner: Scenario, record: pd.DataFrame, after: str) -> None:
    until = record.loc[: str(START)]
    other = pd.concat([until, AFTER[after](record.iloc[len(until) :])])
    assert not other.equals(record)
    assert scenario_at(miner, other, START) == scenario_at(miner, record, START)


def test_the_day_itself_and_the_year_before_are_seen(miner: Scenario, record: pd.DataFrame) -> None:
    for row, column in ((START, "price_usd"), (date(2019, 7, 2), "difficulty"), (date(2020, 4, 3), "fees_btc_per_day")):
        other = record.copy()
        other.loc[str(row), column] *= 1.5
        assert scenario_at(miner, other, START) != scenario_at(miner, record, START)


def test_a_file_is_read_as_it_was_made(tmp_path: Path, record: pd.DataFrame) -> None:
    read = read_record(write_history(record, tmp_path))
    assert read.index.equals(record.index)
    np.testing.assert_allclose(read, record[read.columns], rtol=1e-12)
    with pytest.raises(ScenarioError, match="no column difficulty, blocks"):
        read_record(write_history(record.drop(columns=["difficulty", "blocks"]), tmp_path))
