"""Each reduction of the model undone: what tests and the benchmark compare it with.

A plain form is a `Formulation` with columns and rows that the model does without. They go together: ``plain(A, B)`` is
the model with both undone. What a reduction saves is in docs/explanation/reductions.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.sparse import diags_array

from optimizer.formulation.build import assemble
from optimizer.formulation.data import make_data
from optimizer.formulation.debt_data import Debt, Tranche
from optimizer.formulation.facilities import free_btc, repayment, top_up_stays
from optimizer.formulation.fleet import owned_machines, site_power, site_racks
from optimizer.formulation.linear import Row, Terms, equal, total
from optimizer.formulation.model import Formulation, NonNegativeReals, Reals
from optimizer.formulation.requirements import max_lender_share
from optimizer.formulation.sources import holders
from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario
from optimizer.solve.linear_model import Floats, LinearModel

Index = Iterable[Any]
Rule = Callable[..., Row]


def plain(scenario: Scenario, tree: Tree, *forms: type[Formulation]) -> Formulation:
    """The model of a scenario on a tree with these reductions undone."""
    kind = type("Plain", (*forms, Formulation), {}) if forms else Formulation
    made: Formulation = assemble(kind(make_data(scenario, tree)))
    return made


class RunVariable(Formulation):
    """``run_ph[n, model, site]``: what runs is a column, tied to what stands in the racks."""

    def variables(self, name: str, index: Index, domain: Any = NonNegativeReals) -> Any:
        if name == "owned_ph":
            pairs = self.data.pairs
            running = [(n, *p.key) for n in self.data.nodes for a, p in enumerate(pairs) if self.data.mined[n, a] > 0]
            super().variables("run_ph", running)
        return super().variables(name, index, domain)

    def rows(self, rule: Rule, index: Index) -> None:
        super().rows(rule, index)
        if rule is owned_machines:
            super().rows(run_is_hashing, np.argwhere(self.data.mined > 0).tolist())

    def mining_margin(self, node: int) -> tuple[Terms, Terms]:
        mined, power = Terms(), Terms()
        for a, pair in enumerate(self.data.pairs):
            if self.data.mined[node, a] > 0:
                run = self.pyomo.run_ph[node, *pair.key]
                mined.add(float(self.data.mined[node, a]), run)
                power.add(float(self.data.power[node, a]), run)
        return mined, power


def run_is_hashing(f: Formulation, n: int, a: int) -> Row:
    """run[n,a] = hashing[n,a]."""
    return equal(total((1.0, f.pyomo.run_ph[n, *f.data.pairs[a].key])).plus(f.hashing(n, a), -1.0))


class OwnedEverywhere(Formulation):
    """``owned_ph`` at every node, carried from node to node."""

    def variables(self, name: str, index: Index, domain: Any = NonNegativeReals) -> Any:
        if name == "owned_ph":
            index = [(n, *p.key) for n in self.data.nodes if self._carried(n) >= 0 for p in self.data.pairs]
        return super().variables(name, index, domain)

    def rows(self, rule: Rule, index: Index) -> None:
        super().rows(rule, index)
        if rule is owned_machines:
            between = [n for n in self.data.nodes if self._carried(n) >= 0 and n not in self.decision_set]
            super().rows(kept_machines, [(n, a) for n in between for a in range(len(self.data.pairs))])

    def hashing(self, node: int, a: int) -> Terms:
        return self._owned_at(self.data.parent(node), super().hashing(node, a), a)

    def racked(self, node: int, a: int) -> Terms:
        return self._owned_at(node, super().racked(node, a), a)

    def owned(self, node: int, a: int) -> Terms:
        return self._owned_at(node, super().owned(node, a), a)

    def _carried(self, node: int) -> int:
        """The decision node whose ownership stands at ``node``; -1 for none."""
        return node if node in self.decision_set else self.data.state[node]

    def _owned_at(self, node: int, terms: Terms, a: int) -> Terms:
        key, owned = self.data.pairs[a].key, self.pyomo.owned_ph
        if node < 0 or self._carried(node) in (node, -1):
            return terms
        return Terms().plus(terms).plus(total((-1.0, owned[self._carried(node), *key]), (1.0, owned[node, *key])))


def kept_machines(f: Formulation, n: int, a: int) -> Row:
    """O[n,a] = O[p,a]."""
    key, owned = f.data.pairs[a].key, f.pyomo.owned_ph
    return equal(total((1.0, owned[n, *key]), (-1.0, owned[f.data.parent(n), *key])))


class PowerEverywhere(Formulation):
    """Power and racks are tested at every node and site."""

    def rows(self, rule: Rule, index: Index) -> None:
        if rule in (site_power, site_racks):
            sites = self.data.scenario.sites
            index = [
                (n, k)
                for n in self.data.nodes
                for k, site in enumerate(sites)
                if rule is site_power or site.rack_slots is not None
            ]
        super().rows(rule, index)


class EveryLender(Formulation):
    """A lender's share is tested where it can hold nothing, too."""

    def rows(self, rule: Rule, index: Index) -> None:
        if rule is max_lender_share:
            lenders = sorted({*(d.terms.lender for d in self.data.debts), *holders(self)})
            index = [(n, lender) for n in self.data.nodes for lender in lenders]
        super().rows(rule, index)


class PrincipalEverywhere(Formulation):
    """Principal is a column at every node, where the contract fixes it too."""

    def variables(self, name: str, index: Index, domain: Any = NonNegativeReals) -> Any:
        if name == "principal_usd":
            index = [
                (n, d.name, *t.key[1:]) for n in self.data.nodes for d in self.data.debts for t in self.tranches(n, d)
            ]
        return super().variables(name, index, domain)

    def rows(self, rule: Rule, index: Index) -> None:
        if rule is repayment:
            fixed = [
                (n, t)
                for (n, key), (_, var) in self.principal.items()
                if var is not self._own(n, t := self.data.tranches[key])
            ]
            for n, t in fixed:
                self.principal[n, t.key] = (1.0, self._own(n, t))
            super().rows(principal_as_scheduled, [(n, *t.key) for n, t in fixed])
        super().rows(rule, index)

    def _own(self, n: int, t: Tranche) -> Any:
        return self.pyomo.principal_usd[n, t.debt.name, t.tier, t.drawn_node]


def principal_as_scheduled(f: Formulation, n: int, i: int, tier: int, drawn: int) -> Row:
    """D[n] = s(a) / s(a-1) * D[p]."""
    t = f.data.tranches[i, tier, drawn]
    now, before = f.principal[n, t.key], f.principal[f.data.parent(n), t.key]
    return equal(total(now, (-t.scheduled_share(f.data.month(n)) * before[0], before[1])))


class PledgeOfDraws(Formulation):
    """What every live draw holds is a column, ``pledge_of_draw_btc``, and so is what is held beyond: ``topped_btc``."""

    def variables(self, name: str, index: Index, domain: Any = NonNegativeReals) -> Any:
        if name == "pledged_btc":
            index = list(index)
            open_ = set(index)
            draws = [
                (n, d.name, *t.key[1:])
                for n in self.data.nodes
                for d in self.data.debts
                if (n, d.name) in open_
                for t in self.tranches(n, d)
            ]
            super().variables("pledge_of_draw_btc", draws)
            super().variables("topped_btc", index, Reals)
        return super().variables(name, index, domain)

    def rows(self, rule: Rule, index: Index) -> None:
        if rule is top_up_stays:
            index = list(index)
            super().rows(pledge_of_draw, self._draws())
            super().rows(pledge_in_all, index)
        super().rows(rule, index)

    def pledged(self, node: int, debt: Debt) -> Terms:
        held = Terms()
        if self.is_open(node, debt):
            held.add(1.0, self.pyomo.topped_btc[node, debt.name])
            for t in self.tranches(node, debt):
                held.add(1.0, self.pyomo.pledge_of_draw_btc[node, debt.name, t.tier, t.drawn_node])
        return held

    def top_ups(self, node: int, debt: Debt) -> Terms:
        return total((1.0, self.pyomo.topped_btc[node, debt.name])) if self.is_open(node, debt) else Terms()

    def _draws(self) -> list[tuple[int, int, int, int]]:
        names = {d.name: d.index for d in self.data.debts}
        return [(n, names[name], k, d) for n, name, k, d in self.pyomo.pledge_of_draw_btc]


def pledge_of_draw(f: Formulation, n: int, i: int, tier: int, drawn: int) -> Row:
    """c[n,t] = pledge[t] D[n,t]."""
    t = f.data.tranches[i, tier, drawn]
    coef, principal = f.principal[n, t.key]
    held = f.pyomo.pledge_of_draw_btc[n, t.debt.name, tier, drawn]
    return equal(total((1.0, held), (-t.pledge_per_money * coef, principal)))


def pledge_in_all(f: Formulation, n: int, i: int) -> Row:
    """C[n,i] = sum_t c[n,t] + U[n,i]."""
    debt = f.data.debts[i]
    return equal(f.pledged(n, debt).add(-1.0, f.pyomo.pledged_btc[n, debt.name]))


class FreeBtcVariable(Formulation):
    """``unpledged_btc[n]``: free BTC is a column beside all BTC held."""

    def variables(self, name: str, index: Index, domain: Any = NonNegativeReals) -> Any:
        if name == "btc":
            super().variables("unpledged_btc", self.data.nodes)
        return super().variables(name, index, domain)

    def rows(self, rule: Rule, index: Index) -> None:
        if rule is free_btc:
            super().rows(unpledged, self.data.nodes)
        super().rows(rule, index)

    def free_btc(self, node: int) -> Terms:
        return total((1.0, self.pyomo.unpledged_btc[node]))

    def rest(self, node: int) -> Terms:
        """All BTC less what is pledged or tied up."""
        return super().free_btc(node)


def unpledged(f: FreeBtcVariable, n: int) -> Row:
    """F[n] = B[n] - sum_i C[n,i]."""
    return equal(f.rest(n).add(-1.0, f.pyomo.unpledged_btc[n]))


# In the order in which the benchmark takes them.
FORMS: tuple[type[Formulation], ...] = (
    RunVariable,
    OwnedEverywhere,
    PledgeOfDraws,
    FreeBtcVariable,
    PrincipalEverywhere,
    PowerEverywhere,
    EveryLender,
)

# Families of rows in money; others are in BTC, hashrate or counts.
MONEY_ROWS = {
    *("cash_balance", "min_cash", "max_cash", "min_runway", "min_dscr", "no_service_if_unserved", "max_debt"),
    *("repayment", "no_early_repayment", "principal_as_scheduled", "draw_limit", "draw_minimum", "facility_limit"),
    *("ltv_at_close", "ltv_at_low", "release_ltv"),
}
HASHRATE_ROWS = {"owned_machines", "kept_machines", "run_is_hashing", "delivered_before_resale"}


def in_dollars_and_terahashes(model: LinearModel, money_usd: float) -> tuple[LinearModel, Floats]:
    """The same model with money in USD and hashrate in TH/s, as they come; and its units per unit of the model's,
    [column]. Divide a solution by them to have it back."""
    unit = np.ones(len(model.cost))
    for name, columns in model.columns.items():
        size = money_usd if name.endswith("_usd") else 1e3 if name.endswith("_ph") else 1.0
        unit[list(columns.values())] = size
    row_unit = np.array(
        [money_usd if family in MONEY_ROWS else 1e3 if family in HASHRATE_ROWS else 1.0 for family, _ in model.rows]
    )
    matrix = (diags_array(row_unit) @ model.matrix @ diags_array(1 / unit)).tocsc()
    scaled = replace(
        model,
        matrix=matrix,
        cost=model.cost / unit,
        lower=model.lower * unit,
        upper=model.upper * unit,
        row_lower=model.row_lower * row_unit,
        row_upper=model.row_upper * row_unit,
    )
    return scaled, unit
