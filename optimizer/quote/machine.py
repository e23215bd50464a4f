"""A machine in figures: what its bitcoin cost, where it breaks even, when it has paid for itself, financed or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from optimizer.errors import Problem, QuoteError
from optimizer.financing import Financed, RealCost, real_cost
from optimizer.ledger.fleet import DAYS_PER_MONTH, THS_PER_PHS
from optimizer.market.mining import breakeven_usd_per_mwh, daily_subsidy_btc, hashcost_usd_per_ph_day
from optimizer.market.tree import Floats
from optimizer.quote.asked import option, problem
from optimizer.quote.hashprice import NetworkAsk, network_problems, quote_hashprice
from optimizer.quote.loan_terms import LoanTerms
from optimizer.scenario.base import Growth, Name, PositiveUsd, Share, Strict, Usd
from optimizer.scenario.catalogue import Cooling

# Payback is looked for so far ahead.
LONGEST_MONTHS = 120
NOT_KNOWN = float("nan")


Hashrate = Annotated[float, Field(gt=0, le=10_000)]
Watts = Annotated[float, Field(gt=0, le=100_000)]


class MachineTerms(Strict):
    """A machine as it is sold: nameplate, and ``price_usd`` a unit where it is known."""

    name: Name = "machine"
    model: str | None = None
    hashrate_ths: Hashrate
    power_w: Watts
    cooling: Cooling | None = None
    price_usd: PositiveUsd | None = None
    price_as_of: str | None = None
    price_kind: str | None = None
    price_source: str | None = None

    @property
    def j_per_th(self) -> float:
        """Joules per terahash at nameplate."""
        return self.power_w / self.hashrate_ths


class MachineAsk(NetworkAsk):
    """Where a machine would run, in what market, and how it would be paid for.

    Hashprice is ``hashprice_usd`` (USD per PH/s and day), or what the network makes it. ``price_growth_pa`` of BTC and
    ``difficulty_growth_pa`` from today on; a halving comes where ``block_height`` is known. Freight, ``duty_share`` of
    the price and installation are part of what it costs, of which ``financed_share`` is borrowed. ``discount_pa`` of
    money to come, blank: the growth of BTC's price, since a dollar paid later is then so many BTC less.
    ``life_months``: how long it is taken to run, for what it mines in its life.
    """

    btc_price_usd: PositiveUsd
    hashprice_usd: Annotated[float, Field(gt=0, le=1e6)] | None = None
    power_usd_per_mwh: Annotated[float, Field(ge=0, le=10_000)]
    pue: Annotated[float, Field(ge=1, le=2)] = 1.0
    uptime_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    duty_share: Annotated[float, Field(ge=0, le=3)] = 0.0
    freight_usd_per_unit: Usd = 0.0
    installation_usd_per_unit: Usd = 0.0
    price_growth_pa: Growth = 0.0
    difficulty_growth_pa: Growth = 0.0
    life_months: Annotated[int, Field(ge=1, le=LONGEST_MONTHS)] | None = None
    financed_share: Share = 0.0
    discount_pa: Growth | None = None


@dataclass(frozen=True)
class Ahead:
    """The market month by month from today on, ``[month]``: means of the month."""

    price_usd: Floats
    hashprice_usd_per_ph_day: Floats


@dataclass(frozen=True)
class Life:
    """What a machine does in ``months``, off where it would lose money: BTC mined, USD of power, and what each BTC then
    cost with the machine and its financing in. ``bought_btc``: what its cost would buy today."""

    months: int
    mined_btc: float
    power_usd: float
    cost_usd_per_btc: float
    bought_btc: float


@dataclass(frozen=True)
class MachineQuote:
    """A machine in figures; NaN where a price is not known, infinite where it never pays back within `LONGEST_MONTHS`.

    Today's: ``margin_share`` of what it mines is left after power, which costs ``power_usd_per_btc``. Break-evens: the
    hashprice, and the power price, at which nothing is left. ``cost_usd``: with duty, freight and installation.
    ``real``: per TH as financed, and payback at today's margin. ``payback_months`` of that cost and
    ``financed_payback_months`` of all that is paid for it, with the growth assumed.
    """

    machine: MachineTerms
    hashprice_usd_per_ph_day: float
    hashprice_btc_per_ph_day: float
    hashcost_usd_per_ph_day: float
    margin_usd_per_day: float
    margin_share: float
    mined_btc_per_day: float
    power_usd_per_btc: float
    breakeven_usd_per_mwh: float
    cost_usd: float
    real: RealCost
    payback_months: float
    financed_payback_months: float
    life: Life | None

    @property
    def breakeven_usd_per_ph_day(self) -> float:
        """The hashprice at which mining pays the power and no more: the hashcost."""
        return self.hashcost_usd_per_ph_day

    @property
    def payback_extension_months(self) -> float:
        """How much longer interest and fees make the payback, with the growth assumed."""
        return self.financed_payback_months - self.payback_months


def quote_machine(machine: MachineTerms, ask: MachineAsk, loan: LoanTerms | None = None) -> MachineQuote:
    """Quote a machine; ``loan`` pays ``ask.financed_share`` of its cost. Raises `QuoteError`."""
    if problems := list(machine_problems(ask, loan)):
        raise QuoteError(problems)
    ahead = market_ahead(ask)
    in_usd = hashprice_today(ask)
    cost = machine.price_usd or NOT_KNOWN
    cost += cost * ask.duty_share + ask.freight_usd_per_unit + ask.installation_usd_per_unit
    hashcost = hashcost_usd_per_ph_day(machine.j_per_th, ask.power_usd_per_mwh, ask.pue)
    ph_days = machine.hashrate_ths / THS_PER_PHS * ask.uptime_share
    monthly = np.maximum(ahead.hashprice_usd_per_ph_day - hashcost, 0.0) * ph_days * DAYS_PER_MONTH
    margin = (in_usd - hashcost) * ph_days
    discount = ask.price_growth_pa if ask.discount_pa is None else ask.discount_pa
    real = real_cost(
        cost,
        machine.hashrate_ths,
        [_part(loan, ask.financed_share)] if loan is not None and ask.financed_share > 0 else [],
        margin_usd_per_month=margin * DAYS_PER_MONTH,
        discount_pa=discount,
        btc_price_usd=ask.btc_price_usd,
        btc_growth_pa=ask.price_growth_pa,
    )
    paid = real.nominal_usd_per_th * machine.hashrate_ths
    return MachineQuote(
        machine=machine,
        hashprice_usd_per_ph_day=in_usd,
        hashprice_btc_per_ph_day=in_usd / ask.btc_price_usd,
        hashcost_usd_per_ph_day=hashcost,
        margin_usd_per_day=margin,
        margin_share=1 - hashcost / in_usd,
        mined_btc_per_day=in_usd / ask.btc_price_usd * ph_days,
        power_usd_per_btc=hashcost / in_usd * ask.btc_price_usd,
        breakeven_usd_per_mwh=breakeven_usd_per_mwh(in_usd, machine.j_per_th) / ask.pue,
        cost_usd=cost,
        real=real,
        payback_months=months_to(cost, monthly),
        financed_payback_months=months_to(paid, monthly),
        life=_life(ask, ahead, hashcost, ph_days, cost, paid) if ask.life_months else None,
    )


def machine_problems(ask: MachineAsk, loan: LoanTerms | None) -> Iterator[Problem]:
    """What is missing, said twice, or does not fit."""
    if ask.hashprice_usd is None and not ask.is_given:
        mend = "add --hashprice-usd 40 (USD per PH/s and day), or --difficulty or --network-ehs with a subsidy"
        yield problem("hashprice_usd", "is required", mend=mend)
    elif ask.hashprice_usd is None:
        yield from network_problems(ask)
    elif ask.is_given:
        message = "says what hashprice is; the network says it again"
        mend = "leave it out, or --difficulty, --network-ehs, --fees-share, --subsidy-btc and --block-height"
        yield problem("hashprice_usd", message, f"{ask.hashprice_usd:g}", mend)
    if loan is not None and ask.financed_share == 0:
        mend = "add --financed-share, such as 0.5, or leave out the loan's terms"
        yield problem("financed_share", "is required: the loan's terms say nothing without it", mend=mend)
    if loan is None and ask.financed_share == 0 and ask.discount_pa is not None:
        mend = "leave it out, or say with --financed-share and --apr how it is paid for later"
        yield problem("discount_pa", "has nothing to discount: all is paid today", f"{ask.discount_pa:g}", mend)
    if ask.financed_share > 0:
        for field, example in (("apr", "0.12"), ("term_months", "24")):
            if loan is None or getattr(loan, field) is None:
                mend = f"add {option(field)} {example}, or --loan with a product that states it"
                yield problem(field, "is required for a machine that is financed", mend=mend)


def hashprice_today(ask: MachineAsk) -> float:
    """USD per PH/s and day, as given or from the network."""
    return ask.hashprice_usd or quote_hashprice(ask).hashprice_usd_per_ph_day


def market_ahead(ask: MachineAsk) -> Ahead:
    """Price and hashprice of the months to come: both grow as assumed from today, taken at the middle of each month,
    and the subsidy falls with the block height where that is known."""
    years = (np.arange(LONGEST_MONTHS) + 0.5) / 12
    price = (1 + ask.price_growth_pa) ** years
    difficulty = (1 + ask.difficulty_growth_pa) ** years
    subsidy = np.ones(LONGEST_MONTHS)
    if ask.hashprice_usd is None and ask.block_height is not None:
        ends = np.arange(LONGEST_MONTHS + 1) * DAYS_PER_MONTH
        daily = daily_subsidy_btc(ask.block_height, int(np.ceil(ends[-1])))
        mined = np.interp(ends, np.arange(len(daily)), np.concatenate([[0.0], np.cumsum(daily[1:])]))
        subsidy = np.diff(mined) / DAYS_PER_MONTH / daily[0]
    return Ahead(ask.btc_price_usd * price, hashprice_today(ask) * price / difficulty * subsidy)


def months_to(amount_usd: float, monthly_usd: Floats) -> float:
    """Months until what comes in a month, ``[month]``, adds up to an amount, the last in part; infinite if never."""
    if np.isnan(amount_usd):
        return NOT_KNOWN
    so_far = np.concatenate([[0.0], np.cumsum(monthly_usd)])
    if so_far[-1] < amount_usd:
        return float("inf")
    last = int(np.searchsorted(so_far, amount_usd))
    if last == 0:
        return 0.0
    return last - 1 + float((amount_usd - so_far[last - 1]) / monthly_usd[last - 1])


def _part(loan: LoanTerms, share: float) -> Financed:
    terms = loan.filled
    assert terms.apr is not None and terms.term_months is not None and terms.origination_fee_share is not None
    return Financed(
        share=share,
        apr=terms.apr,
        months=terms.term_months,
        fee_share=terms.origination_fee_share,
        amortising=terms.repayment == "amortising",
        at_maturity=terms.interest == "at_maturity",
    )


def _life(ask: MachineAsk, ahead: Ahead, hashcost: float, ph_days: float, cost_usd: float, paid_usd: float) -> Life:
    assert ask.life_months is not None
    price, hashprice = (values[: ask.life_months] for values in (ahead.price_usd, ahead.hashprice_usd_per_ph_day))
    runs = hashprice > hashcost
    mined = float((runs * hashprice / price).sum()) * ph_days * DAYS_PER_MONTH
    power = float(runs.sum()) * hashcost * ph_days * DAYS_PER_MONTH
    each = (paid_usd + power) / mined if mined > 0 else NOT_KNOWN
    return Life(ask.life_months, mined, power, each, cost_usd / ask.btc_price_usd)
