import subprocess
import sys

import pytest


def test_what_is_loaded_ahead_is_there_and_what_is_missing_is_met_where_it_is_needed() -> None:
    """In a fresh interpreter: names given later are loaded after one that does not exist, and nothing is printed."""
    program = """
import sys, threading
from optimizer.ahead import load_ahead
load_ahead("no_such_module", "colorsys")
for thread in threading.enumerate():
    if thread.name == "load ahead":
        thread.join()
assert "colorsys" in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("optimizer.cli", {"numpy", "pydantic", "pyomo", "pandas"}),
        ("optimizer.planning", {"pandas", "scipy", "pyomo", "highspy"}),
        ("optimizer.report.folder", {"numpy", "pandas", "pydantic"}),
        # With Pyomo there, SciPy's statistics take a worker as long as all else that it loads.
        ("optimizer.solve.crew", {"pandas", "scipy.stats", "pyomo.environ"}),
        ("optimizer.solve.comparators", {"pandas", "scipy.stats", "pyomo.environ"}),
    ],
)
def test_what_starts_a_command_or_a_worker_does_not_load_what_it_need_not(module: str, heavy: set[str]) -> None:
    program = f"import sys, {module}; print(*sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
