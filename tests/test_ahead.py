import subprocess
import sys


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
