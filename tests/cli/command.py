"""The installed `hashlever` command as a process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import optimizer

SCENARIOS = Path(optimizer.__file__).parents[1] / "scenarios"
# A model small enough for a second, of the flagship's kind.
SMALL = (
    "--set=market.fan.paths=400",
    "--set=market.tree.branching=[{month: 1, children: 2}, {month: 4, children: 2}]",
)
# So much to prove that no machine is done within the seconds that a test gives it.
ENDLESS = ("--set=solver.gap_share=0", "--set=requirements.calls.buffer_ltv=0.03")


def command() -> str:
    """The console script beside the interpreter that runs the tests."""
    found = shutil.which("hashlever", path=str(Path(sys.executable).parent))
    assert found, "install the package first: pip install -e ."
    return found


def hashlever(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [command(), *map(str, arguments)], cwd=cwd, capture_output=True, text=True, encoding="utf-8", timeout=120
    )


needs_ctrl_c = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for a process group")


def interrupted(*arguments: str | Path, after: str, pause_s: float = 0.0) -> tuple[int, str, str]:
    """Press Ctrl-C once standard error says `after`; gives the exit code and what it printed on both from there."""
    process = subprocess.Popen(
        [command(), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        # A group of its own, as a shell gives it: Ctrl-C reaches its worker processes too.
        start_new_session=True,
    )
    try:
        assert process.stderr is not None
        assert any(after in line for line in process.stderr)
        time.sleep(pause_s)
        os.killpg(process.pid, signal.SIGINT)
        printed, error = process.communicate(timeout=15)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return process.returncode, printed, error
