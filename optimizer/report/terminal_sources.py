"""A scenario's sources of money and taxes, as `hashlever validate` says what it understood."""

from __future__ import annotations

from collections.abc import Callable

from rich.table import Table

from optimizer.report.words import NONE, add, grid, share, usd
from optimizer.scenario.schema import Scenario
from optimizer.scenario.sources.terms import SourceTerms
from optimizer.scenario.taxes import Taxes

# Of whatever kind a source is, the first of these words that it has says how much, for how long, and at what rate.
LIMITS: dict[str, Callable[[float], str]] = {
    "limit_usd": usd,
    "limit_btc": lambda amount: f"{amount:,g} BTC",
    "limit_ph": lambda ph: f"{ph:,.0f} PH/s",
}
MONTHS = ("term_months", "lock_months", "after_months", "redeem_months", "months")
RATES: dict[str, Callable[[float], str]] = {
    "apr": lambda rate: f"{share(rate, 2)} pa",
    "yield_pa": lambda rate: f"pays {share(rate, 2)}",
    "premium_share": lambda of: f"{share(of, 1)} of price",
    "redeem_price_factor": lambda of: f"back at {of:g} x",
    "hashprice_usd_per_ph_day": lambda of: f"${of:.2f}/PH/day",
}


def sources_table(given: Scenario) -> Table:
    """One line for each source of money."""
    table = grid("Other money", "kind", "with", "at most", "at", "term", "month", left=3)
    for k, column in enumerate(table.columns):
        # In a narrow terminal kinds and counterparties break between words, names and numbers nowhere.
        column.no_wrap = k not in (1, 2)
    for source in given.sources:
        add(
            table,
            source.name,
            source.kind.replace("_", " "),
            source.counterparty,
            next(
                (say(value) for key, say in LIMITS.items() if (value := getattr(source, key, None)) is not None), NONE
            ),
            _rate(source),
            next((f"{getattr(source, key)} m" for key in MONTHS if hasattr(source, key)), NONE),
            months_open(given, source.from_month, source.until_month),
        )
    return table


def months_open(given: Scenario, first_month: int, last_month: int) -> str:
    """The decision months in which an offer stands, ``any`` for all of several; tables have no room for long lists."""
    months = [month for month in given.decision_months if first_month <= month <= last_month]
    if len(months) == len(given.decision_months) > 1:
        return "any"
    return ", ".join(map(str, months)) or "never"


def taxes_line(taxes: Taxes) -> str:
    """What is taxed, in a sentence."""
    what = ["gains on BTC"] + ["mined BTC"] * taxes.mined_income
    off = ["interest"] * taxes.interest_deductible + ["depreciation"] * (taxes.depreciation != "none")
    less = f", less {' and '.join(off)}" if off else ""
    later = " Tax on what is still held counts." if taxes.count_deferred else ""
    return (
        f"Taxes: {share(taxes.rate)} of {' and '.join(what)}{less}; years end with month {taxes.year_end_month}.{later}"
    )


def _rate(source: SourceTerms) -> str:
    tiers = getattr(source, "tiers", None)
    if tiers:
        low, high = tiers[0], tiers[-1]
        return f"{share(low.apr, 1)}-{share(high.apr, 1)} pa"
    return next((say(getattr(source, key)) for key, say in RATES.items() if hasattr(source, key)), NONE)
