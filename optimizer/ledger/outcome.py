"""What became of the company on each path: the result of a replay, and how results of several runs are joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from optimizer.market.paths import Bools
from optimizer.market.tree import Floats, Ints

# Less than this left unpaid is rounding.
UNPAID_USD = 10.0


@dataclass(frozen=True)
class Outcome:
    """Index order ``[path, month]`` and ``[path, month, facility]`` (`optimizer.decisions.facility_names`); month 0 is
    today, after its decisions. Balances are those at the month's end, after what was decided there.

    net_btc: btc (free_btc and pledged_btc) and, at the month's closing price, cash, machines_usd (resale value less
    what is due on machines on order), receivable_usd (what a failed lender will still pay) and sources_usd (what other
    sources of money owe it less what it owes them), less owed_usd (to
    lenders, accrued interest included), unpaid_usd (bills and debts that could not be paid) and tax_owed_usd (on what
    has been earned, deferred tax where it counts). seized_units: machines that lenders took in the month, walked away
    from or seized on default.
    ltv_high: the highest LTV of any day of the month, at the day's low, before anybody acted; NaN without debt.
    warnings, calls, liquidations: how many in the month, liquidations by a lender's own triggers. defaults: whether
    bills or debts could be paid only by lenders selling all their collateral, if at all, ``[path, month]``.
    topped_up_btc: sent to the lender beyond what draws pledge, seized_btc: sold by the lender. lost_btc: of that, its
    fee and slippage, and pledges lost with a failed lender, in BTC at the day's price. flows: totals of the whole
    path by name, ``[path]``. In BTC: mined, bought, sold, seized, set_off, sources (net), given (what sources took,
    whatever others brought). Cash in: sale, resale, recovered, drawn, sources (net), and carried_unpaid (bills of a
    month that were not paid then and are among the next month's). Cash out: sale_fee, purchase, purchase_fee,
    origination_fee, ordered, bills, debt_service, repaid_early, repaid (to cure a call), shortfall (debt due though
    its collateral is gone), tax. Between lenders and collateral, without cash: met, forgiven, billed (what a sale of
    collateral left to be paid as a bill), machine_debt_forgiven (of limited recourse, beyond what seized machines
    fetch; whole where it is walked away from).
    """

    price_usd: Floats
    net_btc: Floats
    btc: Floats
    free_btc: Floats
    cash_usd: Floats
    machines_usd: Floats
    owed_usd: Floats
    unpaid_usd: Floats
    receivable_usd: Floats
    sources_usd: Floats
    tax_owed_usd: Floats
    sold_btc: Floats
    seized_units: Floats
    ltv_high: Floats
    pledged_btc: Floats
    debt_usd: Floats
    warnings: Ints
    calls: Ints
    liquidations: Ints
    defaults: Ints
    topped_up_btc: Floats
    seized_btc: Floats
    lost_btc: Floats
    flows: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.net_btc)

    @property
    def months(self) -> int:
        """The last month replayed."""
        return int(self.net_btc.shape[1]) - 1

    @property
    def insolvent(self) -> Bools:
        """Whether the company has defaulted in the month or before, ``[path, month]``: it could pay a bill or a debt
        only by lenders selling all their collateral, or not even so."""
        return np.asarray(np.maximum.accumulate((self.defaults > 0) | (self.unpaid_usd > UNPAID_USD), axis=1))


def join_outcomes(outcomes: Sequence[Outcome]) -> Outcome:
    """One outcome of all paths, in order."""
    joined = {
        field.name: np.concatenate([getattr(outcome, field.name) for outcome in outcomes])
        for field in fields(Outcome)
        if field.name != "flows"
    }
    # A flow that a run never saw is not among its flows.
    names = dict.fromkeys(name for outcome in outcomes for name in outcome.flows)
    flows = {name: np.concatenate([o.flows.get(name, np.zeros(len(o))) for o in outcomes]) for name in names}
    return Outcome(**joined, flows=flows)
