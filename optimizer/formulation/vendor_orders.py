"""What vendors' offers go by: the price of what is ordered at a node."""

from __future__ import annotations

from optimizer.formulation.linear import Terms
from optimizer.formulation.model import Formulation
from optimizer.formulation.source import may_use
from optimizer.scenario.sources import VendorDeferral, VendorPledge

VendorOffer = VendorDeferral | VendorPledge


def may_offer(f: Formulation, n: int, offer: VendorOffer) -> bool:
    """Whether the offer stands at node n and there is something to order under it."""
    return may_use(f, offer, n) and any(
        offer.model in (None, pair.model) and f.may_order(n, pair) for pair in f.data.pairs
    )


def ordered_price(f: Formulation, n: int, offer: VendorOffer) -> Terms:
    """Ex-works price, in model money, of what is ordered at node n of the machines that the offer is for."""
    price, factor = Terms(), float(f.data.tree.asic_price_factor[n])
    for pair in f.data.pairs:
        if offer.model in (None, pair.model) and f.may_order(n, pair):
            price.add(pair.price * factor, f.pyomo.order_lots[n, *pair.key])
    return price
