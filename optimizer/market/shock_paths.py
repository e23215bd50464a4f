"""Shocks as paths by the day: a plan replayed on them shows what would become of the company."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from optimizer.market.calendar import month_end_days
from optimizer.market.chain import chain
from optimizer.market.path_parts import daily_steps
from optimizer.market.paths import SHARED, Bools, Paths
from optimizer.market.stress import daily_path, log_through
from optimizer.market.tree import Floats, Ints
from optimizer.scenario.schema import Scenario
from optimizer.scenario.shocks import ALL, LARGEST, Shock


def survival_paths(scenario: Scenario, shocks: Sequence[Shock], pledged_by_facility_btc: Floats | None = None) -> Paths:
    """One path for each of the shocks (at least one), in their order, so that one replay tells of them all.

    ``pledged_by_facility_btc``: what is pledged after today's decisions, ``[facility]``, to know the ``largest``
    lender; None, or nothing pledged: nobody is.
    """
    each = [shock_paths(scenario, shock, pledged_by_facility_btc) for shock in shocks]
    stacked: dict[str, Any] = {
        field.name: np.concatenate([getattr(paths, field.name) for paths in each])
        for field in fields(Paths)
        if field.name not in SHARED
    }
    return replace(each[0], **stacked)


def shock_paths(scenario: Scenario, shock: Shock, pledged_by_facility_btc: Floats | None = None) -> Paths:
    """The one path of a shock, from today to the scenario's horizon; ``pledged_by_facility_btc`` as in
    `survival_paths`.

    Price, hashprice and network by the day are those of a scenario's stress branch (`optimizer.market.stress`). A
    lender that failed neither lends nor gives back until it has paid what is recovered.
    """
    months = scenario.horizon_months
    month = np.arange(months + 1)
    path = daily_path(scenario, shock, months)
    calm = chain(scenario, path, months, shock.low_below_close_share, shock.name)
    close_usd = np.exp(path.log_price)
    machines = calm.asic_price_factor
    if shock.machine_price:
        by_day = np.exp(log_through(scenario, shock, 1.0, shock.machine_price, months))
        machines = by_day[month_end_days(scenario.as_of, months)]
    lasts = (month > 0) & (month <= (shock.until_month or months))
    frozen_now = lasts & (shock.frozen_from_month <= month) & (month <= shock.frozen_until_month)
    frozen = frozen_now[:, None] & _is_one_of(scenario, shock.frozen_lenders, pledged_by_facility_btc)
    failed_month, recovery_month, recovery_share = _failures(scenario, shock, pledged_by_facility_btc)
    failed = (failed_month > 0) & (month[:, None] >= failed_month) & (month[:, None] < recovery_month)
    return Paths(
        **daily_steps(scenario.as_of, months),
        close_usd=close_usd[None],
        low_usd=_daily_low(scenario, shock, close_usd, calm.low_usd)[None],
        btc_per_ph=calm.btc_per_ph[None],
        revenue_usd_per_ph=calm.revenue_usd_per_ph[None],
        hashprice_usd_per_ph_day=calm.hashprice_usd_per_ph_day[None],
        network_ehs=calm.network_ehs[None],
        power_usd_per_mwh=(calm.power_usd_per_mwh * np.where(lasts, shock.power_price_factor, 1.0)[:, None])[None],
        asic_price_factor=machines[None],
        delivery_delay_months=np.array([shock.delivery_delay_months]),
        frozen=(frozen | failed)[None],
        failed_month=failed_month[None],
        recovery_share=recovery_share[None],
        recovery_month=recovery_month[None],
    )


def _daily_low(scenario: Scenario, shock: Shock, close_usd: Floats, low_usd: Floats) -> Floats:
    """Lowest price of each day, USD ``[step]``: the close, and on the day of a month that closes lowest (the first of
    them) the month's low, which is the shock's own or else ``low_usd``, ``[month]``."""
    stated = {point.month: close_usd[0] * (1 + point.change) for point in shock.low}
    ends = month_end_days(scenario.as_of, scenario.horizon_months)
    daily = close_usd.copy()
    for month in range(1, len(ends)):
        first, after = int(ends[month - 1]) + 1, int(ends[month]) + 1
        lowest = first + int(np.argmin(close_usd[first:after]))
        daily[lowest] = min(close_usd[lowest], stated.get(month, low_usd[month]))
    return daily


def _is_one_of(scenario: Scenario, named: Sequence[str], pledged_by_facility_btc: Floats | None) -> Bools:
    """Whether a facility's lender is among those named, ``[facility]``."""
    lenders = [contract.lender for contract in (*scenario.loans, *scenario.facilities)]
    known = set(lenders) if ALL in named else set(named)
    if LARGEST in named and pledged_by_facility_btc is not None and pledged_by_facility_btc.sum() > 0:
        held = dict.fromkeys(lenders, 0.0)
        for lender, btc in zip(lenders, pledged_by_facility_btc.tolist(), strict=True):
            held[lender] += btc
        known.add(max(held, key=held.__getitem__))
    return np.array([lender in known for lender in lenders], dtype=np.bool_)


def _failures(scenario: Scenario, shock: Shock, pledged_by_facility_btc: Floats | None) -> tuple[Ints, Ints, Floats]:
    """Month of failure, month and share of recovery, ``[facility]``; 0 where the lender lives beyond the horizon. Who
    is named twice, as ``largest`` and by ``all``, fails as written first."""
    facilities = len(scenario.loans) + len(scenario.facilities)
    failed, recovered = np.zeros(facilities, dtype=np.int64), np.zeros(facilities, dtype=np.int64)
    share = np.zeros(facilities)
    for failure in shock.failures:
        if failure.month > scenario.horizon_months:
            continue
        hit = _is_one_of(scenario, (failure.lender,), pledged_by_facility_btc) & (failed == 0)
        failed[hit], share[hit] = failure.month, failure.recovery_share
        recovered[hit] = failure.month + failure.recovered_after_months
    return failed, recovered, share
