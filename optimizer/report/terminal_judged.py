"""How the plan is judged: its risk, its alternatives, its doubts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from rich.table import Table

from optimizer.report.doubt import Doubt
from optimizer.report.places import branch_of, date_of
from optimizer.report.price_view import LoanTie
from optimizer.report.words import NONE, add, btc, grid, month_of, months, price, share, usd, worth
from optimizer.scenario.market_spec import Cases

if TYPE_CHECKING:
    from optimizer.planning import Plan

Tables = dict[str, pd.DataFrame]
Lines = list[str | Table]

ALTERNATIVES = {
    "sell_only": "Sell, never borrow",
    "borrow_most": "Borrow all you can",
    "no_machines": "No machines",
    "btc_instead": "BTC, not machines",
    "mean_path": "Plan for the average",
}

# The rules that a plan runs into, as opposed to those that only a mistake would break.
LIMITS = (
    "site power",
    "rack slots",
    "vendor's supply",
    "facility limit",
    "margin at the month's low",
    "LTV at the close",
    "top-ups come from free BTC",
    "cash to hold",
    "BTC to hold",
    "cash ceiling",
    "most debt",
    "BTC with one lender",
    "runway",
    "fleet break-even",
    "debt service cover",
    "expected number of liquidations",
)
# A rule with less room than this, against its own scale, is used to the full.
USED_UP = 1e-6


def risk(plan: Plan, tables: Tables) -> Lines:
    """Outcomes, the nearest that lenders come to a call, and what is left on each stress branch."""
    value, unit, given, tree = plan.value, plan.scenario.numeraire, plan.scenario, plan.tree
    worst = value.leaves[int(value.outcomes.argmin())]
    where = branch_of(tree, worst)
    lines: Lines = [
        f"Ends with {worth(value.expected, unit)} on average, {worth(value.cvar, unit)} in the worst "
        f"{share(given.risk.tail_share)} of futures, {worth(value.worst, unit)} at worst"
        f" ({where + ', ' if where else ''}BTC at {price(float(tree.price_usd[worst]))})."
    ]
    table = grid("Survives", "lowest cash", "lowest BTC", "runway, months", "nearest call")
    ordinary = "the named cases" if isinstance(given.market.price, Cases) else "the simulated market"
    for k, name in enumerate((ordinary, *tree.stress_names), start=-1):
        rows = tables["nodes"][tree.stress == k]
        lowest = rows.loc[rows["runway_months"].idxmin()]
        add(
            table,
            name,
            usd(rows["cash_usd"].min()),
            btc(rows["btc"].min()),
            months(float(lowest.runway_months)),
            _nearest_call(plan, tables["debts"], set(rows["node"])),
        )
    lines += [
        table,
        "Nearest call: how much lower price could have gone at a month's low before a lender calls.",
    ]
    used = [
        f"{found.rule}{f' ({found.who})' if found.who else ''}"
        for found in plan.audit.headrooms
        if found.rule in LIMITS and -found.relative <= USED_UP
    ]
    if used:
        lines.append("Used to the full somewhere: " + ", ".join(used) + ".")
    return lines


def _nearest_call(plan: Plan, debts: pd.DataFrame, nodes: set[int]) -> str:
    mine = debts[debts["node"].isin(nodes)]
    room = mine[["low_to_call_share", "fall_to_call_share"]].min(axis=1).dropna()
    if room.empty:
        return "no debt"
    row = mine.loc[room.idxmin()]
    return (
        f"{share(float(room.min()), 1)} ({row.facility}, {month_of(date_of(plan.scenario, int(row.month)))})"
    )


def against(plan: Plan) -> Lines:
    """The plan beside its alternatives: what each is worth by the plan's own measure, or why there is none."""
    if not plan.comparators:
        return []
    unit, weighting, value = plan.scenario.numeraire, plan.scenario.risk, plan.value
    books, decided = plan.books, plan.decisions
    machines = plan.tables["orders"]
    assert isinstance(machines, pd.DataFrame)
    ordered = machines[machines["node"] == 0]
    table = grid("", "worth", "loses", "mean", "worst tail", "sells BTC", "borrows", "machines")
    add(
        table,
        "This plan",
        *(_number(amount, unit) for amount in (value.value, 0.0, value.expected, value.cvar)),
        btc(float(decided.sell_btc[0])),
        usd(float(books.debt.drawn_usd[0].sum())),
        usd(float((ordered["units"] * ordered["price_usd_per_unit"]).sum())),
    )
    without: list[str] = []
    for c in plan.comparators:
        name = ALTERNATIVES.get(c.name, c.name)
        if not c.feasible:
            without.append(f"{name}: no plan; {c.why_not}.")
            continue
        amounts = (_number(amount, unit) for amount in (c.value, c.loses, c.expected, c.cvar))
        add(table, name, *amounts, btc(c.sell_btc), usd(c.borrow_usd), usd(c.machines_usd))
    lines: Lines = [
        f"{unit.upper()}; worth: {share(1 - weighting.weight)} the mean and {share(weighting.weight)} the mean of "
        f"the worst {share(weighting.tail_share)}. Sales, loans and machines (at list) are today's.",
        table,
        *without,
    ]
    if any(c.name == "mean_path" and c.feasible for c in plan.comparators):
        lines.append("What planning for the average loses is what planning for many futures is worth.")
    return lines


def _number(amount: float, unit: str) -> str:
    return worth(amount, unit).removesuffix(" BTC")


def doubts(plan: Plan, doubt: Doubt) -> Lines:
    """What the advice hangs on: the view of price, loans against selling, machines, the tree, the solver."""
    unit, view = plan.scenario.numeraire, doubt.price
    lines: Lines = [
        f"Price: {view.text}. Neutral in BTC would be a median growing {share(view.btc_neutral_growth_pa, 1)} a "
        f"year, neutral in USD {share(view.usd_neutral_growth_pa, 1)}. To this plan the view is worth a sure "
        f"{share(view.sure_growth_pa, 1)} a year; {share(view.careful_growth_pa, 1)} with bad futures weighed "
        f"as it weighs them."
    ]
    if doubt.loans:
        lines += [
            "A loan held to its term ties with selling BTC if price grows so much a year:",
            _loans(doubt.loans),
        ]
    if doubt.machines:
        lines += [
            f"A machine ordered today, in {unit.upper()} over the horizon, against an empty place; it would earn "
            "nothing with:",
            _machines(plan, doubt),
        ]
    if not isinstance(plan.scenario.market.price, Cases):
        furthest = max(doubt.tree, key=lambda row: abs(row.difference))
        lines.append(f"The tree against the market it stands for, furthest off: {furthest.text}.")
    return lines


def _loans(loans: tuple[LoanTie, ...]) -> Table:
    """The tiers that the plan uses, and of a facility that it does not use the cheapest."""
    table = grid(
        "Lender", "a year", "up to LTV", "months", "ties at", "view", "careful", "borrowed, expected"
    )
    used = {row.facility for row in loans if row.expected_draws_usd > 0}
    cheapest = {row.facility: row for row in reversed(loans)}
    for row in loans:
        if row.expected_draws_usd > 0 or (row.facility not in used and row is cheapest[row.facility]):
            add(
                table,
                row.facility,
                share(row.apr, 2),
                share(row.tier_max_ltv),
                f"{row.term_months}",
                share(row.break_even_growth_pa, 1),
                share(row.sure_growth_pa, 1),
                share(row.careful_growth_pa, 1),
                usd(row.expected_draws_usd) if row.expected_draws_usd > 0 else NONE,
            )
    return table


def _machines(plan: Plan, doubt: Doubt) -> Table:
    headings = ("cost", "earns", "resale", "net", "hashprice", "resale", "network")
    table = grid("Machine", "site", *headings, left=2)
    for row in doubt.machines:
        no_resale = row.resale_lower_share is None or row.resale_lower_share > 1
        add(
            table,
            plan.scenario.machines.specs[row.model].name,
            row.site,
            *(_number(amount, row.numeraire) for amount in (row.cost, row.earned, row.resale, row.net)),
            NONE if row.hashprice_lower_share is None else f"{-row.hashprice_lower_share:+.0%}",
            "no need" if no_resale else f"{-(row.resale_lower_share or 0):+.0%}",
            NONE if row.network_faster_pa is None else f"{row.network_faster_pa:+.0%} a year",
        )
    return table
