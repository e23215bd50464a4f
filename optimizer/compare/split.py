"""What a plan's net worth is made of, cause by cause, so that the causes add up to it.

Dollars count at the price of the final branch on which they are counted: there a dollar is worth the same whenever it
came or went. So principal drawn cancels against principal repaid or still owed, and a loan costs its interest and
fees; and BTC sold cost what they would bring more at the end than they brought. Index order ``[end]``, the nodes at
which worth is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from optimizer.decisions import Decisions
from optimizer.errors import AuditError
from optimizer.ledger.books import Books
from optimizer.ledger.paths import ancestors, before, carried
from optimizer.ledger.sources import keep_source_books
from optimizer.market.tree import Floats, Tree
from optimizer.scenario.schema import Scenario
from optimizer.valuation import tail_weights

if TYPE_CHECKING:
    from optimizer.alternatives import Comparator
    from optimizer.planning import Plan

# Causes add up to net worth to within this share of it.
TOLERANCE = 1e-6
Numeraire = Literal["btc", "usd"]


class Cause(NamedTuple):
    """A cause of net worth: one of `CAUSES`, and for a source of money which."""

    name: str
    of: str = ""


# In the order in which they are told.
CAUSES = (
    "start",
    "mined",
    "sold",
    "bought",
    "trading_fees",
    "power",
    "overhead",
    "promised",
    "machines_bought",
    "machines_resold",
    "machines_left",
    "interest",
    "lender_fees",
    "liquidations",
    "lender_failures",
    "source",
    "taxes",
)


@dataclass(frozen=True)
class Split:
    """The worth of a plan by cause, in ``numeraire`` after ``month`` months.

    expected: by cause, weighted by probability; adds up to the mean net worth. weighed: by cause, each final branch
    weighing as it does in the objective; adds up to the objective's value. None where worth is counted before the
    plan's own horizon or in another unit: the objective says nothing of it.
    """

    numeraire: Numeraire
    month: int
    expected: dict[Cause, float]
    weighed: dict[Cause, float] | None

    @property
    def mean(self) -> float:
        """Mean net worth."""
        return sum(self.expected.values())

    @property
    def worth(self) -> float | None:
        """The value by the plan's own measure."""
        return None if self.weighed is None else sum(self.weighed.values())

    @property
    def risk(self) -> float | None:
        """What bad futures weighing more takes off the mean."""
        return None if self.worth is None else self.worth - self.mean


def split_of(
    scenario: Scenario,
    tree: Tree,
    decisions: Decisions,
    books: Books,
    *,
    month: int | None = None,
    numeraire: Numeraire | None = None,
) -> Split:
    """The split of a plan's worth; after its horizon and in its own numeraire if not said otherwise.

    Raises `AuditError` if the causes do not add up to the books' net worth.
    """
    unit = scenario.numeraire if numeraire is None else numeraire
    last = int(tree.month[tree.leaves].max())
    when = last if month is None else month
    ends = np.flatnonzero((tree.month == when) & (tree.probability > 0)).tolist()
    chance = tree.probability[ends]
    parts = parts_at(scenario, tree, decisions, books, ends, unit)
    weights = None
    if when == last and unit == scenario.numeraire:
        w, risk = scenario.risk.weight, scenario.risk
        tail = tail_weights(np.sum(list(parts.values()), axis=0), chance, risk.tail_share)
        weights = (1 - w) * chance + w * tail
    return Split(
        numeraire=unit,
        month=when,
        expected={cause: float(chance @ part) for cause, part in parts.items()},
        weighed=None if weights is None else {cause: float(weights @ part) for cause, part in parts.items()},
    )


def parts_at(
    scenario: Scenario, tree: Tree, decisions: Decisions, books: Books, ends: Sequence[int], numeraire: Numeraire
) -> dict[Cause, Floats]:
    """Net worth at these nodes by cause, in the numeraire, ``[end]``.

    Raises `AuditError` if the causes do not add up to the books' net worth.
    """
    at, price = list(ends), tree.price_usd[list(ends)]
    parts: dict[Cause, Floats] = {}
    for cause, btc, usd in _flows(scenario, tree, decisions, books):
        in_btc = carried(tree, btc)[at] + carried(tree, usd)[at] / price
        parts[cause] = in_btc * (1.0 if numeraire == "btc" else price)
    net = books.net_btc[at] * (1.0 if numeraire == "btc" else price)
    apart = np.abs(np.sum(list(parts.values()), axis=0) - net) / np.maximum(np.abs(net), 1.0)
    if not apart.max(initial=0.0) <= TOLERANCE:
        raise AuditError(f"The causes of the plan's net worth do not add up to it: {apart.max():.1e} of it apart.")
    return parts


def _flows(scenario: Scenario, tree: Tree, decisions: Decisions, books: Books) -> list[tuple[Cause, Floats, Floats]]:
    """Of each cause the BTC and the USD that come in (+) or go out (-) at each node, ``[node]``. A balance comes in as
    it changes."""
    debt, fleet, taxes, price, none = books.debt, books.fleet, books.taxes, tree.price_usd, np.zeros(len(tree))
    owed_today = sum(loan.balance_usd + loan.accrued_usd for loan in scenario.loans)
    accrued_today = sum(loan.accrued_usd for loan in scenario.loans)
    treasury = scenario.treasury
    accrued = _change(tree, (debt.owed_usd - debt.principal_usd).sum(axis=1), accrued_today)
    interest = (debt.interest_usd + debt.accrued_paid_usd + debt.liquidated_interest_usd).sum(axis=1) + accrued
    sale_of_pledge = (debt.seized_btc * tree.low_usd[:, None] - debt.liquidation_fee_usd).sum(axis=1)
    found = {
        "start": (_today(tree, treasury.btc), _today(tree, treasury.cash_usd - owed_today)),
        "mined": (books.mined_btc, none),
        "sold": (-books.sold_btc, books.sold_btc * price),
        "bought": (books.bought_btc, -books.bought_btc * price),
        "trading_fees": (none, -books.sale_fee_usd),
        "power": (none, -books.power_usd),
        "overhead": (none, -books.overhead_usd),
        "promised": (none, -books.liabilities_usd),
        "machines_bought": (none, -fleet.capex_usd - _change(tree, fleet.payable_usd)),
        "machines_resold": (none, fleet.resale_usd),
        "machines_left": (none, _change(tree, fleet.worth_usd)),
        "interest": (none, -interest),
        "lender_fees": (none, -(debt.origination_fee_usd + debt.early_fee_usd).sum(axis=1)),
        "liquidations": (-books.seized_btc, sale_of_pledge),
        "lender_failures": (-books.expected_failure_btc.sum(axis=1), none),
        "taxes": (none, -taxes.paid_usd - _change(tree, taxes.owed_usd)),
    }
    flows = {Cause(name): flow for name, flow in found.items()} | _of_sources(scenario, tree, decisions)
    return [(cause, *flows[cause]) for cause in in_order(list(flows))]


def _of_sources(scenario: Scenario, tree: Tree, decisions: Decisions) -> dict[Cause, tuple[Floats, Floats]]:
    """Of each source of money by name what it brings less what it takes, as if it were the only one."""
    ancestor, found = ancestors(tree), {}
    for source in scenario.sources:
        uses = tuple(use for use in decisions.uses if use.source == source.name)
        alone = keep_source_books(scenario, tree, ancestor, replace(decisions, uses=uses))
        worth = _change(tree, alone.asset_usd - alone.owed_usd)
        found[Cause("source", source.name)] = (alone.btc, alone.cash_usd + worth)
    return found


def _today(tree: Tree, amount: float) -> Floats:
    """An amount that is there today."""
    out = np.zeros(len(tree))
    out[0] = amount
    return out


def _change(tree: Tree, balance: Floats, opening: float = 0.0) -> Floats:
    """By how much a balance changes at each node, so that the changes add up to it."""
    return balance - before(tree, balance, opening)


def less(split: Split, base: Split) -> dict[Cause, float]:
    """By cause how much more expected worth a split has than another in the same unit after as many months; adds up to
    the difference of their means. A source of money that only one of them has is nothing in the other."""
    causes = in_order([*base.expected, *split.expected])
    return {cause: split.expected.get(cause, 0.0) - base.expected.get(cause, 0.0) for cause in causes}


def loses_by_cause(plan: Plan, alternative: Comparator) -> dict[Cause, float]:
    """Where an alternative's loss comes from: by cause how much less it is worth than the plan, in the numeraire, bad
    futures weighing as they do in the objective. Adds up to ``alternative.loses``; empty where it has no plan."""
    if alternative.split is None or alternative.split.weighed is None or plan.split.weighed is None:
        return {}
    other = alternative.split.weighed
    return {cause: amount - other.get(cause, 0.0) for cause, amount in plan.split.weighed.items()}


def in_order(causes: Sequence[Cause]) -> list[Cause]:
    """Each cause once, in the order in which causes are told."""
    order = {name: k for k, name in enumerate(CAUSES)}
    return sorted(dict.fromkeys(causes), key=lambda cause: order[cause.name])
