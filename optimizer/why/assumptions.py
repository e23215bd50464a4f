"""Assumptions that may turn the advice, each over the range in which a meeting would doubt it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from optimizer.scenario.market_spec import Cases, MedianGrowth
from optimizer.scenario.schema import Scenario

# Half and twice of what is assumed today; points of a rate; yearly growth of the median price.
FACTORS = (0.5, 2.0)
POINTS = (-0.1, 0.15)
GROWTH = (-0.5, 1.0)


@dataclass(frozen=True)
class Assumption:
    """``words``: what moves. ``unit``: ``times`` today's, ``points`` of a rate or ``growth`` a year. ``now``: its
    value today in that unit; None where a view states none. ``low``, ``high``: how far it is tried. ``moved``: the
    scenario with it at a value."""

    key: str
    words: str
    unit: str
    now: float | None
    low: float
    high: float
    moved: Callable[[Scenario, float], Scenario]


def assumptions_of(scenario: Scenario) -> tuple[Assumption, ...]:
    """What the scenario assumes and may be wrong about."""
    return tuple(_all(scenario))


def _all(scenario: Scenario) -> Iterator[Assumption]:
    price = scenario.market.price
    if not isinstance(price, Cases):
        stated = price.view.median_growth_pa if isinstance(price.view, MedianGrowth) else None
        yield Assumption("drift", "median growth of BTC", "growth", stated, *GROWTH, _drift)
        yield Assumption("price", "BTC price today", "times", 1.0, *FACTORS, _price)
    yield Assumption("hashprice", "hashprice at the same BTC price", "times", 1.0, *FACTORS, _hashprice)
    if scenario.facilities or any(hasattr(source, "apr") for source in scenario.sources):
        yield Assumption("apr", "APR of every loan on offer", "points", 0.0, *POINTS, _apr)
    if scenario.machines.candidates:
        yield Assumption("machine_price", "prices of machines on offer", "times", 1.0, *FACTORS, _machine_price)
    if scenario.sites:
        yield Assumption("power_price", "power price of every site", "times", 1.0, *FACTORS, _power_price)


def _drift(s: Scenario, growth: float) -> Scenario:
    return _market(s, price=s.market.price.model_copy(update={"view": MedianGrowth(median_growth_pa=growth)}))


def _price(s: Scenario, factor: float) -> Scenario:
    return _market(s, btc_price_usd=s.market.btc_price_usd * factor)


def _hashprice(s: Scenario, factor: float) -> Scenario:
    network = s.market.network
    fair = network.fair_hashprice_usd_per_ph_day * factor
    return _market(
        s,
        network=network.model_copy(
            update={"hashrate_ehs": network.hashrate_ehs / factor, "fair_hashprice_usd_per_ph_day": fair}
        ),
    )


def _apr(s: Scenario, points: float) -> Scenario:
    def dearer(apr: float) -> float:
        return max(apr + points, 0.0)

    def offer(of: Any) -> Any:
        changes: dict[str, Any] = {}
        if hasattr(of, "tiers"):
            changes["tiers"] = tuple(tier.model_copy(update={"apr": dearer(tier.apr)}) for tier in of.tiers)
        if hasattr(of, "apr"):
            changes["apr"] = dearer(of.apr)
        return of.model_copy(update=changes)

    return s.model_copy(
        update={"facilities": tuple(offer(f) for f in s.facilities), "sources": tuple(offer(f) for f in s.sources)}
    )


def _machine_price(s: Scenario, factor: float) -> Scenario:
    machines = s.machines
    dearer = tuple(
        quote.model_copy(update={"price_usd": machines.quoted_usd(quote) * factor}) for quote in machines.candidates
    )
    return s.model_copy(update={"machines": machines.model_copy(update={"candidates": dearer})})


def _power_price(s: Scenario, factor: float) -> Scenario:
    sites = tuple(site.model_copy(update={"power_usd_per_mwh": site.power_usd_per_mwh * factor}) for site in s.sites)
    return s.model_copy(update={"sites": sites})


def _market(s: Scenario, **changes: Any) -> Scenario:
    return s.model_copy(update={"market": s.market.model_copy(update=changes)})
