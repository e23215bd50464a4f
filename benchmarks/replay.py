"""How fast a plan is replayed: ``python benchmarks/replay.py`` plans the flagship and replays it on 20,000 paths of 24
months with one worker and with two, each in a process of its own, and prints path-months per second, seconds and the
peak of memory, workers included."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from optimizer.planning import plan
from optimizer.replay.monte_carlo import monte_carlo
from optimizer.replay.saved import read_plan
from optimizer.report.write import write_plan

FLAGSHIP = Path(__file__).parents[1] / "scenarios" / "fleet_refresh.yaml"
BETWEEN_LOOKS_S = 0.02


class PeakMemory(threading.Thread):
    """The most memory that this process and its children hold at once, in bytes, from `start` to `stop`."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak_bytes = 0
        self._over = threading.Event()

    def run(self) -> None:
        """Look every now and then."""
        while not self._over.wait(BETWEEN_LOOKS_S):
            held = 0
            for process in [(me := psutil.Process()), *me.children(recursive=True)]:
                try:
                    held += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.peak_bytes = max(self.peak_bytes, held)

    def stop(self) -> int:
        """Look no more; the peak."""
        self._over.set()
        self.join()
        return self.peak_bytes


def measure(folder: Path, paths: int, workers: int) -> str:
    """One replay in this process, as a line of figures."""
    saved = read_plan(folder)
    memory, started = PeakMemory(), time.perf_counter()
    memory.start()
    outcome = monte_carlo(saved.scenario, saved.tree, saved.decisions, paths=paths, seed=1, workers=workers)
    seconds = time.perf_counter() - started
    rate = len(outcome) * outcome.months / seconds
    return (
        f"{workers} worker{'s' if workers > 1 else ' '}  {len(outcome):,} paths x {outcome.months} months  "
        f"{seconds:5.1f} s  {rate:9,.0f} path-months/s  {memory.stop() / 2**20:6,.0f} MB at most"
    )


def main() -> None:
    """Plan once, then measure each number of workers in a fresh process."""
    read = argparse.ArgumentParser(description=__doc__)
    read.add_argument("--paths", type=int, default=20_000)
    read.add_argument("--plan", type=Path, help=argparse.SUPPRESS)
    read.add_argument("--workers", type=int, default=1, help=argparse.SUPPRESS)
    asked = read.parse_args()
    if asked.plan is not None:
        print(measure(asked.plan, asked.paths, asked.workers), flush=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_plan(plan(FLAGSHIP, compare=False, monte_carlo=0), Path(folder) / "plan")
        for workers in (1, 2):
            options = ["--plan", f"{folder}/plan", "--paths", str(asked.paths), "--workers", str(workers)]
            subprocess.run([sys.executable, __file__, *options], check=True)


if __name__ == "__main__":
    main()
