"""How the plan is judged: its risk, its alternatives, its doubts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from rich.table import Table

from optimizer.ledger.paths import carried
from optimizer.report.doubt import Doubt
from optimizer.report.frames import rows, rows_at
from optimizer.report.places import branch_of, date_of
from optimizer.report.price_view import LoanTie
from optimizer.report.replay_json import POLICIES
from optimizer.report.screen import Lines
from optimizer.report.terminal_replay import against_tree
from optimizer.report.words import NONE, add, btc, grid, month_of, months, price, share, usd, worth
from optimizer.scenario.market_spec import Cases

if TYPE_CHECKING:
    from optimizer.planning import Plan

Tables = dict[str, pd.DataFrame]

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
# A rule with less room than this, against its own scale, is used to the full; a smaller loss is rounding.
USED_UP = 1e-6


def risk(plan: Plan, tables: Tables) -> Lines:
    """Outcomes, the nearest that lenders come to a call, and what is left on each stress branch."""
    value, unit, given, tree = plan.value, plan.scenario.numeraire, plan.scenario, plan.tree
    worst = value.leaves[int(value.outcomes.argmin())]
    where, at_worst = branch_of(tree, worst), float(tree.price_usd[worst])
    tail = worth(value.cvar, unit, value.expected)
    there = f"{where + ', ' if where else ''}BTC at {price(at_worst)}"
    ends = f"{worth(value.worst, unit, value.expected)} ({there})"
    lines: Lines = [
        f"There is only one future; it ends with {ends}."
        if len(value.leaves) == 1
        else f"Ends with {worth(value.expected, unit)} on average, {tail} in the worst "
        f"{share(given.risk.tail_share)} of futures, at worst {ends}."
    ]
    sent = carried(tree, plan.books.debt.top_up_btc.sum(axis=1))
    table = grid("Survives", "lowest cash", "lowest BTC", "runway", "top-ups", "nearest call")
    ordinary = "the named cases" if isinstance(given.market.price, Cases) else "the simulated market"
    for k, name in enumerate((ordinary, *tree.stress_names), start=-1):
        here = tree.stress == k
        met, debts = tables["nodes"][here], tables["debts"]
        add(
            table,
            name,
            usd(met["cash_usd"].min()),
            btc(met["btc"].min()),
            months(met["runway_months"].min()),
            btc(float(sent[here].max())),
            _nearest_call(plan, debts[here[debts["node"]]]),
        )
    lines += [
        table,
        "Runway in months. Top-ups: the most BTC sent to lenders on one branch to stay clear of calls. "
        "Nearest call: how much further price could have fallen at its worst before a lender calls.",
    ]
    seized = rows(tables["liquidations"])
    if seized:
        expected = sum(row["probability"] for row in seized)
        most = max(row["seized_btc"] for row in seized)
        lines.append(f"Lenders liquidate {expected:.3f} times on average, {btc(most)} BTC at most.")
    used = [
        f"{found.rule}{f' ({found.who})' if found.who else ''}"
        for found in plan.audit.headrooms
        if found.rule in LIMITS and -found.relative <= USED_UP
    ]
    if used:
        lines.append("Used to the full somewhere: " + ", ".join(used) + ".")
    return lines + _off_tree(plan)


def _off_tree(plan: Plan) -> Lines:
    """What becomes of the plan on paths that it was not made for."""
    summary, given = plan.out_of_sample, plan.scenario
    if isinstance(given.market.price, Cases):
        return [
            "Named cases are known in full, so there is no other path to draw: replay the plan on shocks or history."
        ]
    if summary is None:
        return []
    return [
        f"Out of sample: {summary.paths:,} other paths of the same market, days and all. {POLICIES[summary.policy]}",
        against_tree(given, summary),
    ]


def _nearest_call(plan: Plan, debts: pd.DataFrame) -> str:
    """The least room to a margin call, at a month's low or its close, with whom and when."""
    room = debts[["low_to_call_share", "fall_to_call_share"]].replace([np.inf, -np.inf], np.nan).min(axis=1)
    if not room.notna().any():
        return "no loan" if plan.scenario.sources else "no debt"
    least = room.min()
    # Of months that differ by the solver's rounding the first.
    facility, month = min((row["facility"], row["month"]) for row in rows(debts[room <= least + 1e-9]))
    return f"{share(least, 1)} ({facility}, {month_of(date_of(plan.scenario, month))})"


def against(plan: Plan, tables: Tables) -> Lines:
    """The plan beside its alternatives: what each is worth by the plan's own measure, or why it is none."""
    if not plan.comparators:
        return []
    unit, weighting, value = plan.scenario.numeraire, plan.scenario.risk, plan.value
    ordered = rows_at(tables["orders"], 0)

    def numbers(*amounts: float) -> list[str]:
        return [worth(amount, unit, value.value).removesuffix(" BTC") for amount in amounts]

    table = grid("", "worth", "loses", "mean", "worst tail", "sells BTC", "borrows", "machines")
    add(
        table,
        "This plan",
        *numbers(value.value, 0.0, value.expected, value.cvar),
        btc(float(plan.books.sold_btc[0])),
        usd(sum(row["amount_usd"] for row in rows_at(tables["draws"], 0))),
        usd(sum(row["units"] * row["price_usd_per_unit"] for row in ordered)),
    )
    without: list[str] = []
    for c in plan.comparators:
        name = ALTERNATIVES.get(c.name, c.name)
        if not c.feasible:
            without.append(f"{name}: not compared: {c.why_not}.")
            continue
        amounts = numbers(c.value, c.loses, c.expected, c.cvar)
        add(table, name, *amounts, btc(c.sell_btc), usd(c.borrow_usd), usd(c.machines_usd))
    tail = f"{share(weighting.weight)} the mean of the worst {share(weighting.tail_share)}"
    measure = f"{share(1 - weighting.weight)} the mean and {tail}" if weighting.weight > 0 else "the mean"
    lines: Lines = [
        f"In {unit.upper()}. Worth: {measure}. Sales, loans and machines (at list) are today's.",
        table,
        *without,
    ]
    if any(c.name == "mean_path" and c.feasible for c in plan.comparators):
        lines.append("What planning for the average loses is what planning for many futures is worth.")
    if any(c.loses < -USED_UP * abs(value.value) for c in plan.comparators):
        lines.append("A negative loss lies within the gap to which each plan was solved.")
    return lines


def doubts(plan: Plan, doubt: Doubt) -> Lines:
    """What the advice hangs on: the view of price, loans against selling, machines, the tree, the solver."""
    unit, view = plan.scenario.numeraire, doubt.price
    middle = "geometric mean" if isinstance(plan.scenario.market.price, Cases) else "median"
    sure, careful = share(view.sure_growth_pa, 1), share(view.careful_growth_pa, 1)
    lines: Lines = [
        f"Price: {view.text}; {sure} a year, taken as certain."
        if len(plan.value.leaves) == 1
        else f"Price: {view.text}. Neutral in BTC would be a {middle} growing "
        f"{share(view.btc_neutral_growth_pa, 1)} a year, neutral in USD "
        f"{share(view.usd_neutral_growth_pa, 1)}. To this plan the view is worth a sure {sure} a year, and "
        f"{careful} with bad futures weighing as they do in its worth."
    ]
    if isinstance(plan.scenario.market.price, Cases) and len(plan.value.leaves) > 1:
        lines.append(
            "Each named case is known in full from the first month, so what the plan does after today it does with "
            "foresight: trust today's decisions more than the worth."
        )
    before_tax = ", both before tax," if plan.scenario.taxes is not None else ""
    if doubt.loans:
        lines += [
            f"A loan held to its term ties with selling BTC{before_tax} if price grows so much a year:",
            _loans(doubt.loans),
        ]
        if any(row.expected_draws_usd > 0 and row.verdict == "selling wins" for row in doubt.loans):
            lines.append("A loan dearer than its tie can still pay where it is repaid early, once more is known.")
    if doubt.machines:
        lines += [
            f"A machine ordered today, in {unit.upper()} over the horizon, against leaving its place empty; "
            "the last three columns: how much worse each may be before it earns nothing.",
            _machines(plan, doubt),
        ]
    if not isinstance(plan.scenario.market.price, Cases):
        furthest = max(doubt.tree, key=lambda row: abs(row.difference))
        lines.append(f"The tree against the market it stands for, furthest off: {furthest.text}.")
    return lines


def _loans(loans: tuple[LoanTie, ...]) -> Table:
    """The tiers that the plan uses, and of a facility that it does not use the cheapest."""
    table = grid("Lender", "a year", "up to LTV", "months", "ties at", "view", "careful", "borrowed, expected")
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
        amounts = (row.cost, row.earned, row.resale, row.net)
        no_resale = row.resale_lower_share is None or row.resale_lower_share > 1
        add(
            table,
            plan.scenario.machines.specs[row.model].name,
            row.site,
            *(usd(amount) if row.numeraire == "usd" else f"{amount:.4f}" for amount in amounts),
            NONE if row.hashprice_lower_share is None else f"{-row.hashprice_lower_share:+.0%}",
            "no need" if no_resale else f"{-(row.resale_lower_share or 0):+.0%}",
            NONE if row.network_faster_pa is None else f"{row.network_faster_pa:+.0%} a year",
        )
    return table
