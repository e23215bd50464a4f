"""Debts against BTC whose lender may call: facilities, and of the other sources of money lines and loans repaid by
hashrate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from optimizer.decisions import facility_names
from optimizer.ledger.lending import Real, fall_to_ltv, forced_sale, ltv, price_at_ltv
from optimizer.ledger.paths import ancestors
from optimizer.ledger.sources import keep_source_books
from optimizer.market.tree import Floats, Ints
from optimizer.scenario.sources import CreditLine, HashrateLoan

if TYPE_CHECKING:
    from optimizer.planning import Plan


@dataclass(frozen=True)
class Lines:
    """A lender's LTVs, and the share that it loses of BTC that it sells. ``cure_target_ltv``: what a call is cured to;
    of a source, which publishes none, the LTV that the board keeps to. ``target_ltv``: what it sells down to; None: all
    that repays it."""

    call_ltv: float
    cure_target_ltv: float
    liquidation_ltv: float
    target_ltv: float | None
    cost_share: float

    def sold_btc(self, owed_usd: Real, counted_usd: Real, pledged_btc: Real, price_usd: Real) -> Floats:
        """BTC that the lender sells at a price: down to its target, or to be repaid whole."""
        value, per_usd = pledged_btc * price_usd, counted_usd / owed_usd
        return np.asarray(forced_sale(owed_usd, value, self.target_ltv, self.cost_share, per_usd) / price_usd)


@dataclass(frozen=True)
class PledgedDebt:
    """One debt on the plan's tree, all ``[node]`` after its decisions. ``counted_usd``: what its LTV counts."""

    name: str
    lender: str
    lines: Lines
    owed_usd: Floats
    counted_usd: Floats
    pledged_btc: Floats

    def figures(self, nodes: Ints, price_usd: Floats) -> dict[str, Floats]:
        """Where it stands at ``nodes``, each with a debt and a pledge, at prices of that shape: its LTV, its lines, and
        BTC sold, and lost to fee and slippage, were price to fall straight to liquidation."""
        owed, counted, pledged = self.owed_usd[nodes], self.counted_usd[nodes], self.pledged_btc[nodes]
        now = ltv(counted, pledged, price_usd)
        seized_at = np.asarray(price_at_ltv(counted, pledged, self.lines.liquidation_ltv))
        seized = self.lines.sold_btc(owed, counted, pledged, seized_at)
        return {
            "owed_usd": owed,
            "pledged_btc": pledged,
            "ltv": now,
            "call_price_usd": np.asarray(price_at_ltv(counted, pledged, self.lines.call_ltv)),
            "liquidation_price_usd": seized_at,
            "fall_to_call_share": np.asarray(fall_to_ltv(now, self.lines.call_ltv)),
            "fall_to_liquidation_share": np.asarray(fall_to_ltv(now, self.lines.liquidation_ltv)),
            "seized_btc": seized,
            "lost_btc": seized * self.lines.cost_share,
        }


def pledged_debts(plan: Plan) -> tuple[PledgedDebt, ...]:
    """Every debt against BTC of the scenario, used or not: loans and facilities in their order, then sources."""
    return (*_facilities(plan), *_sources(plan))


def lines_of_source(plan: Plan, source: CreditLine | HashrateLoan) -> Lines:
    """The lines of a source that may call."""
    return Lines(
        call_ltv=source.call_ltv,
        cure_target_ltv=source.call_ltv - plan.scenario.requirements.calls.buffer_ltv,
        liquidation_ltv=source.liquidation_ltv,
        target_ltv=source.liquidation_target_ltv,
        cost_share=source.liquidation_fee_share,
    )


def _facilities(plan: Plan) -> Iterator[PledgedDebt]:
    debt, given = plan.books.debt, plan.scenario
    for f, (name, terms) in enumerate(
        zip(facility_names(given), (*given.loans, *given.facilities), strict=True),
    ):
        lines = Lines(
            call_ltv=terms.call_ltv,
            cure_target_ltv=terms.cure_target_ltv,
            liquidation_ltv=terms.liquidation_ltv,
            target_ltv=terms.liquidation_target_ltv,
            cost_share=terms.liquidation_cost_share,
        )
        yield PledgedDebt(
            name, terms.lender, lines, debt.owed_usd[:, f], debt.counted_usd[:, f], debt.pledged_btc[:, f]
        )


def _sources(plan: Plan) -> Iterator[PledgedDebt]:
    made, tree = plan.decisions, plan.tree
    for source in plan.scenario.sources:
        if isinstance(source, CreditLine | HashrateLoan):
            mine = replace(made, uses=tuple(use for use in made.uses if use.source == source.name))
            books = keep_source_books(plan.scenario, tree, ancestors(tree), mine)
            lines = lines_of_source(plan, source)
            yield PledgedDebt(source.name, source.counterparty, lines, books.owed_usd, books.owed_usd, books.tied_btc)
