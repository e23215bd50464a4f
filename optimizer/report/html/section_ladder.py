"""The liquidation ladder: at which BTC price lenders call and sell, now and later, and what is lost if they do."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.report.falls import at_fall, tightest
from optimizer.report.html.chart import INK, LENDERS, MUTED, SHARE_AXIS, USD_AXIS, Spec, amount, level, mark, svg, time
from optimizer.report.html.parts import (
    Column,
    Figure,
    Key,
    Section,
    Shown,
    Table,
    as_price,
    as_share,
    in_btc,
    in_usd,
    keys_of,
    on_day,
    only,
    text,
)
from optimizer.report.html.section_debt import MOST_LENDERS, lenders
from optimizer.report.plain import Document
from optimizer.report.words import btc, share

# Sources of money that hold BTC and never call.
UNCALLED = ("vendor_pledge", "btc_lending")

RUNGS = (
    text("facility", "lender"),
    on_day("date", "month to"),
    as_share("owes_share", "chance of owing"),
    as_price("call_price_usd_mean", "call at BTC, mean"),
    as_price("liquidation_price_usd_mean", "liquidated at BTC, mean"),
    as_share("fall_to_call_share_mean", "fall to the call, mean"),
    as_share("fall_to_call_share_p10", "fall to the call, tightest tenth"),
    as_share("fall_to_liquidation_share_p10", "fall to liquidation, tightest tenth"),
    in_btc("seized_btc_mean", "BTC sold if liquidated, mean"),
    in_btc("lost_btc_mean", "of which lost to fees, mean"),
)

NOW = (
    text("facility", "lender"),
    in_usd("owed_usd_mean", "owed"),
    in_btc("pledged_btc_mean", "pledged BTC"),
    as_share("ltv_mean", "LTV", 1),
    as_price("call_price_usd_mean", "call at BTC"),
    as_share("fall_to_call_share_mean", "a fall of"),
    as_price("liquidation_price_usd_mean", "liquidated at BTC"),
    as_share("fall_to_liquidation_share_mean", "a fall of"),
    in_btc("seized_btc_mean", "BTC sold then"),
    in_btc("lost_btc_mean", "of which lost to fees"),
)


def section(doc: Document) -> Section:
    """The ladder."""
    rows = doc["ladder"]
    if not rows:
        return Section(
            "ladder", "Liquidation ladder", ("No BTC is pledged for a debt, today or later: nobody can call.",)
        )
    says = [tightest(rows)]
    if any(source["kind"] in UNCALLED for source in doc["scenario"]["resolved"].get("sources", ())):
        says.append("BTC left with vendors or lent out are not in this ladder: nobody calls for more of them.")
    tables = []
    now = [row for row in rows if row["month"] == 0]
    if now:
        tables.append(Shown("After today's decisions", Table(NOW, now)))
    if doc["price_falls"]:
        says.append(at_fall(doc["price_falls"], 0.4))
        tables.append(Shown("If BTC falls overnight, before anybody acts", _falls(doc), _how_falls(doc)))
    else:
        says.append("Nothing is owed against BTC after today, so a fall overnight calls nobody; later see the chart.")
    return Section("ladder", "Liquidation ladder", tuple(says), tuple(_figures(doc)), tuple(tables))


def _how_falls(doc: Document) -> str:
    free = btc(doc["price_falls"][0]["free_btc"])
    return f"Each lender's LTV and what it does; a call is cured with free BTC ({free}), or by repaying."


def _falls(doc: Document) -> Table:
    """A row for each fall, a cell for each lender, and what the company needs to cure all calls."""
    rows: list[Document] = []
    names = list(dict.fromkeys(row["facility"] for row in doc["price_falls"]))
    for fall in dict.fromkeys(row["fall_share"] for row in doc["price_falls"]):
        here = [row for row in doc["price_falls"] if row["fall_share"] == fall]
        need, lost = sum(row["cure_btc"] for row in here), sum(row["lost_btc"] for row in here)
        seized, repay = sum(row["seized_btc"] for row in here), sum(row["cure_usd"] for row in here)
        # By number: a lender may be called what another column is.
        cells = {f"lender_{k}": _does(row) for k, row in enumerate(here)}
        sums = {"need": need, "repay": repay, "seized": seized, "lost": lost}
        alarm = seized > 0 or need > here[0]["free_btc"]
        rows.append({"fall": -fall, "price": here[0]["price_usd"], **cells, **sums, "alarm": alarm})
    columns: list[Column] = [as_share("fall", "BTC moves by"), as_price("price", "to")]
    columns += [text(f"lender_{k}", name) for k, name in enumerate(names)]
    columns += [in_btc("need", "BTC to cure"), in_usd("repay", "or repay"), in_btc("seized", "BTC sold")]
    return Table((*columns, in_btc("lost", "BTC lost")), rows, marked="alarm")


def _does(row: Document) -> str:
    words = {"nothing": "", "calls": ": calls", "sells": ": sells"}
    return f"{share(row['ltv'])}{words[row['does']]}"


def _figures(doc: Document) -> Iterator[Figure]:
    names = lenders(doc)[:MOST_LENDERS]
    colours = dict(zip(names, LENDERS, strict=False))
    every = only(doc["ladder"], keys_of(RUNGS, "month"))
    drawn = [row for row in every if row["facility"] in names]
    shown = _with_gaps(doc, names, drawn)
    scale = {"domain": names, "range": [colours[name] for name in names]}
    colour: Spec = {"field": "facility", "type": "nominal", "scale": scale, "legend": None}
    falls = amount("fall_to_call_share_p10", "fall of BTC to a call", SHARE_AXIS, zero=True)
    point: Spec = {"size": 22, "filled": True}
    yield Figure(
        name="fall-to-call",
        title="How far BTC may fall before a call",
        says="In the tightest tenth of the futures that owe; lower is closer to a call.",
        chart=svg(
            [mark("line", time(), falls, color=colour), mark("point", time(), falls, color=colour, **point)], shown
        ),
        of="ladder",
        drawn=drawn,
        table=Table(RUNGS, every),
        keys=tuple(Key(name, colours[name]) for name in names),
    )
    prices = amount("call_price_usd_mean", "USD per BTC", USD_AXIS)
    market: Spec = {"data": {"values": only(doc["months"], ["date", "price_usd_p10"])}}
    layers = [
        market | mark("line", time(), {**prices, "field": "price_usd_p10"}, color=INK),
        mark("line", time(), prices, color=colour),
        mark("point", time(), prices, color=colour, **point),
        mark("line", time(), {**prices, "field": "liquidation_price_usd_mean"}, color=colour, strokeDash=[4, 3]),
        *level(doc["market"]["btc_price_usd"], "y", MUTED, (2, 3)),
    ]
    yield Figure(
        name="rungs",
        title="BTC price at which lenders call and sell",
        says="Solid: the call; dashed: the liquidation. Means over the futures that owe.",
        chart=svg(layers, shown),
        of="ladder",
        drawn=drawn,
        table=Table(RUNGS, every),
        keys=(
            *(Key(name, colours[name]) for name in names),
            Key("BTC price that one future in ten falls short of", INK),
            Key("BTC today", MUTED, "dash"),
        ),
    )


def _with_gaps(doc: Document, names: list[str], drawn: list[Document]) -> list[Document]:
    """A row for every lender and month, so that a month without debt is a gap in its line."""
    there = {(row["facility"], row["month"]): row for row in drawn}
    return [
        {"facility": name, "date": month["date"], **there.get((name, month["month"]), {})}
        for name in names
        for month in doc["months"]
    ]
