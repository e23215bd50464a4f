"""Why this plan: where each alternative loses, what limits are worth, what is next best, where the advice turns."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.report.html.advice import FlipPoint
from optimizer.report.html.parts import Column, Section, Shown, Table, text
from optimizer.report.plain import Document
from optimizer.report.reasons import distance, flip_in_words
from optimizer.report.terminal_judged import ALTERNATIVES
from optimizer.report.words import NONE, worth

# Of what an alternative loses in all: a cause of less stands in plan.json only.
LEAST_SHARE = 1e-3
NOT_ASKED = (
    "What limits are worth, what comes next best and where the advice turns were not asked for: hashlever plan --why "
    "finds them by solving again, in minutes."
)


def section(doc: Document) -> Section:
    """The reasons, as tables."""
    asked = doc["reasons"]["flips"] is not None
    says = [] if asked else [NOT_ASKED]
    if doc["reasons"]["causes"]:
        says.append(
            "What an alternative loses by cause adds up to what it loses; negative: there it has more than the plan. "
            "Dollars count at the price of the final branch."
        )
    return Section("reasons", "Why this plan", tuple(says), (), tuple(_tables(doc)))


def flip_points(doc: Document) -> tuple[FlipPoint, ...]:
    """Where the advice turns, for the memo; none where it was not asked."""
    return tuple(
        FlipPoint(row["words"], row["today"], flip_in_words(row), row["beyond"], distance(row))
        for row in doc["reasons"]["flips"] or ()
        if row["turns_at"] is not None
    )


def _tables(doc: Document) -> Iterator[Shown]:
    given, unit = doc["reasons"], doc["objective"]["numeraire"]
    if given["causes"]:
        yield Shown("Where each alternative loses", _causes(doc), f"In {unit.upper()}, weighed as the plan's worth is.")
    if given["limits"]:
        says = f"In {unit.upper()}, with today's whole lots as they are: from the duals, and solved again."
        yield Shown("What its limits are worth", _limits(doc), says)
    if given["without"]:
        yield Shown("The next best", _without(doc), "Planned again without each thing that it does today.")
    if given["flips"]:
        says = "Planned anew, market and all, at both ends of what is told."
        yield Shown("Where the advice turns", _flips(given["flips"]), says)


def _limits(doc: Document) -> Table:
    steps = (_worth(doc, "marginal", "first bit, per step"), _worth(doc, "step", "whole step"))
    return Table((text("step", "One step of easing it"), *steps), doc["reasons"]["limits"])


def _without(doc: Document) -> Table:
    rows = [
        row | {"why": row["why_not"] or ("within the gap" if row["within_gap"] else "")}
        for row in doc["reasons"]["without"]
    ]
    return Table((text("without", "The plan with"), _worth(doc, "loses", "loses"), text("why", "")), rows)


def _flips(rows: list[Document]) -> Table:
    ordered = sorted(rows, key=lambda row: (row["turns_at"] is None, distance(row)))
    names = {"words": "Assumption", "today": "The plan", "beyond": "Beyond", "where": "It turns"}
    columns = tuple(text(key, heading) for key, heading in names.items())
    return Table(columns, [row | {"where": flip_in_words(row)} for row in ordered])


def _causes(doc: Document) -> Table:
    """Causes down, alternatives across; the last row what each loses in all."""
    unit, given = doc["objective"]["numeraire"], doc["reasons"]["causes"]
    names = list(dict.fromkeys(row["alternative"] for row in given))
    rows: dict[str, Document] = {}
    total: Document = {"cause": "In all"} | dict.fromkeys(names, 0.0)
    for row in given:
        loses = row[f"loses_{unit}"]
        rows.setdefault(row["cause"], {"cause": row["cause"]} | dict.fromkeys(names, 0.0))[row["alternative"]] = loses
        total[row["alternative"]] += loses
    there = [row for row in rows.values() if any(abs(row[name]) > LEAST_SHARE * abs(total[name]) for name in names)]
    columns = [Column(name, ALTERNATIVES.get(name, name), lambda value: _amount(doc, value)) for name in names]
    return Table((text("cause", "Cause"), *columns), [*there, total])


def _worth(doc: Document, key: str, heading: str) -> Column:
    return Column(f"{key}_{doc['objective']['numeraire']}", heading, lambda value: _amount(doc, value))


def _amount(doc: Document, value: float | None) -> str:
    unit = doc["objective"]["numeraire"]
    return NONE if value is None else worth(value, unit, doc["objective"][f"value_{unit}"])
