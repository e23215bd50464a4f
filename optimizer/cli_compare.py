"""`hashlever compare`: parse, call, print."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from optimizer.cli_options import Json
from optimizer.completion import plans_and_scenarios
from optimizer.shell import Progress, leave_interrupted, print_json, print_with


def compare(
    plans: Annotated[
        list[Path],
        typer.Argument(
            metavar="A B [C...]",
            help="Folders that plan --out wrote, or scenarios, which are planned first.",
            show_default=False,
            autocompletion=plans_and_scenarios,
        ),
    ],
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the comparison as one HTML file.")
    ] = None,
    json_: Json = False,
) -> None:
    """Lay plans side by side: what was asked, what they decide, what they bring, and why one brings more."""
    from optimizer.compare.compared import compare as lay
    from optimizer.compare.given import read_all

    if html is not None:
        from optimizer.report.compare_html import refuse_foreign_file

        refuse_foreign_file(html)
    compared = None
    with contextlib.suppress(KeyboardInterrupt), Progress() as progress:
        compared = lay(read_all(plans, progress.tell), progress.tell)
    if compared is None:
        leave_interrupted()
    if html is not None:
        from optimizer.report.compare_html import write_comparison

        write_comparison(compared, html)
        print(f"wrote {html}", file=sys.stderr)
    if json_:
        from optimizer.report.compare_json import comparison_document

        print_json(comparison_document(compared))
    else:
        from optimizer.report.terminal_compare import print_comparison

        print_with(lambda console: print_comparison(compared, console))
