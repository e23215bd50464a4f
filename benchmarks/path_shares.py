"""Where the time of `hashlever plan` goes: ``python benchmarks/path_shares.py`` plans the flagship and writes the plan,
without alternatives and replays, and prints for each stage the seconds, of the clock and of processors, and its share.

``--branching 6,3,2,3,2 --paths 8000`` takes a larger tree. With ``--copies 4`` as well, that tree is made but not
solved: what is audited and written is the plan of the flagship's own tree with every branch four times over, so that
what a large plan costs beside the solver's work can be measured without waiting for that.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import psutil
from copies import audited, copied

FLAGSHIP = Path(__file__).parents[1] / "scenarios" / "fleet_refresh.yaml"
BRANCHING_MONTHS = (1, 4, 7, 13, 19)


class Laps:
    """Seconds of clock and processors of stage after stage, from the start of the process."""

    def __init__(self) -> None:
        self._stage, self._last = "start", (psutil.Process().create_time(), 0.0)
        self.seconds: dict[str, tuple[float, float]] = {}

    def __call__(self, stage: str) -> None:
        """The stage before is over."""
        if stage == self._stage:
            return
        used = [psutil.Process(), *psutil.Process().children(recursive=True)]
        now = time.time(), sum(sum(process.cpu_times()[:4]) for process in used)
        if self._stage:
            self.seconds[self._stage] = now[0] - self._last[0], now[1] - self._last[1]
        self._stage, self._last = stage, now


def larger(branching: str | None, paths: int | None) -> list[str]:
    """What to set for a tree with so many children at each of the flagship's branchings."""
    children = zip(BRANCHING_MONTHS, branching.split(",") if branching else [], strict=False)
    split = ", ".join(f"{{month: {month}, children: {number}}}" for month, number in children)
    sets = [f"market.tree.branching=[{split}]"] if branching else []
    return sets + ([f"market.fan.paths={paths}"] if paths else [])


def main() -> None:
    """One run, and its table."""
    read = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    read.add_argument("--branching", help="children at months 1, 4, 7, 13 and 19")
    read.add_argument("--paths", type=int)
    read.add_argument("--copies", type=int)
    read.add_argument("--keep", type=Path, help="write the plan there")
    asked = read.parse_args()
    laps, sets = Laps(), larger(asked.branching, asked.paths)
    from optimizer.planning import plan
    from optimizer.report.html.drawing import Artist
    from optimizer.scenario.load import load_scenario

    artist = Artist()
    laps("read")
    loaded = load_scenario(FLAGSHIP, sets=sets)
    if asked.copies:
        from optimizer.market.build_tree import build_tree

        laps("market")
        build_tree(loaded.scenario)
        laps("")
        small = plan(FLAGSHIP, compare=False, monte_carlo=0)
        on_copies = copied(small, asked.copies)
        artist.get_ready()
        laps("audit")
        made = audited(small, *on_copies)
    else:

        def told(stage: str, detail: str) -> None:
            laps(stage)
            if stage == "solve":  # as the command does
                artist.get_ready()

        made = plan(loaded, compare=False, monte_carlo=0, tell=told)
    laps("loading")
    from optimizer.report.terminal import print_plan
    from optimizer.report.write import write_plan
    from optimizer.shell import print_with

    laps("files")
    with tempfile.TemporaryDirectory() as folder, artist:
        write_plan(made, asked.keep or Path(folder) / "plan", artist)
    laps("terminal")
    print_with(lambda console: print_plan(made, console))
    laps("end")
    total = sum(wall for wall, _ in laps.seconds.values())
    print(f"\n{len(made.tree):,} nodes; {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB at most")
    print(f"{'':10}{'seconds':>9}{'processor':>11}{'share':>8}")
    for stage, (wall, used) in [*laps.seconds.items(), ("all", (total, sum(u for _, u in laps.seconds.values())))]:
        print(f"{stage:10}{wall:9.2f}{used:11.2f}{wall / total:8.0%}")


if __name__ == "__main__":
    main()
