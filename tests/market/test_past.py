from datetime import date
from math import log, sqrt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from optimizer.errors import ReplayError, ScenarioError
from optimizer.market.calendar import days_per_month
from optimizer.market.network import hashprice_usd_today
from optimizer.market.past import history_paths, read_history
from optimizer.market.power import seasonal_prices

SHARED = Path(__file__).parents[3] / "shared" / "data" / "btc_network_daily.csv"
DAYS = 500
START = date(2024, 1, 31)
ON_START = 60


def days_of_a_file():
    """500 days from 2023-12-02: a falling price, rising difficulty, a halving; START is its row 60, counted from 0."""
    rng = np.random.default_rng(0)
    price = 60_000 * np.exp(np.cumsum(rng.normal(-0.001, 0.03, DAYS)))
    difficulty = 80e12 * 1.001 ** np.arange(DAYS)
    subsidy = np.where(np.arange(DAYS) < 140, 6.25, 3.125)
    fees, blocks = rng.uniform(5, 60, DAYS), rng.integers(120, 170, DAYS)
    per_ph = 1e15 * 86_400 / (difficulty * 2**32) * (subsidy + fees / blocks)
    return pd.DataFrame(
        {
            "date": pd.date_range("2023-12-02", periods=DAYS).strftime("%Y-%m-%d"),
            "price_usd": price,
            "low_usd": price * 0.97,
            "difficulty": difficulty,
            "subsidy_btc_per_block": subsidy,
            "fees_btc_per_day": fees,
            "blocks": blocks,
            "hashprice_usd_per_ph_day": per_ph * price,
        }
    )


@pytest.fixture
def history(tmp_path):
    """A history made of these columns of `days_of_a_file` (all of them by default)."""

    def of(*columns, change=lambda days: days):
        days = change(days_of_a_file())
        csv = tmp_path / "past.csv"
        days[list(columns) or list(days)].to_csv(csv, index=False)
        return read_history(csv)

    return of


def one(values):
    assert len(values) == 1
    return values[0]


def test_as_it_was(make, history):
    days = days_of_a_file().iloc[ON_START:].reset_index(drop=True)
    paths = history_paths(make(), history(), START, rebase=False)
    ends = paths.month_end
    assert paths.months == 12 and np.array_equal(paths.days, days_per_month(START, 12))
    assert one(paths.close_usd) == pytest.approx(days["price_usd"][: ends[-1] + 1])
    assert one(paths.hashprice_usd_per_ph_day) == pytest.approx(days["hashprice_usd_per_ph_day"][ends])
    assert one(paths.network_ehs) == pytest.approx(days["difficulty"][ends] * 2**32 / 600 / 1e18)
    per_day = days["hashprice_usd_per_ph_day"] / days["price_usd"]
    for month in range(1, 13):
        of_month = slice(ends[month - 1] + 1, ends[month] + 1)
        assert one(paths.btc_per_ph)[month] == pytest.approx(per_day[of_month].sum())
        assert one(paths.revenue_usd_per_ph)[month] == pytest.approx(days["hashprice_usd_per_ph_day"][of_month].sum())
    assert one(paths.btc_per_ph)[0] == one(paths.revenue_usd_per_ph)[0] == 0
    file = days_of_a_file()["hashprice_usd_per_ph_day"].to_numpy()
    lately = [np.median(file[max(0, ON_START + end - 13) : ON_START + end + 1]) for end in ends]
    ratio = np.array(lately) / lately[0]
    assert one(paths.asic_price_factor) == pytest.approx(ratio * 0.85 ** (np.arange(13) / 12))


def test_rebased_moves_are_laid_onto_today(make, history):
    scenario = make()
    was = history_paths(scenario, history(), START, rebase=False)
    now = history_paths(scenario, history(), START)
    price, today = 80_000 / was.close_usd[0, 0], hashprice_usd_today(scenario.market)
    assert now.close_usd == pytest.approx(was.close_usd * price)
    assert now.low_usd == pytest.approx(was.low_usd * price)
    assert now.hashprice_usd_per_ph_day[0, 0] == pytest.approx(today)
    assert now.hashprice_usd_per_ph_day / today == pytest.approx(
        was.hashprice_usd_per_ph_day / was.hashprice_usd_per_ph_day[0, 0]
    )
    assert now.revenue_usd_per_ph == pytest.approx(
        was.revenue_usd_per_ph * (today / was.hashprice_usd_per_ph_day[0, 0])
    )
    assert now.btc_per_ph == pytest.approx(was.btc_per_ph * (today / was.hashprice_usd_per_ph_day[0, 0]) / price)
    assert now.network_ehs == pytest.approx(was.network_ehs * 960 / was.network_ehs[0, 0])
    assert now.asic_price_factor == pytest.approx(was.asic_price_factor)


def test_seasons_are_those_of_the_scenario_or_of_the_window(make, history):
    sites = [{**make().sites[0].model_dump(mode="json"), "seasonality": [0.4, *[1.0] * 10, 1.6]}]
    scenario = make(sites=sites)
    now, was = (one(history_paths(scenario, history(), START, rebase).power_usd_per_mwh) for rebase in (True, False))
    assert np.array_equal(now, seasonal_prices(scenario))
    assert was[0, 0] == pytest.approx(50 * 0.4) and now[0, 0] == pytest.approx(50)
    # From 30 November to 31 December all but one of 31 days are December's.
    assert was[11, 0] == pytest.approx(50 * 1.6, rel=0.03)


def test_a_days_low_is_the_files_but_not_above_opening_or_close(make, history):
    paths = history_paths(make(), history(), START, rebase=False)
    close, low = one(paths.close_usd), one(paths.low_usd)
    assert low[0] == close[0]
    assert low[1:] == pytest.approx(np.minimum(close[1:] * 0.97, close[:-1]))
    assert (close[:-1] < close[1:] * 0.97).any()


def test_a_low_that_is_not_given_is_the_median_of_a_bridge(make, history):
    """Half of the bridges fall lower: exp(-2 (a - m)(b - m) / s^2) = 1/2, s of the 30 returns before the day."""
    paths = history_paths(make(), history("date", "price_usd", "hashprice_usd_per_ph_day"), START, rebase=False)
    log_price = np.log(days_of_a_file()["price_usd"].to_numpy())
    log_low = np.log(one(paths.low_usd))
    for step in (1, 2, 100, 366):
        day = ON_START + step
        sd = np.diff(log_price[day - 31 : day]).std()
        above = (log_price[day - 1] - log_low[step]) * (log_price[day] - log_low[step])
        assert np.exp(-2 * above / sd**2) == pytest.approx(0.5)
    assert log_low[0] == pytest.approx(log_price[ON_START])
    still = history(
        "date", "price_usd", "hashprice_usd_per_ph_day", change=lambda days: days.assign(price_usd=50_000.0)
    )
    assert history_paths(make(), still, START, rebase=False).low_usd == pytest.approx(50_000)


def test_what_comes_later_changes_nothing_before(make, history):
    columns = ("date", "price_usd", "hashprice_usd_per_ph_day")

    def doubled_from(day):
        def change(days):
            days.loc[day:, ["price_usd", "hashprice_usd_per_ph_day"]] *= 2
            return days

        return change

    plain = history_paths(make(), history(*columns), START)
    later = history_paths(make(), history(*columns, change=doubled_from(ON_START + 100)), START)
    assert np.array_equal(later.close_usd[:, :100], plain.close_usd[:, :100])
    assert np.array_equal(later.low_usd[:, :100], plain.low_usd[:, :100])
    assert later.close_usd[0, 100] == pytest.approx(2 * plain.close_usd[0, 100])
    beyond = history_paths(make(), history(*columns, change=doubled_from(ON_START + 367)), START)
    assert np.array_equal(beyond.low_usd, plain.low_usd) and np.array_equal(beyond.btc_per_ph, plain.btc_per_ph)


def test_hashprice_is_computed_where_the_file_lacks_it(history):
    given = history()
    from_difficulty = history("date", "price_usd", "difficulty", "subsidy_btc_per_block", "fees_btc_per_day", "blocks")
    assert from_difficulty.hashprice_usd_per_ph_day == pytest.approx(given.hashprice_usd_per_ph_day)
    assert from_difficulty.low_usd is None and given.low_usd is not None
    assert from_difficulty.network_ehs == pytest.approx(given.network_ehs)
    from_hashrate = history(
        "date",
        "price_usd",
        "hashrate_ehs",
        "subsidy_btc_per_block",
        "fees_btc_per_day",
        change=lambda days: days.assign(hashrate_ehs=given.network_ehs),
    )
    fees = days_of_a_file()["fees_btc_per_day"] / 144
    per_ph = 144 * (days_of_a_file()["subsidy_btc_per_block"] + fees) / (1000 * given.network_ehs)
    assert from_hashrate.hashprice_usd_per_ph_day == pytest.approx(per_ph * given.price_usd)


def test_without_a_network_it_is_the_one_that_makes_the_hashprice(make, history):
    scenario = make(market__block_height=1_050_000 - 144 * 100)
    paths = history_paths(scenario, history("date", "price_usd", "low_usd", "hashprice_usd_per_ph_day"), START)
    assert paths.network_ehs[0, 0] == pytest.approx(960)
    reward = np.where(paths.month_end > 100, 1.5625, 3.125) / 0.98
    per_ph = one(paths.hashprice_usd_per_ph_day) / one(paths.price_usd)
    assert one(paths.network_ehs) == pytest.approx(144 * reward / per_ph / 1000)


def test_as_many_whole_months_as_there_are(make, history):
    assert history_paths(make(), history(), date(2025, 1, 14)).months == 3
    assert history_paths(make(), history(), date(2025, 1, 15)).months == 2
    assert history_paths(make(), history(), date(2025, 2, 15)).months == 1
    assert history_paths(make(horizon_months=6), history(), START).months == 6
    # 31 January has its months end on the last day of February, then on 31 March.
    assert history_paths(make(), history(), START).month_end[:3].tolist() == [0, 29, 60]


def test_a_window_that_the_history_lacks_is_refused(make, history):
    columns = ("date", "price_usd", "hashprice_usd_per_ph_day")
    for start in (date(2023, 12, 1), date(2025, 3, 15), date(2030, 1, 1)):
        with pytest.raises(ReplayError, match="Start between 2023-12-02 and 2025-03-14"):
            history_paths(make(), history(), start)
    history_paths(make(), history(), date(2023, 12, 2))
    history_paths(make(), history(), date(2025, 3, 14))
    with pytest.raises(ReplayError, match="since there is no column low_usd"):
        history_paths(make(), history(*columns), date(2023, 12, 31))
    history_paths(make(), history(*columns), date(2024, 1, 1))
    short = history(change=lambda days: days.drop(index=[ON_START + 5, ON_START + 40]))
    with pytest.raises(ReplayError, match=r"2 of the days from 2024-01-31 to 2025-01-31 are missing.*2024-02-05"):
        history_paths(make(), short, START)
    with pytest.raises(ReplayError, match=r"1 of the days .* the first is 2024-01-31"):
        history_paths(make(), history(change=lambda days: days.drop(index=[ON_START])), START)
    # A day that is missing before or after the window is not missed.
    history_paths(make(), history(change=lambda days: days.drop(index=[ON_START - 1, ON_START + 370])), START)


def test_every_problem_of_a_file_at_once_with_its_line(tmp_path):
    days = days_of_a_file().head(40).astype(object)
    days.loc[3, "price_usd"] = "-5"
    days.loc[4, "price_usd"] = "1,000"
    days.loc[5, "date"] = "5 Jan 2024"
    days.loc[6, "date"] = days.loc[7, "date"]
    days.loc[8, "difficulty"] = ""
    days.loc[9, "low_usd"] = 1e9
    days.loc[10, "fees_btc_per_day"] = -1
    days.loc[11, "fees_btc_per_day"] = 0
    csv = tmp_path / "past.csv"
    days.drop(columns="hashprice_usd_per_ph_day").to_csv(csv, index=False)
    with pytest.raises(ScenarioError) as error:
        read_history(csv)
    assert [(problem.line, problem.path, problem.message) for problem in error.value.problems] == [
        (5, "price_usd", "not a positive number (and 1 more such rows)"),
        (7, "date", "not a date as YYYY-MM-DD"),
        (9, "date", "a day given before"),
        (10, "difficulty", "not a positive number"),
        (11, "low_usd", "above the day's closing price_usd"),
        (12, "fees_btc_per_day", "not a number of at least 0"),
    ]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("date,price_usd", r"no column hashprice_usd_per_ph_day \(or difficulty or hashrate_ehs, with subsidy"),
        ("price,blocks", "no column date, price_usd, hashprice_usd_per_ph_day"),
        ("date,price_usd,difficulty,fees_btc_per_day", "no column subsidy_btc_per_block; needed are"),
        ("date,price_usd,hashprice_usd_per_ph_day", "no days"),
    ],
)
def test_files_without_what_is_needed_are_refused(tmp_path, header, message):
    csv = tmp_path / "past.csv"
    csv.write_text(header + "\n")
    with pytest.raises(ScenarioError, match=message):
        read_history(csv)


@pytest.mark.skipif(not SHARED.exists(), reason="no price history beside the repository")
def test_the_winter_of_2022(make):
    history = read_history(SHARED)
    scenario = make(horizon_months=13)
    paths = history_paths(scenario, history, date(2021, 11, 9))
    assert paths.months == 13
    # Price fell by three quarters and hashprice by more: hashrate rose meanwhile.
    assert 0.2 < paths.price_usd[0, -1] / 80_000 < 0.3
    hashprice = paths.hashprice_usd_per_ph_day[0]
    assert 0.1 < hashprice[-1] / hashprice[0] < paths.price_usd[0, -1] / 80_000
    assert paths.network_ehs[0, -1] > 1.3 * 960
    assert (paths.low_usd[0, 1:] <= np.minimum(paths.close_usd[0, 1:], paths.close_usd[0, :-1])).all()
    # A still day's median low is s sqrt(ln 2 / 2) below its opening: with a daily sd of 3 to 4%, about 2%.
    assert np.median(paths.low_usd / paths.close_usd) == pytest.approx(1 - 0.033 * sqrt(log(2) / 2), abs=0.01)


@pytest.mark.skipif(not SHARED.exists(), reason="no price history beside the repository")
def test_computed_hashprice_is_that_of_the_source(tmp_path):
    columns = ["date", "price_usd", "difficulty", "subsidy_btc_per_block", "fees_btc_per_day", "blocks"]
    csv = tmp_path / "without.csv"
    pd.read_csv(SHARED)[columns].to_csv(csv, index=False)
    ratio = read_history(csv).hashprice_usd_per_ph_day / read_history(SHARED).hashprice_usd_per_ph_day
    assert np.median(np.abs(ratio - 1)) < 1e-4 and (np.abs(ratio - 1) < 0.02).mean() > 0.99
