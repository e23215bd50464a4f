"""What is told of a sweep, whether it stands on a terminal or on a page: sentences and tables of text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from optimizer.report.compare_parts import Part, more
from optimizer.report.sweep_names import short_name, short_paths
from optimizer.report.words import NONE, btc, count, share, usd, worth
from optimizer.sweep.result import Result
from optimizer.sweep.swept import Bar, Row, Swept

HEADINGS = ("Point", "worth", "mean", "tail", "worst", "machines", "sell BTC", "borrow", "liquidated")


def parts(swept: Swept) -> Iterator[Part]:
    """The sections: the points, those without a plan, the frontier's steps, the tornado."""
    paths = short_paths(swept)
    yield _points(swept, paths)
    if swept.failed:
        yield Part("Without a plan", before=tuple(_why_not(swept, paths)))
    if len(swept.frontier) > 1:
        yield _frontier(swept.frontier, paths)
    if swept.tornado:
        yield _tornado(swept)


def title_of(swept: Swept) -> str:
    """The scenario's name, as the first point has it."""
    return f"Sweep of {swept.rows[0].point.loaded.scenario.name}"


def _points(swept: Swept, paths: dict[str, str]) -> Part:
    failed = f", {len(swept.failed)} without a plan" if swept.failed else ""
    notes = [
        "Worth is what a plan maximises: mean and tail (the mean of the worst futures) of net worth at the end, "
        "weighed. Machines to buy, BTC to sell and loans to draw are today's. Liquidated: the share of other paths on "
        "which a lender sells collateral.",
    ]
    found = {row.result.numeraire for row in swept.rows if row.result}
    units = ("Net worth is in BTC.",) if found == {"btc"} else ()
    stopped = [short_name(row.point.wanted, paths) for row in swept.rows if row.result and row.result.hit_limit]
    if stopped:
        notes.append(f"Stopped by the time limit, so not proven to be best: {'; '.join(stopped)}.")
    return Part(
        title_of(swept),
        before=(f"{count(len(swept.rows), 'point')}{failed}.{_legend(paths)}", *units),
        headings=HEADINGS,
        rows=tuple(_row(row, paths, named=not units) for row in swept.rows),
        after=tuple(notes),
    )


def _why_not(swept: Swept, paths: dict[str, str]) -> Iterator[str]:
    """A point's name and why it has no plan, line by line."""
    for row in swept.failed:
        first, *rest = row.why_not.splitlines()
        yield f"{short_name(row.point.wanted, paths)}: {first}"
        yield from rest


def _legend(paths: dict[str, str]) -> str:
    told = [f"{short} is {path}" for path, short in paths.items() if short != path]
    return f" In names, {'; '.join(told)}." if told else ""


def _row(row: Row, paths: dict[str, str], named: bool) -> tuple[str, ...]:
    found, name = row.result, short_name(row.point.wanted, paths)
    if found is None:
        return (name, "no plan", *(NONE for _ in HEADINGS[2:]))
    amounts = (found.value, found.mean, found.tail, found.worst)
    texts = (worth(amount, found.numeraire, found.value) for amount in amounts)
    return (
        name,
        *(text if named else text.removesuffix(" BTC") for text in texts),
        usd(found.ordered_usd),
        btc(found.sold_btc),
        usd(found.borrowed_usd),
        NONE if found.p_liquidation is None else share(found.p_liquidation, 1),
    )


def _frontier(rows: tuple[Row, ...], paths: dict[str, str]) -> Part:
    """What each step to a higher risk weight costs in the mean and brings in the tail."""
    results = [(row, row.result) for row in rows if row.result is not None]
    first = results[0][1]
    table = []
    for (_, before), (row, found) in pairwise(results):
        table.append(
            (
                short_name(row.point.wanted, paths),
                _more(found.mean - before.mean, first),
                _more(found.tail - before.tail, first),
            )
        )
    return Part(
        "Frontier: each step against the one before",
        headings=("Point", "mean", "tail"),
        rows=tuple(table),
        after=("More weight on bad futures gives up mean for tail; steps within the solver's gap are noise.",),
    )


def _tornado(swept: Swept) -> Part:
    base = swept.base
    assert base is not None
    return Part(
        f"Tornado: worth against the base's {worth(base.value, base.numeraire)}",
        headings=("Value", "times", "worth"),
        rows=tuple(_end(bar, factor, change, base) for bar in swept.tornado for factor, change in bar.ends),
        after=("One value at a time; a plan is made anew for each, so what a company would do otherwise is in it.",),
    )


def _end(bar: Bar, factor: float, change: float | None, base: Result) -> tuple[str, ...]:
    return (bar.path, f"{factor:g}", "no plan" if change is None else _more(change, base))


def _more(amount: float, beside: Result) -> str:
    return more(amount, lambda value: worth(value, beside.numeraire, beside.value))
