"""The fleet's books: what is ordered, racked, hashing and resold at each node, and what that costs and earns.

Index order ``[node]``, ``[node, pair]`` or ``[node, site]``; a pair is a machine model at a site.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.decisions import Decisions
from optimizer.errors import AuditError
from optimizer.ledger.paths import before, carried, levels
from optimizer.market.tree import Floats, Ints, Tree
from optimizer.scenario.fleet import Candidate
from optimizer.scenario.schema import Scenario

HOURS_PER_DAY = 24
DAYS_PER_MONTH = 30.4375
WATTS_PER_MW = 1e6
THS_PER_PHS = 1e3


@dataclass(frozen=True)
class Pair:
    """A model at a site; per machine PH/s, MW at the meter (cooling included), USD. ``modes``: (PH/s, MW)."""

    model: str
    site: int
    units_today: int
    nameplate_ph: float
    nameplate_mw: float
    max_mw: float
    modes: tuple[tuple[float, float], ...]
    resale_usd: float
    candidate: Candidate | None
    price_usd: float


@dataclass(frozen=True)
class FleetBooks:
    """The fleet after each node's decisions, and the month's flows.

    ordered_units: cumulative on the path, without today's machines and what was ordered before today. racked_units:
    delivered, neither resold nor seized. owned_units: racked or on order. resold_units and seized_units: that leave at
    the node, for their price or to lenders; promised_units: in the racks, to be resold later. running_ph: PH/s that
    hashed in the month, before uptime. capex_usd: deposits and payments on delivery. placed_usd: the whole cost of what
    is delivered in the month, deposits included. resale_usd: proceeds. worth_usd: resale value of owned machines.
    payable_usd: still due on orders placed. installed_mw: at the meter, at the most the machines may draw.
    """

    pairs: tuple[Pair, ...]
    ordered_units: Floats
    racked_units: Floats
    owned_units: Floats
    resold_units: Floats
    seized_units: Floats
    running_ph: Floats
    mined_btc: Floats
    power_usd: Floats
    capex_usd: Floats
    placed_usd: Floats
    resale_usd: Floats
    worth_usd: Floats
    payable_usd: Floats
    promised_units: Floats
    installed_mw: Floats
    racked_by_site: Floats
    full_power_usd_per_month: Floats


def keep_fleet_books(scenario: Scenario, tree: Tree, ancestor: Ints, decisions: Decisions) -> FleetBooks:
    """Books of the fleet under the plan's orders and retirements.

    ``ancestor`` from `optimizer.ledger.paths.ancestors`. Raises `AuditError` on machines the scenario lacks.
    """
    pairs = pairs_in_use(scenario, decisions)
    column = {(pair.model, scenario.sites[pair.site].name): k for k, pair in enumerate(pairs)}
    orders = np.zeros((len(tree), len(pairs)))
    deposit, rest = np.zeros_like(orders), np.zeros_like(orders)
    for order in decisions.orders:
        k = column[order.model, order.site]
        factor = float(tree.asic_price_factor[order.node])
        on_order, on_delivery = payment_per_unit(scenario, pairs[k], factor)
        orders[order.node, k] += order.units
        deposit[order.node, k] += order.units * on_order
        rest[order.node, k] += order.units * on_delivery
    resold, seized, promised = np.zeros((3, *orders.shape))
    for r in decisions.retirements:
        here = (tree.month == r.month) & (ancestor[:, tree.month[r.node]] == r.node)
        gone = resold if r.seized_by is None else seized
        gone[here, column[r.model, r.site]] += r.units
        if r.month > tree.month[r.node]:
            promised[r.node, column[r.model, r.site]] += r.units
            promised[here, column[r.model, r.site]] -= r.units

    cost = carried(tree, deposit + rest)
    ordered, rest_due = carried(tree, orders), carried(tree, rest)
    arrived_orders = _last_arrived_order_node(tree, ancestor, pairs)
    delivered, rest_paid = _at(ordered, arrived_orders), _at(rest_due, arrived_orders)
    placed = _at(cost, arrived_orders)
    today = np.array([pair.units_today for pair in pairs], dtype=np.float64)
    gone = carried(tree, resold + seized)
    racked, owned = today + delivered - gone, today + ordered - gone
    arrived_by = deliveries_made(tree)
    for machines in scenario.machines.on_order:
        k, due_usd = column[machines.model, machines.site], machines.units * machines.due_usd_per_unit
        here = arrived_by >= machines.arrives_month
        owned[:, k] += machines.units
        racked[:, k] += machines.units * here
        rest_due[:, k] += due_usd
        rest_paid[:, k] += due_usd * here
        placed[:, k] += due_usd * here
    resale_price = np.outer(tree.asic_price_factor, [pair.resale_usd for pair in pairs])

    hashing = before(tree, racked)  # node 0 ends no month
    best_ph, best_mw = _best_mode(tree, pairs)
    site = [pair.site for pair in pairs]
    uptime = np.array([scenario.sites[s].uptime_share for s in site], dtype=np.float64)
    hours = HOURS_PER_DAY * tree.days[:, None]
    power_price = tree.power_usd_per_mwh[:, site]
    to_site = np.zeros((len(pairs), len(scenario.sites)))
    to_site[np.arange(len(pairs)), site] = 1.0
    nameplate_mw = np.array([pair.nameplate_mw for pair in pairs], dtype=np.float64)
    return FleetBooks(
        pairs=pairs,
        ordered_units=ordered,
        racked_units=racked,
        owned_units=owned,
        resold_units=resold,
        seized_units=seized,
        promised_units=carried(tree, promised),
        running_ph=(hashing * best_ph).sum(axis=1),
        mined_btc=tree.btc_per_ph * (hashing * best_ph * uptime).sum(axis=1),
        power_usd=(hashing * best_mw * hours * power_price * uptime).sum(axis=1),
        capex_usd=(deposit + rest_paid - before(tree, rest_paid)).sum(axis=1),
        placed_usd=(placed - before(tree, placed)).sum(axis=1),
        resale_usd=(resold * resale_price).sum(axis=1),
        worth_usd=(owned * resale_price).sum(axis=1),
        payable_usd=(rest_due - rest_paid).sum(axis=1),
        installed_mw=(racked * [pair.max_mw for pair in pairs]) @ to_site,
        racked_by_site=racked @ to_site,
        full_power_usd_per_month=(racked * nameplate_mw * power_price).sum(axis=1) * (HOURS_PER_DAY * DAYS_PER_MONTH),
    )


def pairs_in_use(scenario: Scenario, decisions: Decisions) -> tuple[Pair, ...]:
    """Every model at a site that is owned, on order, ordered or retired, today's machines first.

    Raises `AuditError` if the plan names a machine or a site that the scenario does not have, or hands machines to a
    loan that it does not have.
    """
    owned = {(o.model, o.site): 0 for o in scenario.machines.owned}
    for machines in scenario.machines.owned:
        owned[machines.model, machines.site] += machines.units
    candidates = {c.model for c in scenario.machines.candidates}
    for order in decisions.orders:
        if order.model not in candidates:
            raise AuditError(f"The plan orders {order.model!r}, which the scenario does not offer.")
    loans = {source.name for source in scenario.sources if source.kind == "machine_loan"}
    for gone in decisions.retirements:
        if gone.seized_by is not None and gone.seized_by not in loans:
            raise AuditError(
                f"The plan hands machines to {gone.seized_by!r}, which is no machine loan of the scenario."
            )
    asked = [(order.model, order.site) for order in decisions.orders]
    asked += [(retirement.model, retirement.site) for retirement in decisions.retirements]
    coming = [(o.model, o.site) for o in scenario.machines.on_order]
    return tuple(_pair(scenario, *key, owned.get(key, 0)) for key in dict.fromkeys([*owned, *coming, *asked]))


def payment_per_unit(scenario: Scenario, pair: Pair, price_factor: float) -> tuple[float, float]:
    """USD per machine ordered at ``price_factor``: due with the order, and due on delivery."""
    site, quote = scenario.sites[pair.site], pair.candidate
    if quote is None:
        return 0.0, 0.0
    price = pair.price_usd * price_factor
    rest = price * (1 - quote.deposit_share + site.duty_share)
    return price * quote.deposit_share, rest + quote.freight_usd_per_unit + site.installation_usd_per_unit


def _pair(scenario: Scenario, model: str, site_name: str, units_today: int) -> Pair:
    site_index = next((i for i, site in enumerate(scenario.sites) if site.name == site_name), None)
    spec = scenario.machines.specs.get(model)
    if site_index is None or spec is None:
        raise AuditError(f"The plan has {model!r} at {site_name!r}, which the scenario does not have.")
    quote = next((c for c in scenario.machines.candidates if c.model == model), None)
    held = [m for m in scenario.machines.held if (m.model, m.site) == (model, site_name)]
    quoted = quote.price_usd if quote is not None else None
    new_price = quoted or spec.price_usd or 0.0
    # Today's machines are worth what the catalogue says a new one costs, whatever is quoted for an order.
    basis = spec.price_usd or quoted or 0.0 if held else new_price
    resale = basis * (1 - scenario.market.asic_prices.resale_discount_share)
    for stated in held:
        resale = stated.resale_usd if stated.resale_usd is not None else resale
    at_meter = scenario.sites[site_index].pue / WATTS_PER_MW
    firmware = spec.modes if scenario.machines.use_firmware_modes else ()
    modes = [(spec.hashrate_ths, spec.power_w), *((mode.hashrate_ths, mode.power_w) for mode in firmware)]
    return Pair(
        model=model,
        site=site_index,
        units_today=units_today,
        nameplate_ph=spec.hashrate_ths / THS_PER_PHS,
        nameplate_mw=spec.power_w * at_meter,
        max_mw=max(watts for _, watts in modes) * at_meter,
        modes=tuple((ths / THS_PER_PHS, watts * at_meter) for ths, watts in modes),
        resale_usd=resale,
        candidate=quote,
        price_usd=new_price,
    )


def _last_arrived_order_node(tree: Tree, ancestor: Ints, pairs: tuple[Pair, ...]) -> Ints:
    """``[node, pair]``: the latest ancestor whose order has arrived by the node; -1: none has.

    An order of month d is there at the end of month d + lead + the branch's delay. What has arrived stays:
    a delay that begins after node 0 does not take back what was delivered today.
    """
    lead = np.array([p.candidate.lead_months if p.candidate else 0 for p in pairs], dtype=np.int64)
    month = deliveries_made(tree)[:, None] - lead
    node = np.take_along_axis(ancestor, np.maximum(month, 0), axis=1)
    return np.where(month >= 0, node, -1)


def deliveries_made(tree: Tree) -> Ints:
    """``[node]``: what was to arrive by the end of this month has arrived by the node, its delay allowed for."""
    month = tree.month - tree.delivery_delay_months
    for nodes in levels(tree):
        month[nodes] = np.maximum(month[nodes], month[tree.parent[nodes]])
    return month


def _at(balances: Floats, node: Ints) -> Floats:
    """``balances[node[n, k], k]``, 0 where there is no such node."""
    picked = np.take_along_axis(balances, np.maximum(node, 0), axis=0)
    return np.where(node >= 0, picked, 0.0)


def _best_mode(tree: Tree, pairs: tuple[Pair, ...]) -> tuple[Floats, Floats]:
    """PH/s and MW per machine ``[node, pair]`` in the mode that earns most; 0 where none earns."""
    best_ph, best_mw = np.zeros((len(tree), len(pairs))), np.zeros((len(tree), len(pairs)))
    for k, pair in enumerate(pairs):
        usd_per_mw = HOURS_PER_DAY * tree.days * tree.power_usd_per_mwh[:, pair.site]
        best = np.zeros(len(tree))
        for ph, mw in pair.modes:
            margin = tree.revenue_usd_per_ph * ph - usd_per_mw * mw
            better = margin > best
            best_ph[better, k], best_mw[better, k], best[better] = ph, mw, margin[better]
    return best_ph, best_mw
