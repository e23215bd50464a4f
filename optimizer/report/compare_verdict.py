"""What a comparison comes to, in sentences: which plan is worth more, mostly why, and at what risk."""

from __future__ import annotations

from math import copysign

from optimizer.compare.compared import Compared
from optimizer.compare.split import less
from optimizer.report.compare_causes import RISK, name_of, signed
from optimizer.report.words import share, worth

# As many causes are named in a sentence, on either side.
MOST_NAMED = 3
# A cause smaller than this, against the largest, is not worth naming.
LEAST_NAMED = 0.05
# Less than this, against the worth, is rounding.
NOTHING = 1e-9


def verdicts(c: Compared) -> list[str]:
    """For each plan but the first how it compares with that one; nothing where worth cannot be compared."""
    if not c.splits:
        return []
    return [said for k in range(1, len(c.plans)) for said in _verdict(c, k)]


def _verdict(c: Compared, k: int) -> list[str]:
    letter, base, split, unit = c.letters[k], c.splits[0], c.splits[k], c.ground.numeraire
    differences = {name_of(cause): amount for cause, amount in less(split, base).items()}
    first, then, measure = base.mean, split.mean, "on average"
    if c.ground.weighed and base.worth is not None and split.worth is not None:
        first, then, measure = base.worth, split.worth, "by the plans' own measure"
        differences[RISK] = then - first - (split.mean - base.mean)
    apart = then - first
    if abs(apart) <= NOTHING * max(abs(first), 1.0):
        return [f"{letter} is worth what A is: {worth(first, unit)} {measure}."]
    # With as many digits as it takes to see it.
    told = worth(abs(apart), unit, beside=first if abs(apart) >= 0.005 else apart)
    said = [
        f"{letter} is worth {told} {'more' if apart > 0 else 'less'} than A {measure}, {worth(then, unit)} against "
        f"{worth(first, unit)}.{_mostly(differences, apart, unit, first)}"
    ]
    gap = abs(first) * c.plans[0].gap + abs(then) * c.plans[k].gap
    if c.ground.weighed and abs(apart) <= gap:
        said.append(f"That is within what the two may be from their best, {worth(gap, unit)} together: a tie.")
    if risk := _risk(c, k):
        said.append(f"Risk of {letter}: {risk}.")
    return said


def _mostly(differences: dict[str, float], apart: float, unit: str, beside: float) -> str:
    """The largest causes that go the way of the difference, and the largest that go against it."""
    ranked = sorted(differences.items(), key=lambda item: -abs(item[1]))
    least = LEAST_NAMED * abs(ranked[0][1])

    def named(sign: float) -> str:
        found = [(name, amount) for name, amount in ranked if amount * sign > least][:MOST_NAMED]
        return ", ".join(f"{_amid(name)} {signed(amount, unit, beside)}" for name, amount in found)

    way = copysign(1.0, apart)
    against = named(-way)
    return f" Mostly: {named(way)}{f'; against it: {against}' if against else ''}."


def _amid(name: str) -> str:
    """A cause's name amid a sentence."""
    return name if name.startswith(("BTC", "Source")) else name[0].lower() + name[1:]


def _risk(c: Compared, k: int) -> str:
    """How the bad tail, liquidations off the tree and survival compare; only what differs."""
    mine, first = c.outcomes[k], c.outcomes[0]
    told = []
    unit, tail = c.scenarios[k].numeraire, c.scenarios[k].risk.tail_share
    alike = c.ground.at_own_ends and {(s.numeraire, s.risk.tail_share) for s in c.scenarios} == {(unit, tail)}
    apart = mine.tail_mean - first.tail_mean
    if alike and tail < 1 and abs(apart) > NOTHING * abs(first.expected):
        amount = worth(abs(apart), unit, beside=first.expected)
        told.append(f"the worst {share(tail)} of futures end with {amount} {'more' if apart > 0 else 'less'}")
    for figure, what in (("p_liquidation", "a liquidation"), ("p_insolvent", "a default")):
        chances = [share(o.out_of_sample[figure], 1) for o in (mine, first) if figure in o.out_of_sample]
        if len(set(chances)) == 2:
            told.append(f"{what} on {chances[0]} of other paths (A {chances[1]})")
    survived = [sum(survives for survives, _ in o.shocks.values()) for o in (mine, first)]
    if survived[0] != survived[1]:
        told.append(f"survives {survived[0]} of {len(mine.shocks)} shocks (A {survived[1]} of {len(first.shocks)})")
    return "; ".join(told)
