"""A backtest as one document of plain data: `backtest.json`. Every key is told in docs/explanation/backtest.md."""

from __future__ import annotations

from dataclasses import asdict
from typing import cast

from optimizer import __version__
from optimizer.replay.tested import STRATEGIES, Backtest, Window
from optimizer.report.plain import Document, plain

SCHEMA = "hashlever/backtest/1"


def backtest_document(tested: Backtest) -> Document:
    """The whole backtest as dicts, lists, text, numbers, true, false and null."""
    scenario = tested.loaded.scenario
    document = {
        "schema": SCHEMA,
        "version": __version__,
        "scenario": {
            "name": scenario.name,
            "file": tested.loaded.path.name,
            "sha256": tested.loaded.sha256,
            "as_of": scenario.as_of,
        },
        "history": tested.history,
        "every_months": tested.every_months,
        "horizon_months": tested.horizon_months,
        "strategies": STRATEGIES,
        "windows": [_window(window) for window in tested.windows],
        "plan_against": [asdict(tested.against(name)) for name in STRATEGIES if name != "plan"],
    }
    return cast(Document, plain(document))


def _window(window: Window) -> Document:
    return {
        "start": window.start,
        "months": window.months,
        "btc_price_usd": window.btc_price_usd[0],
        "end_btc_price_usd": window.btc_price_usd[1],
        "hashprice_usd_per_ph_day": window.hashprice_usd[0],
        "end_hashprice_usd_per_ph_day": window.hashprice_usd[1],
        "why_not": window.why_not,
        "results": [asdict(result) for result in window.results],
    }
