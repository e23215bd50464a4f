"""Debt and the LTV of every lender against its call and liquidation lines, on the tree and off it."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.report.html.chart import (
    BLUE,
    LENDERS,
    ORANGE,
    PURPLE,
    RED,
    SHARE_AXIS,
    USD_AXIS,
    Spec,
    amount,
    fan,
    level,
    mark,
    svg,
    time,
)
from optimizer.report.html.parts import (
    Figure,
    Key,
    Section,
    Table,
    as_share,
    in_btc,
    in_usd,
    keys_of,
    on_day,
    only,
    points,
)
from optimizer.report.plain import Document
from optimizer.report.words import share, usd

# Charts for so many lenders, whose colours can be told apart; the others, to whom least is owed, are in the
# table of the liquidation ladder.
MOST_LENDERS = len(LENDERS)
DAY = on_day("date", "month to")
OWED = (DAY, *points("owed_usd", "owed", in_usd))
LTV = (
    DAY,
    as_share("owes_share", "chance of owing"),
    in_usd("owed_usd_mean", "owed, mean"),
    in_btc("pledged_btc_mean", "pledged BTC, mean"),
    *points("ltv", "LTV", as_share),
    as_share("call_ltv", "call at"),
    as_share("liquidation_ltv", "liquidated at"),
)


def section(doc: Document) -> Section:
    """Debt and LTV."""
    peak = max(doc["months"], key=lambda row: row["owed_usd_mean"])
    kept, owed_today = doc["borrowing"], doc["today"]["after"]["owed_usd"]
    says = [
        f"{usd(owed_today)} owed on loans after today, {usd(peak['owed_usd_mean'])} on average at most."
        if peak["owed_usd_mean"] > 0
        else "Nothing is owed on loans, today or later."
    ]
    if kept["borrowed_usd"] > 0:
        parts = {"debts repaid": "debts_usd", "machines": "machines_usd", "bills": "bills_usd", "BTC bought": "btc_usd"}
        spent = ", ".join(f"{usd(kept[key])} for {name}" for name, key in parts.items() if kept[key] >= 1)
        says.append(f"Of {usd(kept['borrowed_usd'])} borrowed in all, expected: {spent or 'all kept in cash'}.")
    if doc["scenario"]["resolved"].get("sources"):
        worth = doc["nodes"][0]["sources_worth_usd"]
        owes = "the company owes all of them" if worth < 0 else "all of them owe the company"
        says.append(
            f"Of other sources of money the charts of LTV have those that may call; after today {owes} "
            f"{usd(abs(worth))}, net."
        )
    return Section("debt", "Debt and loan-to-value", tuple(says), tuple(_figures(doc)))


def lenders(doc: Document) -> list[str]:
    """Debts against BTC on some branch, those first to whom most is owed."""
    owed: dict[str, float] = {}
    for row in doc["ladder"]:
        owed[row["facility"]] = owed.get(row["facility"], 0.0) + row["owes_share"] * row["owed_usd_mean"]
    return sorted(owed, key=lambda name: -owed[name])


def _figures(doc: Document) -> Iterator[Figure]:
    drawn = only(doc["months"], keys_of(OWED, "month"))
    if all(row["owed_usd_p90"] <= 0 and row["owed_usd_mean"] <= 0 for row in drawn):
        return
    yield Figure(
        name="owed",
        title="Owed on loans",
        says="Principal and accrued interest at each month's end.",
        chart=svg(fan("owed_usd", amount("owed_usd_mean", "USD owed", USD_AXIS, zero=True)), drawn),
        of="months",
        drawn=drawn,
        table=Table(OWED, drawn),
        keys=(Key("mean", BLUE), Key("eight of ten futures", BLUE, "band")),
    )
    for k, name in enumerate(lenders(doc)[:MOST_LENDERS]):
        yield _ltv(doc, name, k)


def _ltv(doc: Document, facility: str, k: int) -> Figure:
    """One lender's LTV where something is owed to it: at the close on the tree, and the highest of any day off it."""
    rows = [row for row in doc["ladder"] if row["facility"] == facility]
    drawn = only(rows, keys_of(LTV, "facility", "month"))
    off_tree = {
        row["month"]: row["ltv_high_p95"]
        for row in (doc["out_of_sample"] or {}).get("debt_months", [])
        if row["facility"] == facility
    }
    by_month = {row["month"]: row for row in drawn}
    # A month without debt is a gap in the line.
    shown = [
        {"date": m["date"], **by_month.get(m["month"], {}), "off_tree": off_tree.get(m["month"])} for m in doc["months"]
    ]
    y, call, seized = amount("ltv_mean", "LTV", SHARE_AXIS, zero=True), rows[0]["call_ltv"], rows[0]["liquidation_ltv"]
    dot: Spec = {"size": 18, "filled": True}
    layers = [*fan("ltv", y), mark("point", time(), y, color=BLUE, **dot)]
    keys = [Key("LTV at the close, mean", BLUE), Key("eight of ten futures that owe", BLUE, "band")]
    if off_tree:
        layers.append(mark("line", time(), {**y, "field": "off_tree"}, color=PURPLE, strokeDash=[5, 3]))
        keys.append(Key("off the tree: one in twenty is higher on some day", PURPLE, "dash"))
    layers += [*level(call, "y", ORANGE, (), "margin call"), *level(seized, "y", RED, (), "liquidation")]
    most = max(row["ltv_p90"] for row in rows)
    return Figure(
        name=f"ltv-{k}",
        title=f"LTV with {facility} ({rows[0]['lender']})",
        says=f"At any month's end nine of ten futures that owe are at or below {share(most)}; called at {share(call)}, "
        f"liquidated at {share(seized)}.",
        chart=svg(layers, shown),
        of="ladder",
        drawn=drawn,
        table=Table(LTV, drawn),
        keys=tuple(keys),
    )
