"""The model's exit: a solution scaled back to plain units, as decisions and the position it claims."""

from __future__ import annotations

import numpy as np

from optimizer.decisions import OPENING, Decisions, Draw, Liquidation, Order, Pledge, Position, Repayment, Retirement
from optimizer.formulation.facilities import topped_up
from optimizer.formulation.fleet import resale_value
from optimizer.formulation.linear import NOISE
from optimizer.formulation.model import Formulation
from optimizer.formulation.sources import sources_worth
from optimizer.formulation.taxes import lot_sales, tax_claim, tax_payments


def decisions(f: Formulation) -> Decisions:
    """All decisions of the loaded solution, at every node, in plain units."""
    data, m = f.data, f.pyomo
    buy = np.array([m.buy_btc[n].value if n in m.buy_btc else 0.0 for n in data.nodes])
    return Decisions(
        sell_btc=np.array([m.sell_btc[n].value for n in data.nodes]),
        buy_btc=buy,
        orders=tuple(_orders(f)),
        retirements=(*_retirements(f), *(gone for kind in f.kinds.values() for gone in kind.handed_over(f))),
        draws=tuple(_draws(f)),
        repayments=tuple(_repayments(f)),
        pledges=tuple(_pledges(f)),
        liquidations=tuple(_liquidations(f)),
        uses=tuple(use for kind in f.kinds.values() for use in kind.uses(f)),
        lot_sales=tuple(lot_sales(f)),
        tax_payments=tuple(tax_payments(f)),
    )


def position(f: Formulation) -> Position:
    """The position that the model claims for its solution, in plain units."""
    data, m, usd = f.data, f.pyomo, f.data.money_usd
    pledged = np.array([[f.pledged(n, d).value() for d in data.debts] for n in data.nodes])
    owed = np.array([[f.owed(n, d).value() * usd for d in data.debts] for n in data.nodes])
    cash = np.array([m.cash_usd[n].value * usd for n in data.nodes])
    btc = np.array([m.btc[n].value for n in data.nodes])
    resale = np.array([resale_value(f, n).value() * usd for n in data.nodes])
    sources = np.array([sources_worth(f, n).value() * usd for n in data.nodes])
    tax = np.array([tax_claim(f, n) * usd for n in data.nodes])
    shape = (len(btc), len(data.debts))
    return Position(
        btc=btc,
        pledged_btc=pledged.reshape(shape),
        owed_usd=owed.reshape(shape),
        cash_usd=cash,
        net_btc=btc + (cash + resale + sources - tax - owed.reshape(shape).sum(axis=1)) / data.tree.price_usd,
    )


def _orders(f: Formulation) -> list[Order]:
    return [
        Order(n, p.model, p.site, lots * p.candidate.lot_units)
        for n in f.data.decision_nodes
        for p in f.data.pairs
        if f.may_order(n, p) and p.candidate and (lots := f.pyomo.order_lots[n, *p.key].value) > NOISE
    ]


def _retirements(f: Formulation) -> list[Retirement]:
    return [
        Retirement(n, p.model, p.site, ph * p.units_per_ph, f.data.month(n) + after)
        for n in f.data.decision_nodes
        for p in f.data.pairs
        for after in f.handover_months(p, n)
        if (ph := f.pyomo.retire_ph[n, *p.key, after].value) > NOISE
    ]


def _draws(f: Formulation) -> list[Draw]:
    return [
        Draw(n, debt.name, t.tier, amount * f.data.money_usd)
        for n in f.data.decision_nodes
        for debt in f.data.debts
        for t in f.tranches(n, debt)
        if t.drawn_node == n and (amount := _principal(f, n, t.key)) > NOISE
    ]


def _repayments(f: Formulation) -> list[Repayment]:
    found, usd = [], f.data.money_usd
    for debt in f.data.debts:
        for n in f.data.nodes:
            if n == 0:
                repaid = debt.balance_at_opening
                if repaid:
                    repaid -= _principal(f, 0, (debt.index, 0, OPENING))
                if abs(repaid) > NOISE:
                    found.append(Repayment(0, debt.name, 0, OPENING, repaid * usd))
                continue
            for t in f.tranches(f.data.parent(n), debt):
                repaid = _principal(f, f.data.parent(n), t.key) - _principal(f, n, t.key)
                if f.can_be_liquidated(n, debt):
                    repaid -= f.pyomo.met_usd[n, debt.name, t.tier, t.drawn_node].value
                if abs(repaid) > NOISE:
                    found.append(Repayment(n, debt.name, t.tier, t.drawn_node, repaid * usd))
    return found


def _liquidations(f: Formulation) -> list[Liquidation]:
    found = []
    for n in f.data.nodes:
        for debt in f.data.debts:
            if not f.can_be_liquidated(n, debt):
                continue
            seized = f.pyomo.seized_btc[n, debt.name].value
            if seized > NOISE:
                met = [
                    (t.tier, t.drawn_node, f.pyomo.met_usd[n, debt.name, t.tier, t.drawn_node].value)
                    for t in f.tranches(f.data.parent(n), debt)
                ]
                in_usd = tuple((k, d, usd * f.data.money_usd) for k, d, usd in met if usd > NOISE)
                found.append(Liquidation(n, debt.name, seized, in_usd))
    return found


def _principal(f: Formulation, n: int, key: tuple[int, int, int]) -> float:
    if (n, key) not in f.principal:
        return 0.0
    coef, var = f.principal[n, key]
    return float(coef * var.value)


def _pledges(f: Formulation) -> list[Pledge]:
    found = []
    for n in f.data.nodes:
        for debt in f.data.debts:
            parent = f.data.parent(n)
            if not f.is_open(n, debt) and (parent < 0 or not f.is_open(parent, debt)):
                continue
            added = topped_up(f, n, debt).value()
            index = (n, debt.name)
            released = f.pyomo.released_btc[index].value if index in f.pyomo.released_btc else 0.0
            if max(added, released) > NOISE:
                found.append(Pledge(n, debt.name, max(added, 0.0), released))
    return found
