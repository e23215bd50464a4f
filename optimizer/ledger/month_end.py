"""A month's end off the tree: what has fallen due is paid, then what is meant is done as far as it is feasible.

In this order: lenders that failed; machines that hashed, arrived, went to lenders and left; interest, instalments,
maturities, bills and the tax of a year that has ended; collateral that comes back; other sources of money; draws, early
repayments and orders, in full where they can be paid for while minimum cash and BTC are kept, else scaled; top-ups; BTC
sold as meant, then a maturity refinanced, then BTC sold for what is still missing, pledged ones too where a loan can be
unwound. What cannot be paid even so takes the machines of loans of limited recourse, then makes all lenders take theirs
and sell their collateral; what is left after that stays unpaid.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optimizer.ledger.borrowing import draw, freed_btc, lends, pledge_per_usd, repay
from optimizer.ledger.company import CENT, Company, Setting, counted_usd
from optimizer.ledger.distress import (
    give_up_machines,
    lenders_fail,
    lenders_seize,
    lenders_sell,
    note_seizure,
    refinance,
    unwind,
    walk_away,
)
from optimizer.ledger.fleet_month import of_what_is_left, order, order_cost_usd, resell_the_rest, run_fleet
from optimizer.ledger.intents import Intents
from optimizer.ledger.lender_failure import lose_in_expectation
from optimizer.ledger.record import Record
from optimizer.ledger.source import OnPaths, PaysForOrders, SeizesMachines, Settles
from optimizer.ledger.taxes_on_paths import TaxAccount
from optimizer.market.paths import Bools
from optimizer.market.tree import Floats

# Of the company's size: a want of less is a solver's rounding and scales nothing down.
ROUNDING = 1e-7


def close_month(
    s: Setting,
    c: Company,
    month: int,
    meant: Intents,
    r: Record,
    sources: tuple[OnPaths, ...] = (),
    taxes: TaxAccount | None = None,
) -> None:
    """Play the end of a month (0: today); changes ``c``, ``sources`` and ``taxes`` and writes the flows to ``r``."""
    lenders_fail(s, c, month, r)
    walk_away(s, c, month, r)
    seized_units = _hand_over(s, c, month, meant, r, sources)
    fleet = run_fleet(s, c, month, meant.retire_units, seized_units, r)
    c.free_btc += fleet.mined_btc
    recovered = c.recovery_usd[:, month]
    bills = fleet.power_usd + fleet.due_usd + _promised_usd(s, month) + c.unpaid_usd
    due = _principal_due(s, c, month)
    maturing = (due * (s.schedule.keep_share[month] == 0)).sum(axis=1)
    cash = c.cash_usd + fleet.resale_usd + recovered - bills - _serve_debt(s, c, month, due, r)
    r.flow("recovered_usd", recovered)
    r.flow("bills_usd", bills)
    if taxes:
        cash -= taxes.fall_due(month, r)
    _take_back(s, c, month, meant)
    lose_in_expectation(s, c, month, r)
    if sources and meant.uses:
        paid, meant = _make_room(s, c, month, meant, cash, r)
        cash -= paid
    cash += _use_sources(s, c, month, meant, r, sources)
    cash += _act(s, c, month, meant, cash, r, sources)
    cash += resell_the_rest(s, c, month, r)
    _top_up(s, c, month, meant, r)
    cash += _sell_as_meant(s, c, month, meant, cash, r)
    cash += refinance(s, c, month, maturing, cash, r)
    cash += _sell_as_needed(s, c, month, cash, r)
    cash += unwind(s, c, month, cash, r)
    cash += give_up_machines(s, c, month, cash, r, sources)
    broke = cash < -CENT
    cash += lenders_seize(s, c, month, broke, r, sources)
    cash += lenders_sell(s, c, month, cash, broke, r)
    if taxes:
        cash -= taxes.pay_ahead(meant.lots, cash - _to_keep(s, meant), r)
    cash -= _buy(s, c, month, meant, cash, r)
    c.unpaid_usd = np.maximum(-cash, 0.0)
    c.cash_usd = np.maximum(cash, 0.0)
    r.flow("carried_unpaid_usd", c.unpaid_usd)
    if taxes:
        taxes.close(c, month, meant.lots, fleet, r, sources)


def _hand_over(s: Setting, c: Company, month: int, meant: Intents, r: Record, sources: tuple[OnPaths, ...]) -> Floats:
    """Walk away from machines as meant; returns those that leave, ``[path, pair]``."""
    units = np.zeros_like(c.racked_units)
    for source in sources:
        if isinstance(source, SeizesMachines) and meant.hand_over_units:
            gone = source.hand_over(s, c, month, meant.uses, meant.hand_over_units)
            note_seizure(gone, month, r)
            units += gone.units
    return units


def _make_room(s: Setting, c: Company, month: int, meant: Intents, cash: Floats, r: Record) -> tuple[Floats, Intents]:
    """Repay early before sources of money are used where one is to be used too: the coins that this frees may be what a
    credit line is to lend on. Only where selling them would pay for it if need be. Returns USD paid, and what is then
    still meant."""
    used = np.sum([amount > 0 for amount in meant.uses.values()], axis=0) > 0
    early = c.principal_usd * meant.repay_share * used[:, None]
    fees = s.by_facility(early) @ s.contracts.early_fee_share
    cost = (early * (1 + s.schedule.accrued_share[month])).sum(axis=1) + fees
    freed = freed_btc(s, c, month, early).sum(axis=1)
    payable = cash - cost + (c.free_btc + freed) * _net_price(s, month) >= s.scenario.requirements.min_cash_usd
    now = (payable & (cost > 0)).astype(np.float64)
    paid = repay(s, c, month, early * now[:, None]) + fees * now
    r.flow("repaid_early_usd", paid)
    return paid, replace(meant, repay_share=meant.repay_share * (1 - now)[:, None])


def _use_sources(s: Setting, c: Company, month: int, meant: Intents, r: Record, sources: tuple[OnPaths, ...]) -> Floats:
    """What sources of money take and bring; returns cash, USD ``[path]``. BTC that they tie up are no longer free."""
    cash = np.zeros(len(c.cash_usd))
    settling = [(source, source.settle) for source in sources if isinstance(source, Settles)]
    for source, step in (*settling, *((source, source.close) for source in sources)):
        tied = source.tied_btc()
        usd, btc = step(s, c, month, meant.uses)
        newly_tied = source.tied_btc() - tied
        c.free_btc += btc - newly_tied
        c.tied_btc += newly_tied
        cash += usd
        r.flow("sources_usd", usd)
        r.flow("sources_btc", btc)
        r.flow("given_btc", np.maximum(-btc, 0.0))
    return cash


def _promised_usd(s: Setting, month: int) -> float:
    """Overhead, sites' fixed costs and promised payments of the month."""
    due = sum(owed.amount_usd for owed in s.scenario.liabilities if owed.month == month)
    return due + (s.fixed_usd_per_month if month else 0.0)


def _principal_due(s: Setting, c: Company, month: int) -> Floats:
    """Instalments and maturities, ``[path, tranche]``; none today."""
    return c.principal_usd * (1 - s.schedule.keep_share[month] if month else 0.0)


def _serve_debt(s: Setting, c: Company, month: int, due_usd: Floats, r: Record) -> Floats:
    """Pay interest, instalments and maturities; returns USD ``[path]``."""
    paid = np.zeros(len(c.cash_usd))
    if month:
        monthly = s.schedule.interest_share * s.schedule.paid_monthly
        paid = c.principal_usd @ monthly + c.unpaid_interest_usd.sum(axis=1)
        c.unpaid_interest_usd[:] = 0.0
        paid += repay(s, c, month, due_usd)
    r.flow("debt_service_usd", paid)
    return paid


def _take_back(s: Setting, c: Company, month: int, meant: Intents) -> None:
    """Pledges of closed facilities come back, and what is meant to be released."""
    price, frozen = s.price_usd[:, month, None], s.paths.frozen[:, month]
    back = np.where((s.still_open[month] == 0) & ~frozen, c.pledged_btc, 0.0)
    counted = counted_usd(s, c, month)
    with np.errstate(divide="ignore", invalid="ignore"):
        spare = np.nan_to_num(c.pledged_btc - counted / (s.contracts.release_ltv * price))
    released = np.clip(np.minimum(spare, meant.release_btc), 0.0, c.pledged_btc - back)
    back += np.where(~frozen & _has_stayed_low(s, c, month, counted), released, 0.0)
    c.pledged_btc -= back
    c.free_btc += back.sum(axis=1)


def _top_up(s: Setting, c: Company, month: int, meant: Intents, r: Record) -> None:
    """Send the top-ups that are meant and, at the day's close and debts, still needed."""
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = counted_usd(s, c, month) / (meant.ltv_after * s.price_usd[:, month, None])
    short = np.nan_to_num(wanted) - c.pledged_btc
    wanted = np.clip(np.minimum(short, meant.top_up_btc - r.topped_up_btc[:, month]), 0.0, None)
    sent = wanted * _share(wanted.sum(axis=1), c.free_btc)[:, None]
    c.pledged_btc += sent
    c.free_btc -= sent.sum(axis=1)
    r.topped_up_btc[:, month] += sent


def _has_stayed_low(s: Setting, c: Company, month: int, counted: Floats) -> Bools:
    """Whether each facility's LTV has been at most its release LTV for as many days as the lender asks."""
    out = np.ones(c.pledged_btc.shape, dtype=bool)
    for f in np.flatnonzero(s.contracts.release_after_days):
        last = int(s.paths.month_end[month])
        first = max(last - int(s.contracts.release_after_days[f]) + 1, 0)
        lowest = s.paths.close_usd[:, first : last + 1].min(axis=1)
        out[:, f] = counted[:, f] <= s.contracts.release_ltv[f] * lowest * c.pledged_btc[:, f]
    return out


def _act(
    s: Setting, c: Company, month: int, meant: Intents, cash: Floats, r: Record, sources: tuple[OnPaths, ...]
) -> Floats:
    """Draw, repay early and order as far as it is feasible; returns the cash it brings, net, USD ``[path]``.

    All of it where the collateral that early repayment frees is enough for the draws, and cash and BTC to sell pay for
    the rest. Else draws are scaled to free BTC and the facility's room, early repayments and orders to what can then be
    paid for. Orders are never more than the vendor still has; what a source of money pays of them is scaled with them.
    """
    scenario, contracts, price = s.scenario, s.contracts, s.price_usd[:, month]
    net_price = price * (1 - scenario.treasury.sell_fee_share)
    now = np.flatnonzero(s.drawn_month == month)
    lender = s.lender[now]
    wanted = np.where(lends(s, month)[:, s.schedule.facility[now]], meant.draw_usd[:, now], 0.0)
    orders = of_what_is_left(s, c, meant.order_units)
    early = c.principal_usd * meant.repay_share
    fees = s.by_facility(early) @ contracts.early_fee_share
    cost = (early * (1 + s.schedule.accrued_share[month])).sum(axis=1) + fees
    paying = [source for source in sources if isinstance(source, PaysForOrders)]
    paid_by_sources = sum((source.offer(s, c, month, orders) for source in paying), np.zeros_like(cash))
    cost = cost + order_cost_usd(s, month, orders) - paid_by_sources
    per_usd = pledge_per_usd(s, month, now)
    held = c.free_btc + c.pledged_btc.sum(axis=1) + c.tied_btc
    received = 1 - s.lender[now] @ contracts.origination_fee_share
    floor = scenario.requirements.min_cash_usd

    def spare_usd(draws: Floats, freed: Floats) -> tuple[Floats, Floats]:
        """BTC left after pledging for draws, and USD that can then be spent without breaking a floor."""
        free = c.free_btc + freed - (draws * per_usd).sum(axis=1)
        sellable = np.clip(np.minimum(free, held - scenario.requirements.min_btc), 0.0, None)
        return free, cash + draws @ received - floor + sellable * net_price

    room = contracts.limit_usd - s.by_facility(c.principal_usd)
    left, spare = spare_usd(wanted, freed_btc(s, c, month, early).sum(axis=1))
    asked = wanted @ lender
    within = ((asked == 0) | (asked <= (room + s.by_facility(early)) * (1 + ROUNDING) + 1e-6)).all(axis=1)
    rounding_usd = ROUNDING * s.scale_usd
    fits = within & (left * price >= -rounding_usd) & (spare - cost >= -rounding_usd)

    drawn = _within(wanted, lender, room)
    to_pledge = (drawn * per_usd).sum(axis=1)
    # ... and leave free what the plan leaves free there, in proportion.
    drawn = drawn * _share(to_pledge + meant.free_btc, c.free_btc)[:, None]
    least = contracts.min_draw_usd[s.schedule.facility[now]]
    drawn = np.where((drawn < least) & (drawn < wanted), 0.0, drawn)
    share = np.where(fits, 1.0, _share(cost, spare_usd(drawn, np.zeros_like(cash))[1]))
    # Where it all fits, a draw still gives way by what rounding would leave free BTC below nothing.
    pledge = (wanted * per_usd).sum(axis=1)
    whole = wanted * _share(pledge, pledge + np.minimum(left, 0.0))[:, None]
    drawn = np.where(fits[:, None], whole, drawn)

    repaid = repay(s, c, month, early * share[:, None]) + fees * share
    r.flow("repaid_early_usd", repaid)
    ordered = order(s, c, month, orders * share[:, None], r)
    for source in paying:
        source.pay(c, month, share)
    r.flow("sources_usd", paid_by_sources * share)
    return draw(s, c, month, now, drawn, r) - repaid - ordered + paid_by_sources * share


def _within(amount: Floats, lender: Floats, room: Floats) -> Floats:
    """Amounts ``[path, tranche]`` scaled so that no facility's sum is above its room ``[path, facility]``."""
    asked = amount @ lender
    return np.asarray(amount * (_share(asked, room) @ lender.T))


def _share(asked: Floats, there: Floats) -> Floats:
    """The share of what is asked that is there: 1 where it is enough."""
    there = np.maximum(there, 0.0)
    return np.asarray(np.divide(there, asked, out=np.ones_like(asked), where=asked > there))


def _sell(s: Setting, c: Company, month: int, btc: Floats, r: Record) -> Floats:
    """Sell free BTC at the close; returns cash received, USD ``[path]``."""
    usd = btc * s.price_usd[:, month]
    fee = usd * s.scenario.treasury.sell_fee_share
    c.free_btc -= btc
    r.sold_btc[:, month] += btc
    r.flow("sold_btc", btc)
    r.flow("sale_usd", usd)
    r.flow("sale_fee_usd", fee)
    return usd - fee


def _sell_as_meant(s: Setting, c: Company, month: int, meant: Intents, cash: Floats, r: Record) -> Floats:
    """Sell what brings cash to what the plan holds there, at most what it sells there, and keep the minimum BTC. What
    the plan spends after that is wanted too: with taxes it may sell and buy on one day, and pay tax ahead."""
    wanted = meant.cash_usd + meant.buy_btc * _purchase_price(s, month)
    if meant.lots:
        wanted = wanted + meant.lots.tax_ahead_usd
    missing = np.clip(wanted - cash, 0.0, None) / _net_price(s, month)
    return _sell(s, c, month, np.minimum(np.minimum(missing, meant.sell_btc), _above_floor(s, c)), r)


def _sell_as_needed(s: Setting, c: Company, month: int, cash: Floats, r: Record) -> Floats:
    """Sell for minimum cash while the minimum BTC is kept, and for bills whatever is free."""
    to_floor = np.clip(s.scenario.requirements.min_cash_usd - cash, 0.0, None) / _net_price(s, month)
    to_pay = np.clip(-cash, 0.0, None) / _net_price(s, month)
    free = np.maximum(c.free_btc, 0.0)
    return _sell(s, c, month, np.maximum(np.minimum(to_floor, _above_floor(s, c)), np.minimum(to_pay, free)), r)


def _buy(s: Setting, c: Company, month: int, meant: Intents, cash: Floats, r: Record) -> Floats:
    """Buy what is meant with cash above what the plan holds there; returns its cost, USD ``[path]``."""
    price, fee = s.price_usd[:, month], s.scenario.treasury.buy_fee_share
    btc = np.minimum(meant.buy_btc, np.clip(cash - _to_keep(s, meant), 0.0, None) / _purchase_price(s, month))
    c.free_btc += btc
    r.flow("bought_btc", btc)
    r.flow("purchase_usd", btc * price)
    r.flow("purchase_fee_usd", btc * price * fee)
    return np.asarray(btc * _purchase_price(s, month))


def _to_keep(s: Setting, meant: Intents) -> Floats:
    """Cash that is not spent on what could wait, USD ``[path]``."""
    return np.maximum(meant.cash_usd, s.scenario.requirements.min_cash_usd)


def _net_price(s: Setting, month: int) -> Floats:
    return np.asarray(s.price_usd[:, month] * (1 - s.scenario.treasury.sell_fee_share))


def _purchase_price(s: Setting, month: int) -> Floats:
    return np.asarray(s.price_usd[:, month] * (1 + s.scenario.treasury.buy_fee_share))


def _above_floor(s: Setting, c: Company) -> Floats:
    """Free BTC that can be sold while the board's minimum is kept."""
    held = c.free_btc + c.pledged_btc.sum(axis=1) + c.tied_btc
    return np.asarray(np.clip(np.minimum(c.free_btc, held - s.scenario.requirements.min_btc), 0.0, None))
