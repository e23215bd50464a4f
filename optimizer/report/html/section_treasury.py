"""BTC held, pledged, mined and sold, and cash, through time."""

from __future__ import annotations

from optimizer.report.html.chart import BLUE, GREEN, ORANGE, RED, USD_AXIS, amount, fan, level, mark, svg, time
from optimizer.report.html.parts import (
    Figure,
    Key,
    Section,
    Table,
    in_btc,
    in_usd,
    keys_of,
    number,
    on_day,
    only,
    points,
)
from optimizer.report.plain import Document
from optimizer.report.words import btc, months, usd

DAY = on_day("date", "month to")
HELD = (DAY, *points("btc", "held", in_btc), *points("pledged_btc", "pledged", in_btc))
FLOWS = (DAY, *points("mined_btc", "mined", in_btc), *points("sold_btc", "sold", in_btc))
CASH = (DAY, *points("cash_usd", "cash", in_usd))
RUNWAY = (
    DAY,
    number("runway_months_p10", "months, low tenth", 1),
    number("runway_months_p90", "months, high tenth", 1),
)
BAND = "eight of ten futures"
LEAST = Key("least that is required", RED, "dash")


def bitcoin(doc: Document) -> Section:
    """BTC through time."""
    last, needs = doc["months"][-1], doc["scenario"]["resolved"]["requirements"]
    says = (
        f"Holds {btc(doc['today']['after']['btc'])} BTC after today and {btc(last['btc_mean'])} on average at the end "
        f"({btc(last['btc_p10'])} to {btc(last['btc_p90'])} in eight of ten futures).",
    )
    return Section(
        "btc", "Bitcoin: held, pledged, mined, sold", says, (_held(doc, needs.get("min_btc") or 0.0), _flows(doc))
    )


def _held(doc: Document, least: float) -> Figure:
    drawn = only(doc["months"], keys_of(HELD, "month"))
    y = amount("btc_mean", "BTC", zero=True)
    layers = [*fan("btc", y), mark("line", time(), {**y, "field": "pledged_btc_mean"}, color=ORANGE, strokeDash=[5, 3])]
    if least > 0:
        layers += level(least, "y", RED, (2, 3))
    return Figure(
        name="held",
        title="BTC held, pledged included",
        says="With lenders is what a liquidation could take; the rest is free.",
        chart=svg(layers, drawn),
        of="months",
        drawn=drawn,
        table=Table(HELD, drawn),
        keys=(
            Key("held, mean", BLUE),
            Key(BAND, BLUE, "band"),
            Key("pledged, mean", ORANGE, "dash"),
            *([LEAST] if least > 0 else ()),
        ),
    )


def _flows(doc: Document) -> Figure:
    drawn = only(doc["months"], keys_of(FLOWS, "month"))
    y = amount("sold_btc_mean", "BTC a month", zero=True)
    whisker = mark("rule", time(), {**y, "field": "sold_btc_p10"}, y2={"field": "sold_btc_p90"}, color=ORANGE)
    layers = [
        mark("bar", time(), y, color=ORANGE, width=7, opacity=0.75),
        whisker,
        mark("line", time(), {**y, "field": "mined_btc_mean"}, color=GREEN),
    ]
    sold = sum(row["sold_btc_mean"] for row in drawn)
    mined = sum(row["mined_btc_mean"] for row in drawn)
    return Figure(
        name="flows",
        title="BTC sold and mined",
        says=f"Expected over the horizon: {btc(mined)} BTC mined, {btc(sold)} sold.",
        chart=svg(layers, drawn),
        of="months",
        drawn=drawn,
        table=Table(FLOWS, drawn),
        keys=(Key("sold, mean; line: eight of ten futures", ORANGE, "band"), Key("mined, mean", GREEN)),
    )


def cash(doc: Document) -> Section:
    """Cash and runway."""
    after, needs = doc["today"]["after"], doc["scenario"]["resolved"]["requirements"]
    runway = "endless" if after["runway_months"] is None else f"{months(after['runway_months'])} months"
    says = (
        f"{usd(after['cash_usd'])} in cash after today, {usd(after['payable_usd'])} due on machines ordered; cash and "
        f"free BTC pay {'for ' if after['runway_months'] is not None else ''}{runway} of bills without revenue.",
    )
    figures = [_cash(doc, needs.get("min_cash_usd") or 0.0)]
    if any(row["runway_months_p10"] is not None for row in doc["months"]):
        figures.append(_runway(doc, needs.get("min_runway_months")))
    return Section("cash", "Cash and runway", says, tuple(figures))


def _cash(doc: Document, least: float) -> Figure:
    drawn = only(doc["months"], keys_of(CASH, "month"))
    y = amount("cash_usd_mean", "USD in cash", USD_AXIS, zero=True)
    least_line = level(least, "y", RED, (2, 3)) if least > 0 else []
    return Figure(
        name="cash",
        title="Cash",
        says="At each month's end, after bills, payments to lenders and machines paid for.",
        chart=svg([*fan("cash_usd", y), *least_line], drawn),
        of="months",
        drawn=drawn,
        table=Table(CASH, drawn),
        keys=(Key("mean", BLUE), Key(BAND, BLUE, "band"), *([LEAST] if least > 0 else ())),
    )


def _runway(doc: Document, least: float | None) -> Figure:
    drawn = only(doc["months"], keys_of(RUNWAY, "month"))
    y = amount("runway_months_p10", "months", zero=True)
    layers = [
        mark("line", time(), y, color=BLUE),
        *(level(least, "y", RED, (2, 3)) if least else []),
    ]
    return Figure(
        name="runway",
        title="Runway",
        says="Months of bills that cash and free BTC at the day's price pay for without revenue.",
        chart=svg(layers, drawn),
        of="months",
        drawn=drawn,
        table=Table(RUNWAY, drawn),
        keys=(Key("one future in ten has this or less", BLUE), *([LEAST] if least else ())),
    )
