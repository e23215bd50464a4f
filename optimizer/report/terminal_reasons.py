"""Why this plan, on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimizer.report.reasons import distance, flip_in_words, reasons_document
from optimizer.report.screen import Lines
from optimizer.report.words import NONE, add, grid, worth

if TYPE_CHECKING:
    from optimizer.planning import Plan

# So many of the limits that are worth most, and of what would be missed least; all stand in plan.json.
MOST_LIMITS, MOST = 16, 8


def reasons(plan: Plan) -> Lines:
    """What limits are worth, what comes next best, where the advice flips; nothing where that was not asked."""
    if plan.why is None:
        return []
    doc, unit, beside = reasons_document(plan), plan.scenario.numeraire, plan.value.value
    limits = grid("One step of easing a limit, today's lots as they are", "first bit, per step", "whole step")
    for row in doc["limits"][:MOST_LIMITS]:
        add(limits, row["step"], *(_worth(row[f"{key}_{unit}"], unit, beside) for key in ("marginal", "step")))
    without = grid("The next best: the plan with", "loses")
    for row in doc["without"][:MOST]:
        loses = row["why_not"] or _worth(row[f"loses_{unit}"], unit, beside)
        add(without, row["without"], f"{loses}, within the gap" if row["within_gap"] else loses)
    turning = sorted((row for row in doc["flips"] if row["turns_at"] is not None), key=distance)
    flips = grid("Where the advice turns, planned anew", "the plan", "beyond", "at", left=3)
    for row in turning:
        add(flips, row["words"], row["today"], row["beyond"], flip_in_words(row))
    steady = sorted(
        f"{row['words']} ({row['today']}), {flip_in_words(row)}" for row in doc["flips"] if row["turns_at"] is None
    )
    lines: Lines = [limits] if doc["limits"] else ["No limit binds."]
    lines += [without] if doc["without"] else []
    lines += [flips] if turning else []
    return [*lines, f"Does not turn: {'; '.join(steady)}."] if steady else lines


def _worth(amount: float | None, unit: str, beside: float) -> str:
    return NONE if amount is None else worth(amount, unit, beside)
