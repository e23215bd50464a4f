"""Walking away from machine-backed loans of limited recourse: the machines go to the lender, the debt is gone.

Variables: ``machine_walk_usd[n, loan, d]`` of what was drawn at d, how much is walked away from at n, in dollars of the
draw; ``seized_ph[n, loan, model, site]`` handed over at n; ``machine_lends[n, loan]`` 1 while nothing has been walked
away from, 0 or 1, where there may be draws after it.
"""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.decisions import Retirement, Use
from optimizer.formulation.fleet_data import Pair
from optimizer.formulation.linear import NOISE, Row, Terms, at_most, equal, total
from optimizer.formulation.machine_loans import machine_loans, may_draw, on_offer, remaining_share
from optimizer.formulation.model import Binary, Formulation
from optimizer.formulation.source import named
from optimizer.scenario.sources import MachineLoan


def add_seizures(f: Formulation) -> None:
    """Variables of what is handed over: the fleet's rows take part in them."""
    f.variables(
        "seized_ph",
        [
            (n, loan.name, *pair.key)
            for loan in machine_loans(f)
            for n in f.data.decision_nodes
            if open_draws(f, n, loan)
            for pair in _taken(f, loan)
        ],
    )


def add_walks(f: Formulation) -> None:
    """Variables and rows of walking away."""
    walks = f.variables(
        "machine_walk_usd",
        [(n, loan.name, d) for loan in machine_loans(f) for n in f.data.decision_nodes for d in open_draws(f, n, loan)],
    )
    places = list(dict.fromkeys((n, name) for n, name, _ in walks))
    closing = [(n, name) for n, name in f.pyomo.machine_draw_usd if not walked(f, n, name).is_empty()]
    f.variables("machine_lends", closing, Binary)
    f.rows(machine_walk_once, list(walks))
    f.rows(machine_walk_hands_over, places)
    at_once = [(n, a) for n in dict.fromkeys(n for n, _ in places) for a in _arrives_at_once(f, n)]
    f.rows(machine_walk_takes_what_stands, at_once)
    f.rows(machine_walk_ends_lending, closing)
    f.rows(machine_walk_leaves_no_draw, closing)


def open_draws(f: Formulation, n: int, loan: MachineLoan) -> list[int]:
    """The nodes before n from whose draws the company can walk away at n: a payment is due there or later, and
    machines ordered with them have been delivered."""
    if loan.recourse == "full" or n not in f.decision_set:
        return []
    month, data = f.data.month(n), f.data

    def delivered(d: int) -> bool:
        return all(data.delivery_month(pair, d, data.delay(n)) <= month for pair in on_offer(f, loan, d))

    return [
        d
        for d in data.deciders[n]
        if d != n and may_draw(f, loan, d) and month <= data.month(d) + loan.term_months and delivered(d)
    ]


def _arrives_at_once(f: Formulation, n: int) -> list[int]:
    """Pairs that may be seized at n and ordered there, to stand at once."""
    return [a for a, _ in f.arriving(n, n) if not seized_ph(f, n, a).is_empty()]


def _taken(f: Formulation, loan: MachineLoan) -> list[Pair]:
    return [pair for pair in f.data.pairs if pair.candidate is not None and loan.takes(pair.model)]


def walked(f: Formulation, n: int, name: str, drawn: int | None = None) -> Terms:
    """walked[n,d]: of the draw at ``drawn`` (None: of all) what has been walked away from on the way to n."""
    way, walks = f.data.deciders[n], f.pyomo.machine_walk_usd
    keys = [(k, name, d) for d in (way if drawn is None else [drawn]) for k in way]
    return total(*((1.0, walks[key]) for key in keys if key in walks))


def forgiven(f: Formulation, n: int, loan: MachineLoan) -> Terms:
    """Owed before n of what is walked away from at n:  sum_d s(p, d) walk[n,d]."""
    walks = f.pyomo.machine_walk_usd
    draws = [d for d in f.data.deciders[n] if (n, loan.name, d) in walks]
    return total(*((_owed_share(f, n, loan, d), walks[n, loan.name, d]) for d in draws))


def _owed_share(f: Formulation, n: int, loan: MachineLoan, d: int) -> float:
    """Share of the draw at d that is owed before the payment due at n."""
    return remaining_share(loan, f.data.month(n) - 1 - f.data.month(d))


def seized_ph(f: Formulation, n: int, a: int) -> Terms:
    """PH/s of pair ``a`` that lenders take at n."""
    seized, pair = f.pyomo.seized_ph, f.data.pairs[a]
    keys = [(n, loan.name, *pair.key) for loan in machine_loans(f)]
    return total(*((1.0, seized[key]) for key in keys if key in seized))


def machine_walk_once(f: Formulation, n: int, name: str, d: int) -> Row:
    """No more is walked away from than was drawn:  walked[n,d] <= X[d]."""
    return at_most(walked(f, n, name, d).add(-1.0, f.pyomo.machine_draw_usd[d, name]))


def machine_walk_hands_over(f: Formulation, n: int, name: str) -> Row:
    """The machines that the draw paid for go to the lender, at today's prices:
    sum_a price[a] / lot[a] * seized[n,a] = sum_d walk[n,d] / (advance f[d])."""
    loan, m = named(machine_loans(f), name), f.pyomo
    row = total(*((pair.price / pair.lot_ph, m.seized_ph[n, name, *pair.key]) for pair in _taken(f, loan)))
    for d in open_draws(f, n, loan):
        at_order = float(f.data.tree.asic_price_factor[d])
        row.add(-1 / (loan.advance_share * at_order), m.machine_walk_usd[n, name, d])
    return equal(row)


def machine_walk_takes_what_stands(f: Formulation, n: int, a: int) -> Row:
    """What is ordered and handed over by its vendor on the same day does not stand in for it:
    sum_loan seized[n,a] <= O[q,a] - what was ordered before n and has not arrived."""
    pair, data = f.data.pairs[a], f.data
    before = data.state[n]
    row = total((-1.0, f.pyomo.owned_ph[before, *pair.key])).plus(seized_ph(f, n, a))
    row.shift(sum(batch.ph for batch in pair.on_order if data.arrival_month(batch, n) > data.month(n)))
    for d in data.deciders[before]:
        for b, lots in f.under_way(d, n):
            if a == b:
                row.add(pair.lot_ph, lots)
    return at_most(row)


def machine_walk_ends_lending(f: Formulation, n: int, name: str) -> Row:
    """A lender that has been walked away from lends no more:  sum_d walked[n,d] <= limit (1 - z[n])."""
    limit = named(machine_loans(f), name).limit_usd / f.data.money_usd
    return at_most(walked(f, n, name).add(limit, f.pyomo.machine_lends[n, name]), limit)


def machine_walk_leaves_no_draw(f: Formulation, n: int, name: str) -> Row:
    """Together with the one before:  X[n] <= limit z[n]."""
    limit = named(machine_loans(f), name).limit_usd / f.data.money_usd
    m = f.pyomo
    return at_most(total((1.0, m.machine_draw_usd[n, name]), (-limit, m.machine_lends[n, name])))


def walk_uses(f: Formulation) -> Iterator[Use]:
    """What is walked away from: principal owed before the month's payment, by the month of its draw."""
    for (n, name, d), var in f.pyomo.machine_walk_usd.items():
        if var.value > NOISE:
            owed = _owed_share(f, n, named(machine_loans(f), name), d) * var.value
            yield Use(n, name, f"walk_away_month_{f.data.month(d)}_usd", owed * f.data.money_usd)


def handed_over(f: Formulation) -> Iterator[Retirement]:
    """The machines that go to lenders, at once."""
    units_per_ph = {pair.key: pair.units_per_ph for pair in f.data.pairs}
    for (n, name, model, site), var in f.pyomo.seized_ph.items():
        if var.value > NOISE:
            yield Retirement(n, model, site, var.value * units_per_ph[model, site], f.data.month(n), seized_by=name)
