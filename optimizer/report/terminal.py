"""The plan and the scenario on a terminal: what to do, what then, what it brings, what could break it.

Plain text in a hundred columns that reads without colour. Every figure comes from the plan's tables.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import pandas as pd
from rich.console import Console

from optimizer.report import words
from optimizer.report.doubt import doubt_of
from optimizer.report.places import date_of
from optimizer.report.screen import Lines, print_lines, print_title
from optimizer.report.terminal_judged import against, doubts, risk
from optimizer.report.terminal_plan import money, then, today
from optimizer.report.terminal_reasons import reasons
from optimizer.report.terminal_scenario import scenario_lines
from optimizer.report.terminal_trees import sureness

if TYPE_CHECKING:
    from optimizer.planning import Plan
    from optimizer.scenario.load import LoadedScenario
    from optimizer.valuation import Value


def print_plan(plan: Plan, console: Console) -> None:
    """Print a plan: do today, then, money, risk, against, why and how sure (if asked), doubt, and how it was
    found."""
    tables = cast("dict[str, pd.DataFrame]", plan.tables)
    doubt = doubt_of(plan)
    print_title(console, plan.scenario.name)
    print_lines(console, _headline(plan))
    for title, lines in (
        ("Do today", today(plan, tables)),
        ("Then", then(plan, tables)),
        ("Money", money(plan, tables)),
        ("Risk", risk(plan, tables)),
        ("Against", against(plan, tables)),
        ("Why", reasons(plan)),
        ("How sure", sureness(plan)),
        ("Doubt", doubts(plan, doubt)),
        ("How it was found", _footer(plan)),
    ):
        if lines:
            print_title(console, title)
            print_lines(console, lines)


def print_scenario(loaded: LoadedScenario, console: Console) -> None:
    """Print what was understood of a scenario, on one screen."""
    print_title(console, loaded.scenario.name)
    print_lines(console, scenario_lines(loaded))


def _headline(plan: Plan) -> Lines:
    given, value, unit = plan.scenario, plan.value, plan.scenario.numeraire
    end = date_of(given, given.horizon_months)
    lines: Lines = [
        f"{given.horizon_months} months from {words.day(given.as_of)}, counted in {unit.upper()}: "
        f"worth {words.worth(value.expected, unit)} on average in {words.month_of(end)} "
        f"({_made_of(value, unit)})."
    ]
    if plan.solver.hit_limit:
        lines.append(
            f"The solver was stopped by a limit: a better plan may exist, by at most {_gap(plan)}. "
            "Give it more time before acting on small differences."
        )
    return lines


def _made_of(value: Value, unit: str) -> str:
    """What the expected worth consists of, leaving out what is not there."""
    names = {"btc_held": "held", "machines": "machines at resale", "cash": "cash", "debt": "debt"}
    names |= {"sources": "other sources of money", "taxes": "tax"}
    nothing = words.worth(0.0, unit, beside=value.expected)
    parts = {names[part]: words.worth(amount, unit, beside=value.expected) for part, amount in value.means.items()}
    return ", ".join(f"{name} {amount}" for name, amount in parts.items() if amount.lstrip("-") != nothing)


def _gap(plan: Plan) -> str:
    """The proven distance to the best plan, in words."""
    gap = plan.solver.gap
    if not math.isfinite(gap):
        return "an amount that is not known yet"
    return f"{words.share(gap, 2)} ({words.worth(gap * abs(plan.objective), plan.scenario.numeraire)})"


def _method(plan: Plan) -> str:
    """How the tree was solved, where there is something to say of it."""
    s = plan.solver
    if s.method == "decomposed":
        return f" in parts, {words.count(s.subtrees, 'subtree')} from month {s.cut_month} on"
    return f" whole, since {s.why_whole}" if s.why_whole else ""


def _footer(plan: Plan) -> Lines:
    s, audit = plan.solver, plan.audit
    how = "stopped by a limit" if s.hit_limit else s.status.lower()
    near = "proven to be the best" if s.gap == 0 else f"at most {_gap(plan)} from the best"
    seconds = s.market_seconds + s.build_seconds + s.solve_seconds + s.audit_seconds + s.replay_seconds
    seconds += s.alternatives_seconds
    rules = len({found.rule for found in audit.headrooms})
    return [
        f"{s.version}: {how}, {near}. {words.count(s.nodes, 'node')}, "
        f"{words.count(s.leaves, 'final branch')}; {seconds:.1f} s in all, "
        f"{s.solve_seconds:.1f} s of it solving{_method(plan)}.",
        f"The ledger, which shares no formula with the model, finds the same balances to within "
        f"{audit.largest_difference:.0e} of the company's size, and every one of {rules} rules kept.",
        f"Inputs {plan.loaded.sha256[:12]} ({plan.loaded.path.name}).",
    ]
