"""`hashlever sweep`: parse, call, print."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optimizer.cli_options import Compare, File, Json, Overrides, Scheduler, Sets, Workers
from optimizer.errors import Problem, SweepError
from optimizer.shell import Progress, leave_interrupted, print_json, print_with

if TYPE_CHECKING:
    from optimizer.engine.cluster import Tell
    from optimizer.engine.work import Engine


def sweep(
    file: File,
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="DIR", help="Keep the plans and their summary here; again, to go on.", show_default=False
        ),
    ],
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary", metavar="PATH=V,V", help="Values to try, or override=NAME,NAME; several make a grid of all."
        ),
    ] = None,
    points: Annotated[
        Path | None, typer.Option("--points", metavar="FILE", help="A YAML file of points by name, each its changes.")
    ] = None,
    frontier: Annotated[
        str | None,
        typer.Option("--frontier", metavar="W,W", help="Risk weights, 0 to 1: mean against tail of each."),
    ] = None,
    tornado: Annotated[
        list[str] | None,
        typer.Option("--tornado", metavar="PATH:F,F", help="Multiply one value at a time, and see what worth does."),
    ] = None,
    override: Overrides = None,
    set_: Sets = None,
    compare: Compare = True,
    monte_carlo: Annotated[
        int,
        typer.Option("--monte-carlo", metavar="N", min=0, help="Replay every plan on so many other paths; 0: on none."),
    ] = 5000,
    workers: Workers = None,
    scheduler: Scheduler = None,
    json_: Json = False,
) -> None:
    """Plan many changes of one scenario: a grid, a list, the risk weight's frontier, a tornado. Resumable."""
    from optimizer.sweep import asked
    from optimizer.sweep.points import Making, points_of
    from optimizer.sweep.run import sweep_into
    from optimizer.sweep.store import refuse_foreign

    refuse_foreign(out)
    problems: list[Problem] = []
    wanted = [
        *asked.grid(vary or (), problems),
        *(asked.listed(points, problems) if points is not None else ()),
        *(asked.frontier(frontier, problems) if frontier is not None else ()),
    ]
    factors = asked.tornado(tornado or (), problems)
    making = Making(compare, monte_carlo)
    swept = None
    with (
        contextlib.suppress(KeyboardInterrupt),
        Progress() as progress,
        _engine(workers, scheduler, progress.tell) as engine,
    ):
        found = points_of(file, wanted, factors, making, override or (), set_ or (), problems)
        swept = sweep_into(found, making, out, engine, progress.tell)
    if swept is None:
        leave_interrupted(f"the plans made are kept in {out}: run the same command to go on")
    print(f"{swept.planned} planned, {len(swept.rows)} points in {out}", file=sys.stderr)
    if json_:
        from optimizer.report.sweep_json import sweep_document

        print_json(sweep_document(swept))
    else:
        from optimizer.report.terminal_sweep import print_sweep

        print_with(lambda console: print_sweep(swept, console))
    raise typer.Exit(swept.exit_code)


@contextlib.contextmanager
def _engine(workers: int | None, scheduler: str | None, tell: Tell) -> Iterator[Engine]:
    """What plans the points: a cluster if there is a scheduler, else processes of this machine."""
    import os

    from optimizer.engine.cluster import cluster
    from optimizer.engine.local import Local

    if scheduler is None:
        yield Local(workers or os.cpu_count() or 1)
    elif workers is not None:
        raise SweepError("--workers counts processes of this machine; --scheduler plans elsewhere. Give one.")
    else:
        with cluster(scheduler, tell) as engine:
            yield engine
