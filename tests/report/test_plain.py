"""Plain data: whole columns at once, as value by value."""

import json

import numpy as np
import pandas as pd
import pytest

from optimizer.report.plain import json_text, plain, records, rounded


def test_columns_are_rounded_as_single_numbers_are() -> None:
    """Also at halves of the twelfth digit, at powers of ten and beyond the powers that are exact."""
    rng = np.random.default_rng(0)
    halves = rng.integers(10**11, 10**12, 2000) + 0.5
    values = np.concatenate(
        [
            rng.standard_normal(5000) * 10.0 ** rng.integers(-25, 25, 5000),
            halves * 10.0 ** -rng.integers(0, 22, 2000),
            halves,
            [0.0, -0.0, 1e11, 1e12, 999999999999.5, 9.9999999999949999, 5e-324, 1.7e308, 0.1, 1e22, 1e23, -2.5],
        ]
    )
    assert rounded(values).tolist() == [plain(value) for value in values]
    assert not np.signbit(rounded(np.array([-0.0])))[0]


def test_records_are_the_rows_value_by_value() -> None:
    table = pd.DataFrame(
        {
            "node": [0, 1, 2],
            "usd": [1 / 3, np.nan, -np.inf],
            "stress": [True, False, True],
            "date": pd.to_datetime(["2026-10-03", None, "2027-01-03"]),
            "name": ["a", None, "=c"],
            "leaf": pd.array([1, None, 3], dtype="Int64"),
        }
    )
    assert records(table) == [
        {"node": 0, "usd": 0.333333333333, "stress": True, "date": "2026-10-03", "name": "a", "leaf": 1},
        {"node": 1, "usd": None, "stress": False, "date": None, "name": None, "leaf": None},
        {"node": 2, "usd": None, "stress": True, "date": "2027-01-03", "name": "=c", "leaf": 3},
    ]
    assert records(table.head(0)) == []


def test_json_has_a_line_for_each_row() -> None:
    document = {"schema": "x", "none": [], "rows": [{"a": 1, "b": "ü\n"}, {"a": 2, "b": ""}], "deep": {"list": [1, 2]}}
    text = json_text(document)
    assert json.loads(text) == document
    assert '\n  {"a": 1, "b": "ü\\n"},\n  {"a": 2, "b": ""}\n' in text
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"rows": [float("nan")]})
