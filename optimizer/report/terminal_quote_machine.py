"""A machine, machines side by side, or hashprice, on a terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from optimizer.ledger.fleet import DAYS_PER_MONTH, THS_PER_PHS
from optimizer.quote.hashprice import HashpriceQuote, NetworkAsk
from optimizer.quote.loan_terms import LoanTerms
from optimizer.quote.machine import LONGEST_MONTHS, MachineAsk, MachineQuote
from optimizer.report.screen import Lines, print_lines, print_title
from optimizer.report.words import NONE, WIDTH, add, btc, count, grid, price, share


def print_machine(quote: MachineQuote, ask: MachineAsk, loan: LoanTerms | None, console: Console) -> None:
    """Print one machine: what it mines and costs, its break-evens, its payback, and its cost as financed."""
    machine = quote.machine
    print_title(console, machine.name if machine.model is None else f"{machine.name} ({machine.model})")
    lines: Lines = [
        f"{machine.hashrate_ths:g} TH/s, {machine.power_w:,.0f} W, {machine.j_per_th:.1f} J/TH. {_price(quote)}"
    ]
    print_lines(console, [*lines, *_market(quote, ask)])
    for title, table in (
        ("Today", _today(quote, ask)),
        ("Until it has paid for itself", _payback(quote, ask, loan)),
        ("In its life", _life(quote, ask)),
    ):
        if table:
            print_title(console, title)
            print_lines(console, table)


def print_machines(quotes: Sequence[MachineQuote], ask: MachineAsk, loan: LoanTerms | None, console: Console) -> None:
    """Print machines side by side, those that pay back first on top; those without a price are named below."""
    print_title(console, "Machines side by side")
    priced = [quote for quote in quotes if not math.isnan(quote.cost_usd)]
    lines: Lines = _market(quotes[0], ask) if quotes else ["No machine of the catalogue is cooled so."]
    print_lines(console, lines)
    if priced:
        ranked = sorted(priced, key=lambda quote: (quote.payback_months, quote.machine.j_per_th))
        console.print()
        print_lines(console, _side_by_side(ranked, ask, loan, wide=console.width >= WIDTH))
    blank = sorted((q for q in quotes if math.isnan(q.cost_usd)), key=lambda q: q.machine.j_per_th)
    if blank:
        names = ", ".join(f"{q.machine.name} ({q.machine.j_per_th:.1f})" for q in blank)
        print_lines(console, ["", f"Without a price in the catalogue (J/TH): {names}."])


def print_hashprice(quote: HashpriceQuote, ask: NetworkAsk, console: Console) -> None:
    """Print hashprice and what it was made from."""
    print_title(console, "Hashprice")
    table = _figures()
    in_btc = quote.hashprice_btc_per_ph_day
    add(table, "BTC per PH/s and day", f"{in_btc:.8f}", f"{in_btc * 1e8:,.0f} satoshis")
    if math.isfinite(quote.hashprice_usd_per_ph_day):
        per_th = quote.hashprice_usd_per_ph_day / THS_PER_PHS
        add(table, "USD per PH/s and day", f"${quote.hashprice_usd_per_ph_day:,.2f}", f"${per_th:.3f} per TH/s and day")
    print_lines(console, [table])
    fees = f"fees {share(quote.fees_share, 2)} of the reward" if ask.fees_share is not None else "no fees counted"
    at = f"BTC at {price(quote.btc_price_usd)}, " if math.isfinite(quote.btc_price_usd) else ""
    made = (
        f"{at}difficulty {quote.difficulty / 1e12:,.2f}T ({quote.network_ehs:,.1f} EH/s), subsidy "
        f"{quote.subsidy_btc:g} BTC a block, {fees}."
    )
    print_lines(console, [made[0].upper() + made[1:]])


def _figures() -> Table:
    """A table without headings: what, how much, and what that means."""
    table = grid("", "", "")
    table.show_header = False
    table.columns[2].justify = "left"
    return table


def _price(quote: MachineQuote) -> str:
    machine = quote.machine
    if machine.price_usd is None:
        return "No price known: add --price-usd."
    text = f"{price(machine.price_usd)} a unit"
    if machine.model is not None and machine.price_kind is not None:
        text += f" ({machine.price_kind}; {machine.price_as_of or 'undated'})"
    if quote.cost_usd > machine.price_usd:
        text += f", {price(quote.cost_usd)} with duty, freight and installation"
    return f"{text}."


def _market(quote: MachineQuote, ask: MachineAsk) -> Lines:
    power = f"power at ${ask.power_usd_per_mwh:g} per MWh"
    power += f", {ask.pue:g} times the machine's own" if ask.pue > 1 else ""
    power += f", running {share(ask.uptime_share, 1)} of the time" if ask.uptime_share < 1 else ""
    return [
        f"BTC at {price(ask.btc_price_usd)}, hashprice ${quote.hashprice_usd_per_ph_day:.2f} per PH/s and day "
        f"({quote.hashprice_btc_per_ph_day:.6f} BTC); {power}."
    ]


def _today(quote: MachineQuote, ask: MachineAsk) -> Lines:
    table = _figures()
    earns = quote.mined_btc_per_day * ask.btc_price_usd
    add(table, "mines a day", f"${earns:,.2f}", f"{quote.mined_btc_per_day:.8f} BTC")
    add(table, "power a day", f"${earns - quote.margin_usd_per_day:,.2f}", "")
    margin = quote.margin_usd_per_day
    add(
        table,
        "margin a day",
        _signed(margin),
        f"{share(quote.margin_share)}; {_signed(margin * DAYS_PER_MONTH, 0)} a month",
    )
    add(
        table,
        "power for a BTC",
        price(quote.power_usd_per_btc),
        f"{share(quote.power_usd_per_btc / ask.btc_price_usd)} of its price",
    )
    least = quote.breakeven_usd_per_ph_day
    add(
        table,
        "break-even hashprice",
        f"${least:,.2f}",
        f"{_change(least / quote.hashprice_usd_per_ph_day - 1)} from today's",
    )
    most = quote.breakeven_usd_per_mwh
    change = f"{_change(most / ask.power_usd_per_mwh - 1)} from what it costs" if ask.power_usd_per_mwh > 0 else ""
    add(table, "break-even power", f"${most:,.2f}", f"per MWh; {change}".removesuffix("; "))
    return [table]


def _payback(quote: MachineQuote, ask: MachineAsk, loan: LoanTerms | None) -> Lines:
    if math.isnan(quote.cost_usd):
        return []
    real, lines = quote.real, list[str | Table]()
    table = grid("", "$ per TH", "BTC per TH", "months at today's margin", *(["as assumed"] if _grows(ask) else []))
    rows = [
        ("bought for cash", real.price_usd_per_th, real.price_btc_per_th, real.payback_months, quote.payback_months)
    ]
    if ask.financed_share > 0:
        financed = (real.financed_payback_months, quote.financed_payback_months)
        rows.append(("as financed", real.nominal_usd_per_th, real.nominal_btc_per_th, *financed))
    for name, in_usd, in_btc, now, later in rows:
        months = [_months(now), _months(later)] if _grows(ask) else [_months(now)]
        add(table, name, f"${in_usd:.2f}", f"{in_btc:.8f}", *months)
    if ask.financed_share > 0 and loan is not None:
        longer = real.payback_extension_months
        extra = (
            f"; at today's margin interest and fees make payback {longer:.1f} months longer"
            if math.isfinite(longer)
            else ""
        )
        lines.append(
            f"{share(ask.financed_share)} borrowed at {share(loan.apr or 0.0, 2)} for "
            f"{count(loan.term_months or 0, 'month')}: ${real.present_usd_per_th:.2f} per TH as present value, "
            f"discounted at {share(_discount(ask), 1)} a year{extra}."
        )
    return [table, *lines, *_assumed(ask)]


def _life(quote: MachineQuote, ask: MachineAsk) -> Lines:
    life = quote.life
    if life is None:
        return []
    table = _figures()
    add(
        table, f"mines in {count(life.months, 'month')}", f"{btc(life.mined_btc)} BTC", f"power {price(life.power_usd)}"
    )
    if not math.isnan(quote.cost_usd):
        add(table, "its cost buys today", f"{btc(life.bought_btc)} BTC", "")
        add(table, "a BTC costs", price(life.cost_usd_per_btc), "machine, financing and power")
    return [table, *(_assumed(ask) if math.isnan(quote.cost_usd) else [])]


def _side_by_side(quotes: Sequence[MachineQuote], ask: MachineAsk, loan: LoanTerms | None, wide: bool) -> Lines:
    """A row a machine. As financed: beside the cash figures where there is room, else in their place."""
    cash, financed = wide or ask.financed_share == 0, ask.financed_share > 0
    with_margin = wide and not financed
    columns: list[tuple[bool, str, Callable[[MachineQuote], str]]] = [
        (True, "Machine", lambda q: q.machine.name.split(" (")[0]),
        (True, "J/TH", lambda q: f"{q.machine.j_per_th:.1f}"),
        (cash, "$/TH", lambda q: f"{q.real.price_usd_per_th:.2f}"),
        (financed, "financed" if cash else "$/TH", lambda q: f"{q.real.nominal_usd_per_th:.2f}"),
        (True, "per BTC", lambda q: price(q.power_usd_per_btc)),
        (with_margin, "margin", lambda q: share(q.margin_share)),
        (True, "min $/PH", lambda q: f"{q.breakeven_usd_per_ph_day:.1f}"),
        (True, "max $/MWh", lambda q: f"{q.breakeven_usd_per_mwh:.0f}"),
        (cash, "payback", lambda q: _months(q.payback_months)),
        (financed, "financed" if cash else "payback", lambda q: _months(q.financed_payback_months)),
    ]
    shown = [(heading, cell) for is_shown, heading, cell in columns if is_shown]
    table = grid(*(heading for heading, _ in shown))
    for quote in quotes:
        add(table, *(cell(quote) for _, cell in shown))
    margin = "Margin: of what it mines, the share left after power. " if with_margin else ""
    legend = (
        f"Per BTC: what its power costs. {margin}Min and max: hashprice and power price at which nothing is left. "
        "Payback in months."
    )
    if financed and loan is not None:
        legend += (
            f" {'Financed' if cash else '$/TH and payback'}: {share(ask.financed_share)} borrowed at "
            f"{share(loan.apr or 0.0, 2)} for {count(loan.term_months or 0, 'month')}, interest and fees in."
        )
    return [table, legend, *_assumed(ask)]


def _grows(ask: MachineAsk) -> bool:
    """Whether the months to come are taken to differ from today."""
    return ask.price_growth_pa != 0 or ask.difficulty_growth_pa != 0 or _halves(ask)


def _halves(ask: MachineAsk) -> bool:
    return ask.hashprice_usd is None and ask.block_height is not None


def _assumed(ask: MachineAsk) -> Lines:
    """What payback assumes of the months to come."""
    if not _grows(ask):
        return ["Payback: at today's price and difficulty for ever, which no network has kept."]
    halving = ", halvings as blocks come" if _halves(ask) else ""
    return [
        f"Assumed: BTC {_change(ask.price_growth_pa)} a year, difficulty {_change(ask.difficulty_growth_pa)} a year"
        f"{halving}; off where it would lose money."
    ]


def _discount(ask: MachineAsk) -> float:
    return ask.price_growth_pa if ask.discount_pa is None else ask.discount_pa


def _months(amount: float) -> str:
    """Months to payback; NaN (today's margin is not positive) and infinite are never, as far as is looked."""
    return f"{amount:,.1f}" if math.isfinite(amount) and amount <= LONGEST_MONTHS else "never"


def _change(amount: float) -> str:
    return f"{'+' if amount > 0 else ''}{share(amount)}" if math.isfinite(amount) else NONE


def _signed(amount: float, digits: int = 2) -> str:
    return f"{'-' if amount < 0 else ''}${abs(amount):,.{digits}f}"
