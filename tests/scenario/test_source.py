"""Reading YAML: what scalars mean, where things stand, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from optimizer.errors import ScenarioError
from optimizer.scenario import source
from optimizer.scenario.nodes import Mark, mark_at, node_at, path_text, plain, put, shown
from optimizer.scenario.source import MAX_BYTES, MAX_NODES, read_file, read_scalar, read_text


def value_of(text: str) -> object:
    node = read_text(text, "test")
    return plain(node) if node else None


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("1", 1),
        ("-7", -7),
        ("+5", 5),
        ("1.5", 1.5),
        ("1.5e6", 1_500_000),
        ("1e6", 1_000_000),
        ("1E-3", 0.001),
        (".5", 0.5),
        ("5.", 5),
        ("1_000_000", 1_000_000),
        ("1_000.5", 1000.5),
        ("0", 0),
        ("0.25", 0.25),
        ("007", "007"),
        ("0x10", "0x10"),
        ("1__e", "1__e"),
        ("e5", "e5"),
        ("_1", "_1"),
        ("1,000", "1,000"),
        ("12:30:00", "12:30:00"),
        ("2026-10-03", "2026-10-03"),
        ("NO", "NO"),
        ("yes", "yes"),
        ("on", "on"),
        ("nan", "nan"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("123456789012345678", 123456789012345678),
    ],
)
def test_scalars_mean_what_people_mean(text: str, meaning: object) -> None:
    found = read_scalar(text)
    assert found == meaning
    assert type(found) is type(meaning)


@pytest.mark.parametrize("text", [".nan", ".inf", "-.INF", "1e19", "-1e400", "9" * 30])
def test_numbers_nobody_means_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"finite|beyond"):
        read_scalar(text)


@pytest.mark.parametrize("text", ["'1'", '"1"', "'true'", '"2026-10-03"', "'null'", "'.nan'"])
def test_quoted_scalars_are_text(text: str) -> None:
    assert value_of(f"a: {text}") == {"a": text[1:-1]}


def test_block_scalars_are_text() -> None:
    assert value_of("a: |\n  12\nb: >\n  x\n  y\n") == {"a": "12\n", "b": "x y\n"}


def test_keys_are_text() -> None:
    assert value_of("1: a\ntrue: b\n") == {"1": "a", "true": "b"}


def test_aliases_are_copied() -> None:
    assert value_of("a: &x {b: [1, 2]}\nc: *x\n") == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}}


def test_where_things_stand() -> None:
    node = read_text("a: 1\nb:\n  - c: 2\n  - x: &v 5\nd: *v\n", "f.yaml")
    assert node
    assert mark_at(node, ("a",)) == Mark("f.yaml", 1, 1)
    assert mark_at(node, ("b",)) == Mark("f.yaml", 2, 1)
    assert mark_at(node, ("b", 0)) == Mark("f.yaml", 3, 5)
    assert mark_at(node, ("b", 1, "x")) == Mark("f.yaml", 4, 5)
    assert mark_at(node, ("d",)) == Mark("f.yaml", 5, 1)
    # What was not written stands where its nearest enclosing thing does.
    assert mark_at(node, ("b", 0, "y", 3)) == Mark("f.yaml", 3, 5)
    assert mark_at(node, ("b", 7)) == Mark("f.yaml", 2, 1)


def test_put_makes_the_way_and_changes_nothing_else() -> None:
    node = read_text("a: {b: 1}\nl: [{x: 1}, {x: 2}]\n", "f")
    assert node
    new = read_text("9", "g")
    assert new
    assert plain(put(node, ("l", 1, "x"), new)) == {"a": {"b": 1}, "l": [{"x": 1}, {"x": 9}]}
    assert plain(put(node, ("n", "m"), new)) == {"a": {"b": 1}, "l": [{"x": 1}, {"x": 2}], "n": {"m": 9}}
    assert plain(node) == {"a": {"b": 1}, "l": [{"x": 1}, {"x": 2}]}


def test_paths_and_values_as_messages_show_them() -> None:
    node = read_text("a: [true, x, {}, {k: 1}, null]", "f")
    assert node
    assert path_text(("facilities", 2, "apr")) == "facilities[2].apr"
    shows = [shown(node_at(node, ("a", i))) for i in range(6)]
    assert shows == ["true", '"x"', "an empty mapping", "a mapping with k", "null", ""]
    assert shown(node_at(node, ("a",))) == "a list of 5"


def test_all_recoverable_faults_of_a_file_are_told_at_once() -> None:
    with pytest.raises(ScenarioError) as raised:
        read_text("a: .nan\na: !x 1\nb: 1e99\n", "f")
    assert [(p.line, p.column) for p in raised.value.problems] == [(1, 4), (2, 1), (2, 4), (3, 4)]


def test_too_many_values_are_refused() -> None:
    assert value_of("[" + "0," * (MAX_NODES - 1) + "]") == [0] * (MAX_NODES - 1)
    with pytest.raises(ScenarioError, match="more than 50,000 values"):
        read_text("[" + "0," * MAX_NODES + "]", "f")


def test_an_alias_may_not_hide_depth() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 60)]
    with pytest.raises(ScenarioError, match="nested more than 40 deep"):
        read_text("\n".join(lines), "f")


def test_depth_is_refused_before_the_stack_is_in_danger() -> None:
    with pytest.raises(ScenarioError, match="nested more than 40 deep"):
        read_text("[" * 200_000, "f")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    large.write_text("#" * (MAX_BYTES + 1))
    for path, fragment in (
        (large, "larger than 1,000,000 bytes"),
        (tmp_path, "not a file"),
        (tmp_path / "nowhere.yaml", "no such file"),
        (tmp_path / ("x" * 5000), "cannot be read|no such file"),
        (tmp_path / "a\0b", "cannot be read|no such file"),
    ):
        with pytest.raises(ScenarioError, match=fragment):
            read_file(path)


def test_a_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: x\n")
    assert plain(read_file(path)) == {"name": "x"}


@pytest.mark.parametrize(
    "text",
    ["a: [1", "a: 'x", "a:\n\tb: 1", "a: b: c", "a: *x", "a: @x", "a\0b", "[" * 99, "a: .nan", "a: !t 1"],
)
def test_the_python_parser_refuses_the_same(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the C extension the same files are refused, in words of its own."""
    monkeypatch.setattr(source, "_Loader", yaml.SafeLoader)
    with pytest.raises(ScenarioError):
        read_text(text, "f")


def test_the_python_parser_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &x {b: [1.5e6, NO, '1']}\nc: *x\n"
    with_c = read_text(text, "f")
    monkeypatch.setattr(source, "_Loader", yaml.SafeLoader)
    assert read_text(text, "f") == with_c
