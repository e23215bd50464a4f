"""A backtest on a terminal: what the advice brought, start by start, against the obvious; and where it lost."""

from __future__ import annotations

import math

from rich.console import Console
from rich.table import Table

from optimizer.replay.tested import SAME_BTC, STRATEGIES, Backtest, Result, Window
from optimizer.report.price_view import view_in_words
from optimizer.report.screen import Lines, print_lines, print_title
from optimizer.report.words import NONE, add, btc, count, day, grid, share, usd

OTHERS = [name for name in STRATEGIES if name != "plan"]


def print_backtest(tested: Backtest, console: Console) -> None:
    """Print a backtest: every start, lenders, the plan against the others, promises, and where the advice lost."""
    print_title(console, f"{tested.loaded.scenario.name}, backtest")
    print_lines(console, _asked(tested))
    sections: tuple[tuple[str, Lines], ...] = (
        ("Start by start", _starts(tested)),
        ("Debt", [_debt(tested)]),
        ("The plan against", [_against(tested)]),
        ("What was promised", _promised(tested)),
        ("Where the advice lost", _lost(tested)),
        ("Without a plan", _unplanned(tested)),
    )
    for title, lines in sections:
        if lines:
            print_title(console, title)
            print_lines(console, lines)


def _asked(tested: Backtest) -> Lines:
    first, last = tested.windows[0].start, tested.windows[-1].start
    return [
        f"{count(len(tested.windows), 'start')} from {day(first)} to {day(last)}, every "
        f"{count(tested.every_months, 'month')}. Each plan, for {count(tested.horizon_months, 'month')}, was made from "
        f"{tested.history} up to its day alone and then replayed on what followed: today as planned, later what the "
        "plan does where its tree comes nearest to the market met.",
        f"View: {view_in_words(tested.loaded.scenario)}.",
    ]


def _starts(tested: Backtest) -> Lines:
    table = grid(
        "Start", "price", "expected", "plan", "sell only", "borrow", "no mach.", "hold", "calls", "liq.", "room"
    )
    for window in tested.windows:
        plan = window.of("plan")
        gains = [_signed(window.of(name).net_btc - plan.net_btc) for name in OTHERS]
        happened = [str(plan.calls), str(plan.liquidations)] if math.isfinite(plan.net_btc) else [NONE, NONE]
        add(
            table,
            _when(tested, window),
            _change(window.btc_price_usd),
            btc(plan.expected_btc),
            btc(plan.net_btc),
            *gains,
            *happened,
            share(plan.headroom_share),
        )
    lines: Lines = [
        "Net BTC at the end: expected on the plan's tree, the plan's, and the others' less the plan's (sell BTC and "
        "never borrow, borrow at most on the first day, buy no machines, hold: sell for bills alone). Of the plan: "
        "margin calls, liquidations, and the least that price could have fallen further before a call (-: no debt).",
        table,
    ]
    cut = [w for w in tested.windows if _is_cut(tested, w)]
    if cut:
        months = ", ".join(f"{w.start} ({w.months} of {tested.horizon_months} months)" for w in cut)
        lines.append(f"* The history ends too early: {months}. Net BTC is that of the last month there is.")
    return lines


def _debt(tested: Backtest) -> Table:
    table = grid("", "starts that borrow", "margin calls", "liquidations", "BTC lost", "least room", "unpaid bills")
    for name, label in STRATEGIES.items():
        results = [window.of(name) for window in tested.windows]
        rooms = [result.headroom_share for result in results if not math.isnan(result.headroom_share)]
        add(
            table,
            label,
            str(len(rooms)),
            str(sum(result.calls for result in results)),
            str(sum(result.liquidations for result in results)),
            btc(sum(result.lost_btc for result in results)),
            share(min(rooms)) if rooms else NONE,
            str(sum(result.insolvent for result in results)),
        )
    return table


def _against(tested: Backtest) -> Table:
    table = grid("BTC more than", "starts", "ahead", "same", "behind", "mean", "worst", "best")
    for name in OTHERS:
        met = tested.against(name)
        add(
            table,
            STRATEGIES[name],
            str(met.starts),
            str(met.ahead),
            str(met.starts - met.ahead - met.behind),
            str(met.behind),
            *(_signed(amount) for amount in (met.mean_btc, met.worst_btc, met.best_btc)),
        )
    return table


def _promised(tested: Backtest) -> Lines:
    plans = [window.of("plan") for window in tested.windows]
    shares = [plan.net_btc / plan.expected_btc - 1 for plan in plans if math.isfinite(plan.net_btc)]
    if not shares:
        return []
    return [
        f"Less came than the plan's tree expected at {sum(s < 0 for s in shares)} of {count(len(shares), 'start')}; on "
        f"average {_percent(sum(shares) / len(shares))}, at worst {_percent(min(shares))}, at best "
        f"{_percent(max(shares))}."
    ]


def _lost(tested: Backtest) -> Lines:
    table = grid("Start", "better", "by BTC", "price", "hashprice", "plan ordered", "sold", "borrowed", left=2)
    lost = 0
    for window in tested.windows:
        plan, best = window.of("plan"), _best_other(window)
        if best is None or best.net_btc - plan.net_btc <= SAME_BTC:
            continue
        lost += 1
        add(
            table,
            _when(tested, window),
            STRATEGIES[best.strategy],
            _signed(best.net_btc - plan.net_btc),
            _change(window.btc_price_usd),
            _change(window.hashprice_usd),
            f"{plan.ordered_units:,.0f}",
            btc(plan.sold_btc),
            usd(plan.borrowed_usd),
        )
    tried = sum(_best_other(window) is not None for window in tested.windows)
    if not tried:
        return []
    if not lost:
        return [f"Nowhere: at none of {count(tried, 'start')} did another bring more."]
    return [
        f"At {lost} of {count(tried, 'start')} another brought more; nobody could know which. What the plan did on "
        "the first day, and how price and hashprice then changed:",
        table,
    ]


def _unplanned(tested: Backtest) -> Lines:
    reasons = [(window, window.why_not or window.of("plan").why_not) for window in tested.windows]
    return [f"{day(window.start)}: {why.splitlines()[0]}" for window, why in reasons if why]


def _best_other(window: Window) -> Result | None:
    """Of the others the one that brought most; None where there is nothing to compare."""
    if not math.isfinite(window.of("plan").net_btc):
        return None
    found = [r for r in window.results if r.strategy != "plan" and math.isfinite(r.net_btc)]
    return max(found, key=lambda result: result.net_btc, default=None)


def _is_cut(tested: Backtest, window: Window) -> bool:
    return 0 < window.months < tested.horizon_months


def _when(tested: Backtest, window: Window) -> str:
    return f"{window.start}{'*' if _is_cut(tested, window) else ''}"


def _change(ends: tuple[float, float]) -> str:
    return _percent(ends[1] / ends[0] - 1)


def _percent(amount: float) -> str:
    return f"{'+' if amount > 0 else ''}{share(amount)}"


def _signed(amount: float) -> str:
    """BTC with a sign and one digit after the point, enough for differences of whole companies."""
    if not math.isfinite(amount):
        return NONE
    tenths = round(amount, 1)
    return f"{tenths:+,.1f}" if tenths else "0.0"
