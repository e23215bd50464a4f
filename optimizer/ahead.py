"""Loading libraries before they are needed."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from threading import Thread


def load_ahead(*modules: str) -> None:
    """Import ``modules``, in this order, in another thread, while this one does arithmetic, which leaves the
    interpreter free. Whoever imports one of them meanwhile waits for it, and meets there what goes wrong."""
    Thread(target=_load, args=(modules,), name="load ahead").start()


def _load(modules: tuple[str, ...]) -> None:
    for name in modules:
        with suppress(ImportError):
            import_module(name)
