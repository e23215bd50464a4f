"""The rules of debt: draws, schedules, collateral, calls and liquidations, as the contracts say.

A draw, a release or a seizure below the tolerance is a solver's rounding: it is in the books, but it neither
calls for the tests that such an act calls for nor excuses from any.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optimizer.decisions import OPENING, Decisions, facility_names
from optimizer.ledger.books import Books
from optimizer.ledger.checks import TOLERANCE, Check, Scale, at_nodes, per_decision, where
from optimizer.ledger.debt import DebtBooks
from optimizer.ledger.lending import partial_liquidation, whole_liquidation
from optimizer.ledger.paths import ancestors, before
from optimizer.market.tree import Floats, Tree
from optimizer.scenario.money import ExistingLoan, Facility
from optimizer.scenario.schema import Scenario


def debt_checks(scenario: Scenario, tree: Tree, decisions: Decisions, books: Books, scale: Scale) -> Iterator[Check]:
    """Every rule on loans and pledged BTC."""
    yield from _draw_checks(scenario, tree, decisions, books, scale)
    yield from _repayment_checks(scenario, tree, decisions, books, scale)
    yield from _collateral_checks(scenario, tree, decisions, books, scale)
    yield from _liquidation_checks(scenario, tree, decisions, books, scale)


def _draw_checks(scenario: Scenario, tree: Tree, decisions: Decisions, books: Books, scale: Scale) -> Iterator[Check]:
    debt, months = books.debt, set(scenario.decision_months)
    offset = len(scenario.loans)
    yield from per_decision(
        "no negative amounts",
        "USD",
        scale.usd,
        ((d.node, -d.amount_usd, d.facility) for d in decisions.draws),
    )
    for f, facility in enumerate(scenario.facilities, start=offset):
        name, drawn = (facility.name,), debt.drawn_usd[:, f]
        window = (tree.month >= facility.draw_from_month) & (tree.month <= facility.draw_until_month)
        window &= np.isin(tree.month, list(months))
        yield at_nodes("draws in the lender's window", "USD", scale.usd, where(~window, drawn), name)
        frozen = debt.frozen[:, f] == 1
        yield at_nodes("no draws from a frozen lender", "USD", scale.usd, where(frozen, drawn), name)
        over = where(drawn > 0, debt.principal_usd[:, f] - facility.limit_usd)
        yield at_nodes("facility limit", "USD", scale.usd, over, name)
        today = [
            float(debt.drawn_by_tranche_usd[0, q])
            for q, tranche in enumerate(debt.terms.tranches)
            if tranche.facility == f and debt.drawn_by_tranche_usd[0, q] > 0
        ]
        if sum(today) > TOLERANCE * scale.usd:
            beside = sum(today) - max(today)
            yield from per_decision("one tier today", "USD", scale.usd, [(0, beside, facility.name)])
            short = facility.min_draw_usd - sum(today)
            yield from per_decision("smallest draw", "USD", scale.usd, [(0, short, facility.name)])


def _repayment_checks(
    scenario: Scenario, tree: Tree, decisions: Decisions, books: Books, scale: Scale
) -> Iterator[Check]:
    debt, terms = books.debt, books.debt.terms
    contracts = (*scenario.loans, *scenario.facilities)
    mine = [contracts[f] for f in terms.facility]
    names = [contract.name for contract in mine]
    yield from per_decision(
        "no negative amounts",
        "USD",
        scale.usd,
        ((r.node, -r.principal_usd, r.facility) for r in decisions.repayments),
    )
    path = ancestors(tree)
    paid = [(r.node, r.drawn_node, r.principal_usd, r.facility) for r in decisions.repayments]
    paid += [(q.node, n, usd, q.facility) for q in decisions.liquidations for _, n, usd in q.principal_usd]
    yield from per_decision(
        "only loans drawn on the way here are repaid",
        "USD",
        scale.usd,
        (
            (node, 0.0 if drawn == OPENING or path[node, tree.month[drawn]] == drawn else usd, name)
            for node, drawn, usd, name in paid
        ),
    )
    yield at_nodes("no more is repaid than is owed", "USD", scale.usd, -debt.tranche_usd, names)
    opening = debt.tranche_usd[0] - debt.drawn_by_tranche_usd[0]
    due = debt.tranche_usd - debt.drawn_by_tranche_usd
    due -= terms.keep_share * before(tree, debt.tranche_usd, opening)
    yield at_nodes("repayment on schedule", "USD", scale.usd, due, names)
    locked = np.array([not contract.early_repayment for contract in mine], dtype=bool)
    too_soon = terms.age < np.array([contract.early_repayment_after_months for contract in mine], dtype=np.int64)
    yield at_nodes(
        "no repayment before the contract allows it",
        "USD",
        scale.usd,
        where((too_soon | locked) & ~(debt.seized_btc > TOLERANCE * scale.btc)[:, terms.facility], debt.ahead_usd),
        names,
    )


def _collateral_checks(
    scenario: Scenario, tree: Tree, decisions: Decisions, books: Books, scale: Scale
) -> Iterator[Check]:
    debt, names = books.debt, facility_names(scenario)
    contracts = (*scenario.loans, *scenario.facilities)
    price, low = tree.price_usd[:, None], tree.low_usd[:, None]
    pledged, counted = debt.pledged_btc, debt.counted_usd
    pledged_before, counted_before = before(tree, pledged), before(tree, counted)
    for moved in (debt.top_up_btc, debt.release_btc, debt.seized_btc):
        yield at_nodes("no negative amounts", "BTC", scale.btc, -moved, names)
    yield at_nodes("pledged BTC is not negative", "BTC", scale.btc, -pledged, names)
    yield at_nodes("free BTC is not negative", "BTC", scale.btc, -books.free_btc)

    calls = scenario.requirements.calls
    ahead = calls.policy == "top_up_ahead"
    cap = np.array([(c.call_ltv if ahead else c.cure_target_ltv) for c in contracts]) - calls.buffer_ltv
    tested = (counted_before > 0) & ~(debt.seized_btc > TOLERANCE * scale.btc)
    short = counted_before - cap * low * (pledged_before + debt.top_up_btc)
    yield at_nodes("margin at the month's low", "USD", scale.usd, where(tested, short), names)
    sent = debt.top_up_btc.sum(axis=1) + books.sources.top_up_btc
    beyond_free = sent - before(tree, books.free_btc)
    beyond_free[0] = -np.inf  # today there is no low to meet; free BTC after decisions binds
    topped_up = sent > 0
    yield at_nodes("top-ups come from free BTC", "BTC", scale.btc, where(topped_up, beyond_free))
    most = scenario.requirements.max_ltv
    ceiling = np.array([min(c.call_ltv, most if most is not None else 1.0) for c in contracts])
    over = counted - ceiling * price * pledged
    yield at_nodes("LTV at the close", "USD", scale.usd, where(counted > 0, over), names)

    decides = np.isin(tree.month, scenario.decision_months)[:, None]
    may_release = np.array([c.release_ltv is not None for c in contracts], dtype=bool)
    allowed = may_release & decides & (debt.frozen == 0)
    yield at_nodes(
        "releases where the contract allows them", "BTC", scale.btc, where(~allowed, debt.release_btc), names
    )
    yield at_nodes(
        "a draw's pledge outlives earlier releases",
        "BTC",
        scale.btc,
        where(may_release & (debt.frozen == 0), _least_pledge(scenario, tree, debt) - pledged),
        names,
    )
    release_ltv = np.array([c.release_ltv or 1.0 for c in contracts])
    left = counted - release_ltv * price * pledged
    released = debt.release_btc > TOLERANCE * scale.btc
    yield at_nodes("LTV after a release", "USD", scale.usd, where(released & allowed, left), names)


def _least_pledge(scenario: Scenario, tree: Tree, debt: DebtBooks) -> Floats:
    """BTC that must be pledged after any release the price can have allowed, ``[node, facility]``.

    The whole pledge of what is drawn here, and of older principal what its release LTV asks at the highest price
    so far.
    """
    contracts = (*scenario.loans, *scenario.facilities)
    highest = np.zeros(len(tree))
    for n in range(len(tree)):
        before_it = highest[tree.parent[n]] if n else 0.0
        decides = int(tree.month[n]) in scenario.decision_months
        highest[n] = max(before_it, tree.price_usd[n] if decides else 0.0)
    terms = debt.terms
    release = np.array([contracts[f].release_ltv or 1.0 for f in terms.facility])
    fresh = debt.drawn_by_tranche_usd
    older = np.minimum(terms.pledge_btc, 1 / (release * highest[:, None])) * (debt.tranche_usd - fresh)
    lender = np.zeros((len(terms.tranches), len(contracts)))
    lender[np.arange(len(terms.tranches)), terms.facility] = 1.0
    least: Floats = (older + terms.pledge_btc * fresh) @ lender
    return least


def _liquidation_checks(
    scenario: Scenario, tree: Tree, decisions: Decisions, books: Books, scale: Scale
) -> Iterator[Check]:
    debt, names = books.debt, facility_names(scenario)
    contracts: tuple[ExistingLoan | Facility, ...] = (*scenario.loans, *scenario.facilities)
    if not decisions.liquidations:
        return
    forced = debt.seized_btc > TOLERANCE * scale.btc
    may = (tree.stress < 0)[:, None] & (tree.month > 0)[:, None]
    may = may & (scenario.requirements.liquidation_probability > 0)
    yield at_nodes("no liquidation where none is allowed", "BTC", scale.btc, where(~may, debt.seized_btc), names)
    expected = float((forced * tree.probability[:, None]).sum())
    over = expected - scenario.requirements.liquidation_probability
    yield from per_decision("expected number of liquidations", "liquidations", 1.0, [(0, over, "")])

    low = tree.low_usd[:, None]
    counted, owed = before(tree, debt.counted_usd), before(tree, debt.owed_usd)
    # Interest owed today on a loan that pays monthly is paid in cash with month 1's, sale or no sale.
    in_cash = [loan.accrued_usd * (loan.interest == "monthly") for loan in scenario.loans]
    owed[tree.month == 1, : len(in_cash)] -= in_cash
    collateral = before(tree, debt.pledged_btc) * low
    uncalled = [c.call_ltv for c in contracts] * collateral - counted
    yield at_nodes("liquidation only after a call", "USD", scale.usd, where(forced, uncalled), names)
    agreed = np.zeros_like(owed)
    for f, contract in enumerate(contracts):
        agreed[:, f] = _contract_sale(contract, counted[:, f], owed[:, f], collateral[:, f])
    amiss = np.abs(debt.seized_btc * low - agreed)
    yield at_nodes("the lender sells what the contract says", "USD", scale.usd, where(forced, amiss), names)
    unaccounted = np.abs(debt.liquidation_surplus_usd)
    yield at_nodes("the sale of collateral repays debt", "USD", scale.usd, unaccounted, names)


def _contract_sale(contract: ExistingLoan | Facility, counted: Floats, owed: Floats, collateral: Floats) -> Floats:
    """USD of collateral the lender sells once its call goes unanswered."""
    fee, target = contract.liquidation_cost_share, contract.liquidation_target_ltv
    if target is None:
        return np.asarray(whole_liquidation(owed, collateral, fee))
    return np.asarray(partial_liquidation(counted, collateral, target, fee))
