"""The installed `hashlever` command as a process."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

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
