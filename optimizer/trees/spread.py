"""Today's decisions of several plans side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from optimizer.decisions import Decisions
from optimizer.scenario.schema import Scenario

Thing = tuple[str, str, str, str]


@dataclass(frozen=True)
class TodayRow:
    """What plans do today of one thing, ``amounts`` [plan] in ``unit`` (``machines``, ``btc``, ``usd``, ``ph``).

    ``what``: ``order`` and ``resell`` (``name`` a model, ``detail`` a site), ``draw`` (``name`` a facility, ``detail``
    its tier, by the highest LTV), ``repay``, ``sell``, ``buy``, or what a source of money called ``name`` is used for.
    """

    what: str
    name: str
    detail: str
    unit: str
    amounts: tuple[float, ...]


def spread_of(scenario: Scenario, plans: Sequence[Decisions]) -> tuple[TodayRow, ...]:
    """All that any of the plans does today, and what is sold even where none does."""
    done = [dict(_today(scenario, plan)) for plan in plans]
    things = dict.fromkeys([_SALE, *(thing for plan in done for thing in plan)])
    order = sorted(things, key=lambda thing: _ORDER.index(thing[0]) if thing[0] in _ORDER else len(_ORDER))
    return tuple(TodayRow(*thing, tuple(plan.get(thing, 0.0) for plan in done)) for thing in order)


_SALE: Thing = ("sell", "", "", "btc")
_ORDER = ("order", "resell", "draw", "repay", "sell", "buy")


def _today(scenario: Scenario, plan: Decisions) -> Iterator[tuple[Thing, float]]:
    """Each thing that a plan does today, once, and how much of it."""
    found: dict[Thing, float] = {}

    def add(thing: Thing, amount: float) -> None:
        found[thing] = found.get(thing, 0.0) + amount

    add(_SALE, float(plan.sell_btc[0]))
    if plan.buy_btc[0] > 0:
        add(("buy", "", "", "btc"), float(plan.buy_btc[0]))
    for order in plan.orders:
        if order.node == 0:
            add(("order", order.model, order.site, "machines"), order.units)
    for gone in plan.retirements:
        if gone.node == 0:
            add(("resell", gone.model, gone.site, "machines"), gone.units)
    tiers = {offer.name: offer.tiers for offer in scenario.facilities}
    for draw in plan.draws:
        if draw.node == 0:
            ltv = f"up to {tiers[draw.facility][draw.tier].max_ltv:.0%} LTV"
            add(("draw", draw.facility, ltv, "usd"), draw.amount_usd)
    for repaid in plan.repayments:
        if repaid.node == 0:
            add(("repay", repaid.facility, "", "usd"), repaid.principal_usd)
    for use in plan.uses:
        if use.node == 0:
            what, unit = use.what.rsplit("_", 1)
            add((what, use.source, "", unit), use.amount)
    yield from found.items()
