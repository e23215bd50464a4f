"""The command: parse, call, print. Everything it can do, the Python API can do (`from optimizer import plan`)."""

from __future__ import annotations

import contextlib
import gc
import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from optimizer.cli_backtest import backtest
from optimizer.cli_compare import compare
from optimizer.cli_options import Compare, File, Json, MethodOption, Overrides, Scheduler, Sets, TreeWorkers
from optimizer.cli_quote import quote
from optimizer.cli_sweep import sweep
from optimizer.completion import plan_folders
from optimizer.errors import ExitCode, HashleverError, OutputError, ReplayError, TreesError
from optimizer.shell import Progress, leave_interrupted, open_in_browser, print_json, print_with

app = typer.Typer(
    name="hashlever",
    help="Which ASICs to buy and how to pay for them: plan machines, debt and treasury of a Bitcoin miner together.",
    no_args_is_help=True,
    # Plain help: rendering it with rich costs a third of the start-up time.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Policy(StrEnum):
    """What the company does after today when a plan is replayed."""

    nearest_node = "nearest_node"
    sell_only = "sell_only"
    replan = "replan"


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that does not exist or is empty.")],
) -> None:
    """Make a workspace: the catalogue, the scenarios and the schema for your editor."""
    from optimizer.workspace import create

    for line in create(folder):
        print(line)


@app.command()
def validate(file: File, override: Overrides = None, set_: Sets = None, json_: Json = False) -> None:
    """Check a scenario: every problem at once, and what was understood of it."""
    from optimizer.scenario.load import load_scenario

    loaded = load_scenario(file, override or (), set_ or ())
    if json_:
        print_json(
            {
                "valid": True,
                "name": loaded.scenario.name,
                "sha256": loaded.sha256,
                "warnings": [str(w) for w in loaded.warnings],
            }
        )
        return
    from optimizer.report.terminal import print_scenario

    print_with(lambda console: print_scenario(loaded, console))


# What takes long to load of what writes a plan; SciPy's optimize for break-evens.
WRITES_A_PLAN = (
    "scipy.optimize",
    "optimizer.report.write",
    "optimizer.report.html.page",
    "optimizer.report.workbook.book",
    "optimizer.report.terminal",
)


@app.command()
def plan(
    ctx: typer.Context,
    file: File,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write plan.json, report.html, plan.xlsx and CSV tables here."),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the report in the browser; with --out.")] = False,
    override: Overrides = None,
    set_: Sets = None,
    json_: Json = False,
    compare: Compare = True,
    why: Annotated[
        bool,
        typer.Option("--why", help="Also ask what limits are worth and where the advice flips: minutes."),
    ] = False,
    monte_carlo: Annotated[
        int,
        typer.Option("--monte-carlo", metavar="N", min=0, help="Replay the plan on so many other paths; 0: on none."),
    ] = 5000,
    trees: Annotated[
        int | None,
        typer.Option("--trees", metavar="K", help="Plan K sampled trees and say how sure the advice is; from 3 on."),
    ] = None,
    workers: TreeWorkers = None,
    method: MethodOption = "auto",
    scheduler: Scheduler = None,
) -> None:
    """Make the plan: what to buy, sell and borrow today, and what to do on every branch after."""
    from optimizer.planning import plan as make_plan

    if open_ and out is None:
        raise OutputError("--open needs --out DIR: the report to open is written there, as report.html.")
    if workers is not None and trees is None:
        raise TreesError("--workers is for --trees: give the number of trees as well, or leave it out.")
    if out is not None:
        from optimizer.report.folder import PLAN, refuse_foreign

        refuse_foreign(out, PLAN)
    from optimizer.ahead import load_ahead
    from optimizer.report.html.drawing import Artist

    if not why and trees is None:
        # One plan keeps nearly all that is made for it until the process ends: nothing for the collector to find.
        gc.disable()
    made, artist = None, ctx.with_resource(Artist())
    with contextlib.suppress(KeyboardInterrupt), Progress() as progress:

        def tell(stage: str, detail: str) -> None:
            progress.tell(stage, detail)
            if stage == "solve" and out is not None and artist.get_ready():
                load_ahead(*WRITES_A_PLAN)

        made = make_plan(
            file,
            overrides=override or (),
            sets=set_ or (),
            compare=compare,
            why=why,
            monte_carlo=monte_carlo,
            trees=1 if trees is None else trees,
            workers=workers,
            method=method,
            scheduler=scheduler,
            tell=tell,
        )
        for warning in made.loaded.warnings:
            progress.note(f"warning: {warning}")
    if made is None:
        ctx.close()
        leave_interrupted()
    if out is not None:
        from optimizer.report.folder import REPORT
        from optimizer.report.write import write_plan

        written = write_plan(made, out, artist)
        print(f"wrote {len(written)} files to {out}", file=sys.stderr)
        if open_:
            open_in_browser(out / REPORT)
    if json_:
        from optimizer.report.plan_json import plan_document

        print_json(plan_document(made))
    else:
        from optimizer.report.terminal import print_plan

        print_with(lambda console: print_plan(made, console))
    if made.solver.hit_limit:
        raise typer.Exit(ExitCode.LIMIT_WITH_PLAN)


@app.command()
def replay(
    plan: Annotated[
        Path,
        typer.Argument(
            metavar="PLAN", help="A folder that plan --out wrote.", show_default=False, autocompletion=plan_folders
        ),
    ],
    monte_carlo: Annotated[
        int | None,
        typer.Option("--monte-carlo", metavar="N", min=1, help="On N paths drawn from the plan's own market."),
    ] = None,
    history: Annotated[
        Path | None, typer.Option("--history", metavar="FILE", help="On what happened, from a daily CSV, since --from.")
    ] = None,
    from_: Annotated[
        datetime | None, typer.Option("--from", metavar="DATE", formats=["%Y-%m-%d"], help="The history's first day.")
    ] = None,
    stress: Annotated[
        str | None,
        typer.Option("--stress", metavar="NAME|FILE", help="On a named shock, a file of shocks, `all` or `grid`."),
    ] = None,
    policy: Annotated[
        Policy, typer.Option("--policy", help="What the company does after today.")
    ] = Policy.nearest_node,
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="S", min=0, help="Of the paths drawn; the scenario's own if not given."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", metavar="N", min=1, help="Processes that draw and replay paths; 1 if not given."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write replay.json and CSV tables to this folder.")
    ] = None,
    json_: Json = False,
) -> None:
    """Replay a plan off its tree: on thousands of other paths, on history, on named shocks."""
    _refuse_unless_one_kind(monte_carlo, history, from_, stress, seed, workers)
    from optimizer.replay.replayed import on_history, on_monte_carlo, on_stress
    from optimizer.replay.saved import read_plan

    if out is not None:
        from optimizer.report.folder import REPLAY, refuse_foreign

        refuse_foreign(out, REPLAY)
    done = None
    with contextlib.suppress(KeyboardInterrupt), Progress() as progress:
        progress.tell("read", str(plan))
        saved = read_plan(plan)
        if monte_carlo is not None:
            done = on_monte_carlo(
                saved, monte_carlo, seed=seed, policy=policy.value, workers=workers or 1, tell=progress.tell
            )
        elif history is not None and from_ is not None:
            done = on_history(saved, history, from_.date(), policy=policy.value, tell=progress.tell)
        elif stress is not None:
            done = on_stress(saved, stress, policy=policy.value, tell=progress.tell)
    if done is None:
        leave_interrupted()
    if out is not None:
        from optimizer.report.write import write_replay

        written = write_replay(done, out)
        print(f"wrote {len(written)} files to {out}", file=sys.stderr)
    if json_:
        from optimizer.report.replay_json import replay_document

        print_json(replay_document(done))
    else:
        from optimizer.report.terminal_replay import print_replay

        print_with(lambda console: print_replay(done, console))


app.command()(backtest)
app.command()(compare)
app.command()(sweep)
app.add_typer(quote)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a scenario file, for editors."""
    from optimizer.scenario.jsonschema import scenario_json_schema

    print_json(scenario_json_schema())


def _refuse_unless_one_kind(
    monte_carlo: int | None,
    history: Path | None,
    from_: datetime | None,
    stress: str | None,
    seed: int | None,
    workers: int | None,
) -> None:
    """Raise `ReplayError` unless one kind of replay is asked for, with no option of another."""
    kinds = {"--monte-carlo": monte_carlo, "--history": history, "--stress": stress}
    asked = [name for name, value in kinds.items() if value is not None]
    if len(asked) != 1:
        found = f"{' and '.join(asked)} together" if asked else "none of them"
        raise ReplayError(
            "A replay is of one kind: --monte-carlo N, --history FILE --from DATE, or --stress NAME|FILE|all|grid; "
            f"found {found}."
        )
    if (history is None) != (from_ is None):
        raise ReplayError("--history and --from go together: the file, and the day from which it is replayed.")
    if monte_carlo is None and (seed is not None or workers is not None):
        raise ReplayError("--seed and --workers are for --monte-carlo: there is nothing to draw on other paths.")


def _show_version(asked: bool) -> None:
    if asked:
        from optimizer import __version__

        print(f"hashlever {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


def _fail(error: BaseException, code: ExitCode) -> NoReturn:
    print(str(error), file=sys.stderr)
    raise SystemExit(int(code))


def main() -> None:
    """Run the command; turn what a user can mend into words and an exit code, and let bugs be seen as bugs."""
    try:
        app()
    except HashleverError as error:
        _fail(error, error.exit_code)
    finally:
        # The process ends and gives back all it has; the collector's last look through it would only take time.
        gc.freeze()
