"""Machines over one month on many paths: what hashed, what arrived, what left, what is ordered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.ledger.company import HOURS_PER_DAY, Company, Setting
from optimizer.ledger.record import Record
from optimizer.market.tree import Floats

# Of a limit: being over it by less is a solver's rounding.
ROUNDING = 1e-6


@dataclass(frozen=True)
class FleetMonth:
    """BTC mined, USD for power, due on what arrived, brought by what was resold; ``[path]``."""

    mined_btc: Floats
    power_usd: Floats
    due_usd: Floats
    resale_usd: Floats


def run_fleet(
    s: Setting, c: Company, month: int, retire_units: Floats | None, seized_units: Floats, r: Record
) -> FleetMonth:
    """What was racked before hashes in its best mode; then machines arrive, those go that lenders take
    (``seized_units`` ``[path, pair]``), and those leave whose month has come.

    ``retire_units``: newly meant to leave, by month, ``[path, month, pair]``. No more leave than are racked. What then
    finds no room is resold too.
    """
    mined, power = _hash(s, c, month)
    c.racked_units += c.arriving_units[:, month] - seized_units
    if retire_units is not None:
        c.retiring_units[:, : retire_units.shape[1]] += retire_units
    gone = _leave(c, month)
    crowded = _without_room(s, c)
    c.racked_units -= crowded
    gone = gone + crowded
    resale = gone @ np.array([pair.resale_usd for pair in s.pairs]) * s.paths.asic_price_factor[:, month]
    r.flow("mined_btc", mined)
    r.flow("resale_usd", resale)
    return FleetMonth(mined, power, c.due_usd[:, month], resale)


def _leave(c: Company, month: int) -> Floats:
    """Take out of the racks what is to leave this month and is there, ``[path, pair]``."""
    gone = np.minimum(c.retiring_units[:, month], c.racked_units)
    c.racked_units -= gone
    c.retiring_units[:, month] -= gone
    return gone


def resell_the_rest(s: Setting, c: Company, month: int, r: Record) -> Floats:
    """What was to leave this month and has only just been handed over is resold too, USD ``[path]``."""
    gone = _leave(c, month)
    resale = gone @ np.array([pair.resale_usd for pair in s.pairs]) * s.paths.asic_price_factor[:, month]
    r.flow("resale_usd", resale)
    return np.asarray(resale)


def order_cost_usd(s: Setting, month: int, units: Floats) -> Floats:
    """What an order takes now: deposits, and all of it for machines handed over at once, USD ``[path]``."""
    factor = s.paths.asic_price_factor[:, month]
    deposit, moving, fixed = s.order_usd
    at_once = _lead(s) == 0
    late = s.paths.delivery_delay_months > 0 if month else np.zeros(len(factor), dtype=bool)
    now = np.asarray(units @ deposit) * factor
    return np.asarray(now + np.where(late, 0.0, (units * at_once) @ moving * factor + (units * at_once) @ fixed))


def of_what_is_left(s: Setting, c: Company, units: Floats) -> Floats:
    """An order ``[path, pair]`` scaled to what its vendor still has: on a tree two sister branches may each order all
    of it, and a path that changes between them would order twice."""
    for quote in s.scenario.machines.candidates:
        if quote.max_units is not None and units.any():
            mine = np.array([pair.model == quote.model for pair in s.pairs], dtype=np.float64)
            asked, left = units @ mine, np.maximum(quote.max_units - c.ordered_units @ mine, 0.0)
            share = np.divide(left, asked, out=np.ones_like(asked), where=asked > left + ROUNDING * quote.max_units)
            units = np.where(mine > 0, units * share[:, None], units)
    return units


def _without_room(s: Setting, c: Company) -> Floats:
    """Machines that a site has neither power nor racks for, the least efficient first, ``[path, pair]``. On a tree
    there are none; a path that changes branches may order on one what only the other makes room for."""
    out = np.zeros_like(c.racked_units)
    j_per_th = np.array([pair.nameplate_mw / pair.nameplate_ph for pair in s.pairs])
    for k, site in enumerate(s.scenario.sites):
        here = [q for q in np.argsort(-j_per_th).tolist() if s.pairs[q].site == k]
        limits = [(np.array([s.pairs[q].max_mw for q in here]), site.power_mw)]
        if site.rack_slots is not None:
            limits.append((np.ones(len(here)), float(site.rack_slots)))
        for each, most in limits:
            over = (c.racked_units[:, here] - out[:, here]) @ each - most * (1 + ROUNDING)
            for q, takes in zip(here, each.tolist(), strict=True):
                gone = np.clip(over / takes, 0.0, c.racked_units[:, q] - out[:, q])
                out[:, q] += gone
                over = over - gone * takes
    return out


def order(s: Setting, c: Company, month: int, units: Floats, r: Record) -> Floats:
    """Order machines ``[path, pair]``; returns what is paid now, USD ``[path]``. The rest falls due on delivery, at
    today's machine prices."""
    cost = order_cost_usd(s, month, units)
    factor = s.paths.asic_price_factor[:, month, None]
    rest = units * (s.order_usd[1] * factor + s.order_usd[2])
    c.ordered_units += units
    paths = np.arange(len(units))
    for lead in np.unique(_lead(s)[units.any(axis=0)]).tolist():
        those = _lead(s) == lead
        arrives = month + lead + np.where(month + lead > 0, s.paths.delivery_delay_months, 0)
        now = arrives == month
        c.racked_units[now] += units[now] * those
        c.arriving_units[paths[~now], arrives[~now]] += units[~now] * those
        c.due_usd[paths[~now], arrives[~now]] += rest[~now] @ those
        c.placed_usd[paths, arrives] += (units * s.order_usd[0] * factor + rest) @ those
    r.flow("ordered_usd", cost)
    return cost


def _hash(s: Setting, c: Company, month: int) -> tuple[Floats, Floats]:
    """BTC mined and USD of power: each model runs in the mode that earns most, or is off."""
    mined, power = np.zeros(len(c.cash_usd)), np.zeros(len(c.cash_usd))
    if not month:
        return mined, power
    hours = HOURS_PER_DAY * float(s.paths.days[month])
    for k, pair in enumerate(s.pairs):
        units = c.racked_units[:, k] * s.scenario.sites[pair.site].uptime_share
        usd_per_mw = hours * s.paths.power_usd_per_mwh[:, month, pair.site]
        best, ph_run, mw_run = np.zeros((3, len(units)))
        for ph, mw in pair.modes:
            margin = s.paths.revenue_usd_per_ph[:, month] * ph - usd_per_mw * mw
            better = margin > best
            best[better], ph_run[better], mw_run[better] = margin[better], ph, mw
        mined += units * ph_run * s.paths.btc_per_ph[:, month]
        power += units * mw_run * usd_per_mw
    return mined, power


def _lead(s: Setting) -> Floats:
    return np.array([pair.candidate.lead_months if pair.candidate else 0 for pair in s.pairs], dtype=np.int64)
