"""Who draws a page's charts: this process, or one beside it that got ready in time.

The engine that draws, Vega's in JavaScript, takes half a second to start and holds Python's interpreter while it draws.
A process beside this one starts it while a plan is solved, and draws while tables are written.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from loky import ProcessPoolExecutor

# Enough to start the engine.
NOTHING: dict[str, Any] = {"data": {"values": [{}]}, "mark": "point"}


def draw(spec: dict[str, Any]) -> str:
    """A Vega-Lite chart as SVG. Text in it stays text: Vega writes it as escaped SVG text."""
    import vl_convert

    svg: str = vl_convert.vegalite_to_svg(spec)
    return svg


class Artist:
    """Draws in this process, or, once told to `get_ready`, in one beside it, which ends with the ``with``."""

    def __init__(self) -> None:
        self._beside: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def get_ready(self) -> bool:
        """Start the other process and its engine, without waiting for them; False where that was done before."""
        if self._beside is not None:
            return False
        from loky import ProcessPoolExecutor

        self._beside = ProcessPoolExecutor(max_workers=1)
        with _ctrl_c_left_to_this_process():
            self._beside.submit(draw, NOTHING)
        return True

    def begin(self, spec: dict[str, Any]) -> Callable[[], str]:
        """Begin to draw; what is returned waits for the SVG."""
        begun: Future[str] | None = None
        # A process may be ended by hand, or for the memory that it takes; then this one draws.
        with suppress(BrokenProcessPool):
            begun = self._beside.submit(draw, spec) if self._beside else None

        def finished() -> str:
            with suppress(BrokenProcessPool):
                return begun.result() if begun else draw(spec)
            return draw(spec)

        return finished

    def __exit__(self, *error: object) -> None:
        if self._beside is not None:
            self._beside.shutdown(wait=True, kill_workers=True)


@contextmanager
def _ctrl_c_left_to_this_process() -> Iterator[None]:
    """A process started meanwhile ignores Ctrl-C from its first moment: it inherits that. Only the main thread can see
    to it, and only there does Ctrl-C arrive."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    answer = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, answer)
