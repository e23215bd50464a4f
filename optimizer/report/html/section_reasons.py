"""Why this plan: where each alternative loses, what limits are worth, what is next best, where the advice turns."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from optimizer.report.html.advice import FlipPoint
from optimizer.report.html.chart import (
    BLUE,
    MUTED,
    RED,
    USD_AXIS,
    Chart,
    Spec,
    amount,
    level,
    mark,
    named,
    named_height,
    svg,
)
from optimizer.report.html.parts import Column, Figure, Key, Section, Shown, Table, text
from optimizer.report.plain import Document
from optimizer.report.reasons import distance, flip_in_words
from optimizer.report.terminal_judged import ALTERNATIVES
from optimizer.report.words import NONE, worth

# Of what an alternative loses in all: a cause of less stands in plan.json only.
LEAST_SHARE = 1e-3
IN_ALL = "In all"
NOT_ASKED = (
    "What limits are worth, what comes next best and where the advice turns were not asked for: hashlever plan --why "
    "finds them by solving again, in minutes."
)


def section(doc: Document) -> Section:
    """The reasons: a waterfall for each alternative, and tables."""
    asked = doc["reasons"]["flips"] is not None
    says = [] if asked else [NOT_ASKED]
    if doc["reasons"]["causes"]:
        says.append(
            "What an alternative loses by cause adds up to what it loses; negative: there it has more than the plan. "
            "Dollars count at the price of the final branch."
        )
    return Section("reasons", "Why this plan", tuple(says), tuple(_waterfalls(doc)), tuple(_tables(doc)))


def flip_points(doc: Document) -> tuple[FlipPoint, ...]:
    """Where the advice turns, for the memo; none where it was not asked."""
    return tuple(
        FlipPoint(row["words"], row["today"], flip_in_words(row), row["beyond"], distance(row))
        for row in doc["reasons"]["flips"] or ()
        if row["turns_at"] is not None
    )


def _waterfalls(doc: Document) -> Iterator[Figure]:
    """For each alternative a bar for each cause, beginning where the last ended, and one for what it loses in all."""
    given, unit = doc["reasons"]["causes"], doc["objective"]["numeraire"]
    key = f"loses_{unit}"
    columns = (text("cause", "Cause"), Column(key, "loses", lambda value: _amount(doc, value)))
    for name in dict.fromkeys(row["alternative"] for row in given):
        drawn = [row for row in given if row["alternative"] == name]
        words = ALTERNATIVES.get(name, name)
        yield Figure(
            name=f"causes-{name}",
            title=f"{words}: where it loses against the plan",
            says=f"From nothing to {_amount(doc, sum(row[key] for row in drawn))} in all, cause by cause.",
            chart=_waterfall(drawn, key, unit),
            of="reasons.causes",
            drawn=drawn,
            table=Table(columns, drawn),
            keys=(Key("the alternative loses", RED, "band"), Key("it gains", BLUE, "band")),
        )


def _waterfall(drawn: list[Document], key: str, unit: str) -> Chart:
    bars, total = [], sum(row[key] for row in drawn)
    ends = list(accumulate((row[key] for row in drawn), initial=0.0))
    for row, start, end in zip(drawn, ends, ends[1:], strict=False):
        if abs(end - start) > LEAST_SHARE * abs(total):
            bars.append({"cause": row["cause"], "start": start, "end": end, "loses": end > start})
    bars.append({"cause": IN_ALL, "start": 0.0, "end": total, "loses": total > 0})
    y = named("cause", [bar["cause"] for bar in bars])
    labels = None if unit == "btc" else USD_AXIS
    colour: Spec = {"condition": {"test": "datum.loses", "value": RED}, "value": BLUE}
    bar = mark("bar", amount("start", f"lost, {unit.upper()}", labels), y, x2={"field": "end"}, color=colour, height=13)
    return svg([bar, *level(0.0, "x", MUTED)], bars, 240, named_height(len(bars), 20))


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
    total: Document = {"cause": IN_ALL} | dict.fromkeys(names, 0.0)
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
