"""What the plan does: today, later in good and bad branches, and the money that comes and goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from rich.table import Table

from optimizer.report.places import branch_of, counted_nodes, date_of, weighted_quantile
from optimizer.report.words import NONE, add, btc, day, grid, month_of, price, share, usd

if TYPE_CHECKING:
    from optimizer.planning import Plan

Tables = dict[str, pd.DataFrame]
Lines = list[str | Table]

# A plan for more periods than this is shown in longer ones.
MOST_PERIODS = 12


def today(plan: Plan, tables: Tables) -> Lines:
    """What to do today, order by order and lender by lender, and where that leaves the company."""
    at = {name: table[table["node"] == 0] for name, table in tables.items() if "node" in table}
    lines: Lines = [*_orders(plan, at["orders"])]
    first = tables["nodes"].iloc[0]
    if first.sold_btc > 0:
        fee = f" (fee {usd(first.sale_fee_usd)})" if first.sale_fee_usd > 0 else ""
        lines.append(f"Sell {btc(first.sold_btc)} BTC for {usd(first.sold_btc * first.price_usd)}{fee}.")
    elif first.bought_btc > 0:
        lines.append(f"Buy {btc(first.bought_btc)} BTC for {usd(first.bought_btc * first.price_usd)}.")
    else:
        lines.append("Sell no BTC.")
    lines += _draws(at["draws"])
    for r in at["repayments"].itertuples():
        interest = f" and {usd(r.accrued_interest_usd)} of interest" if r.accrued_interest_usd > 0 else ""
        early = " ahead of schedule" if r.early_usd > 0 else ""
        lines.append(f"Repay {usd(r.principal_usd)} of {r.facility}{interest}{early}.")
    for p in at["pledges"].itertuples():
        if p.top_up_btc > 0:
            lines.append(f"Top up {p.facility} with {btc(p.top_up_btc)} BTC.")
        if p.release_btc > 0:
            lines.append(f"Take back {btc(p.release_btc)} BTC from {p.facility}.")
    lines += _retirements(plan, at["retirements"])
    lines += _debts(at["debts"])
    due = f", {usd(first.payable_usd)} due on machines ordered" if first.payable_usd > 0 else ""
    lines.append(
        f"That leaves {btc(first.free_btc)} BTC free and {btc(first.pledged_btc)} pledged, "
        f"{usd(first.cash_usd)} in cash{due}, {usd(first.owed_usd)} owed."
    )
    return lines


def _orders(plan: Plan, orders: pd.DataFrame) -> Lines:
    if orders.empty:
        return ["Order no machines."]
    table = grid("Order", "site", "units", "each", "pay now", "later", "arrives", "PH/s", "MW", left=2)
    for o in orders.itertuples():
        add(
            table,
            plan.scenario.machines.specs[o.model].name,
            o.site,
            f"{o.units:,.0f}",
            price(o.price_usd_per_unit),
            usd(o.now_usd),
            usd(o.on_delivery_usd),
            day(o.arrival_date),
            f"{o.hashrate_ph:,.0f}",
            f"{o.power_mw:,.1f}",
        )
    if len(orders) > 1:
        total = orders[["units", "now_usd", "on_delivery_usd", "hashrate_ph", "power_mw"]].sum()
        cells = (f"{total.units:,.0f}", "", usd(total.now_usd), usd(total.on_delivery_usd), "")
        add(table, "all", "", *cells, f"{total.hashrate_ph:,.0f}", f"{total.power_mw:,.1f}")
    return [table]


def _draws(draws: pd.DataFrame) -> Lines:
    if draws.empty:
        return ["Borrow nothing."]
    table = grid("Borrow from", "amount", "fee", "a year", "up to LTV", "pledge BTC", "due", left=1)
    for d in draws.itertuples():
        add(
            table,
            f"{d.facility} ({d.lender})" if d.lender != d.facility else d.facility,
            usd(d.amount_usd),
            usd(d.fee_usd),
            share(d.apr, 2),
            share(d.tier_max_ltv),
            btc(d.pledged_btc),
            day(d.matures_date),
        )
    return [table]


def _retirements(plan: Plan, retirements: pd.DataFrame) -> Lines:
    shown = retirements[retirements["units"] >= 0.5]
    if shown.empty:
        return []
    table = grid("Unplug and resell", "site", "units", "on", "each, expected", "in all", left=2)
    for r in shown.itertuples():
        add(
            table,
            plan.scenario.machines.specs[r.model].name,
            r.site,
            f"{r.units:,.0f}",
            day(r.retired_date),
            price(r.resale_usd_per_unit),
            usd(r.resale_usd),
        )
    return [table]


def _debts(debts: pd.DataFrame) -> Lines:
    if debts.empty:
        return []
    headings = ("Debt after that", "owed", "pledged BTC", "LTV", "call at", "a fall of", "liquidated at")
    table = grid(*headings, "a fall of")
    for d in debts.itertuples():
        add(
            table,
            d.facility,
            usd(d.owed_usd),
            btc(d.pledged_btc),
            share(d.ltv, 1),
            price(d.call_price_usd),
            share(d.fall_to_call_share),
            price(d.liquidation_price_usd),
            share(d.fall_to_liquidation_share),
        )
    return [table]


def then(plan: Plan, tables: Tables) -> Lines:
    """What is done at later decision months where price is high, middling and low, or in each named case."""
    given = plan.scenario
    later = [m for m in given.decision_months if 0 < m <= given.horizon_months]
    if not later:
        return []
    table = grid("When", "price", "hashprice", "order", "unplug", "borrow", "sold", "repaid", "LTV", left=1)
    before = 0
    for month in later:
        for label, node in representatives(plan, month):
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
    ]


def representatives(plan: Plan, month: int) -> list[tuple[str, int]]:
    """(name, node) of what is worth showing of a month: the named cases, or high, middle and low price."""
    tree = plan.tree
    nodes = counted_nodes(tree, month)
    if tree.branch_names is not None:
        return [(branch_of(tree, n), n) for n in nodes]
    prices, chance = tree.price_usd[nodes], tree.probability[nodes]
    found: dict[int, str] = {}
    for label, point in (("high", 0.9), ("low", 0.1), ("middle", 0.5)):
        at_price = weighted_quantile(prices, chance, point)
        found.setdefault(nodes[int((prices == at_price).argmax())], label)
    order = sorted(found, key=lambda n: -tree.price_usd[n])
    return [(found[n] if len(order) > 1 else "any", n) for n in order]


def _done_at(plan: Plan, tables: Tables, node: int, months_before: int) -> tuple[str, ...]:
    way = [n for n in plan.tree.paths[node] if plan.tree.month[n] > months_before]
    here = {name: tables[name][tables[name]["node"] == node] for name in ("orders", "retirements", "draws")}
    row = tables["nodes"].iloc[node]
    since = tables["nodes"].iloc[way]
    orders, retired = here["orders"], here["retirements"]
    cost = float((orders["now_usd"] + orders["on_delivery_usd"]).sum())
    units = float(orders["units"].sum())
    unplugged = float(retired["units"].sum())
    drawn = float(here["draws"]["amount_usd"].sum())
    debts = tables["debts"]
    ltv = debts.loc[debts["node"] == node, "ltv"].max()
    return (
        price(row.price_usd),
        f"${row.hashprice_usd_per_ph_day:.1f}",
        f"{units:,.0f} for {usd(cost)}" if units >= 0.5 else NONE,
        f"{unplugged:,.0f}" if unplugged >= 0.5 else NONE,
        usd(drawn) if drawn > 0 else NONE,
        btc(since["sold_btc"].sum()),
        usd(since["repaid_usd"].sum()),
        share(float(ltv), 0),
    )


def money(plan: Plan, tables: Tables) -> Lines:
    """Expected flows and balances, period by period."""
    by_month = tables["months"]
    last = int(by_month["month"].max())
    length = next(n for n in (1, 3, 6, 12, last) if -(-last // n) <= MOST_PERIODS and (n >= 3 or last <= 3))
    headings = ("Expected, to", "mined", "sold", "machines", "power, other", "interest", "borrowed")
    table = grid(*headings, "repaid", "BTC held", "cash", "owed")
    for start in range(1 - length, last, length):
        period = by_month[(by_month["month"] >= start) & (by_month["month"] < start + length)]
        period = by_month[by_month["month"] == 0] if start < 1 else period
        end = period.iloc[-1]

        def flow(*names: str, period: pd.DataFrame = period) -> float:
            return float(sum(period[f"{name}_mean"].sum() for name in names))

        add(
            table,
            "today" if start < 1 else month_of(end.date),
            btc(flow("mined_btc")),
            btc(flow("sold_btc") - flow("bought_btc")),
            usd(flow("capex_usd") - flow("resale_usd")),
            usd(flow("power_usd", "overhead_usd", "liabilities_usd")),
            usd(flow("interest_usd")),
            usd(flow("drawn_usd")),
            usd(flow("repaid_usd")),
            btc(end.btc_mean),
            usd(end.cash_usd_mean),
            usd(end.owed_usd_mean),
        )
    return [table]
