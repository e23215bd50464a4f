"""What the command prints where: reports and JSON on standard output, progress on standard error."""

from __future__ import annotations

import atexit
import gc
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from optimizer.errors import ExitCode

# What cleans up after worker processes ended by Ctrl-C would say so in a warning of its own, after our last word.
os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker")

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


def print_json(document: Any) -> None:
    """Print a document as JSON."""
    _write(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_with(report: Callable[[Console], None]) -> None:
    """Print a report at the terminal's width; piped, at the width that reports are made for."""
    from io import StringIO

    from rich.console import Console

    terminal = sys.stdout.isatty()
    text = StringIO()
    report(Console(file=text, force_terminal=terminal, width=None if terminal else 100))
    _write(text.getvalue())


def _write(text: str) -> None:
    """Write to standard output; a reader (head, less) that has seen enough is no error."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Progress:
    """Stages and seconds on standard error: one line that moves on a terminal, a line a stage elsewhere."""

    def __enter__(self) -> Progress:
        import time

        from rich.console import Console

        self._console = Console(stderr=True)
        self._clock = time.perf_counter
        self._zero = time.perf_counter()
        self._stage, self._detail = "", "reading"
        # The line is asked for anew as it is drawn, so that the seconds run on through a long stage.
        self._status = self._console.status(self) if self._console.is_terminal else None
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()

    def __rich__(self) -> Text:
        """The line as it stands now."""
        from rich.text import Text

        return Text(self._line(), no_wrap=True, overflow="ellipsis")

    def _line(self) -> str:
        said = f"{self._stage}: {self._detail}" if self._stage else self._detail
        return f"{self._clock() - self._zero:5.1f} s  {said}"

    def tell(self, stage: str, detail: str) -> None:
        """Show what is being done."""
        is_new = stage != self._stage
        self._stage, self._detail = stage, detail
        if not self._status and is_new:
            self.note(self._line())

    def note(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


def open_in_browser(page: Path) -> None:
    """Open a page that was written; where there is no browser, say where it is."""
    import webbrowser

    if not webbrowser.open(page.resolve().as_uri()):
        print(f"no browser to open it with: {page}", file=sys.stderr)


def leave_interrupted(kept: str = "nothing was written") -> NoReturn:
    """Say so, and what there is of the work, and end, not by way of Python's own exit: there an interrupted HiGHS has
    aborted the process."""
    # Pools of workers that were stopped hang in cycles; what they hold is let go of before the process is.
    gc.collect()
    # What would run at Python's exit still runs: it lets go of what the workers shared.
    atexit._run_exitfuncs()
    print(f"interrupted; {kept}", file=sys.stderr, flush=True)
    os._exit(ExitCode.INTERRUPTED)
