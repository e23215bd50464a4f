"""Who draws a page's charts: this process, or one beside it that got ready in time.

The engine that draws, Vega's in JavaScript, takes half a second to start and holds Python's interpreter while it draws.
A process beside this one starts it while a plan is solved, and draws while tables are written.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
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

    def get_ready(self) -> None:
        """Start the other process and its engine, without waiting for them."""
        if self._beside is None:
            from loky import ProcessPoolExecutor

            self._beside = ProcessPoolExecutor(max_workers=1, initializer=_leave_ctrl_c_to_main)
            self._beside.submit(draw, NOTHING)

    def begin(self, spec: dict[str, Any]) -> Callable[[], str]:
        """Begin to draw; what is returned waits for the SVG."""
        if self._beside is None:
            return lambda: draw(spec)
        begun = self._beside.submit(draw, spec)

        def finished() -> str:
            try:
                svg: str = begun.result()
            except BrokenProcessPool:  # out of memory, or ended by hand
                svg = draw(spec)
            return svg

        return finished

    def __exit__(self, *error: object) -> None:
        if self._beside is not None:
            self._beside.shutdown(wait=True, kill_workers=True)


def _leave_ctrl_c_to_main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
