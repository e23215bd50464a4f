"""The command: parse, call, print. Everything it can do, the Python API can do (`from optimizer import plan`)."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from optimizer.errors import ExitCode, HashleverError

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    name="hashlever",
    help="Which ASICs to buy and how to pay for them: plan machines, debt and treasury of a Bitcoin miner together.",
    no_args_is_help=True,
    # Plain help: rendering it with rich costs a third of the start-up time.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The scenario, a YAML file.", show_default=False)]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--override", metavar="NAME", help="Lay a named block of the file's `overrides:` over it."),
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change one value, as in treasury.cash_usd=5e6."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on standard output.")]


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
        _print_json(
            {
                "valid": True,
                "name": loaded.scenario.name,
                "sha256": loaded.sha256,
                "warnings": [str(w) for w in loaded.warnings],
            }
        )
        return
    from optimizer.report.terminal import print_scenario

    _print_with(lambda console: print_scenario(loaded, console))


@app.command()
def plan(
    file: File,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write plan.json and CSV tables to this folder.")
    ] = None,
    override: Overrides = None,
    set_: Sets = None,
    json_: Json = False,
    compare: Annotated[
        bool, typer.Option("--compare/--no-compare", help="Also plan the alternatives to measure against.")
    ] = True,
) -> None:
    """Make the plan: what to buy, sell and borrow today, and what to do on every branch after."""
    from optimizer.planning import plan as make_plan

    if out is not None:
        from optimizer.report.write import refuse_foreign

        refuse_foreign(out)
    made = None
    with contextlib.suppress(KeyboardInterrupt), _Progress() as progress:
        made = make_plan(file, overrides=override or (), sets=set_ or (), compare=compare, tell=progress.tell)
        for warning in made.loaded.warnings:
            progress.note(f"warning: {warning}")
    if made is None:
        _leave_interrupted()
    if out is not None:
        from optimizer.report.write import write_plan

        written = write_plan(made, out)
        print(f"wrote {len(written)} files to {out}", file=sys.stderr)
    if json_:
        from optimizer.report.plan_json import plan_document

        _print_json(plan_document(made))
    else:
        from optimizer.report.terminal import print_plan

        _print_with(lambda console: print_plan(made, console))
    if made.solver.hit_limit:
        raise typer.Exit(ExitCode.LIMIT_WITH_PLAN)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a scenario file, for editors."""
    from optimizer.scenario.jsonschema import scenario_json_schema

    _print_json(scenario_json_schema())


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


def _print_json(document: Any) -> None:
    _write(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _print_with(report: Callable[[Console], None]) -> None:
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


class _Progress:
    """Stages and seconds on standard error: one line that moves on a terminal, a line a stage elsewhere."""

    def __enter__(self) -> _Progress:
        import time

        from rich.console import Console

        self._console = Console(stderr=True)
        self._started = time.perf_counter
        self._zero = time.perf_counter()
        self._status = self._console.status("reading") if self._console.is_terminal else None
        self._stage = ""
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()

    def tell(self, stage: str, detail: str) -> None:
        """Show what is being done."""
        line = f"{self._started() - self._zero:5.1f} s  {stage}: {detail}"
        if self._status:
            self._status.update(line)
        elif stage != self._stage:
            self.note(line)
        self._stage = stage

    def note(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


def _leave_interrupted() -> NoReturn:
    """Say so and end, not by way of Python's own exit: there an interrupted HiGHS has aborted the process."""
    # What would run at Python's exit still runs: it lets go of what the workers shared.
    atexit._run_exitfuncs()
    print("interrupted; nothing was written", file=sys.stderr, flush=True)
    os._exit(ExitCode.INTERRUPTED)


def _fail(error: BaseException, code: ExitCode) -> NoReturn:
    print(str(error), file=sys.stderr)
    raise SystemExit(int(code))


def main() -> None:
    """Run the command; turn what a user can mend into words and an exit code, and let bugs be seen as bugs."""
    try:
        app()
    except HashleverError as error:
        _fail(error, error.exit_code)
