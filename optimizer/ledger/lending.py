"""A lender's arithmetic in closed form: interest, loan-to-value, calls, cures, liquidation, level payments.

Money in USD, collateral in BTC or in its USD value, LTVs and fees as shares, rates per month. Pure functions
over numbers or NumPy arrays of one shape; no function rounds. Sources: lenders' contracts as published (an
LTV is debt over collateral value; a cure repays or adds until the target) and the annuity formula.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from optimizer.market.tree import Floats

Real = float | Floats


def ltv(owed_usd: Real, pledged_btc: Real, price_usd: Real) -> Floats:
    """Debt over the value of its collateral; infinite for a debt without collateral, NaN without a debt."""
    value = np.asarray(pledged_btc, dtype=np.float64) * price_usd
    owed = np.asarray(owed_usd, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(value > 0, owed / value, np.inf)
    return np.where(owed > 0, ratio, np.nan)


def simple_interest(principal_usd: Real, apr: Real, days: Real, year_days: float = 365.0) -> Real:
    """USD of interest that runs in ``days`` on a principal that stays: principal * apr * days / ``year_days``."""
    return principal_usd * apr * days / year_days


def loan_at_ltv(collateral_usd: Real, at_ltv: Real) -> Real:
    """USD owed when collateral of this value stands at ``at_ltv``: t C."""
    return at_ltv * collateral_usd


def collateral_at_ltv(owed_usd: Real, at_ltv: Real) -> Real:
    """USD of collateral with which the debt stands at ``at_ltv``: D / t. A cover of 143% is an LTV of 1 / 1.43."""
    return owed_usd / at_ltv


def price_at_ltv(owed_usd: Real, pledged_btc: Real, at_ltv: Real) -> Real:
    """USD per BTC at which the debt stands at ``at_ltv``: D / (t * pledged)."""
    return collateral_at_ltv(owed_usd, at_ltv) / pledged_btc


def fall_to_ltv(now_ltv: Real, at_ltv: Real) -> Real:
    """Share by which the price may fall before the LTV is ``at_ltv``: 1 - now / then. Negative: past it."""
    return 1 - now_ltv / at_ltv


def cure_by_repaying(owed_usd: Real, collateral_usd: Real, target_ltv: Real) -> Real:
    """USD to repay so that the LTV is ``target_ltv``: D - t C, or 0 if it is already lower."""
    return np.maximum(0.0, owed_usd - loan_at_ltv(collateral_usd, target_ltv))


def cure_by_adding(owed_usd: Real, collateral_usd: Real, target_ltv: Real) -> Real:
    """USD of collateral to add so that the LTV is ``target_ltv``: D / t - C, or 0 if it is already lower."""
    return np.maximum(0.0, collateral_at_ltv(owed_usd, target_ltv) - collateral_usd)


def partial_liquidation(owed_usd: Real, collateral_usd: Real, target_ltv: Real, fee_share: Real) -> Real:
    """USD of collateral a lender sells to bring the LTV down to ``target_ltv``; never more than there is.

    Of the value s sold, s (1 - fee) repays debt: D - s (1 - fee) = t (C - s); s = (D - t C) / (1 - fee - t).
    Where 1 - fee <= t selling never lowers the LTV, so everything is sold as soon as D > t C.
    """
    owed, collateral = np.asarray(owed_usd, dtype=np.float64), np.asarray(collateral_usd, dtype=np.float64)
    excess = np.maximum(0.0, owed - loan_at_ltv(collateral, target_ltv))
    gain = np.asarray(1 - fee_share - target_ltv, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        sold = np.where(gain > 0, excess / gain, np.where(excess > 0, np.inf, 0.0))
    return np.minimum(sold, collateral)


def whole_liquidation(owed_usd: Real, collateral_usd: Real, fee_share: Real) -> Real:
    """USD of collateral a lender sells to be repaid whole: D / (1 - fee); never more than there is."""
    return np.minimum(np.asarray(owed_usd) / (1 - fee_share), collateral_usd)


def forced_sale(
    owed_usd: Real, collateral_usd: Real, target_ltv: float | None, fee_share: Real, counted_per_usd: Real = 1.0
) -> Real:
    """USD of collateral a lender sells by its contract: to be repaid whole without a target, else down to the target
    but never more than repays it. Never more than there is.

    ``counted_per_usd``: what the LTV counts per USD owed, more than 1 where interest to come counts: a dollar repaid
    takes so much off, and an LTV of t counted is one of t over this of what is owed.
    """
    whole = whole_liquidation(owed_usd, collateral_usd, fee_share)
    if target_ltv is None:
        return whole
    return np.minimum(whole, partial_liquidation(owed_usd, collateral_usd, target_ltv / counted_per_usd, fee_share))


def level_payment(principal_usd: Real, monthly_rate: float, payments: int) -> Real:
    """USD a month that repays ``principal_usd`` with interest in equal ``payments`` (annuity formula)."""
    if monthly_rate == 0:
        return principal_usd / payments
    return principal_usd * monthly_rate / -math.expm1(-payments * math.log1p(monthly_rate))


def level_remaining_share(paid: npt.ArrayLike, monthly_rate: npt.ArrayLike, payments: npt.ArrayLike) -> Floats:
    """Share of the principal still owed after ``paid`` of ``payments`` level payments.

    ((1 + r)^N - (1 + r)^k) / ((1 + r)^N - 1), or 1 - k / N without interest; 1 before the first payment and 0
    after the last.
    """
    n = np.asarray(payments, dtype=np.float64)
    k = np.clip(np.asarray(paid, dtype=np.float64), 0.0, n)
    growth = np.log1p(np.asarray(monthly_rate, dtype=np.float64))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # expm1 keeps the digits that (1 + r)^N - 1 would lose at small rates.
        share = np.exp(growth * k) * np.expm1(growth * (n - k)) / np.expm1(growth * n)
    return np.where(growth > 0, share, 1 - k / n)
