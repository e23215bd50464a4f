"""The scenario: everything a plan is made from, frozen, validated and with units in every name.

A scenario file is YAML of this shape (`hashlever schema` prints it as JSON Schema). Catalogue entries named
by ``product``, ``model`` and ``preset`` are merged in by `optimizer.scenario.load` before validation, so an
object here is complete: no later room looks anything up.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from optimizer.scenario.base import Btc, Ltv, Month, Name, Share, Strict, Usd
from optimizer.scenario.fleet import Machines, Site
from optimizer.scenario.market_spec import Market
from optimizer.scenario.money import ExistingLoan, Facility, Liability, Treasury
from optimizer.scenario.sources import Source
from optimizer.scenario.taxes import Taxes

SCHEMA = "hashlever/scenario/1"


class CallPolicy(Strict):
    """How lenders' margin calls are met.

    ``top_up_ahead``: at every month's low the LTV stays ``buffer_ltv`` below the call, by topping up from free
    BTC before the call comes. ``cure_to_target``: calls are allowed to come and are cured; conservatively the
    LTV at the low, after top-ups, stays within the contract's ``cure_target_ltv`` less the buffer.
    ``same_day``: coins reach the lender within the day in which price passes the buffer's line, so only a treasury
    that runs out of free BTC is ever called; otherwise they reach it by the next day, and a fast enough fall is a call.
    Used where days are seen: when a plan is replayed.

    ``policy``: how calls are met, ``top_up_ahead`` or ``cure_to_target``. ``buffer_ltv``: air kept below the call, or
    below the cure's target, as a difference of LTV.
    """

    policy: Literal["top_up_ahead", "cure_to_target"] = "top_up_ahead"
    buffer_ltv: Annotated[float, Field(ge=0, lt=1)]
    same_day: bool = False


class Requirements(Strict):
    """What the board and the lenders demand; each holds at every node of the tree and of every stress branch.

    ``min_cash_usd``: least cash. ``min_btc``: least BTC, pledged included. ``max_ltv``: highest LTV of each facility at
    a month's end. ``max_debt_usd``: most that is owed in all. ``max_lender_btc_share``: BTC with one counterparty,
    pledged or lent, over all BTC held. ``min_runway_months``: cash and free BTC over a month's cash costs without
    revenue, cash interest in. ``max_fleet_breakeven_usd_per_ph_day``: power cost of the installed fleet per PH and day,
    at decision months from ``breakeven_from_month``. ``breakeven_from_month``: first month in which that is asked.
    ``min_dscr``: expected mining margin less overhead over expected interest and scheduled principal, each month,
    sources of money included; bullet maturities not counted. ``borrow_to_buy_btc``: whether BTC may be bought while
    anything is owed. ``liquidation_probability``: 0 forbids liquidation; above 0, the expected number of liquidations
    over the tree may reach it, and each costs the seizure and the fee. Stress branches are always without liquidation.
    ``calls``: how margin calls are met, and with how much air.
    """

    min_cash_usd: Usd = 0.0
    min_btc: Btc = 0.0
    max_ltv: Ltv | None = None
    max_debt_usd: Usd | None = None
    max_lender_btc_share: Share | None = None
    min_runway_months: Annotated[float, Field(ge=0, le=120)] | None = None
    max_fleet_breakeven_usd_per_ph_day: Annotated[float, Field(gt=0, le=1e6)] | None = None
    breakeven_from_month: Month = 0
    min_dscr: Annotated[float, Field(ge=0, le=100)] | None = None
    borrow_to_buy_btc: bool = True
    liquidation_probability: Annotated[float, Field(ge=0, le=1)] = 0.0
    calls: CallPolicy


class Risk(Strict):
    """Objective (1 - weight) E[W] + weight CVaR(W): the mean of the worst ``tail_share`` of outcomes.

    ``weight``: how much the worst futures count beside the mean of all; 0: not at all.
    """

    weight: Share
    tail_share: Annotated[float, Field(gt=0, le=1)]


class SolverSettings(Strict):
    """When HiGHS may stop, and with what.

    ``gap_share``: the search ends once no plan can be better by more than this share. ``time_limit_s``: seconds after
    which it ends with the best plan found. ``threads``: processor threads of the search. ``seed``: of the search's own
    chances; the same seed, the same search.
    """

    gap_share: Annotated[float, Field(ge=0, lt=1)] = 0.001
    time_limit_s: Annotated[float, Field(gt=0, le=86_400)] = 120.0
    threads: Annotated[int, Field(ge=1, le=64)] = 1
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


class Scenario(Strict):
    """One question to plan for. ``decision_months``: when machines are ordered and resold and loans drawn.

    ``early_repayment_every_months``: early repayment is considered at decision months and every so many months
    (3: at quarter ends). A coarser choice is a smaller model and never promises more than can be done.

    ``name``: heads every report. ``description``: what is asked, in a sentence. ``as_of``: today, from which months are
    counted. ``horizon_months``: how many months are planned. ``numeraire``: what success is counted in. ``market``:
    today's market and how it may move. ``treasury``: what the company holds and what trading costs. ``sites``: where
    there is room and power. ``machines``: what runs, what is on order, what may be ordered. ``loans``: debts against
    BTC that are owed today. ``facilities``: lenders' offers against BTC. ``liabilities``: payments promised.
    ``sources``: offers of money of every other kind. ``taxes``: what is taxed; blank: nothing. ``requirements``: what
    the board demands. ``risk``: how much bad futures weigh. ``solver``: when the search for the plan may stop.
    """

    name: Name
    description: str = ""
    as_of: date
    horizon_months: Annotated[int, Field(ge=1, le=120)]
    decision_months: Annotated[tuple[Month, ...], Field(min_length=1)]
    early_repayment_every_months: Annotated[int, Field(ge=1, le=120)] = 1
    numeraire: Literal["btc", "usd"] = "btc"
    market: Market
    treasury: Treasury
    sites: Annotated[tuple[Site, ...], Field(max_length=100)] = ()
    machines: Machines = Machines()
    loans: tuple[ExistingLoan, ...] = ()
    facilities: Annotated[tuple[Facility, ...], Field(max_length=50)] = ()
    liabilities: tuple[Liability, ...] = ()
    sources: Annotated[tuple[Source, ...], Field(max_length=50)] = ()
    taxes: Taxes | None = None
    requirements: Requirements
    risk: Risk
    solver: SolverSettings = SolverSettings()
