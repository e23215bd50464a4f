"""The library of shocks is dated, sourced and what the record says."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from optimizer.market.calendar import month_end
from optimizer.scenario.shocks import ALL, LARGEST, Shock, library
from tests.catalogue.test_catalogue import DATE, MODELS

LIBRARY = {shock.name: shock for shock in library()}
HISTORY = Path(__file__).parents[3] / "shared" / "data" / "btc_network_daily.csv"


def changes(shock: Shock, key: str) -> dict[int, float]:
    return {point.month: point.change for point in getattr(shock, key)}


@pytest.mark.parametrize("name", LIBRARY)
def test_shock_says_when_and_whence(name: str) -> None:
    shock = LIBRARY[name]
    assert shock.from_date and shock.to_date and shock.source and shock.as_of
    assert DATE.fullmatch(shock.as_of) and len(shock.source) > 10
    last = shock.price[-1].month
    assert month_end(shock.from_date, last) == shock.to_date
    for key in ("price", "low", "hashprice_usd"):
        assert list(changes(shock, key)) == list(range(1, last + 1))
    assert all(low <= changes(shock, "price")[month] for month, low in changes(shock, "low").items())
    # The reader's lenders are not known here.
    lenders = {*shock.frozen_lenders, *(failure.lender for failure in shock.failures)}
    assert lenders <= {ALL, LARGEST}


def test_the_shocks_are_those_a_miner_remembers() -> None:
    starts = [(shock.from_date.isoformat()[:7], shock.to_date.isoformat()[:7]) for shock in LIBRARY.values()]
    assert starts == [
        ("2017-12", "2018-12"),
        ("2020-03", "2020-05"),
        ("2021-04", "2021-07"),
        ("2021-11", "2023-01"),
        ("2024-03", "2024-09"),
        ("2025-10", "2026-02"),
    ]
    # When half of the network left China hashprice rose while price fell.
    ban = LIBRARY["China ban 2021"]
    assert changes(ban, "price")[3] < changes(ban, "price")[2]
    assert changes(ban, "hashprice_usd")[3] > changes(ban, "hashprice_usd")[2]


@pytest.mark.skipif(not HISTORY.exists(), reason="no price history beside the repository")
@pytest.mark.parametrize("name", [name for name in LIBRARY if name != "Fall of 2025-26"])
def test_shock_is_what_the_record_says(name: str) -> None:
    shock, days = LIBRARY[name], pd.read_csv(HISTORY, index_col="date", parse_dates=["date"])
    assert shock.from_date is not None
    start = pd.Timestamp(shock.from_date)
    seen = days / days.loc[start, ["price_usd", "hashprice_usd_per_ph_day"]] - 1
    price, hashprice = seen["price_usd"], seen["hashprice_usd_per_ph_day"]
    for month in changes(shock, "price"):
        before, end = (pd.Timestamp(month_end(shock.from_date, m)) for m in (month - 1, month))
        assert changes(shock, "price")[month] == pytest.approx(price[end], abs=5.1e-5)
        assert changes(shock, "hashprice_usd")[month] == pytest.approx(hashprice[end], abs=5.1e-5)
        low = price[before + pd.Timedelta(days=1) : end].min()
        assert changes(shock, "low")[month] == pytest.approx(low, abs=5.1e-5)


def test_machines_of_2022_are_the_index() -> None:
    """Dollars per TH of machines under 38 J/TH, against the start of 2022."""
    index = {2: 101.04, 5: 80.0, 7: 55.0, 12: 20.01, 14: 14.88}
    written = changes(LIBRARY["Bear market 2022"], "machine_price")
    assert written == {month: pytest.approx(usd / 101.04 - 1, abs=5e-5) for month, usd in index.items()}


def test_the_fall_of_2025_is_the_press_figures() -> None:
    fall = LIBRARY["Fall of 2025-26"]
    peak_usd, hashprice_usd = 124_824.45, 52.64
    price = {1: 101_241.57, 2: 89_169.56, 3: 93_812.0, 4: 70_827.0}
    assert changes(fall, "price") == {m: pytest.approx(usd / peak_usd - 1, abs=6e-5) for m, usd in price.items()}
    assert changes(fall, "low")[4] == pytest.approx(60_256 / peak_usd - 1, abs=5e-5)
    assert changes(fall, "hashprice_usd")[3] == pytest.approx(40.23 / hashprice_usd - 1, abs=1e-4)
    # 1 PH/s finds 1e15 * 86400 / (difficulty * 2^32) blocks a day; fees were 0.55% of the reward.
    found_usd = 1e15 * 86_400 / (141.67e12 * 2**32) * 3.125 / (1 - 0.0055) * 70_827
    assert changes(fall, "hashprice_usd")[4] == pytest.approx(found_usd / hashprice_usd - 1, abs=1e-4)


def test_readme_lists_the_library() -> None:
    text = (MODELS / "README.md").read_text(encoding="utf-8")
    rows = [re.split(r" *\| *", line)[1:-1] for line in text.splitlines() if re.match(r"\| .*% \|$", line)]
    assert [row[0] for row in rows] == list(LIBRARY)
    for name, start, end, price, low, hashprice in rows:
        shock = LIBRARY[name]
        assert (start, end) == (str(shock.from_date), str(shock.to_date))
        lowest = [round(100 * min(changes(shock, key).values())) for key in ("price", "low", "hashprice_usd")]
        assert [price, low, hashprice] == [f"{change}%" for change in lowest]
