"""Every row of the model against its golden text, and every family against its documentation."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import optimizer.formulation

from .regenerate_golden import GOLDEN, every_family
from .rows import OBJECTIVE

SOURCE = Path(optimizer.formulation.__file__).parent
DOCUMENT = SOURCE.parents[1] / "docs" / "formulation.md"
FILES = sorted(path.stem for path in GOLDEN.glob("*.lp"))


@cache
def built() -> dict[str, str]:
    return every_family()


@cache
def rules() -> dict[str, ast.FunctionDef]:
    """Every function of the formulation by name."""
    trees = [ast.parse(path.read_text()) for path in SOURCE.glob("*.py")]
    return {node.name: node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def families_in_code() -> set[str]:
    """The rules handed to ``f.rows``."""
    return {name for path in SOURCE.glob("*.py") for name in re.findall(r"f\.rows\((\w+),", path.read_text())}


@pytest.mark.parametrize("family", FILES)
def test_the_rows_of_a_family_are_the_golden_ones(family: str) -> None:
    assert built()[family] == (GOLDEN / f"{family}.lp").read_text(), (
        "if the change is meant: python -m tests.formulation.regenerate_golden, and read the difference"
    )


def test_every_family_has_a_golden_file_and_is_in_the_every_feature_model() -> None:
    assert set(FILES) == set(built()) == families_in_code() | {OBJECTIVE}


def test_a_family_is_named_as_its_rule_whose_docstring_is_its_formula() -> None:
    for family in families_in_code():
        said = ast.get_docstring(rules()[family])
        assert said is not None
        assert re.search(r"<=|>=|=", said), family


def test_every_family_and_every_variable_is_documented_and_nothing_else() -> None:
    text = DOCUMENT.read_text()
    assert set(re.findall(r"^### `(\w+)`", text, flags=re.MULTILINE)) == set(built())
    variables = {name for rows in built().values() for name in re.findall(r"[+-]\S+ (\w+)\[", rows)}
    documented = set(re.findall(r"^\| `(\w+)\[", text, flags=re.MULTILINE))
    assert variables == documented


def test_the_document_names_the_file_of_every_rule() -> None:
    text = DOCUMENT.read_text()
    for family in families_in_code():
        section = text.split(f"### `{family}`")[1].split("\n#")[0]
        (named,) = set(re.findall(r"`(\w+\.py)`", section))
        assert f"def {family}(" in (SOURCE / named).read_text()


def test_no_coefficient_is_far_from_one() -> None:
    """Scaling at the door keeps what the solver sees within 1e-3..1e3, big bounds and tie-breaks aside."""
    sizes = [
        abs(float(number))
        for family, rows in built().items()
        if family != OBJECTIVE
        for number in re.findall(r"([+-][\d.e-]+) \w+\[", rows)
    ]
    assert min(sizes) > 1e-4
    assert max(sizes) < 1e3
