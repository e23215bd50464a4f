"""Plans compared: on what ground, where they differ, and what the difference is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from optimizer.compare.decisions import ActDifference, Later, first_later_month, later, today
from optimizer.compare.given import Given
from optimizer.compare.inputs import InputDifference, input_differences
from optimizer.compare.outcomes import Outcomes, outcomes_of
from optimizer.compare.split import Numeraire, Split, split_of
from optimizer.scenario.market_spec import Cases
from optimizer.scenario.schema import Scenario

LETTERS = "ABCDEF"


@dataclass(frozen=True)
class Ground:
    """On what worth can be compared: after ``month`` months in ``numeraire``; None where it cannot. ``weighed``:
    whether the plans' own objectives can be, rather than means alone. ``at_own_ends``: whether that is where every plan
    ends. ``notes``: what cannot be compared, and why."""

    month: int | None
    numeraire: Numeraire
    weighed: bool
    at_own_ends: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Compared:
    """Two plans or more side by side; the first is what the others are held against.

    inputs, acts: what differs; same_acts: how many acts of today are the same. later: by plan what is done in month
    later_month. splits: what each plan's worth is made of on the common ground; empty where there is none.
    """

    plans: tuple[Given, ...]
    ground: Ground
    inputs: tuple[InputDifference, ...]
    acts: tuple[ActDifference, ...]
    same_acts: int
    later_month: int | None
    later: tuple[tuple[Later, ...], ...]
    outcomes: tuple[Outcomes, ...]
    splits: tuple[Split, ...]

    @property
    def letters(self) -> str:
        """A letter for each plan."""
        return LETTERS[: len(self.plans)]

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """What was planned."""
        return tuple(given.saved.scenario for given in self.plans)


def compare(plans: Sequence[Given], tell: Callable[[str, str], None] | None = None) -> Compared:
    """Compare plans; their shocks are replayed on the way."""
    say = tell or (lambda stage, detail: None)
    saved = [given.saved for given in plans]
    ground = common_ground([plan.scenario for plan in saved])
    say("compare", f"{len(plans)} plans")
    acts, same = today(saved)
    month = first_later_month(saved)
    splits: tuple[Split, ...] = ()
    if ground.month is not None:
        splits = tuple(
            split_of(p.scenario, p.tree, p.decisions, p.books, month=ground.month, numeraire=ground.numeraire)
            for p in saved
        )
    return Compared(
        plans=tuple(plans),
        ground=ground,
        inputs=tuple(input_differences([plan.scenario for plan in saved])),
        acts=tuple(acts),
        same_acts=same,
        later_month=month,
        later=tuple(() if month is None else tuple(later(plan, month)) for plan in saved),
        outcomes=tuple(outcomes_of(given) for given in plans),
        splits=splits,
    )


def common_ground(scenarios: Sequence[Scenario]) -> Ground:
    """On what the worth of plans of these scenarios can be compared."""
    first, notes = scenarios[0], []
    units, horizons = {s.numeraire for s in scenarios}, {s.horizon_months for s in scenarios}
    weights = {(s.risk.weight, s.risk.tail_share if s.risk.weight > 0 else 1.0) for s in scenarios}
    unit: Numeraire = first.numeraire if len(units) == 1 else "btc"
    month: int | None = min(horizons)
    if len({s.as_of for s in scenarios}) > 1:
        month = None
        notes.append(
            "The plans start on different days, from different companies: what they are worth cannot be subtracted, "
            "so there is no split of a difference. Decisions and outcomes stand side by side."
        )
    if len(horizons) > 1:
        told = ", ".join(f"{letter} {s.horizon_months}" for letter, s in zip(LETTERS, scenarios, strict=False))
        notes.append(
            f"The plans look ahead for different times (months: {told}): outcomes are each plan's own at its own end."
            + (f" Worth is split after {month} months, which a longer plan does not aim at." if month else "")
        )
    if len(units) > 1:
        notes.append("Some plans count in BTC and some in USD: their worth is compared in BTC.")
    if len(weights) > 1:
        notes.append("The plans weigh bad futures differently: what they maximise is not the same, so means are split.")
    if len({isinstance(s.market.price, Cases) for s in scenarios}) > 1:
        notes.append(
            "Some plans know their future as named cases and some do not: those that do act with foresight after today."
        )
    weighed = month is not None and len(horizons) == len(units) == len(weights) == 1
    return Ground(month, unit, weighed, month is not None and len(horizons) == 1, tuple(notes))
