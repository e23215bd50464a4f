"""What would change the advice: computed flip points where there are any, else what the plan's own doubts say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from optimizer.report.plain import Document
from optimizer.report.terminal_judged import ALTERNATIVES
from optimizer.report.words import share, worth

MOST = 3


@dataclass(frozen=True)
class FlipPoint:
    """A value of one assumption beyond which the plan does otherwise, found by planning again with it.

    ``assumption`` in words with its unit; ``now`` (what the plan does) and ``flips_at`` in words; ``then``: what it
    does beyond.
    ``distance``: how far away it is, relative; the nearest come first.
    """

    assumption: str
    now: str
    flips_at: str
    then: str
    distance: float


@dataclass(frozen=True)
class Change:
    """One thing that would change the advice: what, and what it says."""

    what: str
    says: str


def changes(doc: Document, flip_points: Sequence[FlipPoint] = ()) -> list[Change]:
    """At most three. Flip points come first; then the closed forms of `optimizer.report.doubt`, which solve nothing
    again: the alternative that is nearest to this plan, the loan and the machine with the least to spare."""
    flips = [
        Change(
            f"{flip.assumption[:1].upper()}{flip.assumption[1:]}: {flip.flips_at}",
            f"The plan {flip.now}; beyond it, it {flip.then}.",
        )
        for flip in sorted(flip_points, key=lambda flip: flip.distance)
    ]
    return [*flips, *_nearest_alternative(doc), *_nearest_loan(doc), *_nearest_machine(doc)][:MOST]


def _nearest_alternative(doc: Document) -> Iterator[Change]:
    unit = doc["objective"]["numeraire"]
    there = [row for row in doc["comparators"] if row["feasible"]]
    if not there:
        return
    row = min(there, key=lambda row: row[f"loses_{unit}"])
    mine, loses = doc["objective"][f"value_{unit}"], row[f"loses_{unit}"]
    name = ALTERNATIVES.get(row["name"], row["name"])
    says = f"The nearest alternative, worth {worth(loses, unit, mine)} less ({share(loses / abs(mine), 1)})."
    weight = tie_weight(doc, row)
    if weight is not None:
        now = doc["objective"]["risk_weight"]
        says += f" Ties with this plan at a weight of {share(weight)} on bad futures, now {share(now)}."
    off_tree = _loss_off_the_tree(doc)
    if off_tree is not None and off_tree > loses:
        says += (
            f" Its lead is smaller than the {worth(off_tree, unit, mine)} that the plan loses on paths off its tree."
        )
    yield Change(f"How little “{name}” is behind", says)


def tie_weight(doc: Document, row: Document) -> float | None:
    """The weight of the tail at which an alternative, as it stands, is worth as much as the plan as it stands:
    (mean - mean') / ((mean - tail) - (mean' - tail')); None where it is no weight."""
    objective = doc["objective"]
    unit = objective["numeraire"]
    ahead = objective[f"expected_net_{unit}"] - row[f"expected_{unit}"]
    ahead_in_tail = objective[f"cvar_net_{unit}"] - row[f"cvar_{unit}"]
    if ahead == ahead_in_tail:
        return None
    weight = ahead / (ahead - ahead_in_tail)
    return float(weight) if 0 <= weight <= 1 else None


def _loss_off_the_tree(doc: Document) -> float | None:
    if doc["out_of_sample"] is None:
        return None
    [value] = [row for row in doc["out_of_sample"]["figures"] if row["figure"] == "value"]
    return -float(value["difference"])


def _nearest_loan(doc: Document) -> Iterator[Change]:
    """Of the loans that the plan uses, or else of all, the one whose tie with selling is nearest to the view."""
    loans = doc["doubt"]["loans"]
    used = [row for row in loans if row["expected_draws_usd"] > 0] or loans
    if not used:
        return
    row = min(used, key=lambda row: abs(row["sure_growth_pa"] - row["break_even_growth_pa"]))
    ties, view, careful = (
        share(row[key], 1) for key in ("break_even_growth_pa", "sure_growth_pa", "careful_growth_pa")
    )
    drawn = "drawn" if row["expected_draws_usd"] > 0 else "not drawn"
    beyond = "less" if row["sure_growth_pa"] > row["break_even_growth_pa"] else "more"
    yield Change(
        f"BTC sure to grow {beyond} than {ties} a year",
        f"There {row['facility']} at {share(row['apr'], 2)} ({drawn}) ties with selling. The price view is worth a "
        f"sure {view}, and {careful} with bad futures weighing as they do here.",
    )


def _nearest_machine(doc: Document) -> Iterator[Change]:
    """Of the machines ordered today the one that a lower hashprice makes worthless first."""
    names = {row["model"]: row["name"] for row in doc["machines"]}
    found = [row for row in doc["doubt"]["machines"] if row["hashprice_lower_share"] is not None]
    if not found:
        return
    row = min(found, key=lambda row: row["hashprice_lower_share"])
    faster = row["network_faster_pa"]
    also = "" if faster is None else f", or the network growing {share(faster)} a year faster"
    yield Change(
        f"Hashprice {share(row['hashprice_lower_share'])} lower throughout",
        f"With it{also}, {names[row['model']]} at {row['site']} earns nothing over leaving its place empty: of today's "
        "orders the first to fall.",
    )
