"""How a company answers a margin call: what it adds, repays and sells so that the LTV is back at the target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.ledger.lending import cure_by_adding
from optimizer.market.paths import Bools
from optimizer.market.tree import Floats


@dataclass(frozen=True)
class Cure:
    """BTC added to the pledge, USD repaid, BTC sold to repay; all 0 where the call cannot be cured."""

    cured: Bools
    added_btc: Floats
    repaid_usd: Floats
    sold_btc: Floats


def cure(
    debt_usd: Floats,
    pledged_btc: Floats,
    price_usd: Floats,
    target_ltv: Floats,
    free_btc: Floats,
    spare_cash_usd: Floats,
    sell_fee_share: float,
) -> Cure:
    """The first of three ways that suffices, each ``[path]``.

    Adding: free BTC worth D / t - C. Else all free BTC F is added and cash repays D - t (C + F). Else all spare cash
    k is repaid, free BTC worth s sold to repay and the rest added: D - k - s (1 - fee) = t (C + F - s). A call that
    even this does not cure is not answered at all: the company does not send coins after a lost pledge.
    """
    free_btc = np.maximum(free_btc, 0.0)
    collateral, free = pledged_btc * price_usd, free_btc * price_usd
    missing = np.asarray(cure_by_adding(debt_usd, collateral, target_ltv))
    by_adding = missing <= free
    short = np.maximum(debt_usd - target_ltv * (collateral + free), 0.0)
    by_cash = ~by_adding & (short <= spare_cash_usd)
    gain = 1 - sell_fee_share - target_ltv
    sale = np.divide(short - spare_cash_usd, gain, out=np.full_like(short, np.inf), where=gain > 0)
    by_sale = ~by_adding & ~by_cash & (sale <= free)
    sold = np.where(by_sale, sale, 0.0)
    return Cure(
        cured=by_adding | by_cash | by_sale,
        added_btc=np.select([by_adding, by_cash, by_sale], [missing / price_usd, free_btc, (free - sold) / price_usd]),
        repaid_usd=np.select([by_cash, by_sale], [short, spare_cash_usd + sold * (1 - sell_fee_share)]),
        sold_btc=sold / price_usd,
    )
