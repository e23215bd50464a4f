"""The chart of a backtest: net BTC, liquidations and headroom of every strategy, start by start. Made offline."""

from __future__ import annotations

from io import BytesIO, StringIO

import altair as alt
import pandas as pd

from optimizer.replay.tested import STRATEGIES, Backtest
from optimizer.report.words import clean

WIDTH, HEIGHT = 760, 220
# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7")
MARGIN = pd.Timedelta(days=30)
PIXELS_PER_POINT = 2


def chart_svg(tested: Backtest) -> str:
    """The chart as SVG."""
    text = StringIO()
    backtest_chart(tested).save(text, format="svg")
    return text.getvalue()


def chart_png(tested: Backtest) -> bytes:
    """The chart as PNG, in twice a screen's resolution."""
    image = BytesIO()
    backtest_chart(tested).save(image, format="png", scale_factor=PIXELS_PER_POINT)
    return image.getvalue()


def backtest_chart(tested: Backtest) -> alt.VConcatChart:
    """Three panels above each other over the starts; a strategy that had no debt has no headroom."""
    table = tested.table[["start", "strategy", "net_btc", "liquidations", "headroom_share"]]
    rows = table.assign(strategy=table["strategy"].map(STRATEGIES), start=pd.to_datetime(table["start"]))
    most = int(rows.groupby("start")["liquidations"].sum().max())
    counts = alt.Axis(title="Liquidations", values=list(range(max(most, 1) + 1)), format="d")
    net = _panel(rows, "net_btc", alt.Axis(title="Net BTC at the end"), HEIGHT)
    seized = _panel(rows, "liquidations", counts, HEIGHT // 3)
    room = _panel(rows, "headroom_share", alt.Axis(title="Least fall to a call", format="%"), HEIGHT // 2)
    panels = (
        net.mark_line(point=alt.OverlayMarkDef(size=25)),
        seized.mark_bar(size=6),
        room.mark_point(filled=True, size=45),
    )
    name, months = clean(tested.loaded.scenario.name), tested.horizon_months
    text = f"{name}: planned at each start, replayed on the {months} months after"
    return alt.vconcat(*panels).properties(title=alt.TitleParams(text, anchor="start", fontSize=13))


def _panel(rows: pd.DataFrame, column: str, axis: alt.Axis, height: int) -> alt.Chart:
    first, last = rows["start"].min() - MARGIN, rows["start"].max() + MARGIN
    colours = alt.Scale(domain=list(STRATEGIES.values()), range=list(COLOURS))
    return (
        alt.Chart(rows.dropna(subset=[column]))
        .encode(
            x=alt.X(
                "start:T",
                title=None,
                axis=alt.Axis(format="%b %Y", labelOverlap=True),
                scale=alt.Scale(domain=[first.isoformat(), last.isoformat()]),
            ),
            y=alt.Y(f"{column}:Q", axis=axis),
            color=alt.Color("strategy:N", title=None, scale=colours),
        )
        .properties(width=WIDTH, height=height)
    )
