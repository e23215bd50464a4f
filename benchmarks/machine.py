"""Where and when figures were taken."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path

import psutil


def described() -> dict[str, str]:
    """The machine, what runs on it and the date, to stand beside the figures."""
    from importlib.metadata import version

    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GB",
        "software": f"{platform.system()}, Python {platform.python_version()}, HiGHS {version('highspy')}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        # How many processes waited for a core on average, over the last minute: of a busy machine times say little.
        "load": f"load {os.getloadavg()[0]:.1f} before",
    }


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
