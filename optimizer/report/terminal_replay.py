"""A replay on a terminal: what happens to the plan off its tree, and how that differs from what the tree promised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.table import Table

from optimizer.replay.summary import Chance, Summary
from optimizer.report import tables_replay as tables
from optimizer.report.frames import rows
from optimizer.report.places import date_of
from optimizer.report.replay_json import POLICIES, replans
from optimizer.report.screen import Lines, periods, print_lines, print_title
from optimizer.report.terminal_survival import ending, month_by_month, survival
from optimizer.report.words import NONE, add, btc, count, day, grid, month_of, share, usd, worth
from optimizer.scenario.schema import Scenario

if TYPE_CHECKING:
    from optimizer.replay.replayed import Replayed

LABELS = {
    "value": "worth, as the plan measures it",
    "expected": "mean",
    "tail_mean": "mean of the worst {tail}",
    "worst": "worst",
    "p_call": "a margin call",
    "p_liquidation": "a liquidation",
    "p_below_min_cash": "cash below the minimum",
    "p_below_min_btc": "BTC below the minimum",
    "p_insolvent": "a default: bills it cannot pay",
    "lost_btc": "BTC lost to lenders, mean",
    "sold_btc": "BTC sold, mean",
    "lowest_cash_usd_p05": "lowest cash, a twentieth has less",
    "room_to_call_share_p05": "further fall to a call, a twentieth has less",
}


def print_replay(replayed: Replayed, console: Console) -> None:
    """Print a replay: what was replayed and how, then what became of the company."""
    print_title(console, f"{replayed.saved.scenario.name}, replayed")
    print_lines(console, [_asked(replayed), f"Policy: {POLICIES[replayed.policy]}", *_replans(replayed)])
    if replayed.summary:
        sections = _together(replayed.saved.scenario, replayed.summary)
    elif replayed.kind == "history":
        sections = [("Month by month", month_by_month(replayed)), ("In the end", ending(replayed))]
    else:
        sections = [("Survival", survival(replayed))]
    for title, lines in sections:
        print_title(console, title)
        print_lines(console, lines)


def _asked(replayed: Replayed) -> str:
    scenario, months = replayed.saved.scenario, replayed.outcome.months
    if replayed.kind == "monte_carlo":
        return (
            f"{len(replayed.outcome):,} paths of {count(months, 'month')} from {day(replayed.start)}, drawn from the "
            f"plan's own market with seed {replayed.asked['seed']}; not those that its tree was made from."
        )
    if replayed.kind == "history":
        return (
            f"{replayed.asked['file']}: {count(months, 'month')} from {day(replayed.start)}. Its moves of price, "
            f"hashprice and network, laid onto the market of {day(scenario.as_of)}, when the plan begins."
        )
    return f"{count(len(replayed.names), 'shock')}, {count(months, 'month')} from {day(replayed.start)} each."


def _replans(replayed: Replayed) -> Lines:
    """How often it was planned anew, under the policy that does so."""
    counted = replans(replayed)
    if counted is None:
        return []
    return [
        f"Planned anew {count(counted['tried'], 'time')}; {counted['without_plan']:,} times no plan met every "
        "requirement, and BTC were sold for bills and calls until the next."
    ]


def against_tree(scenario: Scenario, summary: Summary) -> Table:
    """The plan's figures on its tree and out of sample, side by side; chances with their interval."""
    table = grid("", "Tree", "Out of sample", "difference")
    for row in rows(tables.figures(scenario, summary)):
        name = row["figure"]
        if _says_something(scenario, name):
            cells = [_amount(row, row[key], summary) for key in ("tree", "out_of_sample", "difference")]
            if name in summary.chances:
                cells[1] = _chance(summary.chances[name])
            add(table, LABELS[name].format(tail=share(scenario.risk.tail_share)), *cells)
    return table


def _says_something(scenario: Scenario, figure: str) -> bool:
    """Whether a figure can be anything but nothing: there are lenders to call, minima to fall below."""
    lends = bool(scenario.loans or scenario.facilities)
    without = {
        "p_call": not lends,
        "p_liquidation": not lends,
        "lost_btc": not lends,
        "room_to_call_share_p05": not lends,
        "p_below_min_cash": scenario.requirements.min_cash_usd == 0,
        "p_below_min_btc": scenario.requirements.min_btc == 0,
    }
    return not without.get(figure, False)


def _amount(row: dict[str, Any], amount: float, summary: Summary) -> str:
    if row["unit"] == "share":
        return _percent(amount)
    if row["unit"] == "usd":
        return usd(amount)
    if row["figure"] in tables.IN_NUMERAIRE:
        return worth(amount, "btc", summary.tree.expected).removesuffix(" BTC")
    return btc(amount)


def _percent(amount: float) -> str:
    return share(amount, 1 if amount == 0 or abs(amount) >= 0.01 else 2)


def _chance(chance: Chance) -> str:
    return f"{_percent(chance.share)} ({_percent(chance.low)} to {_percent(chance.high)})"


def _together(scenario: Scenario, summary: Summary) -> list[tuple[str, Lines]]:
    unit, sample = scenario.numeraire, summary.sample
    ends = " / ".join(worth(value, unit, sample.expected).removesuffix(" BTC") for value in summary.worth_quantiles)
    points = " / ".join(share(point) for point in (0.05, 0.25, 0.5, 0.75, 0.95))
    outcome: Lines = [
        against_tree(scenario, summary),
        f"Chances with their interval at 95% confidence. Net worth in {unit.upper()}; its mean is known to within "
        f"{worth(summary.standard_error, unit, sample.expected)} (standard error).",
        f"Ends with {ends} {unit.upper()} or less on {points} of paths.",
    ]
    if sample.lost_btc > 0:
        outcome.append(
            f"Where BTC are lost to lenders (fee and slippage of forced sales, pledges lost with a lender), "
            f"{btc(summary.lost_btc_if_any)} are on average, {btc(summary.lost_btc_most)} at most."
        )
    taken = summary.chances.get("p_machines_seized")
    if taken and taken.share > 0:
        outcome.append(f"Lenders take machines on {_chance(taken)} of paths.")
    sections = [("Tree and sample", outcome)]
    if summary.debts:
        sections.append(("Lenders", _lenders(scenario, summary)))
    return [*sections, ("By month", _by_month(scenario, summary))]


def _lenders(scenario: Scenario, summary: Summary) -> Lines:
    headings = ("owes", "call", "liquidation", "first call", "highest LTV", "of a twentieth", "topped up", "lost BTC")
    table = grid("Lender", *headings)
    for debt in summary.debts:
        first = debt.first_call_month
        add(
            table,
            debt.facility,
            share(debt.owed.share),
            _percent(debt.call.share),
            _percent(debt.liquidation.share),
            NONE if first is None else month_of(date_of(scenario, first)),
            share(debt.ltv_high_p50),
            share(debt.ltv_high_p95),
            btc(debt.topped_up_btc),
            btc(debt.lost_btc),
        )
    return [
        table,
        "Shares of paths. First call: in which month it comes most often. Highest LTV of any day, at the day's low: of "
        "the middle path that owes, and what a twentieth exceeds. BTC on average.",
    ]


def _by_month(scenario: Scenario, summary: Summary) -> Lines:
    months = rows(tables.months(scenario, summary))
    groups = ("net BTC 5%", "50%", "95%", "BTC 5%", "50%", "cash 5%", "owed 50%", "95%", "LTV 95%", "trouble")
    table = grid("to", *groups)
    table.columns[0].no_wrap = True
    for start, period in periods(months):
        end: dict[str, Any] = period[-1]
        highest = [debt.ltv_fan[row["month"], -1] for debt in summary.debts for row in period]
        add(
            table,
            "today" if start < 1 else month_of(end["date"]),
            *(btc(end[f"net_btc_{point}"]) for point in ("p05", "p50", "p95")),
            *(btc(end[f"btc_{point}"]) for point in ("p05", "p50")),
            usd(end["cash_usd_p05"]),
            *(usd(end[f"owed_usd_{point}"]) for point in ("p50", "p95")),
            share(float(np.nanmax(highest))) if np.isfinite(highest).any() else NONE,
            _percent(sum(row["first_trouble_share"] for row in period)),
        )
    worst, worst_p05 = (month_of(date_of(scenario, m)) for m in (summary.worst_month, summary.worst_month_p05))
    return [
        table,
        "What 5%, 50% and 95% of paths do not exceed at the period's end; the highest LTV in it with any lender, that "
        "5% exceed. Trouble: the share of paths whose first call, liquidation, shortage or default comes then.",
        f"Worst month: {worst}, in which mean net worth changes by {btc(summary.worst_month_btc)} BTC; for the worst "
        f"twentieth {worst_p05}, by {btc(summary.worst_month_p05_btc)} BTC.",
    ]
