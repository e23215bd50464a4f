"""The rules of the company: its treasury's limits and what board and lenders demand."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optimizer.decisions import Decisions
from optimizer.ledger.books import Books, reference_bills_usd_per_month
from optimizer.ledger.checks import TOLERANCE, Check, Scale, at_nodes, where
from optimizer.ledger.fleet import HOURS_PER_DAY
from optimizer.ledger.sources import tied_btc_with
from optimizer.market.tree import Floats, Tree
from optimizer.scenario.schema import Scenario


def company_checks(scenario: Scenario, tree: Tree, decisions: Decisions, books: Books, scale: Scale) -> Iterator[Check]:
    """Every rule on cash, BTC, debt in total, runway, fleet efficiency and debt service."""
    demand = scenario.requirements
    yield at_nodes("no negative amounts", "BTC", scale.btc, -np.minimum(decisions.sell_btc, decisions.buy_btc))
    if not scenario.treasury.buy_btc:
        yield at_nodes("no BTC is bought", "BTC", scale.btc, decisions.buy_btc)
    yield at_nodes("cash to hold", "USD", scale.usd, demand.min_cash_usd - books.cash_usd)
    yield at_nodes("BTC to hold", "BTC", scale.btc, demand.min_btc - books.btc)
    yield at_nodes("cash ceiling", "USD", scale.usd, _over_cash_ceiling(scenario, tree, books))
    if demand.max_debt_usd is not None:
        over_debt = books.owed_usd.sum(axis=1) + books.sources.owed_usd - demand.max_debt_usd
        yield at_nodes("most debt", "USD", scale.usd, over_debt)
    if demand.max_lender_btc_share is not None:
        lenders = [contract.lender for contract in (*scenario.loans, *scenario.facilities)]
        for lender in dict.fromkeys([*lenders, *(source.counterparty for source in scenario.sources)]):
            mine = [f for f, name in enumerate(lenders) if name == lender]
            held = books.pledged_btc[:, mine].sum(axis=1) + tied_btc_with(scenario, tree, decisions, lender)
            over_share = held - demand.max_lender_btc_share * books.btc
            yield at_nodes("BTC with one lender", "BTC", scale.btc, over_share, (lender,))
    if demand.min_runway_months is not None:
        liquid = books.cash_usd + books.free_btc * tree.price_usd
        short = demand.min_runway_months * books.bills_usd_per_month - liquid
        yield at_nodes("runway", "USD", scale.usd, short)
    if demand.max_fleet_breakeven_usd_per_ph_day is not None:
        yield _breakeven_check(scenario, tree, books, demand.max_fleet_breakeven_usd_per_ph_day)
    if not demand.borrow_to_buy_btc:
        owed = books.owed_usd.sum(axis=1) + books.sources.owed_usd
        buying = decisions.buy_btc > TOLERANCE * scale.btc
        yield at_nodes("no BTC is bought while anything is owed", "USD", scale.usd, where(buying, owed))
    if demand.min_dscr is not None:
        yield _dscr_check(tree, books, demand.min_dscr, scale)


def dscr_by_month(tree: Tree, books: Books) -> tuple[Floats, Floats]:
    """Expected mining margin and expected debt service of each month, USD ``[month]``; 0 at month 0.

    Service is the month's interest, paid or accrued, and the scheduled principal of amortising loans, sources of money
    included.
    """
    margin, service = np.zeros(int(tree.month.max()) + 1), np.zeros(int(tree.month.max()) + 1)
    np.add.at(margin, tree.month, tree.probability * books.margin_usd)
    due_usd = books.debt.service_usd.sum(axis=1) + books.sources.service_usd
    np.add.at(service, tree.month, tree.probability * due_usd)
    return margin, service


def _over_cash_ceiling(scenario: Scenario, tree: Tree, books: Books) -> Floats:
    allowance = scenario.treasury.max_cash_months * reference_bills_usd_per_month(scenario)
    ceiling = max(allowance, scenario.treasury.cash_usd) + books.fleet.payable_usd
    return where(tree.stress < 0, books.cash_usd - ceiling)


def _breakeven_check(scenario: Scenario, tree: Tree, books: Books, cap_usd_per_ph_day: float) -> Check:
    pairs, owned = books.fleet.pairs, books.fleet.owned_units
    fleet_ph = owned @ np.array([pair.nameplate_ph for pair in pairs], dtype=np.float64)
    usd_per_day = owned @ np.array(
        [pair.nameplate_mw * HOURS_PER_DAY * scenario.sites[pair.site].power_usd_per_mwh for pair in pairs],
        dtype=np.float64,
    )
    tested = np.isin(tree.month, scenario.decision_months)
    tested &= tree.month >= scenario.requirements.breakeven_from_month
    natural = max(1.0, float(cap_usd_per_ph_day * fleet_ph.max(initial=0.0)))
    over = usd_per_day - cap_usd_per_ph_day * fleet_ph
    return at_nodes("fleet break-even", "USD a day", natural, where(tested, over))


def _dscr_check(tree: Tree, books: Books, demanded: float, scale: Scale) -> Check:
    margin, service = dscr_by_month(tree, books)
    indebted = service > TOLERANCE * scale.usd
    _, first_node = np.unique(tree.month, return_index=True)
    return at_nodes(
        "debt service cover", "USD", scale.usd, where(indebted, demanded * service - margin), nodes=first_node
    )
