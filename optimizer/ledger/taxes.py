"""Taxes in the books: lots of BTC, taxable income and what is due on it, from the plan's decisions alone.

Index order ``[node]`` and ``[node, lot]``. A path meets one node a month, so a lot's name means one lot on every path.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from optimizer.decisions import Decisions
from optimizer.errors import AuditError
from optimizer.ledger.checks import NOT_APPLICABLE, Check, Scale, at_nodes, where
from optimizer.ledger.debt import DebtBooks
from optimizer.ledger.fleet import FleetBooks
from optimizer.ledger.paths import before, carried
from optimizer.ledger.source import SourceBooks
from optimizer.ledger.sources import given_btc
from optimizer.market.calendar import month_end
from optimizer.market.tree import Floats, Ints, Tree
from optimizer.scenario.schema import Scenario
from optimizer.scenario.taxes import Taxes, bought_lot, mined_lot, opening_lot

CENT = 0.01


@dataclass(frozen=True)
class TaxBooks:
    """What is taxed, paid and owed, and what is left of the lots.

    income_usd: taxable, of the month that ends at the node. paid_usd: tax paid there; owed_usd: tax on all so far that
    is not paid, with deferred tax where it counts; due_usd: what is still missing of the tax on the years that have
    ended, at the first node of a year (-inf elsewhere). gain_usd: realised on lots. left_btc ``[node, lot]``: of each
    lot, in the order of ``lots``; taken_btc: out of lots for sources of money and failing lenders; given_btc: what
    these took, out of lots or of what the month brought; out_of_turn_btc: of what left lots, what
    others should have given before, -inf where the plan may choose."""

    lots: tuple[str, ...]
    left_btc: Floats
    taken_btc: Floats
    given_btc: Floats
    out_of_turn_btc: Floats
    gain_usd: Floats
    income_usd: Floats
    paid_usd: Floats
    due_usd: Floats
    owed_usd: Floats


def keep_tax_books(
    scenario: Scenario,
    tree: Tree,
    ancestor: Ints,
    decisions: Decisions,
    fleet: FleetBooks,
    debt: DebtBooks,
    sources: SourceBooks,
    lost_btc: Floats,
) -> TaxBooks:
    """Books of taxes under the plan's sales out of lots; all zero without a ``taxes`` section. ``lost_btc``: with
    lenders that may fail, in expectation, ``[node]``; a loss at the month's price.

    Raises `AuditError` on a lot that there is not, or on tax where there is none.
    """
    taxes = scenario.taxes
    if taxes is None:
        if decisions.lot_sales or decisions.tax_payments:
            raise AuditError("The plan sells out of lots or pays tax; the scenario has no taxes.")
        lotless = np.zeros((len(tree), 0))
        return TaxBooks((), lotless, *(np.zeros(len(tree)) for _ in fields(TaxBooks)[2:]))

    lots = _lots(scenario, tree, taxes)
    column = {name: k for k, name in enumerate(lots)}
    gone, paid = np.zeros((len(tree), len(lots))), np.zeros(len(tree))
    for sale in decisions.lot_sales:
        if sale.lot not in column:
            raise AuditError(f"The plan sells out of the lot {sale.lot!r}, which there is not.")
        gone[sale.node, column[sale.lot]] += sale.btc
    for payment in decisions.tax_payments:
        paid[payment.node] += payment.amount_usd

    price, treasury = tree.price_usd, scenario.treasury
    seized = debt.seized_btc.sum(axis=1)
    taken = gone.sum(axis=1) - decisions.sell_btc - seized
    earned = fleet.mined_btc + sources.btc + taken - lost_btc
    years = _years(scenario, tree, taxes)
    cost = _cost_per_btc(scenario, tree, ancestor, taxes, lots)
    came = np.zeros_like(gone)
    opening = np.zeros(len(lots))
    for name, k in column.items():
        came[:, k] = earned * [mined_lot(year) == name for year in years]
    for month in range(int(tree.month.max()) + 1):
        came[:, column[bought_lot(month)]] += decisions.buy_btc * (tree.month == month)
    for k, lot in enumerate(treasury.btc_lots):
        opening[column[opening_lot(k)]] = lot.btc
    left = carried(tree, came - gone, opening)

    proceeds = decisions.sell_btc * price * (1 - treasury.sell_fee_share)
    proceeds += (debt.seized_btc * tree.low_usd[:, None] - debt.liquidation_fee_usd).sum(axis=1)
    gain = proceeds - (gone * cost).sum(axis=1)
    overhead = treasury.overhead_usd_per_month + sum(site.fixed_usd_per_month for site in scenario.sites)
    income = gain - fleet.power_usd - overhead * (tree.month > 0)
    if taxes.mined_income:
        income += earned * price
    # What a source takes is part of its result; where that does not count, the BTC leave at the month's price.
    to_sources = given_btc(scenario, tree, ancestor, decisions)
    if not taxes.interest_deductible:
        income += to_sources * price
    else:
        worth = sources.asset_usd - sources.owed_usd
        income += sources.cash_usd + worth - before(tree, worth)
        income -= _cost_of_debt(scenario, tree, debt)
    deducted = np.zeros(len(tree))
    if taxes.depreciation != "none":
        deducted = _depreciation(tree, ancestor, fleet.placed_usd, taxes.months_of_depreciation)
        income += fleet.resale_usd - deducted

    to_date = carried(tree, income) - taxes.carry_forward_usd
    year_has_ended = years != years[np.maximum(tree.parent, 0)]
    paid_so_far = carried(tree, paid)
    base = to_date.copy()
    if taxes.count_deferred:
        base += price * left.sum(axis=1) - (left * cost).sum(axis=1)
        if taxes.depreciation != "none":
            base += fleet.worth_usd - fleet.payable_usd - carried(tree, fleet.capex_usd - deducted)
    return TaxBooks(
        lots=lots,
        left_btc=left,
        taken_btc=taken,
        given_btc=to_sources + lost_btc,
        out_of_turn_btc=_out_of_turn(taxes, gone, left, cost, _dates(scenario, tree, taxes)),
        gain_usd=gain,
        income_usd=income,
        paid_usd=paid,
        due_usd=where(year_has_ended, taxes.rate * before(tree, to_date) - paid_so_far),
        owed_usd=np.maximum(taxes.rate * base - paid_so_far, 0.0),
    )


def tax_checks(scenario: Scenario, books: TaxBooks, decisions: Decisions, scale: Scale) -> Iterator[Check]:
    """Rules of taxes: no lot is oversold, all BTC that leave come out of lots, and each year's tax is paid."""
    if scenario.taxes is None:
        return
    yield at_nodes(f"lots in their order ({scenario.taxes.lot_method})", "BTC", scale.btc, books.out_of_turn_btc)
    least = min((sale.btc for sale in decisions.lot_sales), default=0.0)
    refund = min((payment.amount_usd for payment in decisions.tax_payments), default=0.0)
    yield at_nodes("no negative sales of a lot", "BTC", scale.btc, np.array([-least]))
    yield at_nodes("no tax is taken back", "USD", scale.usd, np.array([-refund]))
    yield at_nodes("no lot is oversold", "BTC", scale.btc, -books.left_btc, books.lots)
    # Nothing but a source of money or a failing lender takes BTC that are neither sold nor seized.
    yield at_nodes("BTC leave out of lots", "BTC", scale.btc, np.maximum(-books.taken_btc, 0.0))
    yield at_nodes("BTC out of lots are sold, seized or taken", "BTC", scale.btc, books.taken_btc - books.given_btc)
    yield at_nodes("tax of each year paid", "USD", scale.usd, books.due_usd)


def _years(scenario: Scenario, tree: Tree, taxes: Taxes) -> Ints:
    """The tax year of each node."""
    return np.array([taxes.year_of(month_end(scenario.as_of, int(month))) for month in tree.month], dtype=np.int64)


def _lots(scenario: Scenario, tree: Tree, taxes: Taxes) -> tuple[str, ...]:
    held = [opening_lot(k) for k in range(len(scenario.treasury.btc_lots))]
    mined = [mined_lot(int(year)) for year in np.unique(_years(scenario, tree, taxes))]
    return (*held, *mined, *(bought_lot(month) for month in range(int(tree.month.max()) + 1)))


def _dates(scenario: Scenario, tree: Tree, taxes: Taxes) -> Floats:
    """When each lot began, ``[lot]``: held today in the order listed, all before month 0; a year's mined BTC with its
    first month, half a month before what is bought at its end."""
    held = len(scenario.treasury.btc_lots)
    years = _years(scenario, tree, taxes)
    mined = [tree.month[years == year].min() - 0.5 for year in np.unique(years)]
    return np.array([*(k - held - 1.0 for k in range(held)), *mined, *range(int(tree.month.max()) + 1)])


def _out_of_turn(taxes: Taxes, gone: Floats, left: Floats, cost: Floats, began: Floats) -> Floats:
    """BTC that left a lot at a node while another that goes before it still had some, ``[node]``."""
    if taxes.lot_method == "plan":
        return np.full(len(gone), NOT_APPLICABLE)
    out = np.zeros(len(gone))
    for lot in range(gone.shape[1]):
        if taxes.lot_method == "fifo":
            first = np.broadcast_to(began < began[lot], cost.shape)
        else:
            # Of lots that cost the same any may go first: it changes nothing that is taxed there.
            first = cost > cost[:, [lot]] + CENT
        waiting = np.where(first, left, 0.0).max(axis=1, initial=0.0)
        out = np.maximum(out, np.minimum(gone[:, lot], waiting))
    return out


def _cost_per_btc(scenario: Scenario, tree: Tree, ancestor: Ints, taxes: Taxes, lots: tuple[str, ...]) -> Floats:
    """USD that a BTC of each lot cost, ``[node, lot]``: of one mined in a year the price of its months until the node,
    weighed by what a machine mined in each, or nothing where mined BTC are no income."""
    cost = dict.fromkeys(lots, np.zeros(len(tree)))
    for k, lot in enumerate(scenario.treasury.btc_lots):
        cost[opening_lot(k)] = np.full(len(tree), lot.cost_basis_usd)
    for month in range(int(tree.month.max()) + 1):
        at = tree.price_usd[np.maximum(ancestor[:, month], 0)]
        cost[bought_lot(month)] = at * (1 + scenario.treasury.buy_fee_share)
    if taxes.mined_income:
        years = _years(scenario, tree, taxes)
        for year in np.unique(years):
            mined = tree.btc_per_ph * (years == year)
            btc, usd = carried(tree, mined), carried(tree, mined * tree.price_usd)
            last = tree.month[years == year].max()
            close = tree.price_usd[np.maximum(ancestor[np.arange(len(tree)), np.minimum(tree.month, last)], 0)]
            cost[mined_lot(int(year))] = np.where(btc > 0, usd / np.where(btc > 0, btc, 1.0), close)
    return np.stack([cost[name] for name in lots], axis=1)


def _cost_of_debt(scenario: Scenario, tree: Tree, debt: DebtBooks) -> Floats:
    """Fees, interest paid and what has accrued since the month before, USD ``[node]``."""
    accrued = (debt.owed_usd - debt.principal_usd).sum(axis=1)
    accrued_today = sum(loan.accrued_usd for loan in scenario.loans)
    paid = debt.origination_fee_usd + debt.early_fee_usd + debt.interest_usd + debt.accrued_paid_usd
    paid = paid + debt.liquidated_interest_usd
    return np.asarray(paid.sum(axis=1) + accrued - before(tree, accrued, accrued_today))


def _depreciation(tree: Tree, ancestor: Ints, placed_usd: Floats, months: int) -> Floats:
    """What is deducted each month of machines delivered at ``placed_usd``: all at once, or evenly over the months that
    follow."""
    if months == 0:
        return placed_usd
    total = carried(tree, placed_usd)
    node = np.arange(len(tree))

    def delivered_by(month: Ints) -> Floats:
        return np.where(month >= 0, total[ancestor[node, np.maximum(month, 0)]], 0.0)

    return (delivered_by(tree.month - 1) - delivered_by(tree.month - 1 - months)) / months
