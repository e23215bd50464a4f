"""Which machines come and go where and when, and what hashes."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.report.html.chart import (
    BLUE,
    RED,
    SPLIT,
    amount,
    fan,
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
from optimizer.report.terminal_plan import LEAST_UNITS
from optimizer.report.words import count

MOST_ROWS = 14
MOVES = (
    text("what", "machines"),
    text("name", "model"),
    text("site", "site"),
    on_day("decided_date", "decided"),
    on_day("date", "on"),
    number("units_mean", "machines, mean"),
    number("hashrate_ph_mean", "PH/s, mean"),
    number("power_mw_mean", "MW, mean", 1),
    as_share("chance_share", "chance"),
)
RUNNING = (on_day("date", "month to"), *points("running_ph", "PH/s", number))


def section(doc: Document) -> Section:
    """Orders, deliveries and departures; hashrate; power by site."""
    orders = doc["today"]["orders"]
    units = sum(row["units"] for row in orders)
    says = (
        f"{units:,.0f} machines are ordered today: {sum(r['hashrate_ph'] for r in orders):,.0f} PH/s and "
        f"{sum(r['power_mw'] for r in orders):,.1f} MW in {count(len(orders), 'order')}."
        if orders
        else "No machine is ordered today.",
    )
    return Section(
        "fleet",
        "Machines: what goes where, and when",
        says,
        tuple(_figures(doc)),
        (Shown("Power by site", _sites(doc)),),
    )


def _figures(doc: Document) -> Iterator[Figure]:
    moves = [row for row in doc["fleet_schedule"] if row["units_mean"] >= LEAST_UNITS]
    if moves:
        yield _schedule(moves)
    drawn = only(doc["months"][1:], keys_of(RUNNING, "month"))
    if not any(row["running_ph_p90"] for row in drawn):
        return
    y = amount("running_ph_mean", "PH/s that hash")
    yield Figure(
        name="running",
        title="Hashrate of the company",
        says="Machines that earn more than their power; the band holds eight of ten futures.",
        chart=svg(fan("running_ph", y), drawn),
        of="months",
        drawn=drawn,
        table=Table(RUNNING, drawn),
        keys=(Key("mean", BLUE), Key("eight of ten futures", BLUE, "band")),
    )


def _schedule(moves: list[Document]) -> Figure:
    """From the decision to the day on which machines come or go."""
    drawn = only(moves, keys_of(MOVES, "month", "decided_month"))
    shown = [row | {"label": _label(row), "units": f"{row['units_mean']:,.0f}"} for row in drawn[:MOST_ROWS]]
    names = list(dict.fromkeys(row["label"] for row in shown))
    y, colour = (
        two_lines("label", names),
        {"condition": {"test": "datum.what == 'leaves'", "value": RED}, "value": BLUE},
    )
    place = {"field": "units", "type": "nominal"}
    layers = [
        mark("rule", time("decided_date"), y, x2={"field": "date"}, color=colour, strokeWidth=6, opacity=0.35),
        mark("point", time(), y, color=colour, filled=True, size=80, opacity=1),
        mark("text", time(), y, text=place, align="right", dx=-7, dy=-7, fontSize=11),
    ]
    left = len(drawn) - len(shown)
    more = f" The table has {count(left, 'later move')} more." if left else ""
    return Figure(
        name="schedule",
        title="Orders, deliveries and departures",
        says=f"From the decision to the day the machines come or go, and how many; mean of all futures.{more}",
        chart=svg(layers, shown, 230, named_height(len(names), 34)),
        of="fleet_schedule",
        drawn=drawn,
        table=Table(MOVES, drawn),
        keys=(Key("arrives", BLUE, "dot"), Key("leaves", RED, "dot")),
    )


def _label(row: Document) -> str:
    decided = "" if row["decided_month"] == 0 else f", decided {row['decided_date'][:7]}"
    return f"{row['name']}{SPLIT}{row['site']}{decided}"


def _sites(doc: Document) -> Table:
    """Nameplate MW at the meter: in use today, leaving and arriving by today's decisions, against what the site has."""
    rows = []
    for site in doc["scenario"]["resolved"].get("sites", ()):
        name = site["name"]
        here = sum(row["power_mw_today"] for row in doc["machines"] if row["site"] == name)
        coming = sum(row["power_mw"] for row in doc["today"]["orders"] if row["site"] == name)
        going = sum(row["power_mw"] for row in doc["today"]["retirements"] if row["site"] == name)
        cost = sum(r["now_usd"] + r["on_delivery_usd"] for r in doc["today"]["orders"] if r["site"] == name)
        moved = {"here": here, "coming": coming, "going": going, "after": here + coming - going, "cost_usd": cost}
        rows.append({"site": name, "most": site["power_mw"], "usd_per_mwh": site["power_usd_per_mwh"], **moved})
    columns = (
        text("site", "site"),
        number("most", "MW of the site", 1),
        number("here", "MW in use", 1),
        number("going", "MW leaving", 1),
        number("coming", "MW arriving", 1),
        number("after", "MW then", 1),
        in_usd("cost_usd", "ordered"),
        number("usd_per_mwh", "USD per MWh", 2),
    )
    return Table(columns, rows)
