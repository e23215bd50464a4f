"""Notes: issued at decision nodes, interest each month, repaid whole.

Variables: ``note_usd[n, note]`` issued at decision node n; ``note_chosen[note]`` binary, node 0 only, where there is a
least issue.
"""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.decisions import Use
from optimizer.formulation.linear import Row, Terms, at_least, at_most, total
from optimizer.formulation.model import Binary, Formulation
from optimizer.formulation.source import Kind, may_use, named, of_kind, used
from optimizer.scenario.sources import Note


def _notes(f: Formulation) -> list[Note]:
    return of_kind(f, Note)


def _add(f: Formulation) -> None:
    notes = _notes(f)
    f.variables("note_usd", [(n, note.name) for note in notes for n in f.data.decision_nodes if may_use(f, note, n)])
    least = [note.name for note in notes if note.min_issue_usd > 0 and may_use(f, note, 0)]
    f.variables("note_chosen", least, Binary)
    f.rows(note_limit, [(n, note.name) for note in notes for n in f.data.decision_nodes if may_use(f, note, n)])
    f.rows(note_minimum, least)
    f.rows(note_none_unless_chosen, least)
    covered = [note for note in notes if note.min_btc_cover is not None]
    f.rows(note_cover, [(n, note.name) for note in covered for n in f.data.nodes if _outstanding(f, n, note)])


def _outstanding(f: Formulation, n: int, note: Note) -> list[int]:
    """The nodes on the way to n whose issues are not yet due after it."""
    month = f.data.month(n)
    return [d for d in f.data.deciders[n] if may_use(f, note, d) and month < f.data.month(d) + note.term_months]


def _due(f: Formulation, n: int, note: Note) -> list[int]:
    """The nodes on the way to n whose issues mature at it."""
    month = f.data.month(n)
    return [d for d in f.data.deciders[n] if may_use(f, note, d) and month == f.data.month(d) + note.term_months]


def _principal(f: Formulation, n: int, note: Note) -> Terms:
    return total(*((1.0, f.pyomo.note_usd[d, note.name]) for d in _outstanding(f, n, note)))


def taken_per_usd(f: Formulation, note: Note, issued: int, n: int) -> float:
    """What a note issued at one node takes at another per dollar of principal: 1, or where a convertible's holders
    would convert, price over conversion price."""
    if note.conversion_premium_share is None:
        return 1.0
    at = (1 + note.conversion_premium_share) * float(f.data.price[issued])
    return max(1.0, float(f.data.price[n]) / at)


def note_limit(f: Formulation, n: int, name: str) -> Row:
    """No more is issued on any branch than investors take:  sum over the way to n of X <= limit."""
    note = named(_notes(f), name)
    issued = total(*((1.0, f.pyomo.note_usd[d, name]) for d in f.data.deciders[n] if may_use(f, note, d)))
    return at_most(issued, note.limit_usd / f.data.money_usd)


def note_minimum(f: Formulation, name: str) -> Row:
    """Today's issue is at least what can be placed:  X[0] >= least * z."""
    least = named(_notes(f), name).min_issue_usd / f.data.money_usd
    return at_least(total((1.0, f.pyomo.note_usd[0, name]), (-least, f.pyomo.note_chosen[name])))


def note_none_unless_chosen(f: Formulation, name: str) -> Row:
    """... or nothing:  X[0] <= limit * z."""
    limit = named(_notes(f), name).limit_usd / f.data.money_usd
    return at_most(total((1.0, f.pyomo.note_usd[0, name]), (-limit, f.pyomo.note_chosen[name])))


def note_cover(f: Formulation, n: int, name: str) -> Row:
    """The covenant:  P[n] B[n] >= cover * principal[n]."""
    note = named(_notes(f), name)
    assert note.min_btc_cover is not None
    row = _principal(f, n, note).plus(Terms().add(float(f.data.price[n]), f.pyomo.btc[n]), -1 / note.min_btc_cover)
    return at_most(row)


def _cash(f: Formulation, n: int, note: Note) -> Terms:
    """Issued less the fee, less interest on what was outstanding, less what matures."""
    cash = Terms()
    if may_use(f, note, n):
        cash.add(1 - note.issue_fee_share, f.pyomo.note_usd[n, note.name])
    if n > 0:
        cash.plus(_principal(f, f.data.parent(n), note), -note.apr / 12)
        for d in _due(f, n, note):
            cash.add(-taken_per_usd(f, note, d, n), f.pyomo.note_usd[d, note.name])
    return cash


def _owed(f: Formulation, n: int, note: Note) -> Terms:
    """Principal, or what holders of a convertible would take if they could convert now."""
    owed = Terms()
    for d in _outstanding(f, n, note):
        owed.add(taken_per_usd(f, note, d, n), f.pyomo.note_usd[d, note.name])
    return owed


def _uses(f: Formulation) -> Iterator[Use]:
    return used(f.pyomo.note_usd, "issue_usd", f.data.money_usd)


def _interest(f: Formulation, n: int, note: Note) -> Terms:
    """A coupon falls due every month until maturity."""
    return Terms().plus(_principal(f, n, note), note.apr / 12)


def _service(f: Formulation, n: int, note: Note) -> Terms:
    return _interest(f, f.data.parent(n), note) if n > 0 else Terms()


NOTE = Kind("note", add=_add, uses=_uses, cash=_cash, owed=_owed, interest=_interest, service=_service)
