"""Whatever is in the file: a loaded scenario or a `ScenarioError`, never a traceback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizer.errors import Problem, ScenarioError
from optimizer.scenario.load import LoadedScenario, load_scenario
from tests.builders import minimal_scenario_dict, write_scenario

TEXT = (Path(__file__).parent / "bad" / "_base.yaml").read_bytes()
LOAN = {"product": "lender_bullet", "balance_usd": 5e5, "pledged_btc": 15, "apr": 0.1, "matures_month": 9}
# Values that look like something: every type, edge numbers, and words the schema knows.
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["gbm", "cases", "btc_neutral", "s21", "hydro", "lender_sparse", "texas", "2026-10-03"])
    | st.sampled_from([0, 1, -1, 0.5, 12, 1e12, "", "\0", "/", "..", "yes"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "x", "model"]), inner),
    max_leaves=5,
)
PIECES = st.sampled_from(
    [b"\t", b"'", b'"', b"[", b"]", b"{", b"}", b": ", b"- ", b"\n", b"&a ", b"*a", b"!!", b"|", b"%", b"#"]
) | st.sampled_from([b"---\n", b"\xff", b"\0", b"1e99", b".nan", b"extends: _base.yaml\n", b"null", b"? ", b"<<: *a\n"])
FEW = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def loads_or_says_why(path: Path, **options: Any) -> None:
    try:
        loaded = load_scenario(path, **options)
    except ScenarioError as error:
        assert error.problems
        assert all(isinstance(problem, Problem) and problem.message for problem in error.problems)
        assert str(error)
    else:
        assert isinstance(loaded, LoadedScenario)


def places(data: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [place, *(found for key, child in children for found in places(child, (*place, key)))]


DATA = {**minimal_scenario_dict(), "loans": [LOAN], "overrides": {"o": {"risk": {"weight": 1}}}}
PLACES = [place for place in places(DATA) if place]


@FEW
@given(place=st.sampled_from(PLACES), value=VALUES, new_key=st.none() | st.text(max_size=6), drop=st.booleans())
def test_any_value_anywhere(tmp_path: Path, place: Any, value: Any, new_key: str | None, drop: bool) -> None:
    data = json.loads(json.dumps(DATA))
    parent = data
    for step in place[:-1]:
        parent = parent[step]
    if drop:
        del parent[place[-1]]
    elif new_key is not None and isinstance(parent, dict):
        parent[new_key] = parent.pop(place[-1])
    else:
        parent[place[-1]] = value
    loads_or_says_why(write_scenario(tmp_path, data), overrides=["o"])
    variant = {"extends": "scenario.yaml", place[0]: data.get(place[0])}
    write_scenario(tmp_path, DATA)
    loads_or_says_why(write_scenario(tmp_path, variant, "variant.yaml"))


@FEW
@given(st.lists(st.tuples(st.integers(0, len(TEXT)), st.integers(0, 40), PIECES | st.binary(max_size=3)), max_size=4))
def test_any_bytes(tmp_path: Path, edits: list[tuple[int, int, bytes]]) -> None:
    text = TEXT
    for start, length, piece in edits:
        text = text[:start] + piece + text[start + length :]
    write_scenario(tmp_path)
    path = tmp_path / "mutated.yaml"
    path.write_bytes(text)
    loads_or_says_why(path)


@FEW
@given(
    path=st.sampled_from(["treasury.cash_usd", "facilities[line].tiers", "market.price", "sites[0]", "machines"])
    | st.text(alphabet="abst.[]0_=-", max_size=12),
    value=st.text(max_size=12) | VALUES.map(lambda value: json.dumps(value)),
)
def test_any_set(tmp_path: Path, path: str, value: str) -> None:
    loads_or_says_why(write_scenario(tmp_path), sets=[f"{path}={value}"])


@pytest.mark.parametrize("section", [place[0] for place in PLACES if len(place) == 1])
@pytest.mark.parametrize("value", [None, True, 0, "x", [], {}, [[]], [{}], [None], {"x": 1}])
def test_any_section_replaced(tmp_path: Path, section: str, value: Any) -> None:
    loads_or_says_why(write_scenario(tmp_path, {**DATA, section: value}), overrides=["o"])
