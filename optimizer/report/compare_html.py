"""A comparison as one HTML file that needs no network and no script."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from optimizer import __version__
from optimizer.compare.compared import Compared
from optimizer.compare.split import less
from optimizer.errors import OutputError
from optimizer.report.compare_causes import name_of, signed
from optimizer.report.compare_view import sections
from optimizer.report.folder import write_whole
from optimizer.report.plain_page import clean_lines, template

# What tells an earlier comparison, which may be replaced, from any other file, near its beginning.
MARK = re.compile(r'<meta name="generator" content="hashlever [^"]* compare">')
MARKED_BYTES = 500
# Of the chart, in its own units: where bars may stand, right of the names and left of the last amount.
FIRST_X, LAST_X = 230.0, 680.0
MOST_LETTERS = 34


@dataclass(frozen=True)
class Bar:
    """A cause in the chart: its name, its amount in words, where its bar begins and how long it is."""

    name: str
    amount: str
    gains: bool
    x: float
    width: float


@dataclass(frozen=True)
class Chart:
    """From the mean of the first plan to that of another, cause by cause, each bar beginning where the last ended."""

    title: str
    bars: tuple[Bar, ...]


def comparison_html(compared: Compared) -> str:
    """The page; everything put into it is escaped, and no control character of a file gets into it."""
    return clean_lines(
        template("compare.html.j2").render(
            title=" against ".join(scenario.name for scenario in compared.scenarios),
            version=__version__,
            sections=sections(compared),
            charts=_charts(compared),
        )
    )


def _charts(c: Compared) -> list[Chart]:
    found = []
    for letter, split in zip(c.letters[1:], c.splits[1:], strict=True):
        base, unit = c.splits[0], c.ground.numeraire
        steps = [(name_of(cause), amount) for cause, amount in less(split, base).items()]
        nothing = signed(0.0, unit, base.mean)
        steps = [step for step in steps if signed(step[1], unit, base.mean).lstrip("-") != nothing]
        if steps:
            found.append(
                Chart(f"From the mean of A to that of {letter}, in {unit.upper()}", _bars(steps, unit, base.mean))
            )
    return found


def _bars(steps: list[tuple[str, float]], unit: str, beside: float) -> tuple[Bar, ...]:
    """Bars of a waterfall that begins at nothing, and one for all of it."""
    ends = [0.0]
    for _, amount in steps:
        ends.append(ends[-1] + amount)
    low, high = min(ends), max(ends)
    scale = (LAST_X - FIRST_X) / (high - low)
    return tuple(
        Bar(
            name=name if len(name) <= MOST_LETTERS else f"{name[: MOST_LETTERS - 3]}...",
            amount=signed(amount, unit, beside),
            gains=amount > 0,
            x=round(FIRST_X + (min(start, start + amount) - low) * scale, 1),
            width=round(max(abs(amount) * scale, 1.0), 1),
        )
        for (name, amount), start in zip([*steps, ("In all", ends[-1])], [*ends[:-1], 0.0], strict=True)
    )


def refuse_foreign_file(file: Path) -> None:
    """Raise `OutputError` if ``file`` is there and is not an earlier comparison, or cannot be one."""
    try:
        if not file.exists():
            return
        if not file.is_file():
            raise OutputError(f"{file} is there already and is not a file. Name a new file.")
        with file.open("rb") as page:
            head = page.read(MARKED_BYTES).decode("utf-8", errors="replace")
    except OSError as error:
        raise OutputError(f"Cannot read {file}: {error.strerror or error}.") from None
    if not MARK.search(head):
        raise OutputError(f"{file} is there already and is no comparison that hashlever wrote. Name a new file.")


def write_comparison(compared: Compared, file: Path) -> None:
    """Write the page, whole or not at all, over nothing or an earlier comparison. Raises `OutputError`."""
    refuse_foreign_file(file)
    text = comparison_html(compared)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, text)
    except OSError as error:
        raise OutputError(f"Cannot write the comparison to {file}: {error.strerror or error}.") from None
