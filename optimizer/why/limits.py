"""The limits of a scenario that a meeting may ask about: an extra MW, $1M of cash, a point of LTV, a BTC less held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from optimizer.scenario.money import BtcLot
from optimizer.scenario.schema import Scenario

MILLION = 1e6
POINT = 0.01
HUNDRED = 100


@dataclass(frozen=True)
class Limit:
    """One limit. ``key`` in the scenario; ``words``: one step of easing it, as a person says it; ``eased``: the
    scenario with it eased by so many steps."""

    key: str
    words: str
    eased: Callable[[Scenario, float], Scenario]


def limits_of(scenario: Scenario) -> tuple[Limit, ...]:
    """Every limit that the scenario states, in the order in which it states them."""
    return (*_treasury(), *_sites(scenario), *_machines(scenario), *_facilities(scenario), *_board(scenario))


def _treasury() -> Iterator[Limit]:
    def cash(s: Scenario, steps: float) -> Scenario:
        return _with(s, "treasury", cash_usd=s.treasury.cash_usd + steps * MILLION)

    def coin(s: Scenario, steps: float) -> Scenario:
        first, *others = s.treasury.btc_lots or (BtcLot(btc=0.0, cost_basis_usd=s.market.btc_price_usd),)
        return _with(s, "treasury", btc_lots=(first.model_copy(update={"btc": first.btc + steps}), *others))

    yield Limit("treasury.cash_usd", "$1M more cash today", cash)
    yield Limit("treasury.btc_lots", "1 BTC more today", coin)


def _sites(scenario: Scenario) -> Iterator[Limit]:
    for k, site in enumerate(scenario.sites):

        def power(s: Scenario, steps: float, k: int = k) -> Scenario:
            return _with_item(s, "sites", k, power_mw=s.sites[k].power_mw + steps)

        def racks(s: Scenario, steps: float, k: int = k) -> Scenario:
            return _with_item(s, "sites", k, rack_slots=(s.sites[k].rack_slots or 0) + steps * HUNDRED)

        yield Limit(f"sites[{k}].power_mw", f"1 MW more at {site.name}", power)
        if site.rack_slots is not None:
            yield Limit(f"sites[{k}].rack_slots", f"100 rack slots more at {site.name}", racks)


def _machines(scenario: Scenario) -> Iterator[Limit]:
    for k, quote in enumerate(scenario.machines.candidates):
        if quote.max_units is None:
            continue

        def units(s: Scenario, steps: float, k: int = k) -> Scenario:
            quotes = list(s.machines.candidates)
            quotes[k] = quotes[k].model_copy(update={"max_units": (quotes[k].max_units or 0) + steps * HUNDRED})
            return _with(s, "machines", candidates=tuple(quotes))

        name = scenario.machines.specs[quote.model].name
        yield Limit(f"machines.candidates[{k}].max_units", f"100 {name} more to be had", units)


def _facilities(scenario: Scenario) -> Iterator[Limit]:
    for k, offer in enumerate(scenario.facilities):

        def limit(s: Scenario, steps: float, k: int = k) -> Scenario:
            return _with_item(s, "facilities", k, limit_usd=s.facilities[k].limit_usd + steps * MILLION)

        def ltv(s: Scenario, steps: float, k: int = k) -> Scenario:
            tiers = tuple(
                tier.model_copy(update={"max_ltv": tier.max_ltv + steps * POINT}) for tier in s.facilities[k].tiers
            )
            return _with_item(s, "facilities", k, tiers=tiers)

        yield Limit(f"facilities[{k}].limit_usd", f"$1M more from {offer.name}", limit)
        yield Limit(f"facilities[{k}].tiers", f"1 point of LTV more from {offer.name}", ltv)


def _board(scenario: Scenario) -> Iterator[Limit]:
    asked = scenario.requirements
    for name, step, words in (
        ("min_cash_usd", -MILLION, "$1M less cash to hold"),
        ("min_btc", -1.0, "1 BTC less to hold"),
        ("max_ltv", POINT, "1 point more of the board's LTV"),
        ("max_debt_usd", MILLION, "$1M more debt allowed"),
        ("max_lender_btc_share", POINT, "1 point more of all BTC with one lender"),
        ("min_runway_months", -1.0, "1 month less of runway"),
        ("max_fleet_breakeven_usd_per_ph_day", 1.0, "$1 more of the fleet's break-even per PH and day"),
        ("min_dscr", -0.1, "0.1 less of debt service cover"),
    ):

        def ease(s: Scenario, steps: float, name: str = name, step: float = step) -> Scenario:
            return _with(s, "requirements", **{name: max(getattr(s.requirements, name) + steps * step, 0.0)})

        if getattr(asked, name):
            yield Limit(f"requirements.{name}", words, ease)

    def buffer(s: Scenario, steps: float) -> Scenario:
        calls = s.requirements.calls
        return _with(s, "requirements", calls=_copy(calls, buffer_ltv=max(calls.buffer_ltv - steps * POINT, 0.0)))

    def ceiling(s: Scenario, steps: float) -> Scenario:
        return _with(s, "treasury", max_cash_months=s.treasury.max_cash_months + steps)

    if asked.calls.buffer_ltv > 0 and (scenario.loans or scenario.facilities):
        yield Limit("requirements.calls.buffer_ltv", "1 point less of buffer below calls", buffer)
    yield Limit("treasury.max_cash_months", "1 month more of bills held in cash", ceiling)


def _copy(part: Any, **changes: Any) -> Any:
    return part.model_copy(update=changes)


def _with(scenario: Scenario, section: str, **changes: Any) -> Scenario:
    return _copy(scenario, **{section: _copy(getattr(scenario, section), **changes)})  # type: ignore[no-any-return]


def _with_item(scenario: Scenario, section: str, index: int, **changes: Any) -> Scenario:
    items = list(getattr(scenario, section))
    items[index] = _copy(items[index], **changes)
    return _copy(scenario, **{section: tuple(items)})  # type: ignore[no-any-return]
