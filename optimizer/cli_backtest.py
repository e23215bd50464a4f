"""`hashlever backtest`: parse, call, print."""

from __future__ import annotations

import contextlib
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from optimizer.cli_options import File, Json, Overrides, Sets, Workers
from optimizer.errors import ExitCode
from optimizer.shell import Progress, leave_interrupted, print_json, print_with

LONGEST_MONTHS = 120


def months(text: str) -> int:
    """A number of months written as ``12m``."""
    written = re.fullmatch(r"(\d{1,3})m", text)
    if not written or not 1 <= int(written[1]) <= LONGEST_MONTHS:
        raise typer.BadParameter(f"{text!r} is not a number of months from 1m to {LONGEST_MONTHS}m, as in 3m")
    return int(written[1])


def backtest(
    file: File,
    history: Annotated[
        Path, typer.Option("--history", metavar="FILE", help="What happened: a daily CSV.", show_default=False)
    ],
    start: Annotated[
        datetime,
        typer.Option("--start", metavar="DATE", formats=["%Y-%m-%d"], help="The first start.", show_default=False),
    ],
    end: Annotated[
        datetime | None,
        typer.Option("--end", metavar="DATE", formats=["%Y-%m-%d"], help="The last day of a start."),
    ] = None,
    every: Annotated[
        int, typer.Option("--every", metavar="Nm", parser=months, help="Months from one start to the next.")
    ] = "3m",  # type: ignore[assignment]  # typer reads the default as it reads what is typed
    horizon: Annotated[
        int, typer.Option("--horizon", metavar="Nm", parser=months, help="Months that a plan is made for.")
    ] = "12m",  # type: ignore[assignment]
    override: Overrides = None,
    set_: Sets = None,
    workers: Workers = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write backtest.json, a CSV table and the chart there.")
    ] = None,
    json_: Json = False,
) -> None:
    """Plan in the past from what was known then, and see what came of it, against the obvious."""
    from optimizer.replay.backtest import backtest as run
    from optimizer.scenario.load import load_scenario

    if out is not None:
        from optimizer.report.folder import BACKTEST, refuse_foreign

        refuse_foreign(out, BACKTEST)
    tested = None
    with contextlib.suppress(KeyboardInterrupt), Progress() as progress:
        tested = run(
            load_scenario(file, override or (), set_ or ()),
            history,
            start.date(),
            end=end.date() if end else None,
            every_months=every,
            horizon_months=horizon,
            workers=workers,
            tell=progress.tell,
        )
    if tested is None:
        leave_interrupted()
    if out is not None:
        from optimizer.report.write import write_backtest

        written = write_backtest(tested, out)
        print(f"wrote {len(written)} files to {out}", file=sys.stderr)
    if json_:
        from optimizer.report.backtest_json import backtest_document

        print_json(backtest_document(tested))
    else:
        from optimizer.report.terminal_backtest import print_backtest

        print_with(lambda console: print_backtest(tested, console))
    if not any(window.of("plan").why_not == "" for window in tested.windows):
        raise typer.Exit(ExitCode.NO_FEASIBLE_PLAN)
