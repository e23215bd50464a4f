"""Hashprice against what machines need, what each earns, and what today's orders really cost."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.report.html.chart import (
    BLUE,
    MUTED,
    ORANGE,
    RED,
    SPLIT,
    Spec,
    amount,
    fan,
    level,
    mark,
    named_height,
    svg,
    time,
    two_lines,
)
from optimizer.report.html.parts import (
    Figure,
    Key,
    Section,
    Shown,
    Table,
    as_price,
    as_share,
    in_usd,
    keys_of,
    number,
    on_day,
    only,
    points,
    text,
)
from optimizer.report.plain import Document
from optimizer.report.words import months, share

MOST_MACHINES = 14
ROW = 30
NARROW = 220
MACHINE = (text("name", "model"), text("site", "site"))
HASHPRICE = (
    on_day("date", "month to"),
    *points("hashprice_usd_per_ph_day", "USD per PH/s and day", lambda k, h: number(k, h, 2)),
)
BREAKEVENS = (
    *MACHINE,
    number("units_today", "machines today"),
    number("ordered_today", "ordered"),
    number("efficiency_j_per_th", "J/TH", 1),
    number("power_usd_per_mwh", "power, USD per MWh", 2),
    number("breakeven_usd_per_ph_day", "breaks even at, USD per PH/s and day", 2),
    number("margin_usd_per_unit_day", "margin today, USD a machine and day", 2),
)
MARGINS = (
    *MACHINE,
    on_day("date", "month to"),
    number("racked_units_mean", "machines, mean"),
    *points("margin_usd_per_unit_day", "USD a machine and day", lambda k, h: number(k, h, 2)),
    as_share("off_share", "off in so many futures"),
)
COSTS = (
    *MACHINE,
    number("units", "machines"),
    in_usd("cost_usd", "in all"),
    as_price("cost_usd_per_unit", "each"),
    number("cost_usd_per_th", "USD per TH", 2),
    number("payback_months", "payback, months", 1),
)
FINANCE = (
    text("name", "paid"),
    number("usd_per_th", "USD per TH", 2),
    number("payback", "payback, months", 1),
)


def hashprice(doc: Document) -> Section:
    """Hashprice against break-evens."""
    machines = _in_use(doc)
    today, end = doc["market"]["hashprice_usd_per_ph_day"], doc["months"][-1]
    says = [
        f"Hashprice is ${today:.2f} per PH/s and day today; at the end ${end['hashprice_usd_per_ph_day_p10']:.2f} to "
        f"${end['hashprice_usd_per_ph_day_p90']:.2f} in eight of ten futures."
    ]
    under = [row for row in machines if row["breakeven_usd_per_ph_day"] > end["hashprice_usd_per_ph_day_p10"]]
    if machines:
        says.append(f"At its low tenth then, {len(under)} of {len(machines)} models and sites do not pay their power.")
    return Section("hashprice", "Hashprice against break-even", tuple(says), tuple(_hashprice_figures(doc, machines)))


def _in_use(doc: Document) -> list[Document]:
    """Machines that the company has or orders today, the cheapest to run first."""
    rows = [row for row in doc["machines"] if row["units_today"] > 0 or row["ordered_today"] > 0]
    return sorted(rows, key=lambda row: row["breakeven_usd_per_ph_day"])


def _label(row: Document) -> str:
    return f"{row['name']}{SPLIT}{row['site']}"


def _hashprice_figures(doc: Document, machines: list[Document]) -> Iterator[Figure]:
    drawn = only(doc["months"], keys_of(HASHPRICE, "month"))
    y = amount("hashprice_usd_per_ph_day_mean", "USD per PH/s and day", zero=True)
    rules = [rule for row in machines for rule in level(row["breakeven_usd_per_ph_day"], "y", ORANGE)]
    for rule in rules:
        rule["mark"] |= {"strokeWidth": 0.8, "opacity": 0.8}
    yield Figure(
        name="hashprice",
        title="Hashprice",
        says="Each thin line is a machine at its site: below it, it is switched off.",
        chart=svg([*rules, *fan("hashprice_usd_per_ph_day", y)], drawn),
        of="months",
        drawn=drawn,
        table=Table(HASHPRICE, drawn),
        keys=(Key("mean", BLUE), Key("eight of ten futures", BLUE, "band"), Key("break-evens", ORANGE)),
    )
    if not machines:
        return
    drawn = only(machines, keys_of(BREAKEVENS))
    shown = [row | {"label": _label(row)} for row in drawn[-MOST_MACHINES:]]
    names = two_lines("label", [row["label"] for row in shown])
    x = amount("breakeven_usd_per_ph_day", "USD per PH/s and day", zero=True)
    low = doc["months"][-1]["hashprice_usd_per_ph_day_p10"]
    layers = [
        mark("bar", x, names, color=ORANGE, height=12, opacity=0.75),
        *level(doc["market"]["hashprice_usd_per_ph_day"], "x", BLUE, (), ""),
        *level(low, "x", BLUE, (4, 3), ""),
    ]
    yield Figure(
        name="breakevens",
        title="Hashprice that each machine needs",
        says="What pays its power at today's power price; what reaches beyond a blue line is off there.",
        chart=svg(layers, shown, NARROW, named_height(len(shown), ROW)),
        of="machines",
        drawn=drawn,
        table=Table(BREAKEVENS, drawn),
        keys=(
            Key("break-even", ORANGE, "band"),
            Key("hashprice today", BLUE),
            Key("its low tenth at the end", BLUE, "dash"),
        ),
    )


def margins(doc: Document) -> Section:
    """What machines earn and which are switched off."""
    machines, rows = _in_use(doc), doc["margins"]
    last = doc["months"][-1]["month"]
    off = [row for row in rows if row["month"] == last and row["off_share"] >= 0.5]
    names = ", ".join(f"{row['name']} ({row['site']})" for row in off)
    says = (
        (f"Off in half of all futures or more by the end: {names or 'none'}.",) if rows else ("No machine is in use.",)
    )
    figures = []
    if machines:
        figures.append(_margin_today(machines))
    if rows:
        figures.append(_off(rows))
    return Section("margins", "Margin of each machine, and which switch off", says, tuple(figures))


def _margin_today(machines: list[Document]) -> Figure:
    drawn = only(sorted(machines, key=lambda row: -row["margin_usd_per_unit_day"]), keys_of(BREAKEVENS))
    shown = [row | {"label": _label(row)} for row in drawn[:MOST_MACHINES]]
    names = two_lines("label", [row["label"] for row in shown])
    x = amount("margin_usd_per_unit_day", "USD a machine and day", zero=True)
    colour: Spec = {"condition": {"test": "datum.margin_usd_per_unit_day < 0", "value": RED}, "value": BLUE}
    return Figure(
        name="margin-today",
        title="Margin today",
        says="Revenue less power of one machine that runs, at nameplate and today's hashprice.",
        chart=svg([mark("bar", x, names, color=colour, height=12)], shown, NARROW, named_height(len(shown), ROW)),
        of="machines",
        drawn=drawn,
        table=Table(BREAKEVENS, drawn),
        keys=(Key("earns", BLUE, "band"), Key("loses", RED, "band")),
    )


def _off(rows: list[Document]) -> Figure:
    """A cell for each machine and month, darker where it is off in more futures; machines that leave fade out."""
    drawn = only(rows, keys_of(MARGINS, "month"))
    at_end = [row for row in rows if row["month"] == rows[-1]["month"]]
    models = [_label(row) for row in sorted(at_end, key=lambda row: row["off_share"])][-MOST_MACHINES:]
    shown = [row | {"label": _label(row)} for row in drawn if _label(row) in models]
    names, x = two_lines("label", models), time()
    scale: Spec = {"domain": [0, 1], "range": [0.02, 1]}
    cell: Spec = {"field": "off_share", "type": "quantitative", "scale": scale, "legend": None}
    layers = [
        mark("rect", {**x, "type": "ordinal", "timeUnit": "utcyearmonth", "scale": {}, "axis": _ticks()}, names),
    ]
    layers[0]["mark"] |= {"color": RED, "stroke": MUTED, "strokeWidth": 0.3}
    layers[0]["encoding"]["fillOpacity"] = cell
    return Figure(
        name="off",
        title="How often each is switched off",
        says="The stronger the colour, the more futures in which its margin is not positive in that month.",
        chart=svg(layers, shown, NARROW, named_height(len(models), ROW)),
        of="margins",
        drawn=drawn,
        table=Table(MARGINS, drawn),
        keys=(Key("off in all futures", RED, "band"),),
    )


def _ticks() -> Spec:
    return {"format": "%b %y", "labelOverlap": True, "labelAngle": 0, "title": None, "ticks": False}


def real_cost(doc: Document) -> Section:
    """What today's machines cost per TH, paid in cash and as the plan pays for them."""
    costs, finance = doc["order_costs"], doc["machine_finance"]
    if not costs:
        return Section("cost", "Real cost per TH and payback", ("No machine is ordered today.",))
    borrowed = finance["borrowed_share"]
    says = [f"Duty, freight and installation in, today's machines cost ${finance['price_usd_per_th']:.2f} per TH."]
    if borrowed > 0:
        says.append(
            f"With {share(borrowed)} of it borrowed, ${finance['nominal_usd_per_th']:.2f} is paid in all, worth "
            f"${finance['present_usd_per_th']:.2f} today."
        )
        if finance["payback_extension_months"] is not None:
            says.append(
                f"Interest and fees make the payback {months(finance['payback_extension_months'])} months longer."
            )
    else:
        says.append("Nothing is borrowed today, so that is also what is paid.")
    return Section(
        "cost", "Real cost per TH and payback", tuple(says), tuple(_cost_figures(costs)), (_finance(finance),)
    )


def _finance(finance: Document) -> Shown:
    rows = [
        {"name": "in cash", "usd_per_th": finance["price_usd_per_th"], "payback": finance["payback_months"]},
        {
            "name": "as financed, all that is paid",
            "usd_per_th": finance["nominal_usd_per_th"],
            "payback": finance["financed_payback_months"],
        },
        {"name": "as financed, present value", "usd_per_th": finance["present_usd_per_th"], "payback": None},
    ]
    how = "Payback at today's margin; money to come discounted by what BTC is expected to gain against the dollar."
    return Shown("Cash against financed, all orders of today", Table(FINANCE, rows), how)


def _cost_figures(costs: list[Document]) -> Iterator[Figure]:
    drawn = only(costs, keys_of(COSTS))
    shown = [row | {"label": _label(row)} for row in drawn]
    names = two_lines("label", [row["label"] for row in shown])
    for name, key, title, unit in (
        ("cost-per-th", "cost_usd_per_th", "Cost per TH", "USD per TH, delivered and installed"),
        ("payback", "payback_months", "Payback", "months of today's margin"),
    ):
        if all(row[key] is None for row in drawn):
            continue
        layers = [mark("bar", amount(key, unit, zero=True), names, color=BLUE, height=12)]
        yield Figure(
            name=name,
            title=title,
            says="Of each order of today, before financing.",
            chart=svg(layers, shown, NARROW, named_height(len(shown), ROW)),
            of="order_costs",
            drawn=drawn,
            table=Table(COSTS, drawn),
        )
