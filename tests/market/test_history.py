from datetime import date

import numpy as np
import pytest

from optimizer.errors import ScenarioError
from optimizer.market.history import daily_log_returns
from optimizer.scenario.market_spec import Bootstrap


def rows(count, start="2024-01-01"):
    return [f"{np.datetime64(start) + k},{100 + k}" for k in range(count)]


def read(tmp_path, lines, **window):
    csv = tmp_path / "btc.csv"
    csv.write_text("\n".join(["date,price_usd", *lines]) + "\n")
    return daily_log_returns(Bootstrap(process="bootstrap", view="btc_neutral", csv=str(csv), block_days=10, **window))


def test_returns_in_order_of_date_whatever_the_files_order(tmp_path):
    expected = np.diff(np.log(100.0 + np.arange(40)))
    assert read(tmp_path, rows(40)) == pytest.approx(expected)
    assert read(tmp_path, rows(40)[::-1]) == pytest.approx(expected)
    assert read(tmp_path, [*rows(40), "", ""]) == pytest.approx(expected)


def test_window_includes_both_ends(tmp_path):
    returns = read(tmp_path, rows(60), from_date=date(2024, 1, 11), to_date=date(2024, 2, 19))
    assert returns == pytest.approx(np.diff(np.log(110.0 + np.arange(40))))


@pytest.mark.parametrize(
    ("spoil", "line", "message"),
    [
        (lambda r: [*r[:5], "5 Jan 2024,1", *r[5:]], 7, "not a date"),
        (lambda r: [*r[:5], "2025-01-01,-3", *r[5:]], 7, "not a positive number"),
        (lambda r: [*r[:5], "2025-01-01,", "2025-01-02,inf", *r[5:]], 7, "and 1 more"),
        (lambda r: [*r, r[0]], 42, "a day given before"),
        (lambda r: [*r[:5], "", "2025-01-01,x", *r[5:]], 8, "not a positive number"),
    ],
)
def test_wrong_rows_are_told_with_their_line(tmp_path, spoil, line, message):
    with pytest.raises(ScenarioError, match=message) as error:
        read(tmp_path, spoil(rows(40)))
    assert error.value.problems[0].line == line


def test_all_kinds_of_wrong_rows_at_once(tmp_path):
    with pytest.raises(ScenarioError) as error:
        read(tmp_path, [*rows(40), "x,1", "2025-01-01,y"])
    assert len(error.value.problems) == 2


def test_missing_days_and_short_windows_are_refused(tmp_path):
    with pytest.raises(ScenarioError, match="days are missing after 2024-01-20"):
        read(tmp_path, [*rows(20), *rows(20, "2024-02-01")])
    with pytest.raises(ScenarioError, match="30 days in the window; at least 31"):
        read(tmp_path, rows(30))
    with pytest.raises(ScenarioError, match="0 days in the window"):
        read(tmp_path, rows(60), from_date=date(2030, 1, 1))


def test_rows_longer_than_the_header_are_refused(tmp_path):
    longer = [f"{np.datetime64('2024-01-01') + k},1,000" for k in range(40)]
    with pytest.raises(ScenarioError, match="more cells than the header"):
        read(tmp_path, longer)
    with pytest.raises(ScenarioError, match=r"cannot be read.*line 8"):
        read(tmp_path, [*rows(6), "2024-01-07,1,000"])


def test_unreadable_files_are_refused(tmp_path):
    process = {"process": "bootstrap", "view": "btc_neutral", "block_days": 1}
    with pytest.raises(ScenarioError, match="No such file"):
        daily_log_returns(Bootstrap(csv=str(tmp_path / "none.csv"), **process))
    with pytest.raises(ScenarioError, match="cannot be read"):
        daily_log_returns(Bootstrap(csv=str(tmp_path), **process))
    for content, message in [
        (b"", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"a,b\n", "no column date"),
    ]:
        (tmp_path / "bad.csv").write_bytes(content)
        with pytest.raises(ScenarioError, match=message):
            daily_log_returns(Bootstrap(csv=str(tmp_path / "bad.csv"), **process))
