"""Numbers and names as a planner reads them. Nothing here computes; everything is safe to print."""

from __future__ import annotations

import math
import unicodedata
from datetime import date

from rich.table import Table
from rich.text import Text

# Wide enough for tables of money, narrow enough for a terminal and for paper.
WIDTH = 100
NONE = "-"


def clean(text: str) -> str:
    """Text from a file without control characters, which could command a terminal."""
    if text.isprintable():
        return text
    return "".join("?" if unicodedata.category(c).startswith("C") else c for c in text)


def usd(amount: float) -> str:
    """Dollars in three or four digits: $8,471, $847k, $84.71M."""
    if not math.isfinite(amount):
        return NONE
    sign, size = ("-" if amount <= -0.5 else ""), abs(amount)
    if size < 9_999.5:
        return f"{sign}${size:,.0f}"
    if size < 999_500:
        return f"{sign}${size / 1e3:,.0f}k"
    if size < 999_500_000:
        return f"{sign}${size / 1e6:,.2f}M"
    return f"{sign}${size / 1e9:,.2f}B"


def price(amount: float) -> str:
    """Dollars to the dollar."""
    return f"${amount:,.0f}" if math.isfinite(amount) else NONE


def btc(amount: float) -> str:
    """BTC in about four digits, without the unit."""
    if not math.isfinite(amount):
        return NONE
    size = abs(amount)
    digits = 0 if size >= 9_999.5 else 1 if size >= 99.995 else 2 if size >= 0.995 or size == 0 else 4
    return _plain(amount, digits)


def worth(amount: float, numeraire: str, beside: float | None = None) -> str:
    """An amount of the numeraire to the digits that tell plans of the size of ``beside`` (or of it) apart."""
    if numeraire == "usd":
        return usd(amount)
    if not math.isfinite(amount):
        return NONE
    size = abs(amount if beside is None else beside)
    digits = 1 if size >= 9_999.5 else 2 if size >= 99.995 else 4
    return f"{_plain(amount, digits)} BTC"


def share(amount: float, digits: int = 0) -> str:
    """A share as a percentage."""
    return _plain(100 * amount, digits) + "%" if math.isfinite(amount) else NONE


def months(amount: float) -> str:
    """A number of months."""
    return f"{round(amount, 1) + 0.0:,.1f}" if math.isfinite(amount) else "endless"


def count(number: int, noun: str) -> str:
    """A number of things: 1 branch, 2 branches."""
    ending = "" if number == 1 else "es" if noun.endswith(("s", "ch")) else "s"
    return f"{number:,} {noun}{ending}"


def day(when: date) -> str:
    """A date in words: 3 Jan 2027."""
    return f"{when.day} {when:%b %Y}"


def month_of(when: date) -> str:
    """A month in words: Jan 2027."""
    return f"{when:%b %Y}"


def grid(*headings: str, left: int = 1) -> Table:
    """A plain table: the first ``left`` columns to the left, numbers to the right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for k, heading in enumerate(headings):
        table.add_column(Text(heading), justify="left" if k < left else "right", overflow="fold")
    return table


def add(table: Table, *cells: str, style: str = "") -> None:
    """A row of plain text: nothing in it is read as markup."""
    table.add_row(*(Text(clean(cell), style=style) for cell in cells))


def _plain(amount: float, digits: int) -> str:
    """A number with so many decimals; adding 0.0 turns the -0.0 of a small negative into 0.0."""
    return f"{round(amount, digits) + 0.0:,.{digits}f}"
