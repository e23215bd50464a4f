from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.engine.local import Local
from optimizer.sweep.run import sweep_into
from optimizer.sweep.swept import Swept
from tests.sweep.sweeps import MAKING, TWENTY, points, quiet


@pytest.fixture(scope="session")
def straight(tmp_path_factory: pytest.TempPathFactory) -> tuple[Swept, Path]:
    """The sweep of twenty points that ran through, in one process, and its folder."""
    out = tmp_path_factory.mktemp("sweeps") / "straight"
    return sweep_into(points(*TWENTY), MAKING, out, Local(1), quiet), out
