"""Drawing and repaying on many paths: how principal, pledges and cash move together."""

from __future__ import annotations

import numpy as np

from optimizer.ledger.company import Company, Setting
from optimizer.ledger.record import Record
from optimizer.market.paths import Bools
from optimizer.market.tree import Floats, Ints


def lends(s: Setting, month: int) -> Bools:
    """Whether each lender lends now, ``[path, facility]``: not while it is frozen, and never after it has failed."""
    failed = (s.paths.failed_month > 0) & (s.paths.failed_month <= month)
    return np.asarray(~(s.paths.frozen[:, month] | failed))


def repay(s: Setting, c: Company, month: int, principal_usd: Floats) -> Floats:
    """Repay principal ``[path, tranche]``; returns its cost with accrued interest, USD ``[path]``. What its draw
    pledged comes back, unless the lender is frozen."""
    freed = freed_btc(s, c, month, principal_usd)
    c.principal_usd -= principal_usd
    c.pledged_btc -= freed
    c.free_btc += freed.sum(axis=1)
    return np.asarray((principal_usd * (1 + s.schedule.accrued_share[month])).sum(axis=1))


def freed_btc(s: Setting, c: Company, month: int, principal_usd: Floats) -> Floats:
    """BTC that repaying this principal brings back, ``[path, facility]``: what it pledged when it was drawn."""
    freed = np.minimum(s.by_facility(principal_usd * c.pledge_per_usd), c.pledged_btc)
    return np.where(s.paths.frozen[:, month], 0.0, freed)


def pledge_per_usd(s: Setting, month: int, tranches: Ints) -> Floats:
    """BTC to pledge per USD drawn now, ``[path, tranche of tranches]``: counted debt / (the tier's LTV * price)."""
    return np.asarray(s.pledge_at_par[tranches] / s.price_usd[:, month, None])


def draw(s: Setting, c: Company, month: int, tranches: Ints, amount_usd: Floats, r: Record) -> Floats:
    """Draw ``amount_usd`` ``[path, tranche of tranches]`` and pledge for it; returns cash received, USD ``[path]``."""
    per_usd = pledge_per_usd(s, month, tranches)
    lender = s.lender[tranches]
    c.principal_usd[:, tranches] += amount_usd
    c.pledge_per_usd[:, tranches] = per_usd
    pledge = (amount_usd * per_usd) @ lender
    c.pledged_btc += pledge
    # Rounding in a draw that takes all there is must not leave less than nothing.
    c.free_btc = np.maximum(c.free_btc - pledge.sum(axis=1), 0.0)
    fee = (amount_usd @ lender) @ s.contracts.origination_fee_share
    r.flow("drawn_usd", amount_usd.sum(axis=1))
    r.flow("origination_fee_usd", fee)
    return np.asarray(amount_usd.sum(axis=1) - fee)
