"""All parameters of the model, scaled once at its door.

Units inside the formulation: money in today's BTC price (so 1 = one BTC today), BTC in BTC, hashrate in PH/s,
power in MW. Prices of BTC are relative to today. That keeps coefficients within about 1e-3..1e3, which the
solver needs (docs/decisions/0003).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from optimizer.decisions import OPENING
from optimizer.formulation.debt_data import Debt, Tranche, TrancheKey, make_debts, make_tranches
from optimizer.formulation.fleet_data import Batch, Pair, dispatch, make_pairs
from optimizer.market.tree import Floats, Tree
from optimizer.scenario.schema import Scenario


@dataclass(frozen=True)
class Data:
    """Parameters of the model. Index order [node] or [node, pair].

    money_usd: USD per model money unit. price, low: BTC price and month's low in model money. mined: BTC per PH;
    power: money per PH, both of the month that ends at the node, 0 where the machine is off. fixed_costs: money
    per month (overhead and sites). reference_bills: the same plus full power at every site, at base prices.
    state: the last node with fleet decisions before the node (-1 for node 0). most_ph: more nameplate PH/s than the
    sites have power for; btc_bound: more BTC than the company can ever hold.
    """

    scenario: Scenario
    tree: Tree
    money_usd: float
    price: Floats
    low: Floats
    pairs: tuple[Pair, ...]
    mined: Floats
    power: Floats
    debts: tuple[Debt, ...]
    tranches: dict[TrancheKey, Tranche]
    decision_nodes: tuple[int, ...]
    state: tuple[int, ...]
    fixed_costs: float
    reference_bills: float
    opening_cash: float
    most_ph: float
    btc_bound: float

    @property
    def nodes(self) -> range:
        """All nodes, parents first."""
        return range(len(self.tree))

    @cached_property
    def leaves(self) -> list[int]:
        """Nodes at the horizon that count in the objective."""
        return [n for n in self.tree.leaves if self.month(n) == self.scenario.horizon_months]

    def month(self, node: int) -> int:
        """Month at whose end the node stands."""
        return self._months[node]

    def parent(self, node: int) -> int:
        """The node before, -1 for node 0."""
        return self._parents[node]

    # Plain integers: they are asked for a million times, and NumPy's are slow one by one.

    @cached_property
    def _months(self) -> list[int]:
        return [int(month) for month in self.tree.month]

    @cached_property
    def _parents(self) -> list[int]:
        return [int(parent) for parent in self.tree.parent]

    @cached_property
    def _delays(self) -> list[int]:
        return [int(delay) for delay in self.tree.delivery_delay_months]

    @cached_property
    def deciders(self) -> list[list[int]]:
        """For each node the decision nodes on the way to it, itself included."""
        deciding = frozenset(self.decision_nodes)
        return [[d for d in path if d in deciding] for path in self.tree.paths]

    def delay(self, node: int) -> int:
        """Months that deliveries take longer on the branch of ``node``."""
        return self._delays[node]

    def delivery_month(self, pair: Pair, ordered: int, delay: int) -> int:
        """Month at whose end an order of node ``ordered`` arrives on a branch of so much delay. What a vendor hands
        over at once is not delayed by what happens later."""
        assert pair.candidate is not None
        lead = pair.candidate.lead_months
        at_once = lead + self._delays[ordered] == 0
        return self._months[ordered] + (0 if at_once else lead + delay)

    def arrival_month(self, batch: Batch, node: int) -> int:
        """Month at whose end machines on order today arrive on the branch of ``node``."""
        return batch.month + self._delays[node]

    def tranches_of(self, debt: Debt, node: int) -> list[Tranche]:
        """The tranches of a facility that can be outstanding after the decisions at ``node``, oldest first."""
        keys = [opening_key(debt)] if debt.balance_at_opening else []
        keys += [
            (debt.index, tier, drawn)
            for drawn in self.tree.paths[node]
            if self.month(drawn) in debt.draw_months
            for tier in range(len(debt.tiers))
        ]
        found = (self.tranches.get(key) for key in keys)
        return [t for t in found if t is not None and t.live(self.month(node))]


def opening_key(debt: Debt) -> TrancheKey:
    """Key of the tranche owed before today."""
    return (debt.index, 0, OPENING)


def make_data(scenario: Scenario, tree: Tree) -> Data:
    """Compute and scale every parameter of the model for this scenario on this tree."""
    money = scenario.market.btc_price_usd
    pairs = make_pairs(scenario, money)
    mined, power = dispatch(scenario, tree, pairs, money)
    debts = make_debts(scenario, money)
    decision_months = set(scenario.decision_months)
    decision_nodes = tuple(n for n in range(len(tree)) if int(tree.month[n]) in decision_months)
    state = [-1] * len(tree)
    for n in range(1, len(tree)):
        p = int(tree.parent[n])
        state[n] = p if int(tree.month[p]) in decision_months else state[p]
    fixed = scenario.treasury.overhead_usd_per_month + sum(s.fixed_usd_per_month for s in scenario.sites)
    full_power = sum(s.power_mw * s.power_usd_per_mwh for s in scenario.sites) * 730.5
    most_ph = sum(
        site.power_mw / min((p.mw_per_ph for p in pairs if p.site_index == k), default=1e9)
        for k, site in enumerate(scenario.sites)
    )
    most_mined = most_ph * max((float(tree.btc_per_ph[n]) for n in range(len(tree))), default=0.0)
    return Data(
        scenario=scenario,
        tree=tree,
        money_usd=money,
        price=tree.price_usd / money,
        low=tree.low_usd / money,
        pairs=pairs,
        mined=mined,
        power=power,
        debts=debts,
        tranches=make_tranches(scenario, tree, debts),
        decision_nodes=decision_nodes,
        state=tuple(state),
        fixed_costs=fixed / money,
        reference_bills=(fixed + full_power) / money,
        opening_cash=scenario.treasury.cash_usd / money,
        most_ph=most_ph,
        # All there is, all that can be mined, and as much again for what may be bought.
        btc_bound=2
        * (scenario.treasury.btc + scenario.treasury.cash_usd / money + most_mined * scenario.horizon_months),
    )
