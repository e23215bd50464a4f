"""Notes in the ledger: what is issued pays interest each month and is due whole at its term."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optimizer.decisions import Use
from optimizer.ledger.checks import Check, at_nodes, per_decision, where
from optimizer.ledger.company import Company, Setting
from optimizer.ledger.paths import before
from optimizer.ledger.source import Given, LedgerKind, SourceBooks, since
from optimizer.market.tree import Floats, Ints, Tree
from optimizer.scenario.schema import Scenario
from optimizer.scenario.sources import Note


def _books(scenario: Scenario, tree: Tree, ancestor: Ints, uses: tuple[Use, ...]) -> SourceBooks:
    out = SourceBooks.empty(len(tree))
    notes = {source.name: source for source in scenario.sources if isinstance(source, Note)}
    for use in uses:
        note = notes[use.source]
        behind, age = since(tree, ancestor, use.node)
        taken = use.amount * _per_usd(note, float(tree.price_usd[use.node]), tree.price_usd)
        out.cash_usd[use.node] += use.amount * (1 - note.issue_fee_share)
        out.cash_usd[:] -= behind * (age > 0) * (age <= note.term_months) * use.amount * note.apr / 12
        out.cash_usd[:] -= behind * (age == note.term_months) * taken
        out.owed_usd[:] += behind * (age < note.term_months) * taken
        out.interest_usd[:] += behind * (age < note.term_months) * use.amount * note.apr / 12
    out.service_usd[:] += before(tree, out.interest_usd)
    return out


def _checks(g: Given) -> Iterator[Check]:
    for note in (source for source in g.scenario.sources if isinstance(source, Note)):
        yield from g.used_rightly(note, "notes issued in their window", "USD", g.scale.usd)
        who, mine = (note.name,), g.of(note)
        issued, open_usd = np.zeros((2, len(g.tree)))
        for use in mine:
            behind, age = since(g.tree, g.ancestor, use.node)
            issued += behind * use.amount
            open_usd += behind * (age < note.term_months) * use.amount
        yield at_nodes("notes issued in all", "USD", g.scale.usd, issued - note.limit_usd, who)
        today = sum(use.amount for use in mine if use.node == 0)
        if today > 1e-6 * g.scale.usd:
            yield from per_decision("least issue", "USD", g.scale.usd, [(0, note.min_issue_usd - today, note.name)])
        if note.min_btc_cover is not None:
            short = open_usd - g.btc * g.tree.price_usd / note.min_btc_cover
            yield at_nodes("BTC cover of notes", "USD", g.scale.usd, where(open_usd > 0, short), who)


def _per_usd(note: Note, issued_at_usd: Floats | float, price_usd: Floats) -> Floats:
    """What a dollar of the note takes when BTC stands at a price: a dollar, or more once conversion is worth it."""
    if note.conversion_premium_share is None:
        return np.ones_like(price_usd)
    return np.maximum(1.0, price_usd / (issued_at_usd * (1 + note.conversion_premium_share)))


class _NotesOnPaths:
    """Issues by the month in which they were made: principal and price then, ``[path, month, note]``."""

    def __init__(self, s: Setting) -> None:
        self._notes = [source for source in s.scenario.sources if isinstance(source, Note)]
        shape = (len(s.paths), s.paths.months + 1, len(self._notes))
        self._issued = np.zeros(shape)

    def close(self, s: Setting, c: Company, month: int, meant: dict[tuple[str, str], Floats]) -> tuple[Floats, Floats]:
        cash = np.zeros(len(s.paths))
        for k, note in enumerate(self._notes):
            first = max(month - note.term_months, 0)
            cash -= self._issued[:, first:month, k].sum(axis=1) * note.apr / 12
            if month >= note.term_months:
                due = month - note.term_months
                cash -= self._issued[:, due, k] * self._taken(s, note, due, month)
            wanted = meant.get((note.name, "issue_usd"))
            if wanted is not None:
                room = np.maximum(note.limit_usd - self._issued[:, :, k].sum(axis=1), 0.0)
                if note.min_btc_cover is not None:
                    held = (c.free_btc + c.pledged_btc.sum(axis=1)) * s.price_usd[:, month] / note.min_btc_cover
                    room = np.minimum(room, np.maximum(held - self._open(k, month), 0.0))
                self._issued[:, month, k] = np.minimum(wanted, room)
                cash += self._issued[:, month, k] * (1 - note.issue_fee_share)
        return cash, np.zeros_like(cash)

    def tied_btc(self) -> Floats:
        return np.zeros(len(self._issued))

    def worth_usd(self, s: Setting, month: int) -> Floats:
        owed = np.zeros(len(self._issued))
        for k, note in enumerate(self._notes):
            for drawn in range(max(month - note.term_months + 1, 0), month + 1):
                owed += self._issued[:, drawn, k] * self._taken(s, note, drawn, month)
        return -owed

    def _open(self, k: int, month: int) -> Floats:
        first = max(month - self._notes[k].term_months + 1, 0)
        return np.asarray(self._issued[:, first : month + 1, k].sum(axis=1))

    def _taken(self, s: Setting, note: Note, drawn: int, month: int) -> Floats:
        return _per_usd(note, s.price_usd[:, drawn], s.price_usd[:, month])


NOTE = LedgerKind("note", ("issue_usd",), books=_books, checks=_checks, on_paths=_NotesOnPaths)
