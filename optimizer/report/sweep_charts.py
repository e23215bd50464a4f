"""The charts of a sweep: mean against tail along the frontier, the tornado, and every point's worth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optimizer.report.html import chart
from optimizer.report.plain import Document
from optimizer.report.sweep_names import short_name, short_paths
from optimizer.report.words import clean, worth
from optimizer.sweep.swept import Swept

# More names than this below each other are a table's affair.
MOST_NAMES = 60
LONGEST_NAME = 44
# Beside the bars of a tornado: a share of its width, and something where no bar has a length.
MARGIN, SMALLEST_ROOM = 0.15, 1e-6


@dataclass(frozen=True)
class Drawn:
    """A chart and what it shows."""

    title: str
    svg: chart.Chart


def charts(swept: Swept) -> Iterator[Drawn]:
    """The charts that the sweep gives enough for; amounts of different numeraires share none."""
    units = {row.result.numeraire for row in swept.rows if row.result}
    if len(units) != 1:
        return
    [unit] = units
    if len(swept.frontier) > 1:
        yield Drawn(f"Mean against tail as the risk weight rises, in {unit.upper()}", _frontier(swept, unit))
    if swept.tornado:
        yield Drawn(f"Change of worth against the base, in {unit.upper()}", _tornado(swept, unit))
    planned = [row for row in swept.rows if row.result]
    if 1 < len(planned) <= MOST_NAMES:
        yield Drawn(f"From tail to mean, and worth (the dot), in {unit.upper()}", _points(swept, unit))


def _labels(unit: str) -> str | None:
    return chart.USD_AXIS if unit == "usd" else None


def _frontier(swept: Swept, unit: str) -> chart.Chart:
    rows: dict[tuple[str, str], Document] = {}
    for row in swept.frontier:
        if row.result:
            found, weight = row.result, row.point.wanted.name.partition("=")[2]
            # Weights that lead to one place share its label.
            at = worth(found.tail, unit), worth(found.mean, unit)
            if at in rows:
                rows[at]["weight"] += f", {weight}"
            else:
                rows[at] = {"tail": found.tail, "mean": found.mean, "order": len(rows), "weight": weight}
    x, y = chart.amount("tail", "Tail", _labels(unit)), chart.amount("mean", "Mean", _labels(unit))
    order = {"field": "order", "type": "quantitative"}
    label = {"field": "weight", "type": "nominal"}
    return chart.svg(
        [
            chart.mark("line", x, y, order=order, color=chart.BLUE),
            chart.mark("point", x, y, color=chart.BLUE, filled=True, size=45),
            chart.mark("text", x, y, text=label, align="left", dx=7, dy=-6),
        ],
        list(rows.values()),
    )


def _tornado(swept: Swept, unit: str) -> chart.Chart:
    rows: list[Document] = []
    paths = short_paths(swept)
    for bar in swept.tornado:
        rows += [
            {
                "name": _short(paths[bar.path]),
                "change": change,
                "zero": 0.0,
                "factor": f"x {factor:g}",
                "side": "gain" if change > 0 else "loss",
            }
            for factor, change in bar.ends
            if change is not None
        ]
    names = list(dict.fromkeys(row["name"] for row in rows))
    # Room for the factors beside the bars.
    low, high = min([0.0, *(row["change"] for row in rows)]), max([0.0, *(row["change"] for row in rows)])
    room = max((high - low) * MARGIN, SMALLEST_ROOM)
    x = chart.amount("change", "Change of worth", _labels(unit), domain=[low - room, high + room])
    y = chart.named("name", names)
    label = {"field": "factor", "type": "nominal"}
    zero = {"field": "zero"}
    return chart.svg(
        [
            chart.mark("bar", x, y, where="datum.change > 0", x2=zero, color=chart.BLUE, height=11),
            chart.mark("bar", x, y, where="datum.change <= 0", x2=zero, color=chart.RED, height=11),
            chart.mark("text", x, y, where="datum.change > 0", text=label, align="left", dx=3),
            chart.mark("text", x, y, where="datum.change <= 0", text=label, align="right", dx=-3),
            *chart.level(0.0, "x"),
        ],
        rows,
        height=chart.named_height(len(names), 26),
    )


def _points(swept: Swept, unit: str) -> chart.Chart:
    rows: list[Document] = []
    paths = short_paths(swept)
    for k, row in enumerate(swept.rows):
        if row.result:
            # Numbered, since two points may have one name.
            name = f"{k + 1}. {_short(short_name(row.point.wanted, paths))}"
            rows.append({"name": name, "tail": row.result.tail, "mean": row.result.mean, "worth": row.result.value})
    x, y = chart.amount("tail", "Net worth at the end", _labels(unit)), chart.named("name", [r["name"] for r in rows])
    y["axis"]["labelLimit"] = 330
    return chart.svg(
        [
            chart.mark("rule", x, y, x2={"field": "mean"}, color=chart.SKY, strokeWidth=5),
            chart.mark("point", {**x, "field": "worth"}, y, color=chart.BLUE, filled=True, size=45, opacity=1),
        ],
        rows,
        height=chart.named_height(len(rows)),
    )


def _short(name: str) -> str:
    text = clean(name)
    return text if len(text) <= LONGEST_NAME else f"...{text[3 - LONGEST_NAME :]}"
