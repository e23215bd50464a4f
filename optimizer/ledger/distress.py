"""What happens when things go wrong at a month's end: lenders that fail, debts and bills that cannot be paid."""

from __future__ import annotations

import numpy as np

from optimizer.ledger.borrowing import draw, lends, pledge_per_usd
from optimizer.ledger.company import CENT, NO_CALL, Company, Setting, owed_usd
from optimizer.ledger.lending import whole_liquidation
from optimizer.ledger.record import Record
from optimizer.ledger.source import OnPaths, Seized, SeizesMachines
from optimizer.market.paths import Bools
from optimizer.market.tree import Floats, Ints


def lenders_fail(s: Setting, c: Company, month: int, r: Record) -> None:
    """A failed lender's rehypothecated pledges are set off against its debts at the day's price, all of them together.
    What the pledges are worth beyond the debts is a claim, of which a share is paid later; what the debts are beyond
    the pledges is due at once, or forgiven as far as recourse is limited. A pledge in custody is not touched: the path
    says for how long it is frozen."""
    if not month or not s.paths.failed_month.any():
        return
    lenders = [contract.lender for contract in (*s.scenario.loans, *s.scenario.facilities)]
    owed_now = _owed_with_interest(s, c, month)
    for lender in dict.fromkeys(lenders):
        mine = [f for f, name in enumerate(lenders) if name == lender and s.contracts.rehypothecated[f]]
        hit = np.flatnonzero((s.paths.failed_month[:, mine] == month).any(axis=1)) if mine else np.zeros(0, np.int64)
        if not len(hit):
            continue
        at, price = np.ix_(hit, np.array(mine)), s.price_usd[hit, month]
        owed, value = owed_now[at], c.pledged_btc[at] * price[:, None]
        claim = np.maximum(value.sum(axis=1) - owed.sum(axis=1), 0.0)
        short = np.maximum(owed.sum(axis=1) - value.sum(axis=1), 0.0)
        limited = np.maximum(owed - value, 0.0) @ s.contracts.limited_recourse[mine]
        forgiven = np.minimum(short, limited)
        recovered = claim * s.paths.recovery_share[hit, mine[0]]
        c.recovery_usd[hit, np.maximum(s.paths.recovery_month[hit, mine[0]], month)] += recovered
        c.unpaid_usd[hit] += short - forgiven
        r.lost_btc[hit, month, mine[0]] += (claim - recovered) / price
        r.flow("set_off_btc", c.pledged_btc[at].sum(axis=1), hit)
        r.flow("met_usd", owed.sum(axis=1) - short, hit)
        r.flow("forgiven_usd", forgiven, hit)
        r.flow("billed_usd", short - forgiven, hit)
        c.pledged_btc[at] = 0.0
        for f in mine:
            _close(s, c, hit, f)


def walk_away(s: Setting, c: Company, month: int, r: Record) -> None:
    """A loan of limited recourse that matures under water is not repaid: its lender keeps the pledge."""
    if not month or not s.contracts.limited_recourse.any():
        return
    maturing = s.by_facility(c.principal_usd * (s.schedule.keep_share[month] == 0))
    owed = _owed_with_interest(s, c, month)
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


def refinance(s: Setting, c: Company, month: int, maturing_usd: Floats, cash: Floats, r: Record) -> Floats:
    """Where cash for a maturity is missing, borrow it from the offers that are open, the cheapest first; returns cash
    received, USD ``[path]``. No more is drawn than what matures and is missing, and never so much that the coins left
    could not pay for the rest: a low LTV takes many coins for a dollar."""
    brought = np.zeros_like(cash)
    now = np.flatnonzero(s.drawn_month == month)
    missing = np.minimum(maturing_usd, s.scenario.requirements.min_cash_usd - cash)
    if not month or not len(now) or not (missing > CENT).any():
        return brought
    terms, lending = s.contracts, lends(s, month)
    net_price = s.price_usd[:, month] * (1 - s.scenario.treasury.sell_fee_share)
    for q in sorted(now.tolist(), key=lambda q: s.schedule.tranches[q].apr):
        f = int(s.schedule.facility[q])
        received = 1 - float(terms.origination_fee_share[f])
        room = np.clip(terms.limit_usd[f] - s.by_facility(c.principal_usd)[:, f], 0.0, None)
        pledge = pledge_per_usd(s, month, np.array([q]))[:, 0]
        amount = np.minimum(np.clip(missing - brought, 0.0, None) / received, np.minimum(room, c.free_btc / pledge))
        to_spare = np.clip(c.free_btc * net_price + np.minimum(cash + brought, 0.0), 0.0, None)
        dearer = pledge * net_price - received  # what a dollar drawn takes from what could be sold, less what it brings
        most = np.divide(to_spare, dearer, out=np.full_like(dearer, np.inf), where=dearer > 0)
        amount = np.minimum(amount, most)
        able = (amount > CENT) & (amount >= terms.min_draw_usd[f]) & lending[:, f]
        if able.any():
            brought += draw(s, c, month, np.array([q]), np.where(able, amount, 0.0)[:, None], r)
    return brought


def unwind(s: Setting, c: Company, month: int, cash: Floats, r: Record) -> Floats:
    """Where free BTC do not pay the bills, repay part of a loan with a part of its pledge: the same share of both, so
    that the lender's LTV stays and it can agree; returns cash gained, USD ``[path]``. A pledge with nothing owed on it
    just comes back. Not from a lender that is frozen, nor where the contract does not allow early repayment."""
    gained = np.zeros_like(cash)
    if not (cash < -CENT).any():
        return gained
    price, fee = s.price_usd[:, month], s.scenario.treasury.sell_fee_share
    owed = owed_usd(s, c, month)
    for f, contract in enumerate((*s.scenario.loans, *s.scenario.facilities)):
        cost = owed[:, f] * (1 + s.contracts.early_fee_share[f])
        worth = c.pledged_btc[:, f] * price * (1 - fee)
        able = (cash + gained < -CENT) & (worth - cost > CENT) & ~s.paths.frozen[:, month, f]
        if not contract.early_repayment or not able.any():
            continue
        share = np.divide(-(cash + gained), worth - cost, out=np.zeros_like(cash), where=able)
        share = np.clip(share, 0.0, 1.0)
        sold = share * c.pledged_btc[:, f]
        c.pledged_btc[:, f] -= sold
        c.principal_usd *= 1 - share[:, None] * s.lender[:, f]
        gained += sold * price * (1 - fee) - share * cost
        r.sold_btc[:, month] += sold
        r.flow("sold_btc", sold)
        r.flow("sale_usd", sold * price)
        r.flow("sale_fee_usd", sold * price * fee)
        r.flow("repaid_early_usd", share * cost)
    return gained


def give_up_machines(
    s: Setting, c: Company, month: int, cash: Floats, r: Record, sources: tuple[OnPaths, ...]
) -> Floats:
    """Where not everything can be paid, what is due on machines without recourse to anything else is not: their lenders
    take them, and the company goes on. Returns the cash that it keeps, USD ``[path]``."""
    kept = np.zeros_like(cash)
    for source in sources:
        if isinstance(source, SeizesMachines) and (cash + kept < -CENT).any():
            kept += note_seizure(source.give_up(s, c, month, cash + kept), month, r)
    return kept


def lenders_seize(s: Setting, c: Company, month: int, broke: Bools, r: Record, sources: tuple[OnPaths, ...]) -> Floats:
    """Default: lenders on machines take what they have financed. Returns cash, USD ``[path]``: what was due this month
    and what machines fetch beyond the debt, less what they fetch too little."""
    brought = np.zeros(len(broke))
    for source in sources:
        if isinstance(source, SeizesMachines) and broke.any():
            brought += note_seizure(source.seize(s, c, month, broke), month, r)
    return brought


def note_seizure(gone: Seized, month: int, r: Record) -> Floats:
    """Write down what lenders have taken; returns what the company has more or less for it, USD ``[path]``."""
    r.seized_units[:, month] += gone.units.sum(axis=1)
    r.flow("sources_usd", gone.usd)
    r.flow("machine_debt_forgiven_usd", gone.forgiven_usd)
    r.flow("shortfall_usd", gone.short_usd)
    return gone.usd - gone.short_usd


def lenders_sell(s: Setting, c: Company, month: int, cash: Floats, in_default: Bools, r: Record) -> Floats:
    """Default: where bills or debts cannot be paid, every lender sells its collateral at the close to be repaid whole,
    and what is left of it pays for the rest; returns the cash it brings (or, where a debt of full recourse is not
    covered, what is still owed, as a negative amount), USD ``[path]``. A frozen lender keeps what is left."""
    brought = np.zeros_like(cash)
    broke = np.flatnonzero(in_default)
    if not len(broke):
        return brought
    r.defaults[broke, month] += 1
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
        left = c.pledged_btc[broke, f] - sold
        kept = np.where(s.paths.frozen[broke, month, f], left, 0.0)
        c.free_btc[broke] += left - kept
        c.pledged_btc[broke, f] = kept
        r.seized_btc[broke, month, f] += sold
        r.lost_btc[broke, month, f] += sold * cost
        r.flow("seized_btc", sold, broke)
        r.flow("met_usd", np.minimum(got, owed), broke)
        r.flow("forgiven_usd", forgiven, broke)
        r.flow("shortfall_usd", short - forgiven, broke)
        _close(s, c, broke, f)
    fee = s.scenario.treasury.sell_fee_share
    wanted = np.clip(-(cash + brought)[broke], 0.0, None) / (price * (1 - fee))
    sold = np.minimum(wanted, c.free_btc[broke])
    c.free_btc[broke] -= sold
    brought[broke] += sold * price * (1 - fee)
    r.sold_btc[broke, month] += sold
    r.flow("sold_btc", sold, broke)
    r.flow("sale_usd", sold * price, broke)
    r.flow("sale_fee_usd", sold * price * fee, broke)
    return brought


def _owed_with_interest(s: Setting, c: Company, month: int) -> Floats:
    """Owed at a month's end with the month's interest of loans that pay monthly, ``[path, facility]``."""
    return owed_usd(s, c, month) + s.by_facility(c.principal_usd * s.schedule.interest_share * s.schedule.paid_monthly)


def _close(s: Setting, c: Company, which: Ints, f: int) -> None:
    """Nothing is owed to this lender any more."""
    c.principal_usd[np.ix_(which, np.flatnonzero(s.lender[:, f]))] = 0.0
    c.unpaid_interest_usd[which, f] = 0.0
    c.call_deadline[which, f] = NO_CALL
