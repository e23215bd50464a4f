"""Charts as SVG: Vega-Lite specifications of a few shapes, drawn offline by vl-convert.

Specifications are plain data: building them with Altair, which checks each against its schema, would take longer than
drawing them. Colours are Okabe and Ito's; the page's style sheet gives each its counterpart on a dark ground, so charts
use no others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from optimizer.report.html.drawing import Artist, draw
from optimizer.report.plain import Document

Spec = dict[str, Any]

BLUE, ORANGE, GREEN, RED, SKY, PURPLE = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7"
# One of them for each lender, first the one to whom most is owed.
LENDERS = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)
INK, MUTED, GRID = "#1a1a1a", "#595959", "#dddddd"

# Drawn at about the width of a phone: half a desktop's page is a little more, so text reads on both.
WIDTH, HEIGHT = 360, 190
LARGEST_SCALE = 1.25
BAR = 22
FONT = "Helvetica, Arial, sans-serif"
CONFIG: Spec = {
    "background": None,
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": MUTED,
        "titleColor": MUTED,
        "domainColor": MUTED,
        "tickColor": MUTED,
        "gridColor": GRID,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        # Holding texts to a width means measuring each once more, a third of the drawing: only names may be long.
        "labelLimit": 0,
        "titleLimit": 0,
    },
    "line": {"strokeWidth": 2.2},
    "text": {"color": INK, "fontSize": 12, "limit": 0},
    "rule": {"strokeWidth": 1.4},
}
SPLIT = " @ "
USD_AXIS = "'$' + replace(format(datum.value, '.2~s'), 'G', 'B')"
SHARE_AXIS = "format(datum.value, '.0%')"


def time(field: str = "date") -> Spec:
    """The horizontal axis of months."""
    axis = {"format": "%b %y", "tickCount": 6, "labelOverlap": True, "grid": False}
    return {"field": field, "type": "temporal", "title": None, "axis": axis, "scale": {"type": "utc"}}


def amount(field: str, title: str, labels: str | None = None, **scale: Any) -> Spec:
    """An axis of amounts whose title carries the unit; ``labels`` is a Vega expression."""
    axis: Spec = {"title": title, "tickCount": 5, "labelFlush": False}
    if labels is not None:
        axis["labelExpr"] = labels
    return {"field": field, "type": "quantitative", "axis": axis, "scale": {"zero": False, **scale}}


def named(field: str, order: Sequence[str]) -> Spec:
    """The vertical axis of names, in this order."""
    axis = {"title": None, "ticks": False, "domain": False, "labelLimit": 170}
    return {"field": field, "type": "nominal", "sort": list(order), "axis": axis}


def two_lines(field: str, order: Sequence[str]) -> Spec:
    """The same for names of two parts with a `SPLIT` between them, one below the other."""
    spec = named(field, order)
    spec["axis"]["labelExpr"] = f"split(datum.label, '{SPLIT}')"
    spec["axis"] |= {"labelLineHeight": 13, "labelOffset": -6}
    return spec


def mark(kind: str, x: Spec | None = None, y: Spec | None = None, *, where: str = "", **style: Any) -> Spec:
    """One layer. ``style``: what Vega-Lite's mark takes; an encoding (a dict with ``field`` or ``datum``) goes there.
    ``where``: a Vega expression over the rows drawn."""
    channels = {k: v for k, v in style.items() if isinstance(v, dict) and {"field", "datum", "condition"} & v.keys()}
    encoding = {name: value for name, value in {"x": x, "y": y, **channels}.items() if value is not None}
    kept = {name: value for name, value in style.items() if name not in channels}
    layer: Spec = {"mark": {"type": kind, **kept}, "encoding": encoding}
    return {**layer, "transform": [{"filter": where}]} if where else layer


def fan(
    name: str, y: Spec, colour: str = BLUE, low: str = "p10", middle: str = "mean", high: str = "p90"
) -> list[Spec]:
    """A band between two points of a distribution and a line between them, over months."""
    band = mark("area", time(), {**y, "field": f"{name}_{low}"}, y2={"field": f"{name}_{high}"}, color=colour)
    band["mark"]["opacity"] = 0.25
    return [band, mark("line", time(), {**y, "field": f"{name}_{middle}"}, color=colour)]


def level(value: float, axis: str, colour: str = INK, dash: Sequence[int] = (), label: str = "") -> list[Spec]:
    """A straight line across the chart at a value of ``axis`` (x or y), with a name beside it."""
    once: Spec = {"data": {"values": [{}]}}
    at: Spec = {axis: {"datum": value, "type": "quantitative"}}
    rule: Spec = {"mark": {"type": "rule", "color": colour, "strokeDash": list(dash)}, "encoding": at}
    style: Spec = {"type": "text", "align": "left", "baseline": "bottom", "dx": 3, "dy": -2, "color": colour}
    edge: Spec = {"x": {"value": 0}} if axis == "y" else {"y": {"value": 10}}
    name: Spec = {"mark": style, "encoding": {**at, **edge, "text": {"datum": label}}}
    return [once | rule, once | name] if label else [once | rule]


@dataclass(frozen=True)
class Chart:
    """A chart; in a page, its SVG. ``drawing`` waits for it where it is being drawn already."""

    spec: Spec
    drawing: Callable[[], str] | None = None

    def begun(self, artist: Artist) -> Chart:
        """The same, being drawn by ``artist``."""
        return Chart(self.spec, artist.begin(self.spec))

    def __html__(self) -> str:
        return _fluid(self.drawing() if self.drawing else draw(self.spec))


def svg(layers: Sequence[Spec], rows: Sequence[Document], width: int = WIDTH, height: int = HEIGHT) -> Chart:
    """Layers over the same rows."""
    # Of a row only what is drawn: reading the rest takes longer than drawing.
    used = set(re.findall(r"(?:'field': '|datum\.)(\w+)", str(layers)))
    values = [{name: value for name, value in row.items() if name in used} for row in rows]
    spec: Spec = {"layer": list(layers), "data": {"values": values}, "width": width, "height": height}
    return Chart({"config": CONFIG, **spec})


def _fluid(drawn: str) -> str:
    """As wide as the page gives it room, but not so wide that its text outgrows the page's."""
    box = re.search(r'viewBox="0 0 (\d+) \d+"', drawn)
    assert box is not None
    most = round(int(box[1]) * LARGEST_SCALE)
    start = f'<svg xmlns="http://www.w3.org/2000/svg" {box[0]} style="max-width:{most}px">'
    return re.sub(r"^<svg[^>]*>", start, drawn)


def named_height(names: int, each: int = BAR) -> int:
    """The height of a chart with so many names below each other."""
    return max(names, 1) * each
