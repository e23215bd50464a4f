"""What contracts on hashrate share in the ledger: their months in days, and what became of them by a node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimizer.decisions import Use
from optimizer.ledger.fleet import DAYS_PER_MONTH, FleetBooks
from optimizer.ledger.paths import before
from optimizer.ledger.source import since
from optimizer.market.mining import subsidy_ahead
from optimizer.market.tree import Floats, Ints, Tree
from optimizer.scenario.sources import HashpriceHedge, HashrateForward


def day_count(days_by_month: Floats, last_month: int) -> Floats:
    """Days from today to each month's end, ``[month]``; months after the known ones are mean months."""
    days = np.full(last_month + 1, DAYS_PER_MONTH)
    known = min(len(days_by_month), len(days))
    days[:known] = days_by_month[:known]
    days[0] = 0.0
    return np.cumsum(days)


@dataclass(frozen=True)
class Signed:
    """One contract signed, seen from every node, ``[node]``: hashrate it is for, the hashprice fixed, days of it in the
    month that ends there and days still to come; 0 on other branches and outside its term."""

    node: int
    ph: float
    fixed_usd_per_ph_day: float
    days_run: Floats
    days_left: Floats


def halving_factor(block_height: int, day: Floats, signed: int, term_months: int) -> float:
    """What a quote of a later month has lost or gained by halvings against today's: a buyer counts with the subsidies
    of the term. ``day``: days from today to each month's end."""
    later = subsidy_ahead(block_height, day[signed], day[signed + term_months])
    return later / subsidy_ahead(block_height, 0.0, day[term_months])


def signed_contracts(
    source: HashrateForward | HashpriceHedge,
    tree: Tree,
    ancestor: Ints,
    uses: tuple[Use, ...],
    block_height: int,
) -> Iterator[Signed]:
    """The uses of a source. Later quotes move with the hashprice at the close, and with the halvings of their term."""
    month_length = np.zeros(int(tree.month.max()) + 1)
    month_length[tree.month] = tree.days
    at = day_count(month_length, int(tree.month.max()) + source.term_months)
    for use in uses:
        if use.source != source.name:
            continue
        first = int(tree.month[use.node])
        behind = ancestor[:, first] == use.node
        age = tree.month - first
        last = first + source.term_months
        moved = tree.hashprice_usd_per_ph_day[use.node] / tree.hashprice_usd_per_ph_day[0]
        moved *= halving_factor(block_height, at, first, source.term_months)
        yield Signed(
            node=use.node,
            ph=use.amount,
            fixed_usd_per_ph_day=source.hashprice_usd_per_ph_day * float(moved),
            days_run=np.where(behind & (age > 0) & (age <= source.term_months), tree.days, 0.0),
            days_left=np.where(behind, np.maximum(at[last] - at[tree.month], 0.0), 0.0),
        )


def open_ph(contract: HashrateForward | HashpriceHedge, tree: Tree, ancestor: Ints, uses: tuple[Use, ...]) -> Floats:
    """PH/s of a contract whose term has not ended, ``[node]``."""
    sold = np.zeros(len(tree))
    for use in (use for use in uses if use.source == contract.name):
        behind, age = since(tree, ancestor, use.node)
        sold += behind * (age < contract.term_months) * use.amount
    return sold


def standing_ph(tree: Tree, fleet: FleetBooks) -> Floats:
    """Nameplate PH/s in the racks, ``[node]``, without what was ordered and handed over at the node itself, and what is
    promised to be resold later."""
    nameplate = np.array([pair.nameplate_ph for pair in fleet.pairs], dtype=np.float64)
    lead = np.array([pair.candidate.lead_months if pair.candidate else 1 for pair in fleet.pairs], dtype=np.int64)
    at_once = lead[None, :] + tree.delivery_delay_months[:, None] == 0
    new = fleet.ordered_units - before(tree, fleet.ordered_units)
    return np.asarray((fleet.racked_units - new * at_once - fleet.promised_units) @ nameplate)
