"""Plans made in the past from what was known then, and what came of them: against the obvious, start by start."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
from loky import ProcessPoolExecutor

from optimizer.engine.child import serve
from optimizer.errors import InfeasibleError, LimitError, ReplayError, ScenarioError
from optimizer.ledger.replay import replay
from optimizer.market.calendar import month_end
from optimizer.market.past import History, history_paths, read_history
from optimizer.market.paths import Paths
from optimizer.market.tree import Tree
from optimizer.replay.calibrate import known_by, prepared, read_record, scenario_at
from optimizer.replay.fates import fates
from optimizer.replay.strategies import Strategy, strategies
from optimizer.replay.tested import Backtest, Result, Window
from optimizer.scenario.load import LoadedScenario
from optimizer.scenario.schema import Scenario

MOST_STARTS = 2_000

# Called as work goes on: (stage, detail).
Tell = Callable[[str, str], None]


def backtest(
    loaded: LoadedScenario,
    history: Path,
    start: date,
    *,
    end: date | None = None,
    every_months: int = 3,
    horizon_months: int = 12,
    workers: int | None = None,
    tell: Tell | None = None,
) -> Backtest:
    """Plan at ``start`` and every so many months after, up to ``end`` (None: while a month of history follows), each
    from the history up to its day alone, and replay on what came. ``workers``: processes (None: one a core); the
    answer is the same with any number.

    A start without a plan is told and does not stop the others. Raises ReplayError and ScenarioError when the history
    cannot be read or does not hold the starts and the year before, and when the scenario cannot be carried into the
    past.
    """
    scenario = prepared(loaded.scenario, horizon_months)
    record, known = read_record(history), read_history(history)
    starts = _starts(record.index[-1].date(), start, end, every_months)
    known_by(record, starts[0])
    known_by(record, starts[-1])
    job = _Job(replace(loaded, scenario=scenario), record, known)
    workers = min(workers or os.cpu_count() or 1, len(starts))
    windows = []
    for window in map(job, starts) if workers == 1 else _together(job, starts, workers):
        windows.append(window)
        if tell:
            tell(f"{window.start}", window.why_not or f"planned and replayed, {len(windows)} of {len(starts)}")
    return Backtest(loaded, history.name, every_months, horizon_months, tuple(windows))


def _starts(last: date, start: date, end: date | None, every_months: int) -> list[date]:
    """The starts up to ``end``, or as long as a month follows before ``last``, the history's last day."""
    latest = month_end(last, -1)
    until = end or latest
    if month_end(until, 1) > last:
        raise ReplayError(f"The history ends on {last}: no month of it follows a start on {end}. End with {latest}.")
    starts: list[date] = []
    while (day := month_end(start, len(starts) * every_months)) <= until:
        starts.append(day)
        if len(starts) > MOST_STARTS:
            raise ReplayError(f"More than {MOST_STARTS:,} starts; start later, end earlier or plan less often.")
    if not starts:
        raise ReplayError(f"There is no start from {start} on up to {until}. Start earlier.")
    return starts


class _Job:
    """A start's whole work; sent to a worker with each."""

    def __init__(self, loaded: LoadedScenario, record: pd.DataFrame, history: History) -> None:
        self.loaded, self.record, self.history = loaded, record, history

    def __call__(self, start: date) -> Window:
        try:
            scenario = scenario_at(self.loaded.scenario, self.record, start)
            tree, tried = strategies(replace(self.loaded, scenario=scenario))
            paths = history_paths(scenario, self.history, start, rebase=False)
        except (InfeasibleError, LimitError, ReplayError, ScenarioError) as error:
            return Window(start, why_not=str(error))
        ends = [0, paths.months]
        price, hashprice = paths.price_usd[0, ends].tolist(), paths.hashprice_usd_per_ph_day[0, ends].tolist()
        results = tuple(_result(scenario, tree, strategy, paths) for strategy in tried)
        return Window(start, paths.months, tuple(price), tuple(hashprice), results)


def _result(scenario: Scenario, tree: Tree, strategy: Strategy, paths: Paths) -> Result:
    chosen = strategy.decisions
    if chosen is None:
        return Result(strategy.name, strategy.why_not)
    outcome = replay(scenario, tree, chosen, paths, strategy.policy)
    fate = fates(scenario, outcome)
    expected, room = strategy.expected_btc, float(fate.room_to_call_share[0])
    return Result(
        strategy=strategy.name,
        net_btc=float(fate.net_end_btc[0]),
        expected_btc=float("nan") if expected is None else float(expected[paths.months]),
        calls=int(fate.calls[0]),
        liquidations=int(fate.liquidations[0]),
        lost_btc=float(fate.lost_btc[0]),
        headroom_share=float("nan") if room == float("inf") else room,
        lowest_cash_usd=float(fate.lowest_cash_usd[0]),
        insolvent=bool(fate.insolvent[0]),
        sold_btc=float(chosen.sell_btc[0]),
        borrowed_usd=sum(draw.amount_usd for draw in chosen.draws if draw.node == 0),
        ordered_units=sum(order.units for order in chosen.orders if order.node == 0),
    )


def _together(job: _Job, starts: list[date], workers: int) -> Iterator[Window]:
    """In other processes. They import Pyomo with this module: a lock that it made in a first job would be left behind
    by a worker that is ended."""
    pool, done = ProcessPoolExecutor(max_workers=workers, initializer=serve, initargs=(os.getpid(),)), False
    try:
        for window in [pool.submit(job, start) for start in starts]:
            yield window.result()
        done = True
    finally:
        # Workers that have finished leave by themselves; those in the midst of a plan are ended.
        pool.shutdown(wait=True, kill_workers=not done)
