"""What the plan does: today, later in good and bad branches, and the money that comes and goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd

from optimizer.report.frames import DUST_USD, rows, rows_at
from optimizer.report.machine_finance import machine_finance
from optimizer.report.places import date_of, representatives
from optimizer.report.purposes import purposes_of
from optimizer.report.screen import Lines, periods
from optimizer.report.terminal_debts import debts_today
from optimizer.report.walks import walks_of
from optimizer.report.words import NONE, add, btc, day, grid, month_of, price, share, usd

if TYPE_CHECKING:
    from optimizer.planning import Plan

Tables = dict[str, pd.DataFrame]
Row = dict[str, Any]

# Fewer machines than this are the rounding of a plan that may own parts of machines after today.
LEAST_UNITS = 0.5
FLOWS = (
    "mined_btc",
    "sold_btc",
    "bought_btc",
    "capex_usd",
    "resale_usd",
    "power_usd",
    "overhead_usd",
    "liabilities_usd",
    "interest_usd",
    "drawn_usd",
    "repaid_usd",
)


def today(plan: Plan, tables: Tables) -> Lines:
    """What to do today, order by order and lender by lender, and where that leaves the company."""
    here = {name: rows_at(table, 0) for name, table in tables.items() if "node" in table}
    first = here["nodes"][0]
    lines: Lines = [*_orders(plan, here["orders"]), *_real_cost(plan), _trade(first)]
    lines += _draws(here["draws"], elsewhere=bool(here["uses"]))
    for r in here["repayments"]:
        interest = r["accrued_interest_usd"]
        with_it = f" and {usd(interest)} of interest" if interest > 0 else ""
        early = " ahead of schedule" if r["early_usd"] > 0 else ""
        lines.append(f"Repay {usd(r['principal_usd'])} of {r['facility']}{with_it}{early}.")
    for p in here["pledges"]:
        if p["top_up_btc"] > 0:
            lines.append(f"Top up {p['facility']} with {btc(p['top_up_btc'])} BTC.")
        if p["release_btc"] > 0:
            lines.append(f"Take back {btc(p['release_btc'])} BTC from {p['facility']}.")
    lines += [_use(use) for use in here["uses"]]
    lines += _retirements(plan, here["retirements"])
    lines += debts_today(tables)
    due, tied, other = first["payable_usd"], first["tied_btc"], float(plan.books.sources.owed_usd[0])
    lines.append(
        f"That leaves {btc(first['free_btc'])} BTC free and {btc(first['pledged_btc'])} pledged, "
        + (f"{btc(tied)} tied up, " if tied > 0 else "")
        + f"{usd(first['cash_usd'])} in cash, "
        + (f"{usd(due)} due on machines ordered, " if due > 0 else "")
        + f"{usd(first['owed_usd'])} owed"
        + (f", {usd(other)} more to other sources of money." if other >= DUST_USD else ".")
    )
    return lines


def _real_cost(plan: Plan) -> Lines:
    """What the machines cost per TH as they are paid for."""
    found = machine_finance(plan)
    if found is None:
        return []
    cost, borrowed = found
    text = f"Duty, freight and installation in they cost ${cost.price_usd_per_th:.2f} per TH"
    if borrowed > 0:
        text += (
            f"; with {share(borrowed)} of it borrowed as below ${cost.nominal_usd_per_th:.2f}, interest and fees in, "
            f"${cost.present_usd_per_th:.2f} as present value"
        )
    if cost.payback_months > 0:
        text += f". At today's hashprice they pay back in {cost.payback_months:.1f} months"
        if borrowed > 0:
            text += f", {cost.payback_extension_months:.1f} more for interest and fees"
    return [text + "."]


def _use(use: Row) -> str:
    """A source of money used: what it is called by the model, `issue_usd`, is a verb and a unit."""
    verb, unit = use["what"].rsplit("_", 1)
    amount = usd(use["amount"]) if unit == "usd" else f"{btc(use['amount'])} {unit.upper() if unit == 'btc' else unit}"
    name = f"{use['source']} ({use['counterparty']}, {use['kind'].replace('_', ' ')})"
    return f"{verb.replace('_', ' ').capitalize()} {amount}: {name}."


def _trade(first: Row) -> str:
    fee = f" (fee {usd(first['sale_fee_usd'])})" if first["sale_fee_usd"] > 0 else ""
    for verb, amount in (("Sell", first["sold_btc"]), ("Buy", first["bought_btc"])):
        if amount > 0:
            return f"{verb} {btc(amount)} BTC for {usd(amount * first['price_usd'])}{fee}."
    return "Sell no BTC."


def _orders(plan: Plan, orders: list[Row]) -> Lines:
    if not orders:
        return ["Order no machines."]
    table = grid("Order", "site", "units", "each", "pay now", "later", "arrives", "PH/s", "MW", left=2)
    for o in orders:
        add(
            table,
            plan.scenario.machines.specs[o["model"]].name,
            o["site"],
            f"{o['units']:,.0f}",
            price(o["price_usd_per_unit"]),
            usd(o["now_usd"]),
            usd(o["on_delivery_usd"]),
            day(o["arrival_date"]),
            f"{o['hashrate_ph']:,.0f}",
            f"{o['power_mw']:,.1f}",
        )
    if len(orders) > 1:
        total = {name: sum(o[name] for o in orders) for name in ("units", "hashrate_ph", "power_mw")}
        paid = (usd(sum(o["now_usd"] for o in orders)), usd(sum(o["on_delivery_usd"] for o in orders)))
        size = (f"{total['hashrate_ph']:,.0f}", f"{total['power_mw']:,.1f}")
        add(table, "all", "", f"{total['units']:,.0f}", "", *paid, "", *size)
    return [table]


def _draws(draws: list[Row], *, elsewhere: bool) -> Lines:
    if not draws:
        return ["Draw no BTC-backed loan." if elsewhere else "Borrow nothing."]
    table = grid("Borrow from", "amount", "fee", "a year", "up to LTV", "pledge BTC", "due")
    for d in draws:
        add(
            table,
            f"{d['facility']} ({d['lender']})",
            usd(d["amount_usd"]),
            usd(d["fee_usd"]),
            share(d["apr"], 2),
            share(d["tier_max_ltv"]),
            btc(d["pledged_btc"]),
            day(d["matures_date"]),
        )
    return [table]


def _retirements(plan: Plan, retirements: list[Row]) -> Lines:
    shown = [r for r in retirements if r["units"] >= LEAST_UNITS]
    if not shown:
        return []
    table = grid("Unplug and resell", "site", "units", "on", "each, expected", "in all", left=2)
    for r in shown:
        add(
            table,
            plan.scenario.machines.specs[r["model"]].name,
            r["site"],
            f"{r['units']:,.0f}",
            day(r["retired_date"]),
            price(r["resale_usd_per_unit"]),
            usd(r["resale_usd"]),
        )
    return [table]


def then(plan: Plan, tables: Tables) -> Lines:
    """What is done at later decision months where price is high, middling and low, or in each named case."""
    given = plan.scenario
    later = [m for m in given.decision_months if 0 < m <= given.horizon_months]
    if not later:
        return []
    table = grid("When", "price", "hashprice", "order", "unplug", "borrow", "sold", "repaid", "LTV")
    before = 0
    for month in later:
        for label, node in representatives(plan.tree, month):
            add(table, f"{month_of(date_of(given, month))}, {label}", *_done_at(plan, tables, node, before))
        before = month
    told = (
        "Each named case"
        if plan.tree.branch_names is not None
        else "Where price stands at its 90%, 50% and 10% point in that month"
    )
    return [
        f"{told}; BTC sold and debt repaid since the decision before; the highest LTV of any lender.",
        table,
        *walks_of(plan, tables),
    ]


def _done_at(plan: Plan, tables: Tables, node: int, month_before: int) -> tuple[str, ...]:
    way = [n for n in plan.tree.paths[node] if plan.tree.month[n] > month_before]
    nodes = tables["nodes"]
    here, since = rows_at(nodes, node)[0], nodes[nodes["node"].isin(way)]
    orders = rows_at(tables["orders"], node)
    units = sum(o["units"] for o in orders)
    cost = sum(o["now_usd"] + o["on_delivery_usd"] for o in orders)
    resold = [r for r in rows_at(tables["retirements"], node) if not isinstance(r["seized_by"], str)]
    unplugged = sum(r["units"] for r in resold)
    drawn = sum(d["amount_usd"] for d in rows_at(tables["draws"], node))
    ltvs = [d["ltv"] for d in rows_at(tables["debts"], node) if d["ltv"] > 0]
    return (
        price(here["price_usd"]),
        f"${here['hashprice_usd_per_ph_day']:.1f}",
        f"{units:,.0f} for {usd(cost)}" if units >= LEAST_UNITS else NONE,
        f"{unplugged:,.0f}" if unplugged >= LEAST_UNITS else NONE,
        usd(drawn) if drawn > 0 else NONE,
        _or_none(btc, since["sold_btc"].sum()),
        _or_none(usd, since["repaid_usd"].sum()),
        share(max(ltvs)) if ltvs else NONE,
    )


def _or_none(words: Callable[[float], str], amount: float) -> str:
    return words(amount) if amount > 0 else NONE


def money(plan: Plan, tables: Tables) -> Lines:
    """Expected flows and balances, period by period."""
    months = rows(tables["months"])
    headings = ("to", "mined", "sold", "machines", "running", "interest", "borrow", "repay", "held", "cash")
    table = grid(*headings, "owed")
    for start, period in periods(months):
        flow = {name: sum(month[f"{name}_mean"] for month in period) for name in FLOWS}
        end = period[-1]
        add(
            table,
            "today" if start < 1 else month_of(end["date"]),
            btc(flow["mined_btc"]),
            btc(flow["sold_btc"] - flow["bought_btc"]),
            usd(flow["capex_usd"] - flow["resale_usd"]),
            usd(flow["power_usd"] + flow["overhead_usd"] + flow["liabilities_usd"]),
            usd(flow["interest_usd"]),
            usd(flow["drawn_usd"]),
            usd(flow["repaid_usd"]),
            btc(end["btc_mean"]),
            usd(end["cash_usd_mean"]),
            usd(end["owed_usd_mean"]),
        )
    told = (
        "Expected. BTC mined, sold and held; dollars for machines less resale, for running (power, overhead, "
        "promised payments), for interest, borrowed and repaid; cash and debt at the end."
    )
    if plan.scenario.sources:
        told += " Interest, borrowing and debt are those of BTC-backed loans, not of other sources of money."
    return [told, table, *_borrowed_for(plan)]


def _borrowed_for(plan: Plan) -> Lines:
    """What borrowed money pays for: defensive, or a conviction that BTC will rise."""
    p = purposes_of(plan)
    if p.borrowed_usd < DUST_USD:
        return []
    parts = {
        "debts repaid": p.debts_usd,
        "machines": p.machines_usd,
        "bills": p.bills_usd,
        "BTC bought": p.btc_usd,
        "cash": p.cash_usd,
    }
    spent = ", ".join(f"{usd(amount)} for {name}" for name, amount in parts.items() if amount >= DUST_USD)
    kind = "in part a conviction that BTC will rise" if p.btc_usd >= DUST_USD else "none of it to buy BTC"
    return [f"Of {usd(p.borrowed_usd)} that is borrowed, fees deducted: {spent}; {kind}."]
