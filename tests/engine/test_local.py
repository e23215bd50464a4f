"""Work done by processes of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psutil

from optimizer.engine.local import Local
from optimizer.engine.work import Died
from tests.engine.jobs import squares


def test_a_process_that_dies_costs_its_own_piece_of_work_alone() -> None:
    found = squares(Local(2), range(8))
    assert isinstance(found.pop(3), Died)
    assert found == {n: n * n for n in range(8) if n != 3}


def test_below_two_workers_it_is_done_here() -> None:
    assert [pid for _, pid in Local(1).each(_pid, range(2))] == [os.getpid()] * 2
    assert squares(Local(2), []) == {}


def test_workers_do_not_outlive_a_main_process_that_is_killed() -> None:
    code = "from optimizer.engine.local import Local; from tests.engine.jobs import nap; "
    code += "print('begun', flush=True); list(Local(2).each(nap, [60, 60]))"
    main = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert main.stdout is not None
    main.stdout.readline()
    family: list[psutil.Process] = []
    while len(family) < 2 and main.poll() is None:
        time.sleep(0.1)
        family = [p for p in psutil.Process(main.pid).children() if "resource_tracker" not in " ".join(p.cmdline())]
    main.kill()
    main.wait()
    main.stdout.close()
    _, alive = psutil.wait_procs(family, timeout=15)
    assert alive == []


def _pid(_: int) -> int:
    return os.getpid()
