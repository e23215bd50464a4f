"""The model under construction: its parameters, its variables, and the expressions that several families share."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from pyomo.core import Binary, ConcreteModel, Constraint, NonNegativeIntegers, NonNegativeReals, Reals, Var

from optimizer.formulation.data import Data
from optimizer.formulation.debt_data import Debt, Tranche
from optimizer.formulation.fleet_data import Pair
from optimizer.formulation.linear import Row, Terms
from optimizer.formulation.source import Kind

# (pair, variable) of machines that come or go.
Moves = list[tuple[int, Any]]

# What fails while a component is made is raised; Pyomo would print it as well, on the screen of a plan or of a Ctrl-C.
logging.getLogger("pyomo.core").setLevel(logging.CRITICAL)

__all__ = ["Binary", "Formulation", "NonNegativeIntegers", "NonNegativeReals", "Reals"]


class Formulation:
    """A Pyomo model together with the data it was made from.

    ``pyomo`` holds the components; a row family and its Pyomo component have the same name. ``principal`` maps
    (node, tranche key) to its (coefficient, variable): where early repayment is not allowed, the schedule fixes
    principal as a share of an earlier variable and no new one is made.
    """

    def __init__(self, data: Data) -> None:
        self.data = data
        self.pyomo: Any = ConcreteModel()
        self.principal: dict[tuple[int, tuple[int, int, int]], tuple[float, Any]] = {}
        # Kinds of sources of money that the scenario has: filled by
        # `optimizer.formulation.sources.add_source_variables`.
        self.kinds: dict[str, Kind] = {}
        # Lots and tax years, where the scenario has taxes: an `optimizer.formulation.taxes.TaxYears`.
        self.taxes: Any = None
        # What a kind of source works out once for a source: by its name.
        self.worked_out: dict[str, Any] = {}
        self._open: dict[tuple[int, int], bool] = {}
        self._handovers: dict[tuple[int, int], list[int]] = {}
        self._margins: dict[int, tuple[Terms, Terms]] = {}
        self._racked: dict[tuple[int, int, int], list[Terms]] = {}
        self._owned: dict[tuple[int, int], list[Terms]] = {}
        self._arriving: dict[tuple[int, int], dict[int, Moves]] = {}
        self._departing: dict[int, dict[int, Moves]] = {}
        self._owed: dict[tuple[int, int], list[tuple[Tranche, float, Any]]] = {}
        self._kept: dict[tuple[Any, ...], Terms] = {}

    def variables(self, name: str, index: Iterable[Any], domain: Any = NonNegativeReals) -> Any:
        """Add variables ``name[index]`` and return them."""
        component = Var(list(index), domain=domain)
        self.pyomo.add_component(name, component)
        return component

    def rows(self, rule: Callable[..., Row], index: Iterable[Any]) -> None:
        """Add one row ``rule(self, *i)`` for each i: the family is named as its rule."""
        spread = [i if isinstance(i, tuple) else (i,) for i in index]
        if not spread:
            return
        component = Constraint(spread, rule=lambda _, *i: rule(self, *i))
        self.pyomo.add_component(rule.__name__, component)

    def kept(self, make: Callable[..., Terms], *key: Any) -> Terms:
        """``make(*key)``, made once for several families; a copy."""
        found = self._kept.get((make.__name__, *key))
        if found is None:
            found = self._kept[make.__name__, *key] = make(*key)
        return found.copy()

    # ---- expressions shared by families -------------------------------------------------------------------

    def hashing(self, node: int, a: int) -> Terms:
        """PH/s of pair ``a`` that run in the month that ends at ``node``.

        owned after the last decisions - ordered and not delivered before the month + promised but still running.
        """
        return self._racks(self.data.state[node], self.data.month(node) - 1, self.data.delay(node))[a]

    def racked(self, node: int, a: int) -> Terms:
        """PH/s of pair ``a`` that stand in racks after the decisions and deliveries at ``node``."""
        data = self.data
        last = node if node in self.decision_set else data.state[node]
        return self._racks(last, data.month(node), data.delay(node))[a]

    def _racks(self, last: int, month: int, delay: int) -> list[Terms]:
        """Owned at ``last``, less what is not delivered by the end of ``month``, plus what leaves after it, [pair].

        Kept: the same on all branches after ``last`` that deliver alike.
        """
        key = (last, month, delay)
        if key not in self._racked:
            self._racked[key] = self._make_racks(*key)
        return self._racked[key]

    def _make_racks(self, last: int, month: int, delay: int) -> list[Terms]:
        pairs = self.data.pairs
        racks = [Terms(-sum(b.ph for b in pair.on_order if b.month + delay > month)) for pair in pairs]
        for rack, pair in zip(racks, pairs, strict=True):
            if last < 0:
                rack.shift(pair.opening_ph)
            else:
                rack.add(1.0, self.pyomo.owned_ph[last, *pair.key])
        for d in self.data.deciders[last] if last >= 0 else ():
            for a, lots in _after(self._arrivals(d, delay), month):
                racks[a].add(-pairs[a].lot_ph, lots)
            for a, leaving in _after(self._departures(d), month):
                racks[a].add(1.0, leaving)
        return racks

    def owned(self, node: int, a: int) -> Terms:
        """PH/s of pair ``a`` owned after node ``node``: racked, on order, or promised away and still there."""
        data = self.data
        last = node if node in self.decision_set else data.state[node]
        key = (last, data.month(node))
        if key not in self._owned:
            if last < 0:
                self._owned[key] = [Terms(pair.opening_ph) for pair in data.pairs]
            else:
                held = [Terms().add(1.0, self.pyomo.owned_ph[last, *pair.key]) for pair in data.pairs]
                for d in data.deciders[last]:
                    for b, promised in self.to_leave(d, node):
                        held[b].add(1.0, promised)
                self._owned[key] = held
        return self._owned[key][a]

    def arriving(self, d: int, node: int) -> Moves:
        """(pair, lots) of what is ordered at decision node ``d`` and arrives at the end of the month of ``node``."""
        return self._arrivals(d, self.data.delay(node)).get(self.data.month(node), [])

    def under_way(self, d: int, node: int) -> Moves:
        """(pair, lots) of what is ordered at decision node ``d`` and has not arrived after ``node``."""
        return _after(self._arrivals(d, self.data.delay(node)), self.data.month(node))

    def to_leave(self, d: int, node: int) -> Moves:
        """(pair, PH/s) of what decision node ``d`` gives up after the month of ``node``."""
        return _after(self._departures(d), self.data.month(node))

    def leaving(self, d: int, node: int) -> Moves:
        """(pair, PH/s) of what decision node ``d`` gives up at the end of the month of ``node``."""
        return self._departures(d).get(self.data.month(node), [])

    def _arrivals(self, d: int, delay: int) -> dict[int, Moves]:
        """Month of arrival -> (pair, lots) of the orders of a decision node, on branches of so much delay."""
        found = self._arriving.get((d, delay))
        if found is None:
            found = self._arriving[d, delay] = {}
            for a, pair in enumerate(self.data.pairs):
                if self.may_order(d, pair):
                    month = self.data.delivery_month(pair, d, delay)
                    found.setdefault(month, []).append((a, self.pyomo.order_lots[d, *pair.key]))
        return found

    def _departures(self, d: int) -> dict[int, Moves]:
        """Month at whose end they leave -> (pair, PH/s) of the retirements of a decision node."""
        found = self._departing.get(d)
        if found is None:
            found = self._departing[d] = {}
            for a, pair in enumerate(self.data.pairs):
                for after in self.handover_months(pair, d):
                    leaving = self.pyomo.retire_ph[d, *pair.key, after]
                    found.setdefault(self.data.month(d) + after, []).append((a, leaving))
        return found

    def may_order(self, node: int, pair: Pair) -> bool:
        """Whether a machine ordered at ``node`` can still hash within the horizon; else it is not on offer."""
        if pair.candidate is None or node not in self.decision_set:
            return False
        return self.data.month(node) + pair.candidate.lead_months < self.data.scenario.horizon_months

    def handover_months(self, pair: Pair, node: int) -> list[int]:
        """Months after a decision at ``node`` at which machines may be unplugged and resold: now, or when a
        machine ordered now or before today for the same site arrives (so that a rack is not empty in between)."""
        key = (pair.site_index if pair.opening_ph else -1, self.data.month(node))
        if key not in self._handovers:
            here = [p for p in self.data.pairs if p.site_index == key[0]]
            horizon = self.data.scenario.horizon_months
            leads = {p.candidate.lead_months for p in here if p.candidate}
            months = {0} | {m for m in leads if key[1] + m < horizon}
            months |= {b.month - key[1] for p in here for b in p.on_order if key[1] < b.month <= horizon}
            self._handovers[key] = sorted(months)
        return self._handovers[key]

    @cached_property
    def decision_set(self) -> frozenset[int]:
        """Nodes with fleet and draw decisions."""
        return frozenset(self.data.decision_nodes)

    def mining_margin(self, node: int) -> tuple[Terms, Terms]:
        """(BTC mined, money paid for power) in the month that ends at ``node``."""
        if node not in self._margins:
            mined, power = Terms(), Terms()
            running = zip(self.data.mined[node].tolist(), self.data.power[node].tolist(), strict=True)
            for a, (mined_btc, paid) in enumerate(running):
                if mined_btc > 0:
                    hashing = self.hashing(node, a)
                    mined.plus(hashing, mined_btc)
                    power.plus(hashing, paid)
            self._margins[node] = (mined, power)
        return self._margins[node]

    def tranches(self, node: int, debt: Debt) -> list[Tranche]:
        """Tranches of a facility that can be outstanding after the decisions at ``node``."""
        return self._tranches[debt.index][node]

    @cached_property
    def _tranches(self) -> list[list[list[Tranche]]]:
        return [[self.data.tranches_of(debt, n) for n in self.data.nodes] for debt in self.data.debts]

    def principal_of(self, node: int, debt: Debt, weight: Callable[[Tranche], float]) -> Terms:
        """Sum over a facility's tranches of weight * principal after the decisions at ``node``."""
        terms = Terms()
        for tranche, coef, var in self._balances(node, debt):
            terms.add(coef * weight(tranche), var)
        return terms

    def _balances(self, node: int, debt: Debt) -> list[tuple[Tranche, float, Any]]:
        """(tranche, coefficient, variable) of a facility's principal after the decisions at ``node``."""
        key = (node, debt.index)
        if key not in self._owed:
            self._owed[key] = [(t, *self.principal[node, t.key]) for t in self.tranches(node, debt)]
        return self._owed[key]

    def owed(self, node: int, debt: Debt) -> Terms:
        """Principal and accrued interest owed on a facility after the decisions at ``node``."""
        month = self.data.month(node)
        terms = self.principal_of(node, debt, lambda tranche: 1 + tranche.accrued(month))
        return terms.shift(self._unpaid_opening_interest(node, debt))

    def ltv_debt(self, node: int, debt: Debt) -> Terms:
        """What the lender counts as debt in the LTV after the decisions at ``node``."""
        return self.kept(self._ltv_debt, node, debt.index)

    def _ltv_debt(self, node: int, i: int) -> Terms:
        debt = self.data.debts[i]
        month = self.data.month(node)
        terms = self.principal_of(node, debt, lambda tranche: tranche.ltv_weight(month))
        return terms.shift(self._unpaid_opening_interest(node, debt))

    def _unpaid_opening_interest(self, node: int, debt: Debt) -> float:
        """Interest accrued before today on a loan that pays monthly: owed today, paid with month 1's."""
        return debt.accrued_at_opening if node == 0 and debt.terms.interest == "monthly" else 0.0

    def pledged(self, node: int, debt: Debt) -> Terms:
        """BTC pledged with a facility after the decisions at ``node``; nothing once it is closed."""
        terms = Terms()
        if self.is_open(node, debt):
            terms.add(1.0, self.pyomo.pledged_btc[node, debt.name])
        return terms

    def top_ups(self, node: int, debt: Debt) -> Terms:
        """BTC pledged beyond what the draws hold by themselves (negative after a release)."""
        return self.kept(self._top_ups, node, debt.index) if self.is_open(node, debt) else Terms()

    def _top_ups(self, node: int, i: int) -> Terms:
        debt = self.data.debts[i]
        return self.pledged(node, debt).plus(self.principal_of(node, debt, lambda t: t.pledge_per_money), -1.0)

    def can_be_liquidated(self, node: int, debt: Debt) -> bool:
        """Whether the board's rules allow the lender to sell collateral in the month that ends at ``node``."""
        tree = self.data.tree
        allowed = self.data.scenario.requirements.liquidation_probability > 0
        return allowed and node > 0 and tree.stress[node] < 0 and bool(self.tranches(self.data.parent(node), debt))

    def is_open(self, node: int, debt: Debt) -> bool:
        """Whether a facility can hold collateral after ``node``: a draw of some month, made or not, is not yet due
        (so it is a matter of dates alone), or its lender is frozen and held some before."""
        key = (node, debt.index)
        if key not in self._open:
            parent, month = self.data.parent(node), self.data.month(node)
            frozen = debt.terms.lender in self.data.tree.frozen[node]
            self._open[key] = debt.can_owe(month) or (frozen and parent >= 0 and self.is_open(parent, debt))
        return self._open[key]

    def is_frozen(self, node: int, debt: Debt) -> bool:
        """Whether the lender gives nothing back at ``node`` of what it held before."""
        return (
            node > 0 and debt.terms.lender in self.data.tree.frozen[node] and self.is_open(self.data.parent(node), debt)
        )

    def free_btc(self, node: int) -> Terms:
        """BTC held and neither pledged nor tied up by a source of money after the decisions at ``node``."""
        return self.kept(self._free_btc, node)

    def _free_btc(self, node: int) -> Terms:
        terms = Terms().add(1.0, self.pyomo.btc[node])
        for debt in self.data.debts:
            terms.plus(self.pledged(node, debt), -1.0)
        for source in self.data.scenario.sources:
            terms.plus(self.kinds[source.kind].tied_btc(self, node, source), -1.0)
        return terms


def _after(moves: dict[int, Moves], month: int) -> Moves:
    """Those of later months."""
    return [move for when, some in moves.items() if when > month for move in some]
