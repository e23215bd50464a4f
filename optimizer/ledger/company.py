"""The company on many paths at once: what it was told (`Setting`), what it has and owes (`Company`).

Index order ``[path]``, ``[path, facility]`` (`optimizer.decisions.facility_names`), ``[path, tranche]``
(`optimizer.ledger.tranches.all_tranches`), ``[path, pair]`` (a machine model at a site).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from optimizer.ledger.fleet import Pair, payment_per_unit
from optimizer.ledger.tranches import Schedule, all_tranches, open_to_collateral, read_schedule
from optimizer.market.paths import Bools, Paths
from optimizer.market.tree import Floats, Ints
from optimizer.scenario.money import ExistingLoan, Facility
from optimizer.scenario.schema import Scenario

HOURS_PER_DAY = 24
NO_CALL = -1
# Money that is short by less is not.
CENT = 0.005


@dataclass(frozen=True)
class Contracts:
    """The lenders' terms as numbers, ``[facility]``; blank LTVs are NaN. cure_days: rounded up from hours."""

    call_ltv: Floats
    warning_ltv: Floats
    cure_target_ltv: Floats
    cure_days: Ints
    liquidation_ltv: Floats
    liquidation_target_ltv: Floats
    liquidation_cost_share: Floats
    release_ltv: Floats
    release_after_days: Ints
    early_fee_share: Floats
    origination_fee_share: Floats
    limit_usd: Floats
    min_draw_usd: Floats
    limited_recourse: Bools
    rehypothecated: Bools
    counts_accrued: Bools


@dataclass(frozen=True)
class Setting:
    """All that does not change during a replay.

    schedule and still_open: ``[month, tranche]`` and ``[month, facility]``. lender: 1 where a tranche is of a
    facility, ``[tranche, facility]``. drawn_month, pledge_at_par: of each tranche: the month of its draw (-1: owed
    before today) and the BTC pledged per USD drawn while BTC stands at one dollar. price_usd: at each month's end,
    ``[path, month]``. order_usd: per machine ordered at today's prices: with the order, and on delivery what moves
    with machine prices and what does not, ``[3, pair]``. scale_usd: the company's size today, for tolerances.
    """

    scenario: Scenario
    paths: Paths
    pairs: tuple[Pair, ...]
    contracts: Contracts
    schedule: Schedule
    still_open: Floats
    lender: Floats
    drawn_month: Ints
    pledge_at_par: Floats
    price_usd: Floats
    order_usd: Floats
    fixed_usd_per_month: float
    scale_usd: float

    @property
    def facilities(self) -> int:
        """How many debts and offers there are."""
        return int(self.lender.shape[1])

    def by_facility(self, per_tranche: Floats) -> Floats:
        """Sums over each facility's tranches, ``[path, facility]``."""
        return per_tranche @ self.lender


@dataclass
class Company:
    """What changes. arriving_units and retiring_units: by the month in which they do, ``[path, month, pair]``;
    ordered_units: since today, ``[path, pair]``; placed_usd: the whole cost of what is delivered in a month, deposits
    included; due_usd: on delivery, and recovery_usd: from failed lenders, ``[path, month]``. unpaid_interest_usd:
    interest run up before today on loans that pay monthly, due in month 1, ``[path, facility]``. unpaid_usd: bills and
    debts that could not be paid. call_deadline: the step by which a call must be cured, NO_CALL without one. tied_btc:
    neither free nor pledged but tied up by a source of money, ``[path]``.
    """

    cash_usd: Floats
    free_btc: Floats
    pledged_btc: Floats
    principal_usd: Floats
    pledge_per_usd: Floats
    unpaid_interest_usd: Floats
    unpaid_usd: Floats
    racked_units: Floats
    arriving_units: Floats
    retiring_units: Floats
    ordered_units: Floats
    placed_usd: Floats
    due_usd: Floats
    recovery_usd: Floats
    call_deadline: Ints
    tied_btc: Floats


def set_up(scenario: Scenario, paths: Paths, pairs: tuple[Pair, ...]) -> Setting:
    """The contracts and the fleet's figures, read once for all paths."""
    contracts: tuple[ExistingLoan | Facility, ...] = (*scenario.loans, *scenario.facilities)
    tranches = all_tranches(scenario)
    months = np.arange(paths.months + 1)
    lender = np.zeros((len(tranches), len(contracts)))
    lender[np.arange(len(tranches)), [tr.facility for tr in tranches]] = 1.0
    at_par = [
        0.0 if isinstance(contract := contracts[tr.facility], ExistingLoan) else _counted(contract, tr.apr) / tr.max_ltv
        for tr in tranches
    ]
    order_usd = np.zeros((3, len(pairs)))
    for k, pair in enumerate(pairs):
        with_order, on_delivery = payment_per_unit(scenario, pair, 1.0)
        landing = payment_per_unit(scenario, pair, 0.0)[1]
        order_usd[:, k] = with_order, on_delivery - landing, landing
    treasury = scenario.treasury
    price = paths.price_usd
    today = scenario.market.btc_price_usd
    machines = sum(pair.units_today * pair.resale_usd for pair in pairs)
    return Setting(
        scenario=scenario,
        paths=paths,
        pairs=pairs,
        contracts=_read_contracts(contracts),
        schedule=read_schedule(scenario, months, tranches),
        still_open=open_to_collateral(scenario, months),
        lender=lender,
        drawn_month=np.array([tr.drawn_month for tr in tranches], dtype=np.int64),
        pledge_at_par=np.array(at_par, dtype=np.float64),
        price_usd=price,
        order_usd=order_usd,
        fixed_usd_per_month=treasury.overhead_usd_per_month + sum(s.fixed_usd_per_month for s in scenario.sites),
        scale_usd=max(today, treasury.btc * today + treasury.cash_usd + machines),
    )


def open_books(s: Setting) -> Company:
    """The company as it stands before today's decisions, the same on every path."""
    scenario, paths, count = s.scenario, len(s.paths), len(s.lender)
    loans = scenario.loans
    owed, pledge, pledged = np.zeros(count), np.zeros(count), np.zeros(s.facilities)
    unpaid = np.zeros(s.facilities)
    for f, loan in enumerate(loans):
        owed[f], pledge[f], pledged[f] = loan.balance_usd, loan.pledged_btc / loan.balance_usd, loan.pledged_btc
        unpaid[f] = loan.accrued_usd * (loan.interest == "monthly")
    lead = max((pair.candidate.lead_months for pair in s.pairs if pair.candidate), default=0)
    coming = max((machines.arrives_month for machines in scenario.machines.on_order), default=0)
    last = max(s.paths.months + lead, coming) + int(s.paths.delivery_delay_months.max(initial=0)) + 1
    last = max(last, int(s.paths.recovery_month.max(initial=0)) + 1)

    def everywhere(values: Iterable[float]) -> Floats:
        return np.tile(np.array(list(values), dtype=np.float64), (paths, 1))

    company = Company(
        cash_usd=np.full(paths, scenario.treasury.cash_usd),
        free_btc=np.full(paths, scenario.treasury.btc - pledged.sum()),
        pledged_btc=everywhere(pledged),
        principal_usd=everywhere(owed),
        pledge_per_usd=everywhere(pledge),
        unpaid_interest_usd=everywhere(unpaid),
        unpaid_usd=np.zeros(paths),
        racked_units=everywhere(pair.units_today for pair in s.pairs),
        arriving_units=np.zeros((paths, last, len(s.pairs))),
        retiring_units=np.zeros((paths, last, len(s.pairs))),
        ordered_units=np.zeros((paths, len(s.pairs))),
        placed_usd=np.zeros((paths, last)),
        due_usd=np.zeros((paths, last)),
        recovery_usd=np.zeros((paths, last)),
        call_deadline=np.full((paths, s.facilities), NO_CALL, dtype=np.int64),
        tied_btc=np.zeros(paths),
    )
    column = {(pair.model, scenario.sites[pair.site].name): k for k, pair in enumerate(s.pairs)}
    for machines in scenario.machines.on_order:
        arrives = machines.arrives_month + s.paths.delivery_delay_months
        company.arriving_units[np.arange(paths), arrives, column[machines.model, machines.site]] += machines.units
        company.due_usd[np.arange(paths), arrives] += machines.units * machines.due_usd_per_unit
        company.placed_usd[np.arange(paths), arrives] += machines.units * machines.due_usd_per_unit
    return company


def owed_usd(s: Setting, c: Company, month: int) -> Floats:
    """Principal and accrued interest at a month's end, ``[path, facility]``."""
    return s.by_facility(c.principal_usd * (1 + s.schedule.accrued_share[month])) + c.unpaid_interest_usd


def counted_usd(s: Setting, c: Company, month: int) -> Floats:
    """What lenders count in the LTV at a month's end, ``[path, facility]``."""
    return s.by_facility(c.principal_usd * s.schedule.counted_share[month]) + c.unpaid_interest_usd


def machines_usd(s: Setting, c: Company, month: int) -> Floats:
    """Resale value of machines racked and on order, less what is due on delivery, ``[path]``."""
    coming = c.arriving_units[:, month + 1 :].sum(axis=1)
    resale = np.array([pair.resale_usd for pair in s.pairs])
    worth = (c.racked_units + coming) @ resale * s.paths.asic_price_factor[:, month]
    due: Floats = c.due_usd[:, month + 1 :].sum(axis=1)
    return np.asarray(worth - due)


def _counted(terms: Facility, apr: float) -> float:
    """What a lender counts per USD on the day of a draw."""
    return 1 + apr * terms.term_months / 12 if terms.ltv_counts == "full_term" else 1.0


def _read_contracts(contracts: tuple[ExistingLoan | Facility, ...]) -> Contracts:
    def numbers(values: Iterable[float | None]) -> Floats:
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)

    offers = [c if isinstance(c, Facility) else None for c in contracts]
    return Contracts(
        call_ltv=numbers(c.call_ltv for c in contracts),
        warning_ltv=numbers(c.warning_ltv for c in contracts),
        cure_target_ltv=numbers(c.cure_target_ltv for c in contracts),
        cure_days=np.ceil(numbers((c.cure_hours or 0.0) / HOURS_PER_DAY for c in contracts)).astype(np.int64),
        liquidation_ltv=numbers(c.liquidation_ltv for c in contracts),
        liquidation_target_ltv=numbers(c.liquidation_target_ltv for c in contracts),
        liquidation_cost_share=numbers(c.liquidation_cost_share for c in contracts),
        release_ltv=numbers(c.release_ltv for c in contracts),
        release_after_days=np.array([c.release_after_days for c in contracts], dtype=np.int64),
        early_fee_share=numbers(c.early_repayment_fee_share for c in contracts),
        origination_fee_share=numbers(o.origination_fee_share if o else 0.0 for o in offers),
        limit_usd=numbers(o.limit_usd if o else 0.0 for o in offers),
        min_draw_usd=numbers(o.min_draw_usd if o else 0.0 for o in offers),
        limited_recourse=np.array([c.recourse == "limited" for c in contracts], dtype=bool),
        rehypothecated=np.array([c.rehypothecation is not False for c in contracts], dtype=bool),
        counts_accrued=np.array([c.ltv_counts == "accrued" for c in contracts], dtype=bool),
    )
