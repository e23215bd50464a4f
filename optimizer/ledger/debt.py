"""The books of debt and collateral: what is drawn, owed, repaid, pledged and seized at each node.

Index order ``[node, facility]`` (`optimizer.decisions.facility_names`) and ``[node, tranche]``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.decisions import Decisions
from optimizer.ledger.lending import ltv
from optimizer.ledger.paths import before, carried, levels
from optimizer.ledger.tranches import (
    Terms,
    TrancheIndex,
    frozen_lenders,
    open_to_collateral,
    read_terms,
)
from optimizer.market.tree import Floats, Ints, Tree
from optimizer.scenario.schema import Scenario


@dataclass(frozen=True)
class DebtBooks:
    """Debts and pledges after each node's decisions, and the month's flows; USD and BTC ``[node, facility]``.

    owed_usd: principal and accrued interest. counted_usd: what the LTV counts. interest_usd: paid in cash for
    the month. accrued_paid_usd: interest paid with the principal it belongs to. liquidated_usd: principal met
    from seized collateral, liquidated_interest_usd its interest; liquidation_surplus_usd: what the sale
    brought beyond both, paid to the company (0 if the lender sells what the contract says). service_usd:
    interest of the month, paid or accrued, and scheduled principal of amortising loans.
    ltv_close, ltv_low: at the close, and at the month's low after top-ups; NaN without debt.
    ahead_usd ``[node, tranche]``: principal repaid ahead of schedule.
    """

    terms: Terms
    tranche_usd: Floats
    drawn_by_tranche_usd: Floats
    ahead_usd: Floats
    principal_usd: Floats
    owed_usd: Floats
    counted_usd: Floats
    pledged_btc: Floats
    drawn_usd: Floats
    origination_fee_usd: Floats
    interest_usd: Floats
    repaid_usd: Floats
    accrued_paid_usd: Floats
    early_fee_usd: Floats
    top_up_btc: Floats
    release_btc: Floats
    seized_btc: Floats
    liquidation_fee_usd: Floats
    liquidated_usd: Floats
    liquidated_interest_usd: Floats
    liquidation_surplus_usd: Floats
    service_usd: Floats
    ltv_close: Floats
    ltv_low: Floats
    frozen: Floats

    @property
    def cash_flow_usd(self) -> Floats:
        """Cash that lenders bring (+) or take (-) at each node."""
        flow: Floats = self.drawn_usd - self.origination_fee_usd + self.liquidation_surplus_usd
        flow = flow - self.interest_usd - self.repaid_usd - self.accrued_paid_usd - self.early_fee_usd
        return np.asarray(flow.sum(axis=1))


def keep_debt_books(scenario: Scenario, tree: Tree, ancestor: Ints, decisions: Decisions) -> DebtBooks:
    """Books of every facility under the plan's draws, repayments, pledges and liquidations.

    ``ancestor`` from `optimizer.ledger.paths.ancestors`. Raises `AuditError` on facilities that the
    scenario lacks.
    """
    index = TrancheIndex(scenario, tree, decisions)
    terms = read_terms(scenario, tree, ancestor, tuple(index.tranches))
    contracts = (*scenario.loans, *scenario.facilities)
    drawn, repaid, liquidated = (np.zeros((len(tree), len(terms.tranches))) for _ in range(3))
    top_up, release, seized = (np.zeros((len(tree), len(contracts))) for _ in range(3))
    for d in decisions.draws:
        drawn[d.node, index.column(d.facility, d.tier, d.node)] += d.amount_usd
    for r in decisions.repayments:
        repaid[r.node, index.column(r.facility, r.tier, r.drawn_node)] += r.principal_usd
    for p in decisions.pledges:
        top_up[p.node, index.facility(p.facility)] += p.top_up_btc
        release[p.node, index.facility(p.facility)] += p.release_btc
    for liquidation in decisions.liquidations:
        seized[liquidation.node, index.facility(liquidation.facility)] += liquidation.seized_btc
        for tier, drawn_node, usd in liquidation.principal_usd:
            liquidated[liquidation.node, index.column(liquidation.facility, tier, drawn_node)] += usd

    balances = [loan.balance_usd for loan in scenario.loans]
    opening = np.zeros(len(terms.tranches))
    opening[: len(balances)] = balances  # an opening tranche stands at its loan's index
    principal = carried(tree, drawn - repaid - liquidated, opening)
    principal_before = before(tree, principal, opening)
    # The schedule knows the draw of the day and nothing of a sale by the lender.
    allowed = principal_before * terms.keep_share + drawn
    # ... which does not count as repaid ahead: the fee is on what the company pays beyond its instalment.
    ahead = np.maximum(allowed - principal - liquidated, 0.0)
    accrued_before = np.vstack([terms.accrued_share[:1], terms.accrued_share[np.maximum(tree.parent[1:], 0)]])
    lender = np.zeros((len(terms.tranches), len(contracts)))
    lender[np.arange(len(terms.tranches)), terms.facility] = 1.0

    # Interest that runs in the month: none has run at node 0.
    month_interest = before(tree, principal) * terms.interest_share
    unpaid_today = np.array([loan.accrued_usd * (loan.interest == "monthly") for loan in scenario.loans])
    first_interest = np.zeros((len(tree), len(contracts)))
    first_interest[tree.month == 1, : len(unpaid_today)] = unpaid_today
    owed_today = np.zeros_like(first_interest)
    owed_today[0, : len(unpaid_today)] = unpaid_today

    scheduled = np.maximum(0.0, principal_before * (1 - terms.keep_share))
    level = np.array([contracts[f].repayment == "amortising" for f in terms.facility], dtype=np.float64)
    service = month_interest + scheduled * level
    service[0] = 0.0
    counted = (principal * terms.counted_share) @ lender + owed_today
    # A lender that sells down to a target LTV keeps what it has not sold; one that is repaid whole gives back
    # what the principal held.
    keeps_rest = np.array([c.liquidation_target_ltv is not None for c in contracts], dtype=bool)
    freed = np.where(keeps_rest, seized, (liquidated * terms.pledge_btc) @ lender)
    pledged = _pledges(
        scenario,
        tree,
        moved=((drawn - repaid) * terms.pledge_btc) @ lender - freed + top_up - release,
        taken=(drawn * terms.pledge_btc) @ lender + top_up,
    )
    opening_pledge = _opening_pledge(scenario)
    sale_usd = seized * tree.low_usd[:, None]
    sale_fee = sale_usd * [c.liquidation_cost_share for c in contracts]
    met, met_interest = liquidated @ lender, (liquidated * accrued_before) @ lender
    upfront = [0.0] * len(scenario.loans) + [f.origination_fee_share for f in scenario.facilities]
    return DebtBooks(
        terms=terms,
        tranche_usd=principal,
        drawn_by_tranche_usd=drawn,
        ahead_usd=ahead,
        principal_usd=principal @ lender,
        owed_usd=(principal * (1 + terms.accrued_share)) @ lender + owed_today,
        counted_usd=counted,
        pledged_btc=pledged,
        drawn_usd=drawn @ lender,
        origination_fee_usd=(drawn @ lender) * upfront,
        interest_usd=(month_interest * terms.paid_monthly) @ lender + first_interest,
        repaid_usd=repaid @ lender,
        accrued_paid_usd=(repaid * terms.accrued_share) @ lender,
        early_fee_usd=(ahead @ lender) * [c.early_repayment_fee_share for c in contracts],
        top_up_btc=top_up,
        release_btc=release,
        seized_btc=seized,
        liquidation_fee_usd=sale_fee,
        liquidated_usd=met,
        liquidated_interest_usd=met_interest,
        liquidation_surplus_usd=sale_usd - sale_fee - met - met_interest,
        service_usd=service @ lender,
        ltv_close=ltv(counted, pledged, tree.price_usd[:, None]),
        ltv_low=ltv(
            before(tree, counted),
            before(tree, pledged, opening_pledge) + top_up,
            tree.low_usd[:, None],
        ),
        frozen=frozen_lenders(scenario, tree),
    )


def _opening_pledge(scenario: Scenario) -> Floats:
    return np.array([loan.pledged_btc for loan in scenario.loans] + [0.0] * len(scenario.facilities))


def _pledges(scenario: Scenario, tree: Tree, moved: Floats, taken: Floats) -> Floats:
    """BTC with each lender ``[node, facility]`` given what moves by draws, repayments and decisions,
    ``moved`` in all and ``taken`` by draws and top-ups alone.

    A lender gives everything back once no loan of the facility can be owed; a frozen one gives nothing back,
    whatever is repaid.
    """
    still_open, frozen = open_to_collateral(scenario, tree.month), frozen_lenders(scenario, tree)
    pledged = np.zeros_like(moved)
    pledged[0] = (_opening_pledge(scenario) + moved[0]) * still_open[0]
    for nodes in levels(tree):
        held = pledged[tree.parent[nodes]]
        agreed = (held + moved[nodes]) * still_open[nodes]
        pledged[nodes] = np.where(frozen[nodes] == 1, held + taken[nodes], agreed)
    return pledged
