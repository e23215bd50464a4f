"""A scenario on one screen: what was understood of the company, its debts, its offers and its market."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.table import Table

from optimizer.decisions import Decisions
from optimizer.ledger.fleet import Pair, pairs_in_use
from optimizer.ledger.lending import fall_to_ltv, ltv
from optimizer.market.network import hashprice_usd_today
from optimizer.report.places import date_of
from optimizer.report.price_view import view_in_words
from optimizer.report.terminal_sources import months_open, sources_table, taxes_line
from optimizer.report.words import NONE, add, btc, count, day, grid, price, share, usd
from optimizer.scenario.fleet import OrderedMachines
from optimizer.scenario.money import ExistingLoan
from optimizer.scenario.schema import Scenario

if TYPE_CHECKING:
    from optimizer.scenario.load import LoadedScenario

Lines = list[str | Table]


def scenario_lines(loaded: LoadedScenario) -> Lines:
    """The scenario in a screen of lines and tables; warnings last, where they are seen."""
    given = loaded.scenario
    lines: Lines = [given.description] if given.description else []
    lines += _company(given)
    lines += _sites(given)
    if given.loans:
        lines.append(_debts(given))
    if given.facilities:
        lines.append(_offers(given))
    if given.sources:
        lines.append(sources_table(given))
    if given.taxes is not None:
        lines.append(taxes_line(given.taxes))
    lines += _market(given)
    lines += [f"Warning: {w.path}: {w.message}" + (f" ({w.mend})" if w.mend else "") for w in loaded.warnings]
    return lines


def _company(given: Scenario) -> Lines:
    treasury, months = given.treasury, ", ".join(str(m) for m in given.decision_months)
    when = f"month {months}" if len(given.decision_months) == 1 else f"months {months}"
    pledged = sum(loan.pledged_btc for loan in given.loans)
    held = f" ({btc(pledged)} pledged)" if pledged > 0 else ""
    risk = given.risk
    care = f", {share(risk.weight)} of the weight on the worst {share(risk.tail_share)} of futures"
    return [
        f"{count(given.horizon_months, 'month')} from {day(given.as_of)}, deciding in {when}; counted in "
        f"{given.numeraire.upper()}{care if risk.weight > 0 else ''}.",
        f"Holds {btc(treasury.btc)} BTC{held} worth {usd(treasury.btc * given.market.btc_price_usd)} and "
        f"{usd(treasury.cash_usd)} in cash; overhead {usd(treasury.overhead_usd_per_month)} a month.",
        *(
            f"Has promised {usd(due.amount_usd)} on {day(date_of(given, due.month))} ({due.name})."
            for due in given.liabilities
        ),
    ]


def _sites(given: Scenario) -> Lines:
    pairs = pairs_in_use(given, Decisions(np.zeros(0), np.zeros(0), (), (), (), (), ()))
    quotes = len(given.machines.candidates)
    if not given.sites:
        return ["No sites."]
    table = grid("Site", "MW", "in use", "USD/MWh", "machines", "PH/s", "J/TH")
    for k, site in enumerate(given.sites):
        mine = [pair for pair in pairs if pair.site == k]
        ph, mw = _sum(mine, "nameplate_ph"), _sum(mine, "nameplate_mw")
        add(
            table,
            site.name,
            f"{site.power_mw:,.1f}",
            f"{mw:,.1f}",
            f"{site.power_usd_per_mwh:,.2f}",
            f"{sum(pair.units_today for pair in mine):,}",
            f"{ph:,.0f}",
            # MW over PH/s is 1000 J/TH; the meter's MW count cooling.
            f"{1e3 * mw / ph / site.pue:,.1f}" if ph > 0 else NONE,
        )
    coming = [_on_order(given, machines) for machines in given.machines.on_order]
    return [table, *coming, f"Machine models on offer: {quotes}."]


def _on_order(given: Scenario, machines: OrderedMachines) -> str:
    name, arrives = given.machines.specs[machines.model].name, day(date_of(given, machines.arrives_month))
    due_usd = machines.units * machines.due_usd_per_unit
    due = f", {usd(due_usd)} due then" if due_usd > 0 else ""
    return f"On order: {machines.units:,} {name} for {machines.site}, arriving {arrives}{due}."


def _sum(pairs: list[Pair], per_unit: str) -> float:
    return float(sum(pair.units_today * getattr(pair, per_unit) for pair in pairs))


def _debts(given: Scenario) -> Table:
    table = grid("Owes", "owed", "a year", "due", "pledged BTC", "LTV", "call", "a fall of")
    for loan in given.loans:
        now = float(ltv(_counted_today(loan), loan.pledged_btc, given.market.btc_price_usd))
        add(
            table,
            f"{loan.name} ({loan.lender})",
            usd(loan.balance_usd + loan.accrued_usd),
            share(loan.apr, 2),
            day(date_of(given, loan.matures_month)),
            btc(loan.pledged_btc),
            share(now, 1),
            share(loan.call_ltv),
            share(float(fall_to_ltv(now, loan.call_ltv))),
        )
    return table


def _counted_today(loan: ExistingLoan) -> float:
    """What the loan's LTV counts today: interest so far, or the full term's."""
    ahead = loan.balance_usd * loan.apr * loan.matures_month / 12 if loan.ltv_counts == "full_term" else 0.0
    return loan.balance_usd + loan.accrued_usd + ahead


def _offers(given: Scenario) -> Table:
    table = grid("May borrow from", "at most", "a year", "up to LTV", "months", "fee", "call", "in month")
    for offer in given.facilities:
        low, high = offer.tiers[0], offer.tiers[-1]
        add(
            table,
            offer.name,
            usd(offer.limit_usd),
            _span(share(low.apr, 2), share(high.apr, 2)),
            _span(share(low.max_ltv), share(high.max_ltv)),
            f"{offer.term_months}",
            share(offer.origination_fee_share, 1),
            share(offer.call_ltv),
            months_open(given, offer.draw_from_month, offer.draw_until_month),
        )
    return table


def _span(low: str, high: str) -> str:
    return low if low == high else f"{low}-{high}"


def _market(given: Scenario) -> Lines:
    market = given.market
    stress = ", ".join(s.name for s in market.stress) or "nothing beyond it"
    return [
        f"Market: BTC {price(market.btc_price_usd)}, {market.network.hashrate_ehs:,.0f} EH/s, hashprice "
        f"${hashprice_usd_today(market):.1f} per PH/s and day. View: {view_in_words(given)}.",
        f"Must also survive: {stress}.",
    ]
