"""What happens when things go wrong at a month's end: lenders that fail, debts that cannot be repaid."""

from __future__ import annotations

import numpy as np

from optimizer.ledger.borrowing import draw, pledge_per_usd
from optimizer.ledger.company import NO_CALL, Company, Setting, owed_usd
from optimizer.ledger.lending import whole_liquidation
from optimizer.ledger.record import Record
from optimizer.market.tree import Floats, Ints

CENT = 0.005


def lenders_fail(s: Setting, c: Company, month: int, r: Record) -> None:
    """A failed lender's rehypothecated pledge is set off against its debt at the day's price. What the pledge is worth
    beyond the debt is a claim, of which a share is paid later; what the debt is beyond the pledge is due at once. A
    pledge in custody is not touched: the path says for how long it is frozen."""
    for f in range(s.facilities):
        hit = np.flatnonzero(s.paths.failed_month[:, f] == month) if month else np.array([], dtype=np.int64)
        if not len(hit) or not s.contracts.rehypothecated[f]:
            continue
        owed, price = owed_usd(s, c, month)[hit, f], s.price_usd[hit, month]
        interest = c.principal_usd[hit] @ (s.lender[:, f] * s.schedule.interest_share * s.schedule.paid_monthly)
        owed = owed + interest
        value = c.pledged_btc[hit, f] * price
        recovered = np.maximum(value - owed, 0.0) * s.paths.recovery_share[hit, f]
        c.recovery_usd[hit, np.maximum(s.paths.recovery_month[hit, f], month)] += recovered
        c.unpaid_usd[hit] += np.maximum(owed - value, 0.0)
        r.lost_btc[hit, month, f] += (np.maximum(value - owed, 0.0) - recovered) / price
        r.flow("set_off_btc", c.pledged_btc[hit, f], hit)
        r.flow("met_usd", np.minimum(value, owed), hit)
        r.flow("billed_usd", np.maximum(owed - value, 0.0), hit)
        c.pledged_btc[hit, f] = 0.0
        _close(s, c, hit, f)


def walk_away(s: Setting, c: Company, month: int, r: Record) -> None:
    """A loan of limited recourse that matures under water is not repaid: its lender keeps the pledge."""
    if not month or not s.contracts.limited_recourse.any():
        return
    maturing = s.by_facility(c.principal_usd * (s.schedule.keep_share[month] == 0))
    owed = owed_usd(s, c, month)
    for f in np.flatnonzero(s.contracts.limited_recourse).tolist():
        value = c.pledged_btc[:, f] * s.price_usd[:, month]
        left = np.flatnonzero((maturing[:, f] > CENT) & (owed[:, f] > value))
        r.flow("seized_btc", c.pledged_btc[left, f], left)
        r.flow("met_usd", value[left], left)
        r.seized_btc[left, month, f] += c.pledged_btc[left, f]
        r.liquidations[left, month, f] += 1
        r.flow("forgiven_usd", owed[left, f] - value[left], left)
        c.pledged_btc[left, f] = 0.0
        _close(s, c, left, f)


def refinance(s: Setting, c: Company, month: int, due_usd: Floats, cash: Floats, r: Record) -> Floats:
    """Where cash for a maturity is missing, borrow it from the offers that are open, the cheapest first; returns cash
    received, USD ``[path]``. Pledged is what the tier asks, and no more is drawn than what is due and missing."""
    brought = np.zeros_like(cash)
    now = np.flatnonzero(s.drawn_month == month)
    missing = np.minimum(due_usd.sum(axis=1), s.scenario.requirements.min_cash_usd - cash)
    if not month or not len(now) or not (missing > CENT).any():
        return brought
    for q in sorted(now.tolist(), key=lambda q: s.schedule.tranches[q].apr):
        f = int(s.schedule.facility[q])
        terms = s.contracts
        room = np.clip(terms.limit_usd[f] - s.by_facility(c.principal_usd)[:, f], 0.0, None)
        pledge = pledge_per_usd(s, month, np.array([q]))[:, 0]
        wanted = np.clip(missing - brought, 0.0, None) / (1 - terms.origination_fee_share[f])
        amount = np.minimum(np.minimum(wanted, room), np.maximum(c.free_btc, 0.0) / pledge)
        able = (amount > CENT) & (amount >= terms.min_draw_usd[f]) & ~s.paths.frozen[:, month, f]
        amount = np.where(able, amount, 0.0)
        if able.any():
            brought += draw(s, c, month, np.array([q]), amount[:, None], r)
    return brought


def lenders_sell(s: Setting, c: Company, month: int, cash: Floats, r: Record) -> Floats:
    """Where bills or debts cannot be paid, every lender sells its collateral at the close to be repaid whole, and what
    is left of it pays for the rest; returns the cash it brings (or, where a debt of full recourse is not covered, what
    is still owed, as a negative amount), USD ``[path]``."""
    brought = np.zeros_like(cash)
    broke = np.flatnonzero(cash < -CENT)
    if not len(broke):
        return brought
    price = s.price_usd[broke, month]
    owed_now = owed_usd(s, c, month)[broke]
    for f in range(s.facilities):
        owed, value = owed_now[:, f], c.pledged_btc[broke, f] * price
        cost = float(s.contracts.liquidation_cost_share[f])
        sold = np.minimum(np.asarray(whole_liquidation(owed, value, cost)) / price, c.pledged_btc[broke, f])
        got = sold * price * (1 - cost)
        short = np.maximum(owed - got, 0.0)
        forgiven = short if s.contracts.limited_recourse[f] else np.zeros_like(short)
        brought[broke] -= short - forgiven
        c.free_btc[broke] += c.pledged_btc[broke, f] - sold
        c.pledged_btc[broke, f] = 0.0
        had_debt = owed > CENT
        r.liquidations[broke, month, f] += had_debt
        r.seized_btc[broke, month, f] += sold
        r.lost_btc[broke, month, f] += sold * cost
        r.flow("seized_btc", sold, broke)
        r.flow("met_usd", np.minimum(got, owed), broke)
        r.flow("forgiven_usd", forgiven, broke)
        r.flow("shortfall_usd", short - forgiven, broke)
        _close(s, c, broke, f)
    fee = s.scenario.treasury.sell_fee_share
    wanted = np.clip(-(cash + brought)[broke], 0.0, None) / (price * (1 - fee))
    sold = np.minimum(wanted, np.maximum(c.free_btc[broke], 0.0))
    c.free_btc[broke] -= sold
    brought[broke] += sold * price * (1 - fee)
    r.sold_btc[broke, month] += sold
    r.flow("sold_btc", sold, broke)
    r.flow("sale_usd", sold * price, broke)
    r.flow("sale_fee_usd", sold * price * fee, broke)
    return brought


def _close(s: Setting, c: Company, which: Ints, f: int) -> None:
    """Nothing is owed to this lender any more."""
    c.principal_usd[np.ix_(which, np.flatnonzero(s.lender[:, f]))] = 0.0
    c.unpaid_interest_usd[which, f] = 0.0
    c.call_deadline[which, f] = NO_CALL
