"""What a machine really costs once it is financed: per TH, nominal and as present value, in USD and BTC, and how much
longer it takes to pay back. For a notebook: ``from optimizer import real_cost, Financed``.

Definitions. Nominal: all that is ever paid, down payment, principal, interest and fees, per TH of hashrate. Present
value: the same, each payment discounted to today. In BTC: each payment divided by BTC's price in its month.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optimizer.ledger.lending import level_payment

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Financed:
    """A ``share`` (0..1) of the price paid for by a loan at ``apr`` over ``months``, ``fee_share`` of it up front.

    ``amortising``: equal payments a month; else interest each month and the principal at the end, or with
    ``at_maturity`` both at the end (simple interest). Raises `ValueError` if it is to be both.
    """

    share: float
    apr: float
    months: int
    fee_share: float = 0.0
    amortising: bool = False
    at_maturity: bool = False

    def __post_init__(self) -> None:
        if self.amortising and self.at_maturity:
            raise ValueError("an amortising loan pays interest with every instalment, not at maturity")


@dataclass(frozen=True)
class RealCost:
    """Per TH: ``price`` unfinanced, ``nominal`` and ``present`` value of all payments, USD and BTC. Payback in months
    of constant margin, NaN where the margin is not positive: of the price alone, and of all that is paid."""

    price_usd_per_th: float
    nominal_usd_per_th: float
    present_usd_per_th: float
    price_btc_per_th: float
    nominal_btc_per_th: float
    payback_months: float
    financed_payback_months: float

    @property
    def payback_extension_months(self) -> float:
        """How much longer interest and fees make the payback."""
        return self.financed_payback_months - self.payback_months


def payments(price_usd: float, parts: Sequence[Financed]) -> Floats:
    """What is paid for a machine in each month, ``[month]``, today first. Raises `ValueError` if the shares are
    negative or add up to more than the price."""
    financed = sum(part.share for part in parts)
    if any(part.share < 0 for part in parts) or financed > 1 + 1e-12:
        raise ValueError(f"shares must be 0 or more and add up to 1 at most, not {financed:g}")
    out = np.zeros(max((part.months for part in parts), default=0) + 1)
    out[0] = price_usd * (1 - financed)
    for part in parts:
        principal, rate = price_usd * part.share, part.apr / 12
        out[0] += principal * part.fee_share
        if part.amortising:
            out[1 : part.months + 1] += level_payment(principal, rate, part.months)
        elif part.at_maturity:
            out[part.months] += principal * (1 + rate * part.months)
        else:
            out[1 : part.months + 1] += principal * rate
            out[part.months] += principal
    return out


def real_cost(
    price_usd: float,
    hashrate_ths: float,
    parts: Sequence[Financed],
    *,
    margin_usd_per_month: float = float("nan"),
    discount_pa: float = 0.0,
    btc_price_usd: float = float("nan"),
    btc_growth_pa: float = 0.0,
) -> RealCost:
    """The real cost of a machine of ``price_usd`` and ``hashrate_ths`` paid for by a mix of sources.

    ``margin_usd_per_month``: what it earns after power. ``discount_pa``: a year's discount of money to come.
    ``btc_price_usd`` today, growing by ``btc_growth_pa`` a year. What has not been given is NaN in the result. Without
    fees, a bullet loan of a whole year costs price * (1 + share * apr), nominal.
    """
    paid = payments(price_usd, parts)
    years = np.arange(len(paid)) / 12
    in_btc = paid / (btc_price_usd * (1 + btc_growth_pa) ** years)
    earns = margin_usd_per_month if margin_usd_per_month > 0 else float("nan")
    return RealCost(
        price_usd_per_th=price_usd / hashrate_ths,
        nominal_usd_per_th=float(paid.sum()) / hashrate_ths,
        present_usd_per_th=float((paid / (1 + discount_pa) ** years).sum()) / hashrate_ths,
        price_btc_per_th=price_usd / btc_price_usd / hashrate_ths,
        nominal_btc_per_th=float(in_btc.sum()) / hashrate_ths,
        payback_months=price_usd / earns,
        financed_payback_months=float(paid.sum()) / earns,
    )
