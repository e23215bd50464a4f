"""The company's books: every balance and flow of a plan at every node, recomputed from its decisions alone.

Nothing here shares a formula with the optimization model: the books are what the model is checked against.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.decisions import OPENING, Decisions
from optimizer.errors import AuditError
from optimizer.ledger.debt import DebtBooks, keep_debt_books
from optimizer.ledger.fleet import FleetBooks, keep_fleet_books
from optimizer.ledger.lender_failure import expected_loss_btc
from optimizer.ledger.lending import fall_to_ltv
from optimizer.ledger.paths import ancestors, carried
from optimizer.ledger.source import SourceBooks
from optimizer.ledger.sources import keep_source_books
from optimizer.ledger.taxes import TaxBooks, keep_tax_books
from optimizer.market.tree import Floats, Tree
from optimizer.scenario.schema import Scenario

HOURS_PER_MONTH = 730.5


@dataclass(frozen=True)
class Books:
    """What the company has, owes, earns and pays; ``[node]``, debts ``[node, facility]``.

    Flows are those of the month that ends at the node and of the decisions there; balances follow them.
    btc: free, pledged and tied up by a source of money. sale_fee_usd: fees on BTC sold and bought. overhead_usd: with
    sites' fixed costs.
    margin_usd: mined BTC at the close less power and overhead. net_btc: btc and, at the close, cash and
    machines, less what is owed, tax included, and what is due on undelivered machines. runway_months: how long cash and
    free BTC last without revenue; infinite without bills. fall_to_call, fall_to_liquidation ``[node, facility]``:
    share by which the price may fall from the close before the lender calls or liquidates; NaN without debt.
    expected_failure_btc ``[node, facility]``: lost with lenders that may fail, in expectation.
    """

    fleet: FleetBooks
    debt: DebtBooks
    sources: SourceBooks
    taxes: TaxBooks
    mined_btc: Floats
    sold_btc: Floats
    bought_btc: Floats
    seized_btc: Floats
    expected_failure_btc: Floats
    btc: Floats
    pledged_btc: Floats
    free_btc: Floats
    sale_usd: Floats
    sale_fee_usd: Floats
    power_usd: Floats
    overhead_usd: Floats
    liabilities_usd: Floats
    margin_usd: Floats
    cash_usd: Floats
    owed_usd: Floats
    net_btc: Floats
    bills_usd_per_month: Floats
    runway_months: Floats
    fall_to_call: Floats
    fall_to_liquidation: Floats


def keep_books(scenario: Scenario, tree: Tree, decisions: Decisions) -> Books:
    """Account for ``decisions`` at every node of ``tree``, whether or not they keep to the rules.

    Raises `AuditError` if the decisions speak of nodes, machines, sites or facilities that do not exist.
    """
    _refuse_unknown_nodes(tree, decisions)
    ancestor = ancestors(tree)
    fleet = keep_fleet_books(scenario, tree, ancestor, decisions)
    debt = keep_debt_books(scenario, tree, ancestor, decisions)
    sources = keep_source_books(scenario, tree, ancestor, decisions)
    lost = expected_loss_btc(scenario, tree, debt)
    taxes = keep_tax_books(scenario, tree, ancestor, decisions, fleet, debt, sources, lost.sum(axis=1))
    treasury, price = scenario.treasury, tree.price_usd
    sold, bought = decisions.sell_btc, decisions.buy_btc
    seized = debt.seized_btc.sum(axis=1)
    moved = fleet.mined_btc - sold + bought - seized - lost.sum(axis=1) + sources.btc
    btc = carried(tree, moved, treasury.btc)
    free = btc - debt.pledged_btc.sum(axis=1) - sources.tied_btc

    fixed_usd_per_month = treasury.overhead_usd_per_month + sum(s.fixed_usd_per_month for s in scenario.sites)
    overhead = np.where(tree.month > 0, fixed_usd_per_month, 0.0)
    liabilities = np.zeros(len(tree))
    for liability in scenario.liabilities:
        liabilities[tree.month == liability.month] += liability.amount_usd
    sale_fee = (sold * treasury.sell_fee_share + bought * treasury.buy_fee_share) * price
    cash = carried(
        tree,
        (sold - bought) * price
        - sale_fee
        - fleet.power_usd
        - overhead
        - liabilities
        - fleet.capex_usd
        + fleet.resale_usd
        + debt.cash_flow_usd
        + sources.cash_usd
        - taxes.paid_usd,
        treasury.cash_usd,
    )
    terms = debt.terms
    interest_share = terms.interest_share * terms.paid_monthly
    bills = fixed_usd_per_month + fleet.full_power_usd_per_month + debt.tranche_usd @ interest_share
    bills = bills + sources.interest_usd
    with np.errstate(divide="ignore", invalid="ignore"):
        runway = np.where(bills > 0, (cash + free * price) / bills, np.inf)
    contracts = (*scenario.loans, *scenario.facilities)
    call_ltv = np.array([c.call_ltv for c in contracts], dtype=np.float64)
    liquidation_ltv = np.array([c.liquidation_ltv for c in contracts], dtype=np.float64)
    return Books(
        fleet=fleet,
        debt=debt,
        sources=sources,
        taxes=taxes,
        mined_btc=fleet.mined_btc,
        sold_btc=sold,
        bought_btc=bought,
        seized_btc=seized,
        expected_failure_btc=lost,
        btc=btc,
        pledged_btc=debt.pledged_btc,
        free_btc=free,
        sale_usd=(sold - bought) * price,
        sale_fee_usd=sale_fee,
        power_usd=fleet.power_usd,
        overhead_usd=overhead,
        liabilities_usd=liabilities,
        margin_usd=fleet.mined_btc * price - fleet.power_usd - overhead,
        cash_usd=cash,
        owed_usd=debt.owed_usd,
        net_btc=btc
        + (
            cash
            + fleet.worth_usd
            - fleet.payable_usd
            - debt.owed_usd.sum(axis=1)
            + sources.asset_usd
            - sources.owed_usd
            - taxes.owed_usd
        )
        / price,
        bills_usd_per_month=bills,
        runway_months=runway,
        fall_to_call=np.asarray(fall_to_ltv(debt.ltv_close, call_ltv)),
        fall_to_liquidation=np.asarray(fall_to_ltv(debt.ltv_close, liquidation_ltv)),
    )


def reference_bills_usd_per_month(scenario: Scenario) -> float:
    """A month's bills with every site at full power: overhead, site costs, power at base prices."""
    power = sum(s.power_mw * HOURS_PER_MONTH * s.power_usd_per_mwh for s in scenario.sites)
    fixed = sum(s.fixed_usd_per_month for s in scenario.sites)
    return scenario.treasury.overhead_usd_per_month + fixed + power


def _refuse_unknown_nodes(tree: Tree, decisions: Decisions) -> None:
    for name, values in (("sell_btc", decisions.sell_btc), ("buy_btc", decisions.buy_btc)):
        if values.shape != (len(tree),):
            raise AuditError(f"{name} has {values.size} entries; the tree has {len(tree)} nodes.")
    decided = (
        *(order.node for order in decisions.orders),
        *(retirement.node for retirement in decisions.retirements),
        *(draw.node for draw in decisions.draws),
        *(repayment.node for repayment in decisions.repayments),
        *(repayment.drawn_node for repayment in decisions.repayments),
        *(pledge.node for pledge in decisions.pledges),
        *(liquidation.node for liquidation in decisions.liquidations),
        *(use.node for use in decisions.uses),
        *(sale.node for sale in decisions.lot_sales),
        *(payment.node for payment in decisions.tax_payments),
        *(drawn for liquidation in decisions.liquidations for _, drawn, _ in liquidation.principal_usd),
    )
    for node in decided:
        if node != OPENING and not 0 <= node < len(tree):
            raise AuditError(f"The plan decides at node {node}; the tree has nodes 0 to {len(tree) - 1}.")
