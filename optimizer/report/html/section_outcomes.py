"""What the company ends with: the plan against its alternatives, and against selling future by future."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.report.html.chart import (
    BLUE,
    MUTED,
    ORANGE,
    RED,
    USD_AXIS,
    Spec,
    amount,
    level,
    mark,
    named,
    named_height,
    svg,
)
from optimizer.report.html.parts import (
    Column,
    Figure,
    Key,
    Section,
    Table,
    as_price,
    as_share,
    in_btc,
    in_usd,
    keys_of,
    only,
    text,
)
from optimizer.report.plain import Document
from optimizer.report.terminal_judged import ALTERNATIVES
from optimizer.report.words import share, usd

POINTS = ("p05", "p25", "p50", "p75", "p95")
PLAN = "This plan"


def section(doc: Document) -> Section:
    """Distributions of net worth at the end."""
    unit = doc["objective"]["numeraire"]
    sell = next((row for row in doc["comparators"] if row["name"] == "sell_only" and row["feasible"]), None)
    says = []
    if sell:
        says.append(
            f"Against selling for every bill the plan ends ahead in {share(sell['plan_ahead_share'])} of futures"
            f"{_prices_where(doc)}."
        )
    if not doc["comparators"]:
        says.append("The alternatives were not planned (--no-compare), so there is nothing to hold the plan against.")
    return Section(
        "outcomes", f"Net {unit.upper()} at the end, against the alternatives", tuple(says), tuple(_figures(doc))
    )


def _prices_where(doc: Document) -> str:
    """Where BTC ends on average in the futures in which the plan is ahead of selling, and in those where it is not."""
    unit = doc["objective"]["numeraire"]
    means = []
    for ahead in (True, False):
        side = [row for row in doc["outcomes"] if (row[f"net_{unit}"] > row[f"sell_only_{unit}"]) == ahead]
        chance = sum(row["probability"] for row in side)
        if not chance:
            return ""
        means.append(sum(row["price_usd"] * row["probability"] for row in side) / chance)
    return f"; BTC ends at {usd(means[0])} on average where it is ahead, at {usd(means[1])} where it is not"


def _column(unit: str, key: str, heading: str) -> Column:
    return in_btc(key, heading) if unit == "btc" else in_usd(key, heading)


def _figures(doc: Document) -> Iterator[Figure]:
    unit = doc["objective"]["numeraire"]
    if len(doc["outcomes"]) > 1 or any(row["feasible"] for row in doc["comparators"]):
        yield _spread(doc, unit)
    if any(row["name"] == "sell_only" and row["feasible"] for row in doc["comparators"]) and len(doc["outcomes"]) > 1:
        yield _against_selling(doc, unit)


def _spread(doc: Document, unit: str) -> Figure:
    """From the 5% to the 95% point, the middle half thick, the middle and the mean."""
    objective = doc["objective"]
    keys = [f"{point}_{unit}" for point in POINTS]
    mine = {key: objective[f"{key[:3]}_net_{unit}"] for key in keys}
    mine |= {f"expected_{unit}": objective[f"expected_net_{unit}"], f"worst_{unit}": objective[f"worst_net_{unit}"]}
    mine |= {"name": "plan", f"cvar_{unit}": objective[f"cvar_net_{unit}"]}
    columns = (
        text("name", "plan"),
        *(_column(unit, key, f"{int(key[1:3])}% do not exceed") for key in keys),
        _column(unit, f"expected_{unit}", "mean"),
        _column(unit, f"cvar_{unit}", f"mean of the worst {share(objective['tail_share'])}"),
        _column(unit, f"worst_{unit}", "worst"),
    )
    drawn = [mine, *only([row for row in doc["comparators"] if row["feasible"]], keys_of(columns))]
    shown = [
        row | {"label": PLAN if row["name"] == "plan" else ALTERNATIVES.get(row["name"], row["name"])} for row in drawn
    ]
    y = named("label", [row["label"] for row in shown])

    def x(point: str) -> Spec:
        return amount(f"{point}_{unit}", f"net {unit.upper()} at the end", None if unit == "btc" else USD_AXIS)

    colour: Spec = {"condition": {"test": f"datum.label == '{PLAN}'", "value": BLUE}, "value": ORANGE}
    wide: Spec = {"x2": {"field": f"p95_{unit}"}}
    thick: Spec = {"x2": {"field": f"p75_{unit}"}}
    layers = [
        mark("rule", x("p05"), y, color=colour, strokeWidth=2, **wide),
        mark("rule", x("p25"), y, color=colour, strokeWidth=11, opacity=0.55, **thick),
        mark("tick", x("p50"), y, color=colour, thickness=3, height=16),
        mark("point", x("expected"), y, color=colour, shape="diamond", filled=True, size=60),
        mark("point", x("worst"), y, color=colour, shape="circle", size=30),
    ]
    return Figure(
        name="spread",
        title="What each plan ends with",
        says="Thin: nine of ten futures. Thick: the middle half. Tick: the middle; diamond: the mean; ring: the worst.",
        chart=svg(layers, shown, 230, named_height(len(shown), 32)),
        of="comparators",
        drawn=drawn,
        table=Table(columns, [row | {"name": row["label"]} for row in shown]),
        keys=(Key(PLAN, BLUE, "band"), Key("an alternative", ORANGE, "band")),
    )


def _against_selling(doc: Document, unit: str) -> Figure:
    """A dot for each final branch: BTC's price there, and how much more the plan ends with than selling would."""
    columns = (
        as_price("price_usd", "BTC ends at"),
        as_share("probability", "chance", 1),
        _column(unit, f"net_{unit}", "this plan"),
        _column(unit, f"sell_only_{unit}", ALTERNATIVES["sell_only"].lower()),
    )
    drawn = only(sorted(doc["outcomes"], key=lambda row: row["price_usd"]), keys_of(columns, "node"))
    shown = [row | {"gain": row[f"net_{unit}"] - row[f"sell_only_{unit}"]} for row in drawn]
    labels = None if unit == "btc" else USD_AXIS
    colour: Spec = {"condition": {"test": "datum.gain < 0", "value": RED}, "value": BLUE}
    size: Spec = {"field": "probability", "type": "quantitative", "scale": {"range": [20, 220]}, "legend": None}
    x = amount("price_usd", "BTC at the end", USD_AXIS)
    y = amount("gain", f"{unit.upper()} more than by selling", labels, zero=True)
    layers = [
        *level(0.0, "y", MUTED),
        mark("point", x, y, color=colour, size=size, filled=True, opacity=0.75),
        *level(doc["market"]["btc_price_usd"], "x", MUTED, (2, 3), "today's price"),
    ]
    return Figure(
        name="against-selling",
        title="Why not just sell?",
        says="Each dot is a future, larger where likelier; above the line the plan ends with more than selling would.",
        chart=svg(layers, shown),
        of="outcomes",
        drawn=drawn,
        table=Table(columns, drawn),
        keys=(Key("plan ahead", BLUE, "dot"), Key("selling ahead", RED, "dot")),
    )
