"""The batch script of docs/how-to/many-machines.md, run with a stand-in for `srun` that starts two workers here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import psutil

from tests.cli.test_sweep import QUICK
from tests.engine.dask_cluster import ROOT, needs_dask
from tests.sweep.sweeps import TEACH

SCRIPT = re.compile(r"^```bash\n(#!/bin/bash\n.*?)^```$", re.MULTILINE | re.DOTALL)


@needs_dask
def test_the_batch_script_brings_a_cluster_up_sweeps_and_leaves_nothing_behind(tmp_path: Path) -> None:
    [script] = SCRIPT.findall((ROOT / "docs/how-to/many-machines.md").read_text(encoding="utf-8"))
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    stand_ins = {
        "srun": '#!/bin/sh\n"$@" &\nfirst=$!\ntrap "kill $first" EXIT TERM\n"$@"\n',
        "hostname": "#!/bin/sh\necho 127.0.0.1\n",
    }
    for name, text in {**stand_ins, "sweep.sh": script}.items():
        (bin_ / name).write_text(text, encoding="utf-8")
        (bin_ / name).chmod(0o755)
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(bin_), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "SLURM_JOB_ID": str(os.getpid()),
    }
    asked = ["sweep.sh", TEACH, "--out", tmp_path / "sweep", *QUICK, "--frontier=0,1"]
    done = subprocess.run(asked, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "2 planned, 2 points" in done.stderr
    assert len(list((tmp_path / "sweep" / "points").iterdir())) == 2
    left = [p for p in psutil.process_iter(["environ"]) if (p.info["environ"] or {}).get("PATH") == environment["PATH"]]
    _, alive = psutil.wait_procs(left, timeout=30)
    assert alive == []
