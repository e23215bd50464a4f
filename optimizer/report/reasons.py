"""Why this plan, in words and rows: where alternatives lose, what limits are worth, what comes next, what turns it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from optimizer.compare.split import in_order, loses_by_cause
from optimizer.report.compare_causes import name_of
from optimizer.report.plain import Document
from optimizer.report.words import share

if TYPE_CHECKING:
    from optimizer.planning import Plan
    from optimizer.why.flips import Flip
    from optimizer.why.why import Why

# What the plan does, and what it does beyond a turn; today or later.
QUESTIONS = {"borrow": ("borrows", "never borrows"), "buy_machines": ("orders machines", "orders no machines")}


def reasons_document(plan: Plan) -> Document:
    """The reasons of a plan, in the numeraire. ``limits``, ``without`` and ``flips`` are None where they were not asked
    for (``--why``)."""
    unit, why = plan.scenario.numeraire, plan.why
    return {
        "causes": list(_causes(plan)),
        "limits": None if why is None else list(_limits(why, unit)),
        "without": None if why is None else list(_without(why, unit)),
        "flips": None if why is None else [_flip(flip) for flip in why.flips],
    }


def _causes(plan: Plan) -> Iterator[Document]:
    """Of each alternative that is one, what it loses by cause; each adds up to what it loses."""
    unit = plan.scenario.numeraire
    for alternative in plan.comparators:
        if alternative.feasible:
            found = loses_by_cause(plan, alternative)
            for cause in in_order(list(found)):
                yield {"alternative": alternative.name, "cause": name_of(cause), f"loses_{unit}": found[cause]}


def _limits(why: Why, unit: str) -> Iterator[Document]:
    for limit in why.limits:
        yield {
            "key": limit.key,
            "step": limit.words,
            f"marginal_{unit}": limit.marginal,
            f"step_{unit}": limit.step,
        }


def _without(why: Why, unit: str) -> Iterator[Document]:
    for other in why.without:
        yield {
            "without": other.without,
            f"loses_{unit}": other.loses,
            "within_gap": other.within_gap,
            "why_not": other.why_not,
        }


def _flip(flip: Flip) -> Document:
    today, beyond = QUESTIONS[flip.question][:: 1 if flip.now else -1]
    return {
        "assumption": flip.key,
        "words": flip.words,
        "question": flip.question,
        "today": today,
        "beyond": beyond,
        "unit": flip.unit,
        "assumed": flip.assumed,
        "holds_at": flip.holds,
        "turns_at": flip.turns,
        "tried_from": flip.tried[0],
        "tried_to": flip.tried[1],
    }


def flip_in_words(row: Document) -> str:
    """Where an answer turns: `0.70 to 0.72 times today's`, `10.0% to 12.5% a year, assumed 30.0%`; or over what range
    it does not."""
    turns = row["turns_at"] is not None
    between = (row["holds_at"], row["turns_at"]) if turns else (row["tried_from"], row["tried_to"])
    low, high = (_value(value, row["unit"]) for value in sorted(between))
    suffix = {"times": " times today's", "points": " points", "growth": " a year"}[row["unit"]]
    if row["unit"] == "growth" and row["assumed"] is not None:
        suffix += f", assumed {_value(row['assumed'], 'growth')}"
    return f"{low} to {high}{suffix}" if turns else f"not from {low} to {high}{suffix}"


def distance(row: Document) -> float:
    """How far an assumption is from where an answer turns, as a share of the range that was tried on that side; 1 where
    the scenario states no value."""
    now = row["assumed"]
    if now is None or row["turns_at"] is None:
        return 1.0
    end = row["tried_to"] if row["turns_at"] > now else row["tried_from"]
    return float(abs(row["turns_at"] - now) / abs(end - now))


def _value(value: float, unit: str) -> str:
    if unit == "growth":
        return share(value, 1)
    return f"{100 * value:+.1f}" if unit == "points" else f"{value:.2f}"
