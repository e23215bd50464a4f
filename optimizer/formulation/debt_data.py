"""What the facility rows need to know, computed once: tranches, their interest, schedule and pledge."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.decisions import OPENING
from optimizer.market.tree import Tree
from optimizer.scenario.money import ExistingLoan, Facility
from optimizer.scenario.schema import Scenario

# facility index, tier, node of the draw (OPENING for an existing loan)
TrancheKey = tuple[int, int, int]


@dataclass(frozen=True)
class Debt:
    """A facility (index in `facility_names` order): an existing loan or an offer, in model money."""

    index: int
    name: str
    terms: ExistingLoan | Facility
    limit: float
    min_draw: float
    fee: float
    tiers: tuple[tuple[float, float], ...]  # (max_ltv, apr)
    draw_months: frozenset[int]
    repayment_months: frozenset[int] = frozenset()
    accrued_at_opening: float = 0.0
    balance_at_opening: float = 0.0

    def can_owe(self, month: int) -> bool:
        """Whether, by its dates, anything can be outstanding after ``month``."""
        if isinstance(self.terms, ExistingLoan):
            return month < self.terms.matures_month
        return any(drawn <= month < drawn + self.terms.term_months for drawn in self.draw_months)


@dataclass(frozen=True)
class Tranche:
    """Principal drawn at one node under one tier, followed until it matures.

    ``drawn_month`` 0 for an existing loan; ``months`` it lives from there. ``pledge_per_money``: BTC that one
    unit of principal holds pledged. ``accrued_before``: interest owed per unit when it enters the plan.
    """

    debt: Debt
    tier: int
    drawn_node: int
    drawn_month: int
    months: int
    apr: float
    pledge_per_money: float
    accrued_before: float = 0.0

    @property
    def key(self) -> TrancheKey:
        """Index of the tranche in variables."""
        return (self.debt.index, self.tier, self.drawn_node)

    def live(self, month: int) -> bool:
        """Whether principal can be outstanding after the decisions at the end of ``month``."""
        return self.drawn_month <= month < self.drawn_month + self.months

    def accrued(self, month: int) -> float:
        """Interest owed per unit of principal at the end of ``month``: simple, if it is paid at maturity."""
        if self.debt.terms.interest == "monthly":
            return 0.0
        return self.accrued_before + self.apr * (month - self.drawn_month) / 12

    def cash_interest(self) -> float:
        """Interest paid in cash each month per unit of principal outstanding at its start."""
        return self.apr / 12 if self.debt.terms.interest == "monthly" else 0.0

    def ltv_weight(self, month: int) -> float:
        """What the lender counts in the LTV per unit of principal at the end of ``month``."""
        if self.debt.terms.ltv_counts == "full_term":
            return 1 + self.accrued_before + self.apr * self.months / 12
        return 1 + self.accrued(month)

    def scheduled_share(self, month: int) -> float:
        """Principal allowed to remain at ``month`` per unit outstanding a month earlier: 1 for a bullet loan,
        s(a) / s(a-1) with s the level-payment balance for an amortising one, 0 at maturity."""
        age = month - self.drawn_month
        if age >= self.months:
            return 0.0
        if self.debt.terms.repayment == "bullet":
            return 1.0
        return _level_balance(self.apr, self.months, age) / _level_balance(self.apr, self.months, age - 1)

    def may_repay_early(self, month: int) -> bool:
        """Whether more than the schedule may be repaid at ``month``."""
        terms = self.debt.terms
        age = month - self.drawn_month
        if isinstance(terms, ExistingLoan):
            age += terms.term_months - terms.matures_month
        chosen = month in self.debt.repayment_months
        return terms.early_repayment and chosen and age >= terms.early_repayment_after_months


def _level_balance(apr: float, months: int, age: int) -> float:
    """Share of principal left after ``age`` of ``months`` level payments at ``apr`` / 12 a month."""
    rate = apr / 12
    if rate == 0:
        return 1 - age / months
    growth = (1 + rate) ** months
    return float((growth - (1 + rate) ** age) / (growth - 1))


def make_debts(scenario: Scenario, money: float) -> tuple[Debt, ...]:
    """Existing loans, then offers, in the order of `facility_names`. ``money``: USD per model unit."""
    debts: list[Debt] = []
    every = range(0, scenario.horizon_months + 1, scenario.early_repayment_every_months)
    repayment_months = frozenset(every) | frozenset(scenario.decision_months)
    for loan in scenario.loans:
        debts.append(
            Debt(
                index=len(debts),
                name=loan.name,
                terms=loan,
                limit=loan.balance_usd / money,
                min_draw=0.0,
                fee=0.0,
                tiers=(),
                draw_months=frozenset(),
                repayment_months=repayment_months,
                accrued_at_opening=loan.accrued_usd / money,
                balance_at_opening=loan.balance_usd / money,
            )
        )
    for offer in scenario.facilities:
        window = range(offer.draw_from_month, offer.draw_until_month + 1)
        debts.append(
            Debt(
                index=len(debts),
                name=offer.name,
                terms=offer,
                limit=offer.limit_usd / money,
                min_draw=offer.min_draw_usd / money,
                fee=offer.origination_fee_share,
                tiers=tuple((tier.max_ltv, tier.apr) for tier in offer.tiers),
                draw_months=frozenset(scenario.decision_months).intersection(window),
                repayment_months=repayment_months,
            )
        )
    return tuple(debts)


def make_tranches(scenario: Scenario, tree: Tree, debts: tuple[Debt, ...]) -> dict[TrancheKey, Tranche]:
    """Every tranche that may ever be owed: the existing loans, and each offer's tiers at each draw node."""
    tranches: dict[TrancheKey, Tranche] = {}
    for debt in debts:
        if isinstance(debt.terms, ExistingLoan):
            tranche = _existing(debt, debt.terms, scenario.market.btc_price_usd)
            tranches[tranche.key] = tranche
            continue
        for node in range(len(tree)):
            if int(tree.month[node]) not in debt.draw_months or debt.terms.lender in tree.frozen[node]:
                continue
            for tier, (max_ltv, apr) in enumerate(debt.tiers):
                # Pledged at the draw: what the tier's LTV asks, of a debt counted as this lender counts it.
                full = debt.terms.ltv_counts == "full_term"
                counted = 1 + apr * debt.terms.term_months / 12 if full else 1.0
                price = float(tree.price_usd[node]) / scenario.market.btc_price_usd
                tranche = Tranche(
                    debt=debt,
                    tier=tier,
                    drawn_node=node,
                    drawn_month=int(tree.month[node]),
                    months=debt.terms.term_months,
                    apr=apr,
                    pledge_per_money=counted / (max_ltv * price),
                )
                tranches[tranche.key] = tranche
    return tranches


def _existing(debt: Debt, loan: ExistingLoan, money: float) -> Tranche:
    return Tranche(
        debt=debt,
        tier=0,
        drawn_node=OPENING,
        drawn_month=0,
        months=loan.matures_month,
        apr=loan.apr,
        pledge_per_money=loan.pledged_btc / (loan.balance_usd / money),
        # Accrued interest of a loan that pays monthly is a bill of month 1, not a part of the principal.
        accrued_before=loan.accrued_usd / loan.balance_usd if loan.interest == "at_maturity" else 0.0,
    )


def debt_bound(debt: Debt) -> float:
    """More than a facility can ever owe, in model money: its limit and all the interest of its term."""
    apr = max((apr for _, apr in debt.tiers), default=1.0)
    return (debt.limit + debt.accrued_at_opening) * (1 + apr * debt.terms.term_months / 12)
