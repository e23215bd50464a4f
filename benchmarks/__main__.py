"""How fast hashlever is: prints tables in Markdown, and puts them into the document that shows them.

Every figure of docs/explanation/speed.md comes from here: ``python -m benchmarks --docs``, from the project's folder.
Times of a machine that does something else besides say little.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import bare_highs, handover, ledger, plans, sweeps
from benchmarks.asked import Asked
from benchmarks.chart import draw
from benchmarks.machine import described
from benchmarks.tables import Table, put
from benchmarks.trees import SHAPES

SPEED = Path(__file__).parents[1] / "docs" / "explanation" / "speed.md"
BENCHMARKS: dict[str, Callable[[Asked], list[Table]]] = {
    "plans": plans.measure,
    "bare": bare_highs.measure,
    "handover": handover.measure,
    "ledger": ledger.measure,
    "sweep": sweeps.measure,
}
DEFAULT_NODES = tuple(nodes for nodes in SHAPES if nodes >= 500)


def main() -> None:
    """Measure what is asked, print it, and put it where it is asked for. What fails is told, and the rest still
    measured."""
    read = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    read.add_argument("--only", action="append", choices=BENCHMARKS, help="may be given several times; else all")
    read.add_argument(
        "--nodes", type=_nodes, default=DEFAULT_NODES, metavar="N,N", help=f"trees, of {', '.join(map(str, SHAPES))}"
    )
    read.add_argument(
        "--whole-up-to", type=int, default=2_250, metavar="N", help="the largest tree also solved whole (2250)"
    )
    read.add_argument("--repeat", type=_positive, metavar="N", help="measure so often, and show medians")
    read.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    read.add_argument("--chart", type=Path, metavar="FILE", help="draw seconds against nodes there, .svg or .png")
    read.add_argument("--docs", action="store_true", help=f"put tables and chart into {SPEED.name}")
    asked = read.parse_args()
    machine = described()
    where = ", ".join(machine.values())
    names = asked.only or list(BENCHMARKS)
    wanted = Asked(asked.nodes, asked.whole_up_to, asked.repeat, lambda text: print(text, file=sys.stderr, flush=True))
    made: list[Table] = []
    failed: list[str] = []
    for name in names:
        command = shlex.join(["python", "-m", "benchmarks", "--only", name, *_how(asked, read)])
        try:
            tables = BENCHMARKS[name](wanted)
        except RuntimeError as error:
            failed.append(name)
            print(f"\n{name} failed: {error}", file=sys.stderr, flush=True)
            continue
        for table in tables:
            text = f"{table.markdown()}\n\n`{command}`: {where}."
            print(f"\n## {table.name}\n\n{text}", flush=True)
            if asked.docs and table.rows:
                put(SPEED, table.name, text)
            made.append(table)
    if asked.json:
        figures = {table.name: {"rows": table.rows, "notes": table.notes} for table in made}
        document = {"machine": machine, "asked": {"nodes": asked.nodes, "only": names}, "figures": figures}
        asked.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    for table in made:
        if table.name == "nodes":
            for file in [asked.chart, SPEED.with_suffix(".svg") if asked.docs else None]:
                if file is not None:
                    draw(table.rows, file)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _how(asked: argparse.Namespace, read: argparse.ArgumentParser) -> list[str]:
    """The options that change what is measured, where they are not as by default."""
    told = {"nodes": ",".join(map(str, asked.nodes)), "whole_up_to": asked.whole_up_to, "repeat": asked.repeat}
    usual = {"nodes": ",".join(map(str, DEFAULT_NODES))}
    return [
        f"--{name.replace('_', '-')}={value}"
        for name, value in told.items()
        if value != usual.get(name, read.get_default(name))
    ]


def _nodes(text: str) -> tuple[int, ...]:
    try:
        nodes = tuple(sorted({int(number.replace("_", "")) for number in text.split(",")}))
    except ValueError:
        nodes = ()
    if not nodes or set(nodes) - set(SHAPES):
        raise argparse.ArgumentTypeError(f"'{text}' must be of {', '.join(map(str, SHAPES))}, with commas between")
    return nodes


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' must be a whole number from 1 on")
    return int(text)


if __name__ == "__main__":
    main()
