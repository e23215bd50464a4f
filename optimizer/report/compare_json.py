"""A comparison as one document of plain data; `docs/reference/compare-json.md` says what its keys mean."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast

from optimizer import __version__
from optimizer.compare.compared import Compared
from optimizer.compare.inputs import ABSENT, InputDifference
from optimizer.compare.split import in_order
from optimizer.report.compare_verdict import verdicts
from optimizer.report.places import date_of
from optimizer.report.plain import Document, plain

SCHEMA = "hashlever/compare/1"


def comparison_document(c: Compared) -> Document:
    """The whole comparison as dicts, lists, text, numbers, true, false and null; lists of values are in the order of
    the plans."""
    document = {
        "schema": SCHEMA,
        "version": __version__,
        "plans": _plans(c),
        "verdicts": verdicts(c),
        "notes": c.ground.notes,
        "inputs": [_input(difference) for difference in c.inputs],
        "today": {
            "differ": [{**d.act._asdict(), "amounts": d.amounts} for d in c.acts],
            "same": c.same_acts,
        },
        "later": _later(c),
        "outcomes": [_without_shocks(asdict(found)) for found in c.outcomes],
        "shocks": _shocks(c),
        "split": _split(c),
    }
    return cast(Document, plain(document))


def _plans(c: Compared) -> list[Document]:
    return [
        {
            "letter": letter,
            "name": scenario.name,
            "read_from": given.place,
            "sha256": given.saved.sha256,
            "as_of": scenario.as_of,
            "horizon_months": scenario.horizon_months,
            "numeraire": scenario.numeraire,
            "gap": given.gap,
            "hit_limit": given.hit_limit,
        }
        for letter, given, scenario in zip(c.letters, c.plans, c.scenarios, strict=True)
    ]


def _input(difference: InputDifference) -> Document:
    """A key that only some plans have: the others have neither a value nor true at ``there``."""
    return {
        "path": difference.path,
        "there": [value is not ABSENT for value in difference.values],
        "values": [None if value is ABSENT else value for value in difference.values],
        "words": difference.words,
    }


def _later(c: Compared) -> Document | None:
    if c.later_month is None:
        return None
    return {
        "month": c.later_month,
        "dates": [date_of(scenario, c.later_month) for scenario in c.scenarios],
        "plans": [[asdict(at) for at in plan] for plan in c.later],
    }


def _without_shocks(outcomes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in outcomes.items() if key != "shocks"}


def _shocks(c: Compared) -> list[Document]:
    names = dict.fromkeys(name for found in c.outcomes for name in found.shocks)
    return [
        {
            "name": name,
            "survives": [found.shocks[name][0] if name in found.shocks else None for found in c.outcomes],
            "net_end_btc": [found.shocks[name][1] if name in found.shocks else None for found in c.outcomes],
        }
        for name in names
    ]


def _split(c: Compared) -> Document | None:
    """Causes with what each plan has of them; null where worth cannot be compared."""
    if not c.splits:
        return None
    causes = in_order([cause for split in c.splits for cause in split.expected])
    return {
        "numeraire": c.ground.numeraire,
        "month": c.ground.month,
        "causes": [
            {
                "cause": cause.name,
                "source": cause.of,
                "expected": [split.expected.get(cause, 0.0) for split in c.splits],
                "weighed": [(split.weighed or {}).get(cause, 0.0) for split in c.splits] if c.ground.weighed else None,
            }
            for cause in causes
        ],
        "mean": [split.mean for split in c.splits],
        "risk": [split.risk for split in c.splits] if c.ground.weighed else None,
        "worth": [split.worth for split in c.splits] if c.ground.weighed else None,
    }
