"""What plans decide differently: today, and at the first later month in which all of them decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from optimizer.decisions import facility_names
from optimizer.ledger.fleet import payment_per_unit
from optimizer.replay.saved import SavedPlan
from optimizer.report.places import representatives

# Amounts that differ by less than this share of the larger are the same but for rounding.
SAME = 1e-6
# Less than half a cent, a satoshi or a millionth of a machine is nothing.
DUST = {"usd": 0.005, "btc": 1e-8}
DUST_OTHER = 1e-6


class Act(NamedTuple):
    """A thing to do, or what is left after it: ``what``, with whom or with which machines where, and its ``unit``
    (``units`` of machines, ``btc``, ``usd``, ``ph``)."""

    what: str
    who: str
    unit: str


@dataclass(frozen=True)
class ActDifference:
    """An act and its amount in each plan, 0 where a plan does not do it."""

    act: Act
    amounts: tuple[float, ...]


@dataclass(frozen=True)
class Later:
    """What a plan does at a node of a later month. ``where``: what is said of the node, such as ``low`` (price) or a
    named case. Since today: sold_btc, repaid_usd, sources_usd (what other sources brought less what they took); at the
    node: the rest. order_usd: all that is due on the order. ltv: the highest of any lender, NaN without debt."""

    where: str
    price_usd: float
    hashprice_usd_per_ph_day: float
    order_units: float
    order_usd: float
    unplugged_units: float
    drawn_usd: float
    sold_btc: float
    repaid_usd: float
    sources_usd: float
    ltv: float


def today(plans: Sequence[SavedPlan]) -> tuple[list[ActDifference], int]:
    """What plans decide differently today, with what that leaves them, and how many acts are the same in all."""
    found = [dict(_acts(plan)) for plan in plans]
    acts = list(dict.fromkeys(act for each in found for act in each))
    rows = [ActDifference(act, tuple(each.get(act, 0.0) for each in found)) for act in acts]
    differ = [row for row in rows if not _are_same(row)]
    same = [row for row in rows if _are_same(row) and not row.act.what.startswith("left:") and max(row.amounts) > 0]
    order = ("order", "unplug", "sell", "buy", "draw", "repay", "top up", "take back")
    ranked = sorted(differ, key=lambda row: _rank(row.act.what, order))
    return ranked, len(same)


def _rank(what: str, order: Sequence[str]) -> int:
    if what in order:
        return order.index(what)
    return len(order) + what.startswith("left:")


def _are_same(row: ActDifference) -> bool:
    spread, size = max(row.amounts) - min(row.amounts), max(abs(amount) for amount in row.amounts)
    return spread <= max(DUST.get(row.act.unit, DUST_OTHER), SAME * size)


def _acts(plan: SavedPlan) -> Iterator[tuple[Act, float]]:
    """Today's acts with their amounts, and where they leave the company."""
    books, names = plan.books, facility_names(plan.scenario)
    amounts: dict[Act, float] = {}

    def add(what: str, who: str, unit: str, amount: float) -> None:
        act = Act(what, who, unit)
        amounts[act] = amounts.get(act, 0.0) + amount

    for o in (order for order in plan.decisions.orders if order.node == 0):
        add("order", f"{_model(plan, o.model)}, {o.site}", "units", o.units)
    for r in (r for r in plan.decisions.retirements if r.node == 0):
        what = "unplug" if r.seized_by is None else f"hand over to {r.seized_by}"
        add(what, f"{_model(plan, r.model)}, {r.site}", "units", r.units)
    add("sell", "", "btc", float(books.sold_btc[0]))
    add("buy", "", "btc", float(books.bought_btc[0]))
    for d in (draw for draw in plan.decisions.draws if draw.node == 0):
        add("draw", f"{d.facility}, {_tier(plan, names.index(d.facility), d.tier)}", "usd", d.amount_usd)
    for repaid in (r for r in plan.decisions.repayments if r.node == 0):
        add("repay", repaid.facility, "usd", repaid.principal_usd)
    for p in (pledge for pledge in plan.decisions.pledges if pledge.node == 0):
        add("top up", p.facility, "btc", p.top_up_btc)
        add("take back", p.facility, "btc", p.release_btc)
    for use in (use for use in plan.decisions.uses if use.node == 0):
        verb, unit = use.what.rsplit("_", 1)
        add(verb.replace("_", " "), use.source, unit, use.amount)
    add("left: cash", "", "usd", float(books.cash_usd[0]))
    add("left: BTC free", "", "btc", float(books.free_btc[0]))
    add("left: BTC pledged or tied up", "", "btc", float(books.btc[0] - books.free_btc[0]))
    add("left: owed to lenders", "", "usd", float(books.owed_usd[0].sum()))
    add("left: owed to other sources", "", "usd", float(books.sources.owed_usd[0]))
    add("left: due on machines ordered", "", "usd", float(books.fleet.payable_usd[0]))
    yield from amounts.items()


def _model(plan: SavedPlan, model: str) -> str:
    return plan.scenario.machines.specs[model].name


def _tier(plan: SavedPlan, facility: int, tier: int) -> str:
    """The LTV up to which a tier of an offer lends."""
    offer = plan.scenario.facilities[facility - len(plan.scenario.loans)]
    return f"up to {offer.tiers[tier].max_ltv:.0%} LTV"


def first_later_month(plans: Sequence[SavedPlan]) -> int | None:
    """The first month after today in which all plans decide; None where there is none."""
    common = set.intersection(*(_decision_months(plan) for plan in plans))
    return min(common, default=None)


def _decision_months(plan: SavedPlan) -> set[int]:
    return {m for m in plan.scenario.decision_months if 0 < m <= plan.scenario.horizon_months}


def later(plan: SavedPlan, month: int) -> list[Later]:
    """What a plan does in a month where price is high, middling and low, or in each named case."""
    return [_at(plan, where, node) for where, node in representatives(plan.tree, month)]


def _at(plan: SavedPlan, where: str, node: int) -> Later:
    tree, books, way = plan.tree, plan.books, plan.tree.paths[node][1:]
    orders = [order for order in plan.decisions.orders if order.node == node]
    pairs = {(pair.model, plan.scenario.sites[pair.site].name): pair for pair in books.fleet.pairs}
    factor = float(tree.asic_price_factor[node])
    owing = books.owed_usd[node] > DUST["usd"]
    return Later(
        where=where,
        price_usd=float(tree.price_usd[node]),
        hashprice_usd_per_ph_day=float(tree.hashprice_usd_per_ph_day[node]),
        order_units=sum(o.units for o in orders),
        order_usd=sum(o.units * sum(payment_per_unit(plan.scenario, pairs[o.model, o.site], factor)) for o in orders),
        unplugged_units=sum(r.units for r in plan.decisions.retirements if r.node == node and r.seized_by is None),
        drawn_usd=float(books.debt.drawn_usd[node].sum()),
        sold_btc=float(books.sold_btc[way].sum()),
        repaid_usd=float(books.debt.repaid_usd[way].sum()),
        sources_usd=float(books.sources.cash_usd[way].sum()),
        ltv=float(np.max(books.debt.ltv_close[node][owing])) if owing.any() else float("nan"),
    )
