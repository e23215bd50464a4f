"""Machines: what is owned, what has arrived, and the room and power they need.

Variables: ``order_lots[n, model, site]`` lots ordered (whole at node 0), ``retire_ph[n, model, site, after]``
hashrate given up ``after`` months later, ``owned_ph[n, model, site]`` owned after the decisions of n, orders under
way included and promised retirements excluded. Index n runs over decision nodes.
"""

from __future__ import annotations

from optimizer.formulation.fleet_data import Pair
from optimizer.formulation.linear import SKIP, Row, Terms, at_least, at_most, equal, total
from optimizer.formulation.model import Formulation, NonNegativeIntegers
from optimizer.scenario.fleet import Candidate


def add_fleet(f: Formulation) -> None:
    """Variables and rows of the fleet."""
    data = f.data
    pairs = data.pairs
    nodes = data.decision_nodes
    f.variables("owned_ph", [(n, *p.key) for n in nodes for p in pairs])
    orders = f.variables("order_lots", [(n, *p.key) for n in nodes for p in pairs if f.may_order(n, p)])
    f.variables("retire_ph", [(n, *p.key, m) for n in nodes for p in pairs for m in f.handover_months(p, n)])
    for pair in pairs:
        if f.may_order(0, pair):
            orders[0, *pair.key].domain = NonNegativeIntegers
    f.rows(owned_machines, [(n, a) for n in nodes for a in range(len(pairs))])
    f.rows(delivered_before_resale, [(n, a) for n in nodes for a, p in enumerate(pairs) if p.candidate or p.on_order])
    f.rows(machine_availability, [(n, c.model) for n in nodes for c in _limited(f)])
    arrivals = [(n, k) for n in data.nodes for k in range(len(data.scenario.sites)) if _arrives(f, n, k)]
    f.rows(site_power, arrivals)
    f.rows(site_racks, [(n, k) for n, k in arrivals if data.scenario.sites[k].rack_slots is not None])


def owned_machines(f: Formulation, n: int, a: int) -> Row:
    """Owned = owned before + ordered - retired - seized:  O[n,a] = O[q,a] + lot[a] x[n,a] - sum_m r[n,a,m] - z[n,a]."""
    pair, m = f.data.pairs[a], f.pyomo
    row = total((1.0, m.owned_ph[n, *pair.key]))
    for kind in f.kinds.values():
        row.plus(kind.seized_ph(f, n, a))
    for after in f.handover_months(pair, n):
        row.add(1.0, m.retire_ph[n, *pair.key, after])
    if f.may_order(n, pair):
        row.add(-pair.lot_ph, m.order_lots[n, *pair.key])
    if f.data.state[n] < 0:
        return equal(row, pair.opening_ph)
    return equal(row.add(-1.0, m.owned_ph[f.data.state[n], *pair.key]))


def delivered_before_resale(f: Formulation, n: int, a: int) -> Row:
    """Only machines that stand in the racks can be resold:  O[n,a] >= sum of orders under way."""
    pair, data = f.data.pairs[a], f.data
    row = total((1.0, f.pyomo.owned_ph[n, *pair.key]))
    row.shift(-sum(b.ph for b in pair.on_order if data.arrival_month(b, n) > data.month(n)))
    for d in data.deciders[n]:
        for b, lots in f.under_way(d, n):
            if a == b:
                row.add(-pair.lot_ph, lots)
    return at_least(row)


def machine_availability(f: Formulation, n: int, model: str) -> Row:
    """The vendor delivers so many and no more:  sum over the way to n and sites of lots <= max_units / lot_units."""
    row = Terms()
    limit = 0.0
    for pair in f.data.pairs:
        if pair.model == model and pair.candidate and pair.candidate.max_units is not None:
            limit = pair.candidate.max_units / pair.candidate.lot_units
            for d in f.data.deciders[n]:
                if f.may_order(d, pair):
                    row.add(1.0, f.pyomo.order_lots[d, *pair.key])
    return at_most(row, limit)


def site_power(f: Formulation, n: int, k: int) -> Row:
    """Machines in the racks never need more than the site's power:  sum_a mw[a] racked[n,a] <= MW[k]."""
    row = Terms()
    for a, pair in enumerate(f.data.pairs):
        if pair.site_index == k:
            row.plus(f.racked(n, a), pair.mw_per_ph)
    return at_most(row, f.data.scenario.sites[k].power_mw)


def site_racks(f: Formulation, n: int, k: int) -> Row:
    """Machines in the racks fit in them:  sum_a units[a] racked[n,a] <= slots[k]."""
    slots = f.data.scenario.sites[k].rack_slots
    if slots is None:
        return SKIP
    row = Terms()
    for a, pair in enumerate(f.data.pairs):
        if pair.site_index == k:
            # Per thousand slots, to keep coefficients near one.
            row.plus(f.racked(n, a), pair.units_per_ph / 1e3)
    return at_most(row, slots / 1e3)


def _limited(f: Formulation) -> list[Candidate]:
    return [c for c in f.data.scenario.machines.candidates if c.max_units is not None]


def _arrives(f: Formulation, n: int, k: int) -> bool:
    """Whether machines can arrive at site k at node n: nowhere else can the racks get fuller."""
    data = f.data
    here = [pair for pair in data.pairs if pair.site_index == k]
    if any(data.arrival_month(batch, n) == data.month(n) for pair in here for batch in pair.on_order):
        return True
    return any(data.pairs[a].site_index == k for d in data.deciders[n] for a, _ in f.arriving(d, n))


def resale_value(f: Formulation, n: int) -> Terms:
    """What all machines owned at a leaf fetch, less what is still unpaid on orders under way."""
    worth = Terms()
    for a, pair in enumerate(f.data.pairs):
        worth.plus(f.owned(n, a), pair.resale * float(f.data.tree.asic_price_factor[n]))
    return worth.plus(payables(f, n), -1.0)


def payables(f: Formulation, n: int) -> Terms:
    """Money still due on machines that are ordered and not delivered after node n."""
    data, owing = f.data, Terms()
    for pair in data.pairs:
        owing.shift(sum(b.due for b in pair.on_order if data.arrival_month(b, n) > data.month(n)))
    for d in data.deciders[n]:
        for a, lots in f.under_way(d, n):
            owing.add(due_on_delivery(f, data.pairs[a], d), lots)
    return owing


def due_on_delivery(f: Formulation, pair: Pair, d: int) -> float:
    """Money per lot that an order at node d still owes when the machines arrive."""
    assert pair.candidate is not None
    at_order = float(f.data.tree.asic_price_factor[d])
    rest = 1 - pair.candidate.deposit_share
    return (pair.price * rest + pair.duty) * at_order + pair.landing


def machine_payments(f: Formulation, n: int) -> Terms:
    """Money paid at node n for machines: deposits of its orders and the rest of what arrives."""
    data, paid = f.data, Terms()
    for pair in data.pairs:
        paid.shift(sum(b.due for b in pair.on_order if data.arrival_month(b, n) == data.month(n)))
        if pair.candidate and f.may_order(n, pair):
            deposit = pair.price * pair.candidate.deposit_share * float(data.tree.asic_price_factor[n])
            paid.add(deposit, f.pyomo.order_lots[n, *pair.key])
    for d in data.deciders[n]:
        for a, lots in f.arriving(d, n):
            paid.add(due_on_delivery(f, data.pairs[a], d), lots)
    return paid


def resale_proceeds(f: Formulation, n: int) -> Terms:
    """Money from machines unplugged and resold at the end of the month at node n."""
    data, sold = f.data, Terms()
    factor = float(data.tree.asic_price_factor[n])
    for d in data.deciders[n]:
        for a, leaving in f.leaving(d, n):
            sold.add(data.pairs[a].resale * factor, leaving)
    return sold
