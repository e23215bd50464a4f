"""What compared plans bring, side by side: on their trees, on other paths, on named shocks."""

from __future__ import annotations

import math

from optimizer.compare.compared import Compared
from optimizer.compare.outcomes import Outcomes
from optimizer.report.compare_parts import Part, Write, beside, listed, more
from optimizer.report.words import NONE, btc, months, price, share, usd, worth


def outcomes(c: Compared) -> Part:
    """Figures on the tree and, where a plan was replayed, on other paths."""
    shares = {s.risk.tail_share for s in c.scenarios}
    same_tail = len(shares) == 1
    tail = f"the worst {share(max(shares))}" if same_tail else "its worst tail"
    rows = [
        _worth(c, "Worth, as each plan measures it", [o.value for o in c.outcomes], c.ground.weighed),
        _worth(c, "Mean", [o.expected for o in c.outcomes]),
        _worth(c, f"Mean of {tail} of futures", [o.tail_mean for o in c.outcomes], same_tail),
        _worth(c, "Worst future", [o.worst for o in c.outcomes]),
        _row(c, "At the end, expected: BTC", [o.btc_end for o in c.outcomes], btc),
        _row(c, "    cash", [o.cash_end_usd for o in c.outcomes], usd),
        _row(c, "    machines at resale", [o.machines_end_usd for o in c.outcomes], usd),
        _row(c, "    owed", [o.debt_end_usd for o in c.outcomes], usd),
        _row(c, "On the way, expected: BTC mined", [o.mined_btc for o in c.outcomes], btc),
        _row(c, "    BTC sold", [o.sold_btc for o in c.outcomes], btc),
        _row(c, "    at a mean price of", [o.sold_at_usd for o in c.outcomes], price),
        _row(c, "On any branch: highest debt", [o.highest_debt_usd for o in c.outcomes], usd),
        _row(c, "    lowest cash", [o.lowest_cash_usd for o in c.outcomes], usd),
        _row(c, "    shortest runway, months", [o.shortest_runway_months for o in c.outcomes], months),
        _row(c, "    least further fall to a call", [o.least_fall_to_call_share for o in c.outcomes], _tenths),
        *_on_other_paths(c, tail, same_tail),
    ]
    if shares == {1.0}:  # the mean, told already
        rows = [row for row in rows if tail not in row[0]]
    missing = [letter for letter, o in zip(c.letters, c.outcomes, strict=True) if not o.paths]
    after = f"Not replayed on other paths when planned, as named cases never are: {listed(missing)}." if missing else ""
    return Part("Outcomes", (), ("", *beside(c)), tuple(rows), (after,) if after else ())


def _on_other_paths(c: Compared, tail: str, same_tail: bool) -> list[tuple[str, ...]]:
    """How a replay on other paths found the plans; nothing where none was replayed."""
    numbers = sorted({o.paths for o in c.outcomes if o.paths})
    if not numbers:
        return []

    def found(figure: str) -> list[float]:
        return [o.out_of_sample.get(figure, math.nan) for o in c.outcomes]

    return [
        _worth(c, f"On {' and '.join(f'{n:,}' for n in numbers)} other paths: mean", found("expected")),
        _worth(c, f"    mean of {tail}", found("tail_mean"), same_tail),
        _row(c, "    a margin call", found("p_call"), _tenths),
        _row(c, "    a liquidation", found("p_liquidation"), _tenths),
        _row(c, "    cash below the minimum", found("p_below_min_cash"), _tenths),
        _row(c, "    a default: bills it cannot pay", found("p_insolvent"), _hundredths),
        _row(c, "    BTC lost to lenders, mean", found("lost_btc"), btc),
    ]


def _tenths(amount: float) -> str:
    return share(amount, 1)


def _hundredths(amount: float) -> str:
    return share(amount, 2)


def _row(c: Compared, name: str, values: list[float], write: Write) -> tuple[str, ...]:
    cells = [write(value) for value in values]
    # Of prices too a difference is an amount of dollars.
    return (name, *cells, more(values[1] - values[0], usd if write is price else write))[: len(beside(c)) + 1]


def _worth(c: Compared, name: str, values: list[float], same_measure: bool = True) -> tuple[str, ...]:
    """A row of net worth, each plan's in its own numeraire; a difference only of what is measured alike."""
    units = [s.numeraire for s in c.scenarios]
    cells = [worth(value, unit, beside=c.outcomes[0].expected) for value, unit in zip(values, units, strict=True)]
    alike = same_measure and len(set(units)) == 1
    apart = more(values[1] - values[0], lambda x: worth(x, units[0], beside=c.outcomes[0].expected)) if alike else NONE
    return (name, *cells, apart)[: len(beside(c)) + 1]


def shocks(c: Compared) -> Part:
    """Which named shocks each plan survives."""
    names = list(dict.fromkeys(name for o in c.outcomes for name in o.shocks))
    survived = "; ".join(
        f"{letter} {sum(survives for survives, _ in o.shocks.values())} of {len(o.shocks)}"
        for letter, o in zip(c.letters, c.outcomes, strict=True)
    )
    told = (
        f"Survives: {survived}. That is no liquidation, no default and never less cash than required, met day by day "
        "without knowing what comes. Net BTC at the end, with a star where the company does not survive."
    )
    rows = tuple((name, *(_shock(o, name) for o in c.outcomes)) for name in names)
    return Part("Shocks", (told,), ("", *c.letters), rows)


def _shock(found: Outcomes, name: str) -> str:
    if name not in found.shocks:
        return NONE
    survives, end = found.shocks[name]
    return f"{'' if survives else '*'}{btc(end)}"
