"""Seconds against nodes, both in powers, so that growth is a slope."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.tables import Row

WIDTH, HEIGHT = 560, 320


def draw(rows: Sequence[Row], file: Path) -> None:
    """The flagship's runs that ended with a plan, as SVG, or as PNG by the file's ending."""
    import altair
    import pandas

    told = {"seconds": "all of plan", "solve": "solving"}
    points = [
        {"nodes": row["nodes"], "seconds": row[key], "what": what, "solved": row["method"]}
        for row in rows
        for key, what in told.items()
        if row["scenario"] == "fleet_refresh" and row["gap"] is not None
    ]
    log = altair.Scale(type="log", nice=False)
    chart = (
        altair.Chart(pandas.DataFrame(points))
        .mark_line(point=True)
        .encode(
            x=altair.X("nodes:Q", scale=log, title="nodes"),
            y=altair.Y("seconds:Q", scale=log, title="seconds"),
            color=altair.Color("solved:N", title="solved"),
            strokeDash=altair.StrokeDash("what:N", sort=[*told.values()], legend=None),
        )
        .properties(width=WIDTH, height=HEIGHT, title="All of plan (solid) and solving (dashed)")
    )
    chart.save(file, scale_factor=2) if file.suffix == ".png" else chart.save(file)
