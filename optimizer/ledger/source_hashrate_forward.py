"""Hashrate sold forward, in the ledger: paid for at once but for the margin, delivered in BTC month by month."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optimizer.decisions import Use
from optimizer.ledger.checks import Check, at_nodes, where
from optimizer.ledger.company import Company, Setting
from optimizer.ledger.hashrate_contract import day_count, halving_factor, open_ph, signed_contracts, standing_ph
from optimizer.ledger.source import Given, LedgerKind, SourceBooks
from optimizer.market.tree import Floats, Ints, Tree
from optimizer.scenario.schema import Scenario
from optimizer.scenario.sources import HashrateForward


def _forwards(scenario: Scenario) -> list[HashrateForward]:
    return [source for source in scenario.sources if isinstance(source, HashrateForward)]


def _books(scenario: Scenario, tree: Tree, ancestor: Ints, uses: tuple[Use, ...]) -> SourceBooks:
    out = SourceBooks.empty(len(tree))
    for forward in _forwards(scenario):
        for sale in signed_contracts(forward, tree, ancestor, uses, scenario.market.block_height):
            usd_per_day = sale.ph * sale.fixed_usd_per_ph_day
            paid_per_day = usd_per_day - usd_per_day * forward.discount_share
            margin_per_day = paid_per_day * forward.margin_share
            out.cash_usd[sale.node] += (paid_per_day - margin_per_day) * sale.days_left[sale.node]
            out.cash_usd[:] += margin_per_day * sale.days_run
            out.asset_usd[:] += margin_per_day * sale.days_left
            if forward.repayment == "btc":
                btc_per_day = usd_per_day / float(tree.price_usd[sale.node])
                out.btc[:] -= btc_per_day * sale.days_run
                out.owed_usd[:] += btc_per_day * tree.price_usd * sale.days_left
            else:
                out.btc[:] -= sale.ph * tree.btc_per_ph * (sale.days_run > 0)
                out.owed_usd[:] += sale.ph * tree.hashprice_usd_per_ph_day * sale.days_left
    return out


def _checks(g: Given) -> Iterator[Check]:
    """No more is sold than a buyer takes, and machines stand behind it at every decision; one ordered and handed over
    there does not count yet."""
    decides, standing = np.isin(g.tree.month, g.scenario.decision_months), standing_ph(g.tree, g.fleet)
    sold, forwards = np.zeros(len(g.tree)), _forwards(g.scenario)
    for forward in forwards:
        who, limit = (forward.name,), forward.limit_ph
        yield from g.used_rightly(forward, "hashrate sold in the buyer's window", "PH/s", limit)
        mine = open_ph(forward, g.tree, g.ancestor, g.uses)
        sold += mine
        yield at_nodes("hashrate sold to one buyer", "PH/s", limit, mine - limit, who)
        over = where(decides & (mine > 0), mine - forward.max_share_of_fleet * standing)
        yield at_nodes("machines behind hashrate sold", "PH/s", limit, over, who)
    largest = max(forward.max_share_of_fleet for forward in forwards)
    over = where(decides & (sold > 0), sold - largest * standing)
    in_all = sum(forward.limit_ph for forward in forwards)
    yield at_nodes("machines behind hashrate sold", "PH/s", in_all, over, ("all buyers",))


class _ForwardsOnPaths:
    """What was sold, by the month and source, ``[path, month, source]``, and the hashprice fixed then."""

    def __init__(self, s: Setting) -> None:
        self._forwards = _forwards(s.scenario)
        self._sold = np.zeros((len(s.paths), s.paths.months + 1, len(self._forwards)))
        longest = max(forward.term_months for forward in self._forwards)
        self._day = day_count(s.paths.days, s.paths.months + longest)
        hashprice = s.paths.hashprice_usd_per_ph_day
        self._moved = hashprice / hashprice[:, :1]
        self._block_height = s.scenario.market.block_height
        self._nameplate = np.array([pair.nameplate_ph for pair in s.pairs], dtype=np.float64)

    def close(self, s: Setting, c: Company, month: int, meant: dict[tuple[str, str], Floats]) -> tuple[Floats, Floats]:
        cash, due = np.zeros(len(s.paths)), np.zeros(len(s.paths))
        for k, forward in enumerate(self._forwards):
            days = self._day[month] - self._day[month - 1] if month else 0.0
            for sold in range(max(month - forward.term_months, 0), month):
                ph = self._sold[:, sold, k]
                cash += ph * self._paid(k, sold) * forward.margin_share * days
                if forward.repayment == "btc":
                    due += ph * self._fixed(k, sold) / s.price_usd[:, sold] * days
                else:
                    due += ph * s.paths.btc_per_ph[:, month]
        standing = c.racked_units @ self._nameplate
        for k, forward in enumerate(self._forwards):
            wanted = meant.get((forward.name, "sell_ph"))
            if wanted is not None:
                ph = np.minimum(wanted, self._room(k, month, standing))
                self._sold[:, month, k] = ph
                cash += ph * self._paid(k, month) * (1 - forward.margin_share) * self._left(k, month, month)
        # What the company does not have it buys: the buyer gets his BTC whatever its machines do.
        delivered = np.minimum(due, np.maximum(c.free_btc, 0.0))
        cost = s.price_usd[:, month] * (1 + s.scenario.treasury.buy_fee_share)
        return cash - (due - delivered) * cost, -delivered

    def tied_btc(self) -> Floats:
        return np.zeros(len(self._sold))

    def worth_usd(self, s: Setting, month: int) -> Floats:
        worth = np.zeros(len(self._sold))
        for k, forward in enumerate(self._forwards):
            for sold in range(max(month - forward.term_months + 1, 0), month + 1):
                per_day = s.paths.hashprice_usd_per_ph_day[:, month]
                if forward.repayment == "btc":
                    per_day = self._fixed(k, sold) / s.price_usd[:, sold] * s.price_usd[:, month]
                held = self._paid(k, sold) * forward.margin_share
                worth += self._sold[:, sold, k] * (held - per_day) * self._left(k, sold, month)
        return worth

    def _fixed(self, k: int, sold: int) -> Floats:
        """USD per PH/s and day fixed in a month, ``[path]``."""
        quoted = self._forwards[k].hashprice_usd_per_ph_day
        halvings = halving_factor(self._block_height, self._day, sold, self._forwards[k].term_months)
        return np.asarray(quoted * halvings * self._moved[:, sold])

    def _paid(self, k: int, sold: int) -> Floats:
        return self._fixed(k, sold) * (1 - self._forwards[k].discount_share)

    def _left(self, k: int, sold: int, month: int) -> float:
        return float(self._day[sold + self._forwards[k].term_months] - self._day[month])

    def _open(self, k: int, month: int) -> Floats:
        first = max(month - self._forwards[k].term_months + 1, 0)
        return np.asarray(self._sold[:, first : month + 1, k].sum(axis=1))

    def _room(self, k: int, month: int, standing_ph: Floats) -> Floats:
        """PH/s that can still be sold: within the buyer's limit, his share of the fleet and that of all together."""
        forward, mine = self._forwards[k], self._open(k, month)
        largest = max(other.max_share_of_fleet for other in self._forwards)
        everyone = sum((self._open(j, month) for j in range(len(self._forwards))), np.zeros(len(standing_ph)))
        room = np.minimum(forward.limit_ph - mine, forward.max_share_of_fleet * standing_ph - mine)
        return np.maximum(np.minimum(room, largest * standing_ph - everyone), 0.0)


HASHRATE_FORWARD = LedgerKind(
    "hashrate_forward",
    ("sell_ph",),
    books=_books,
    checks=_checks,
    on_paths=_ForwardsOnPaths,
)
