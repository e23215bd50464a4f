"""A comparison as sections of text and tables: which plans, what was asked of them, what they decide."""

from __future__ import annotations

from typing import Any

from optimizer.compare.compared import Compared
from optimizer.compare.decisions import ActDifference, Later
from optimizer.compare.inputs import ABSENT, InputDifference
from optimizer.report.compare_causes import causes
from optimizer.report.compare_outcomes import outcomes, shocks
from optimizer.report.compare_parts import Part, Write, listed
from optimizer.report.compare_verdict import verdicts
from optimizer.report.places import date_of
from optimizer.report.words import NONE, btc, count, day, month_of, price, share, usd

# A value longer than this is cut: the JSON has it whole.
LONGEST = 34
# Fewer machines than this are the rounding of a plan that may own parts of machines.
LEAST_UNITS = 0.5


def sections(c: Compared) -> list[Part]:
    """All sections, in the order in which they are told; those with nothing to tell are left out."""
    found = (_plans(c), _inputs(c), _today(c), _later(c), outcomes(c), shocks(c), causes(c))
    return [part for part in found if part is not None]


def _plans(c: Compared) -> Part:
    """Which plan each letter stands for, and what the comparison comes to."""
    each = list(zip(c.letters, c.plans, c.scenarios, strict=True))
    rows = tuple(
        (letter, s.name, day(s.as_of), f"{s.horizon_months} months", s.numeraire.upper(), given.place)
        for letter, given, s in each
    )
    said = [*verdicts(c), *c.ground.notes]
    if len({given.saved.sha256 for given in c.plans}) == 1:
        said.append("All were planned from the same inputs, to the digit.")
    if stopped := [letter for letter, given, _ in each if given.hit_limit]:
        said.append(f"Stopped by a limit, so that a better plan may exist: {listed(stopped)}.")
    headings = ("", "Plan", "from", "over", "in", "read from")
    return Part("Plans compared", (), headings, rows, tuple(said), left=len(headings))


def _inputs(c: Compared) -> Part:
    if not c.inputs:
        return Part("Inputs that differ", ("None.",))
    figures = [d for d in c.inputs if not d.words and not d.is_whole]
    after = _whole(c, [d for d in c.inputs if d.is_whole])
    if words := [d.path for d in c.inputs if d.words]:
        after.append(f"Differ in words alone, such as where a figure comes from: {', '.join(words)}.")
    rows = tuple((d.path, *(_value(value) for value in d.values)) for d in figures)
    return Part("Inputs that differ", (), ("", *c.letters) if rows else (), rows, tuple(after))


def _whole(c: Compared, found: list[InputDifference]) -> list[str]:
    """What is there in some plans only, list by list, by name."""
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for d in found:
        of, _, name = d.path.removesuffix("]").partition("[")
        there = tuple(letter for letter, v in zip(c.letters, d.values, strict=True) if v is not ABSENT)
        groups.setdefault((of, there), []).append(name)
    return [
        f"Only in {listed(there)}: {of}{': ' if any(names) else ''}{'; '.join(names)}."
        for (of, there), names in groups.items()
    ]


def _value(value: Any) -> str:
    """A value as the scenario file has it, shortened."""
    if value is ABSENT:
        return NONE
    if value is None:
        return "blank"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"{value:,.10g}"
    if isinstance(value, dict):
        return "there"
    text = str(value)
    if isinstance(value, list):
        flat = not any(isinstance(item, (dict, list)) for item in value)
        text = f"[{', '.join(_value(item) for item in value)}]"
        return text if flat and len(text) <= LONGEST else f"a list of {len(value)}"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _today(c: Compared) -> Part:
    rows = tuple(row for difference in c.acts if (row := _act(difference)) is not None)
    same = f"{count(c.same_acts, 'other decision')} of today {'is' if c.same_acts == 1 else 'are'} the same."
    after = (same,) if c.same_acts else ()
    title = "Decided differently today"
    return Part(title, (), ("", *c.letters), rows, after) if rows else Part(title, ("Nothing.",))


def _act(difference: ActDifference) -> tuple[str, ...] | None:
    """A row; None where what differs is too little to be seen."""
    act = difference.act
    cells = [_amount(act.unit, amount) for amount in difference.amounts]
    if len(set(cells)) == 1:
        return None
    if (left := act.what.removeprefix("left: ")) != act.what:
        return (f"That leaves: {left}", *cells)
    return (f"{act.what.capitalize()} {act.who}".strip(), *cells)


def _amount(unit: str, amount: float) -> str:
    least = {"units": LEAST_UNITS, "usd": LEAST_UNITS}.get(unit, 1e-6)
    if abs(amount) < least:
        return NONE
    if unit == "usd":
        return usd(amount)
    return f"{amount:,.0f}" if unit == "units" else f"{btc(amount)} {'BTC' if unit == 'btc' else 'PH/s'}"


def _later(c: Compared) -> Part | None:
    if c.later_month is None:
        return None
    found = [{at.where: at for at in plan} for plan in c.later]
    wheres = list(dict.fromkeys(where for plan in found for where in plan))
    headings = ("Price", "", "BTC at", "hashprice", "order", "unplug", "borrow", "sold", "repaid", "sources", "LTV")
    rows = [
        (where if k == 0 else "", letter, *_done(plan[where]))
        for where in wheres
        for k, (letter, plan) in enumerate(zip(c.letters, found, strict=True))
        if where in plan
    ]
    kept = [k for k in range(len(headings)) if k < 4 or any(row[k] != NONE for row in rows)]
    when = listed(list(dict.fromkeys(month_of(date_of(s, c.later_month)) for s in c.scenarios)))
    told = (
        "Where price stands at its 90%, 50% and 10% point in the plan's own market, or in each of its named cases. "
        "Sold, repaid and brought by other sources since today; ordered, unplugged and borrowed in that month; the "
        "highest LTV of any lender."
    )
    table = tuple(tuple(row[k] for k in kept) for row in rows)
    return Part(f"Then, in {when}", (told,), tuple(headings[k] for k in kept), table, left=2)


def _done(at: Later) -> tuple[str, ...]:
    def or_none(write: Write, amount: float, least: float = LEAST_UNITS) -> str:
        return write(amount) if abs(amount) >= least else NONE

    return (
        price(at.price_usd),
        f"${at.hashprice_usd_per_ph_day:.1f}",
        f"{at.order_units:,.0f} for {usd(at.order_usd)}" if at.order_units >= LEAST_UNITS else NONE,
        or_none(lambda units: f"{units:,.0f}", at.unplugged_units),
        or_none(usd, at.drawn_usd),
        or_none(btc, at.sold_btc, 1e-6),
        or_none(usd, at.repaid_usd),
        or_none(usd, at.sources_usd),
        share(at.ltv) if at.ltv > 0 else NONE,
    )
