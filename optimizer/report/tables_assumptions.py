"""The table of what the plan takes as given: each figure with its source and its date."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from optimizer.market.network import hashprice_usd_today
from optimizer.report.frames import frame
from optimizer.report.places import Row
from optimizer.report.price_view import view_in_words
from optimizer.report.words import btc, price, share, usd
from optimizer.scenario.market_spec import Bootstrap, Gbm, JumpDiffusion
from optimizer.scenario.money import ExistingLoan, Facility
from optimizer.scenario.schema import Scenario

if TYPE_CHECKING:
    from optimizer.planning import Plan


def assumptions(plan: Plan) -> pd.DataFrame:
    """What the plan takes as given, in words. ``source`` is blank where the scenario gives none: it is its own."""
    given = plan.scenario
    rows = [*_market(given), *_machines(given), *_lenders(given), *_sites(given), *_shocks(given), *_company(given)]
    return frame(rows, ["subject", "name", "value", "as_of", "source"])


def _row(subject: str, name: str, value: str, as_of: str | None = None, source: str | None = None) -> Row:
    return {"subject": subject, "name": name, "value": value, "as_of": as_of, "source": source}


def _market(given: Scenario) -> Iterator[Row]:
    market, today = given.market, given.as_of.isoformat()
    network = market.network
    for name, value in (
        ("BTC price", price(market.btc_price_usd)),
        ("network hashrate", f"{network.hashrate_ehs:,.0f} EH/s"),
        ("hashprice", f"${hashprice_usd_today(market):.2f} per PH/s and day"),
    ):
        yield _row("market", name, value, today, market.source)
    yield _row("market", "price view", view_in_words(given))
    process = market.price
    if isinstance(process, (Gbm, JumpDiffusion)):
        yield _row("market", "volatility of price", f"{share(process.volatility_pa)} a year")
    if isinstance(process, Bootstrap):
        yield _row("market", "price history", f"blocks of {process.block_days} days")
    yield _row("market", "network growth", f"{share(network.growth_pa)} a year at a fair hashprice")
    yield _row("market", "fair hashprice", f"${network.fair_hashprice_usd_per_ph_day:,.2f} per PH/s and day")
    yield _row("market", "fees", f"{share(market.fees.share, 1)} of a block's reward")
    yield _row("market", "machine prices", f"follow hashprice by {market.asic_prices.elasticity:g}")
    yield _row("market", "resale of used machines", f"{share(market.asic_prices.resale_discount_share)} below list")


def _machines(given: Scenario) -> Iterator[Row]:
    for quote in given.machines.candidates:
        spec = given.machines.specs[quote.model]
        cost = price(quote.price_usd or spec.price_usd or float("nan"))
        value = f"{cost}, {spec.hashrate_ths:,.0f} TH/s, {spec.efficiency_j_per_th:.1f} J/TH, "
        value += f"{quote.lead_months} months to deliver"
        yield _row("machine on offer", spec.name, value, quote.quote_as_of, quote.quote_source)
    for model in dict.fromkeys(machines.model for machines in given.machines.held):
        spec = given.machines.specs[model]
        value = f"{spec.hashrate_ths:,.0f} TH/s, {spec.efficiency_j_per_th:.1f} J/TH"
        yield _row("machine owned", spec.name, value, spec.as_of, spec.source)


def _lenders(given: Scenario) -> Iterator[Row]:
    contracts: tuple[ExistingLoan | Facility, ...] = (*given.loans, *given.facilities)
    for terms in contracts:
        lines = f"call at {share(terms.call_ltv)}, liquidation at {share(terms.liquidation_ltv)} LTV"
        if isinstance(terms, ExistingLoan):
            value = f"{usd(terms.balance_usd)} at {share(terms.apr, 2)} a year, {lines}"
            yield _row("debt", f"{terms.name} ({terms.lender})", value, terms.as_of, terms.source)
        else:
            tiers = "; ".join(f"{share(t.apr, 2)} up to {share(t.max_ltv)} LTV" for t in terms.tiers)
            value = f"at most {usd(terms.limit_usd)}: {tiers}; {lines}"
            yield _row("lender's offer", f"{terms.name} ({terms.lender})", value, terms.as_of, terms.source)
    for source in given.sources:
        kind = source.kind.replace("_", " ")
        yield _row("other source", source.name, f"{kind}, {source.counterparty}", source.as_of, source.source)


def _sites(given: Scenario) -> Iterator[Row]:
    for site in given.sites:
        value = f"{site.power_mw:,.1f} MW at ${site.power_usd_per_mwh:,.2f} per MWh, up {share(site.uptime_share)}"
        yield _row("site", site.name, value, site.as_of, site.source)


def _shocks(given: Scenario) -> Iterator[Row]:
    for stress in given.market.stress:
        yield _row("must survive", stress.name, "a stress branch of the plan", None, stress.source)


def _company(given: Scenario) -> Iterator[Row]:
    treasury, needs = given.treasury, given.requirements
    yield _row("company", "holds", f"{btc(treasury.btc)} BTC and {usd(treasury.cash_usd)} in cash")
    yield _row("company", "overhead", f"{usd(treasury.overhead_usd_per_month)} a month")
    yield _row("company", "least cash", usd(needs.min_cash_usd))
    yield _row("company", "least BTC", f"{btc(needs.min_btc)} BTC")
    care = f"{share(given.risk.weight)} on the mean of the worst {share(given.risk.tail_share)}, the rest on the mean"
    yield _row("company", "weight on bad futures", care)
