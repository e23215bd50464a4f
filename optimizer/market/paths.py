"""Market paths by the day, side by side: what a plan is replayed on. Simulated, historical or a named shock.

Step 0 is today. Every later step is a day (a month, on a branch of a tree); a month is a run of steps.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from optimizer.market.tree import Floats, Ints

Bools = npt.NDArray[np.bool_]


# Fields of `Paths` that are not by the path.
SHARED = ("month_end", "elapsed_share", "days", "failures_expected")


@dataclass(frozen=True)
class Paths:
    """Index order ``[path, step]``, ``[path, month]``, ``[path, month, site]``, ``[path, month, facility]``;
    sites and facilities (`optimizer.decisions.facility_names`) in the scenario's order; month 0 is today.

    month_end: the step at which each month ends, ``[month]``; 0 for month 0. elapsed_share: of its month that has
    passed when a step's low is met, ``[step]``: the interest that a lender counts by then. days: in each month,
    ``[month]``. close_usd, low_usd: BTC price at the step's end and lowest in it; today's both at step 0.
    btc_per_ph, revenue_usd_per_ph, hashprice_usd_per_ph_day, network_ehs, power_usd_per_mwh, asic_price_factor: as
    in `optimizer.market.tree.Tree`. delivery_delay_months: added to lead times of orders not handed over at once,
    ``[path]``. frozen: the lender neither lends nor releases then. failed_month: month at whose end the lender
    fails, 0 where it does not, ``[path, facility]``; recovery_share of what it owes the company comes back at the
    end of recovery_month. failures_expected: whether lenders do not fail here, and what would be lost is counted in
    expectation instead, as on a tree.
    """

    month_end: Ints
    elapsed_share: Floats
    days: Floats
    close_usd: Floats
    low_usd: Floats
    btc_per_ph: Floats
    revenue_usd_per_ph: Floats
    hashprice_usd_per_ph_day: Floats
    network_ehs: Floats
    power_usd_per_mwh: Floats
    asic_price_factor: Floats
    delivery_delay_months: Ints
    frozen: Bools
    failed_month: Ints
    recovery_share: Floats
    recovery_month: Ints
    failures_expected: bool = False

    def __len__(self) -> int:
        return len(self.close_usd)

    @property
    def months(self) -> int:
        """The last month there is; month 0 is today."""
        return len(self.month_end) - 1

    @property
    def price_usd(self) -> Floats:
        """BTC price at each month's end, ``[path, month]``."""
        return self.close_usd[:, self.month_end]

    def take(self, which: Ints) -> Paths:
        """Only the paths of these numbers, in their order."""
        picked = {field.name: getattr(self, field.name)[which] for field in fields(self) if field.name not in SHARED}
        return replace(self, **picked)
