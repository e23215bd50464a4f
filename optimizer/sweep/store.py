"""A sweep's folder: a plan for every key, what is known to have none, and the summary beside them.

    DIR/points/KEY/         what `hashlever plan --out` writes
    DIR/infeasible/KEY.txt  why there is no plan of these inputs
    DIR/sweep.json, .csv, .html

Everything gets its name in one step once it is whole, so whatever has a name can be read.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from optimizer.errors import OutputError
from optimizer.report.folder import PLAN, write_folder, write_whole
from optimizer.sweep.result import Result, read_result

POINTS, INFEASIBLE, LOCK = "points", "infeasible", ".lock"
DOCUMENT, TABLE, PAGE = "sweep.json", "sweep.csv", "sweep.html"
# What a process that was killed in the midst of writing leaves.
_LEFT_OVER = re.compile(r"\..+\.(new|old)-[0-9a-f]{8}")
_KEY = re.compile(r"[0-9a-f]{32}(\.txt)?")


@dataclass(frozen=True)
class Store:
    """The folder of a sweep, which nobody else writes to while it is open."""

    out: Path

    def folder(self, key: str) -> Path:
        """Where the plan of a key is or will be."""
        return self.out / POINTS / key

    def result(self, key: str, sha256: str) -> Result | None:
        """What the plan of a key came to; None where it is not there, or is not whole."""
        folder = self.folder(key)
        if not folder.is_dir() or not {path.name for path in folder.iterdir()} >= PLAN.files:
            return None
        return read_result(folder / PLAN.document, sha256)

    def why_not(self, key: str) -> str | None:
        """Why the inputs of a key have no plan, where that is known."""
        try:
            # What is blank or no text, somebody or a broken disk made so.
            return self._infeasible(key).read_text(encoding="utf-8").strip() or None
        except (FileNotFoundError, UnicodeDecodeError):
            return None

    def keep_why_not(self, key: str, text: str) -> None:
        """Note that the inputs of a key have no plan."""
        write_whole(self._infeasible(key), text)

    def keep(self, key: str, files: Mapping[str, bytes]) -> None:
        """Put the plan of a key there, in place of one that is not whole. Raises `OutputError`."""
        folder = self.folder(key)
        if folder.is_dir() and {path.name for path in folder.iterdir()} <= PLAN.files:
            shutil.rmtree(folder)
        write_folder(PLAN, files, folder)

    def _infeasible(self, key: str) -> Path:
        return self.out / INFEASIBLE / f"{key}.txt"


@contextmanager
def opened(out: Path) -> Iterator[Store]:
    """The folder ``out``, made if it is not there, without what killed processes left in it.

    Raises `OutputError` when it holds what is not of a sweep, when another sweep is at work in it, and when it cannot
    be read or written.
    """
    try:
        refuse_foreign(out)
        for name in (POINTS, INFEASIBLE):
            (out / name).mkdir(parents=True, exist_ok=True)
        with FileLock(out / LOCK, timeout=0):
            _tidy(out)
            yield Store(out)
    except Timeout:
        raise OutputError(f"Another sweep is at work in {out}. Wait for it, or name another folder.") from None
    except OSError as error:
        raise OutputError(f"Cannot write the sweep to {out}: {error.strerror or error}.") from None


def refuse_foreign(out: Path) -> None:
    """Raise `OutputError` if ``out`` is there and holds anything that a sweep does not write."""
    if not out.exists():
        return
    if not out.is_dir():
        raise OutputError(f"{out} is there already and is not a folder. Name a new folder.")
    known = {POINTS, INFEASIBLE, LOCK, DOCUMENT, TABLE, PAGE}
    foreign = [path.name for path in out.iterdir() if path.name not in known and not _LEFT_OVER.fullmatch(path.name)]
    for folder in (out / POINTS, out / INFEASIBLE):
        if folder.is_dir():
            names = [path.name for path in folder.iterdir()]
            foreign += [n for n in names if not _KEY.fullmatch(n) and not _LEFT_OVER.fullmatch(n)]
    if foreign:
        raise OutputError(
            f"{out} holds {min(foreign)!r}, which no sweep of hashlever wrote. Name a new or an empty folder."
        )


def _tidy(out: Path) -> None:
    for folder in (out, out / POINTS, out / INFEASIBLE):
        for path in folder.iterdir():
            if not _LEFT_OVER.fullmatch(path.name):
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
