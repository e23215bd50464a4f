"""Tranches: what was drawn of a facility under one tier in one month, and what its contract says of it.

A path of the tree meets at most one node per month, so (facility, tier, month drawn) names one tranche on
every path, and a balance ``[node, tranche]`` stands for the draw of that month's ancestor of the node.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from optimizer.decisions import OPENING, Decisions, facility_names
from optimizer.errors import AuditError
from optimizer.ledger.lending import level_remaining_share
from optimizer.market.tree import Floats, Ints, Tree
from optimizer.scenario.money import ExistingLoan, Facility
from optimizer.scenario.schema import Scenario


@dataclass(frozen=True)
class Tranche:
    """One tranche. ``drawn_month`` OPENING: owed before today.

    start_month: month from which ``months_due`` (to maturity) and interest count; 0 for an opening tranche.
    age_at_start: months it had run by then. accrued_per_usd: interest carried at the start, per USD.
    full_term_per_usd: interest over the whole term, per USD. max_ltv: the tier's; NaN for an opening one.
    """

    facility: int
    tier: int
    drawn_month: int
    apr: float
    start_month: int
    age_at_start: int
    months_due: int
    accrued_per_usd: float
    full_term_per_usd: float
    max_ltv: float


@dataclass(frozen=True)
class Schedule:
    """What the contracts say of each tranche by the month, ``[when, tranche]``, per USD of principal.

    age: months since drawn. keep_share: the most that may be outstanding, as a share of the balance a month before.
    accrued_share: interest accrued and not paid. counted_share: what the LTV counts. interest_share: one month's,
    per tranche; paid_monthly: 1 where paid in cash monthly.
    """

    tranches: tuple[Tranche, ...]
    facility: Ints
    age: Ints
    keep_share: Floats
    accrued_share: Floats
    counted_share: Floats
    interest_share: Floats
    paid_monthly: Floats


@dataclass(frozen=True)
class Terms(Schedule):
    """The schedule at each node of a tree, and pledge_btc: BTC pledged by the draw, ``[node, tranche]``."""

    pledge_btc: Floats


class TrancheIndex:
    """Finds the tranche that a decision speaks of.

    Raises `AuditError` on a facility or a tier that the scenario does not have.
    """

    def __init__(self, scenario: Scenario, tree: Tree, decisions: Decisions) -> None:
        self._scenario, self._tree = scenario, tree
        self._facility = {name: f for f, name in enumerate(facility_names(scenario))}
        self._column: dict[tuple[int, int, int], int] = {}
        self.tranches: list[Tranche] = []
        for loan in scenario.loans:
            self.column(loan.name, 0, OPENING)
        for draw in decisions.draws:
            self.column(draw.facility, draw.tier, draw.node)
        for repayment in decisions.repayments:
            self.column(repayment.facility, repayment.tier, repayment.drawn_node)
        for liquidation in decisions.liquidations:
            for tier, drawn_node, _ in liquidation.principal_usd:
                self.column(liquidation.facility, tier, drawn_node)

    def facility(self, name: str) -> int:
        """Index of a facility by name."""
        if name not in self._facility:
            raise AuditError(f"The plan uses the facility {name!r}, which the scenario does not have.")
        return self._facility[name]

    def column(self, facility: str, tier: int, drawn_node: int) -> int:
        """Index of the tranche drawn at a node, added on first sight; an opening one's tier is ignored."""
        f = self.facility(facility)
        contract = (*self._scenario.loans, *self._scenario.facilities)[f]
        if drawn_node == OPENING and isinstance(contract, ExistingLoan):
            key = (f, 0, OPENING)
            if key not in self._column:
                self._add(key, _opening(f, contract))
        elif drawn_node >= 0 and isinstance(contract, Facility) and 0 <= tier < len(contract.tiers):
            key = (f, tier, int(self._tree.month[drawn_node]))
            if key not in self._column:
                self._add(key, _drawn(f, contract, *key[1:]))
        else:
            raise AuditError(f"{facility!r} has no loan of tier {tier} drawn at node {drawn_node}.")
        return self._column[key]

    def _add(self, key: tuple[int, int, int], tranche: Tranche) -> None:
        self._column[key] = len(self.tranches)
        self.tranches.append(tranche)


def read_terms(scenario: Scenario, tree: Tree, ancestor: Ints, tranches: tuple[Tranche, ...]) -> Terms:
    """The contracts of ``tranches`` as numbers at every node."""
    schedule = read_schedule(scenario, tree.month, tranches)
    return Terms(**vars(schedule), pledge_btc=_pledge_per_usd(scenario, tree, ancestor, tranches))


def read_schedule(scenario: Scenario, month: Ints, tranches: tuple[Tranche, ...]) -> Schedule:
    """The schedules of ``tranches`` as numbers at each of these months."""
    contracts = (*scenario.loans, *scenario.facilities)
    mine = [contracts[tr.facility] for tr in tranches]
    run = month[:, None] - _ints(tr.start_month for tr in tranches)
    due = _ints(tr.months_due for tr in tranches)
    month_rate = _floats(tr.apr for tr in tranches) / 12
    monthly = _floats(c.interest == "monthly" for c in mine)
    level = _floats(c.repayment == "amortising" for c in mine)
    full_term = _floats(c.ltv_counts == "full_term" for c in mine)

    remaining = level_remaining_share(run, month_rate, due)
    remaining_before = level_remaining_share(run - 1, month_rate, due)
    level_keep = np.divide(remaining, remaining_before, out=np.zeros_like(remaining), where=run <= due)
    opening_accrued = _floats(tr.accrued_per_usd for tr in tranches)
    accrued = (1 - monthly) * (opening_accrued + month_rate * np.maximum(run, 0))
    # What a loan that pays monthly had accrued before today is paid with its first interest and counted apart.
    full_term_share = _floats(tr.full_term_per_usd for tr in tranches) + (1 - monthly) * opening_accrued
    counted = 1 + np.where(full_term == 1, full_term_share, accrued)
    return Schedule(
        tranches=tranches,
        facility=_ints(tr.facility for tr in tranches),
        age=run + _ints(tr.age_at_start for tr in tranches),
        keep_share=np.where(level == 1, level_keep, (run < due).astype(np.float64)),
        accrued_share=accrued,
        counted_share=counted,
        interest_share=month_rate,
        paid_monthly=monthly,
    )


def open_to_collateral(scenario: Scenario, month: Ints) -> Floats:
    """At each of these months 1 while a loan of the facility could still be owed, 0 once all have matured:
    ``[when, facility]``.

    Every month in which it could have been drawn counts, drawn or not: then what is pledged goes back.
    """
    out = [month < loan.matures_month for loan in scenario.loans]
    for facility in scenario.facilities:
        alive = np.zeros(len(month), dtype=bool)
        for m in scenario.decision_months:
            if facility.draw_from_month <= m <= facility.draw_until_month:
                alive |= (month >= m) & (month < m + facility.term_months)
        out.append(alive)
    return np.array(out, dtype=np.float64).reshape(len(out), len(month)).T


def all_tranches(scenario: Scenario) -> tuple[Tranche, ...]:
    """Every tranche that can ever be owed: the existing loans, and each tier of each offer at each decision month of
    its window."""
    owed = [_opening(f, loan) for f, loan in enumerate(scenario.loans)]
    for f, offer in enumerate(scenario.facilities, start=len(scenario.loans)):
        window = range(offer.draw_from_month, offer.draw_until_month + 1)
        months = sorted(set(scenario.decision_months).intersection(window))
        owed += [_drawn(f, offer, tier, month) for month in months for tier in range(len(offer.tiers))]
    return tuple(owed)


def frozen_lenders(scenario: Scenario, tree: Tree) -> Floats:
    """``[node, facility]``: 1 where the lender neither lends nor gives back collateral."""
    lenders = [c.lender for c in (*scenario.loans, *scenario.facilities)]
    out = [[lender in frozen for lender in lenders] for frozen in tree.frozen]
    return np.array(out, dtype=np.float64).reshape(len(tree), len(lenders))


def _opening(facility: int, loan: ExistingLoan) -> Tranche:
    accrued = loan.accrued_usd / loan.balance_usd
    return Tranche(
        facility=facility,
        tier=0,
        drawn_month=OPENING,
        apr=loan.apr,
        start_month=0,
        age_at_start=loan.term_months - loan.matures_month,
        months_due=loan.matures_month,
        accrued_per_usd=accrued,
        full_term_per_usd=loan.apr * loan.matures_month / 12,
        max_ltv=float("nan"),
    )


def _drawn(facility: int, terms: Facility, tier: int, month: int) -> Tranche:
    return Tranche(
        facility=facility,
        tier=tier,
        drawn_month=month,
        apr=terms.tiers[tier].apr,
        start_month=month,
        age_at_start=0,
        months_due=terms.term_months,
        accrued_per_usd=0.0,
        full_term_per_usd=terms.tiers[tier].apr * terms.term_months / 12,
        max_ltv=terms.tiers[tier].max_ltv,
    )


def _pledge_per_usd(scenario: Scenario, tree: Tree, ancestor: Ints, tranches: tuple[Tranche, ...]) -> Floats:
    """BTC pledged per USD of principal, fixed by the price at the draw; 0 before it."""
    out = np.zeros((len(tree), len(tranches)))
    for q, tr in enumerate(tranches):
        if tr.drawn_month == OPENING:
            loan = scenario.loans[tr.facility]
            out[:, q] = loan.pledged_btc / loan.balance_usd
            continue
        terms = scenario.facilities[tr.facility - len(scenario.loans)]
        counted = 1 + tr.full_term_per_usd if terms.ltv_counts == "full_term" else 1.0
        drawn_at = ancestor[:, tr.drawn_month]
        out[:, q] = np.where(drawn_at >= 0, counted / (tr.max_ltv * tree.price_usd[drawn_at]), 0.0)
    return out


def _ints(values: Iterable[int]) -> Ints:
    return np.array(list(values), dtype=np.int64)


def _floats(values: Iterable[float]) -> Floats:
    return np.array(list(values), dtype=np.float64)
