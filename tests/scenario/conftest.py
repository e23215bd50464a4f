"""What every test of the loader needs: a valid scenario on disk, and a way to load it changed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import Problem, ScenarioError
from optimizer.scenario.load import LoadedScenario, load_scenario
from tests.builders import minimal_scenario_dict, write_scenario

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def data() -> dict[str, Any]:
    """A valid scenario file's content, yours to change."""
    return minimal_scenario_dict()


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., LoadedScenario]:
    """Writes data beside its catalogue and loads it."""

    def write_and_load(data: dict[str, Any], **options: Any) -> LoadedScenario:
        return load_scenario(write_scenario(tmp_path, copy.deepcopy(data)), **options)

    return write_and_load


@pytest.fixture
def problems(load: Callable[..., LoadedScenario]) -> Callable[..., list[Problem]]:
    """The problems that loading data raises."""

    def problems_of(data: dict[str, Any], **options: Any) -> list[Problem]:
        with pytest.raises(ScenarioError) as raised:
            load(data, **options)
        return raised.value.problems

    return problems_of
