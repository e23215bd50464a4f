"""A plan, the folder it was written to and the plan read back, shared by the tests of this room."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.planning import Plan, plan
from optimizer.replay.saved import SavedPlan, read_plan
from optimizer.report.write import write_plan
from tests.builders import write_scenario
from tests.report.conftest import company


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The plan of a company with old machines, a loan to repay and two lenders, not yet replayed."""
    return plan(write_scenario(tmp_path_factory.mktemp("small"), company()), compare=False, monte_carlo=0)


@pytest.fixture(scope="session")
def folder(made: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the plan was written to."""
    out = tmp_path_factory.mktemp("written") / "plan"
    write_plan(made, out)
    return out


@pytest.fixture(scope="session")
def saved(folder: Path) -> SavedPlan:
    """The plan, read back."""
    return read_plan(folder)
