"""Where the difference between plans comes from: its split by cause."""

from __future__ import annotations

from optimizer.compare.compared import Compared
from optimizer.compare.split import Cause, in_order, less
from optimizer.report.compare_parts import Part, more
from optimizer.report.words import btc, price, share, worth

NAMES = {
    "start": "Held less owed today",
    "mined": "BTC mined",
    "sold": "Selling BTC before the end",
    "bought": "Buying BTC before the end",
    "trading_fees": "Trading fees",
    "power": "Power",
    "overhead": "Overhead and fixed costs",
    "promised": "Promised payments",
    "machines_bought": "Machines bought",
    "machines_resold": "Machines resold",
    "machines_left": "Machines at the end, at resale",
    "interest": "Interest",
    "lender_fees": "Lenders' fees",
    "liquidations": "Liquidations",
    "lender_failures": "Lenders that may fail",
    "taxes": "Taxes",
}


RISK = "Bad futures weighing more"


def name_of(cause: Cause) -> str:
    """A cause in words."""
    return f"Source: {cause.of}" if cause.name == "source" else NAMES[cause.name]


def signed(amount: float, unit: str, beside: float) -> str:
    """An amount of a cause with its sign, without the unit, to the digits of a worth of ``beside``."""
    return more(amount, lambda x: worth(x, unit, beside).removesuffix(" BTC"))


def causes(c: Compared) -> Part | None:
    """The split: what each plan's mean is made of, and what the others have more of it than the first."""
    if not c.splits:
        return None
    base, unit = c.splits[0], c.ground.numeraire
    differences = [less(split, base) for split in c.splits[1:]]
    order = in_order([cause for found in differences for cause in found])
    rows: list[tuple[str, ...]] = []

    def row(name: str, amounts: list[float]) -> tuple[str, ...]:
        apart = [signed(amount - amounts[0], unit, base.mean) for amount in amounts[1:]]
        own = [signed(amount, unit, base.mean).removeprefix("+") for amount in amounts]
        return (name, *own, *apart) if len(amounts) == 2 else (name, own[0], *apart)

    for cause in order:
        amounts = [split.expected.get(cause, 0.0) for split in c.splits]
        cells = row(name_of(cause), amounts)
        if any(cell.lstrip("-") != signed(0.0, unit, base.mean) for cell in cells[1:]):
            rows.append(cells)
    sums = {len(rows)}
    rows.append(row("Mean net worth", [split.mean for split in c.splits]))
    risks = [split.risk for split in c.splits if split.risk is not None]
    if c.ground.weighed and c.scenarios[0].risk.weight > 0:
        rows.append(row(RISK, risks))
        sums.add(len(rows))
        rows.append(row("Worth", [split.worth for split in c.splits if split.worth is not None]))
    own = tuple(c.letters) if len(c.plans) == 2 else ("A",)
    headings = ("", *own, *(f"{letter} less A" for letter in c.letters[1:]))
    when = "" if c.ground.at_own_ends else f", after {base.month} months"
    told = f"Expected, in {unit.upper()}{when}; each column adds up."
    return Part("Where the difference comes from", (told,), headings, tuple(rows), _notes(c), sums=frozenset(sums))


def _notes(c: Compared) -> tuple[str, ...]:
    sold = [
        f"{letter} {btc(o.sold_btc)} at {price(o.sold_at_usd)}" if o.sold_btc > 0 else f"{letter} none"
        for letter, o in zip(c.letters, c.outcomes, strict=True)
    ]
    lines = [
        "Dollars count at the price of the final branch. So selling BTC before the end costs what they would bring "
        "more there than they brought, and a loan costs interest and fees: principal drawn cancels against principal "
        "repaid or still owed."
    ]
    if c.ground.at_own_ends:
        lines.append(f"BTC sold, expected, and their mean price: {'; '.join(sold)}.")
    if c.ground.weighed and (weight := c.scenarios[0].risk.weight) > 0:
        tail = share(c.scenarios[0].risk.tail_share)
        lines.append(f"Worth is {share(1 - weight)} the mean and {share(weight)} the mean of the worst {tail}.")
    return tuple(lines)
