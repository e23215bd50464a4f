"""Arguments and options that several commands take: one meaning, one help text and one Tab completion each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from optimizer.completion import override_names, scenario_files, settable_paths

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help="The scenario, a YAML file.", show_default=False, autocompletion=scenario_files
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--override",
        metavar="NAME",
        help="Lay a named block of the file's `overrides:` over it.",
        autocompletion=override_names,
    ),
]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change one value, as in treasury.cash_usd=5e6.",
        autocompletion=settable_paths,
    ),
]
Compare = Annotated[bool, typer.Option("--compare/--no-compare", help="Also plan the alternatives to measure against.")]
Workers = Annotated[
    int | None,
    typer.Option("--workers", metavar="N", min=1, max=64, help="Processes that plan; one a core if not given."),
]
TreeWorkers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        min=1,
        max=64,
        help="Processes that plan trees; one a core if not given. With --trees.",
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option("--scheduler", metavar="ADDRESS", help="Work on the Dask cluster there, such as tcp://10.0.0.5:8786."),
]
MethodOption = Annotated[
    Literal["auto", "whole", "decomposed"],
    typer.Option("--method", help="Solve the tree whole, or cut in parts; auto: in parts from a thousand nodes on."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on standard output.")]
