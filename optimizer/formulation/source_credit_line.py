"""Open credit lines: drawn at decision nodes, repaid at any node, pledged as the tiers ask, topped up at the low.

Variables: ``line_usd[n, line, tier]`` owed in a tier after node n; ``line_top_up_btc[n, line]`` sent at the month's
low; ``line_kept_btc[n, line]`` what a frozen lender keeps beyond what the tiers ask. All linear.
"""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.decisions import Use
from optimizer.formulation.floating_pledge import at_low, stays, within_board
from optimizer.formulation.linear import Row, Terms, at_most
from optimizer.formulation.model import Formulation
from optimizer.formulation.source import Kind, may_use, named, of_kind, used, variable
from optimizer.scenario.sources import CreditLine

NOISE_USD = 1e-4


def _lines(f: Formulation) -> list[CreditLine]:
    return of_kind(f, CreditLine)


def _add(f: Formulation) -> None:
    open_at = [(n, line) for line in _lines(f) for n in f.data.nodes if _is_open(f, line, n)]
    f.variables("line_usd", [(n, line.name, k) for n, line in open_at for k in range(len(line.tiers))])
    owed_before = [(n, line.name) for n, line in open_at if n > 0 and _is_open(f, line, f.data.parent(n))]
    frozen = [(n, name) for n, name in owed_before if _frozen(f, named(_lines(f), name), n)]
    f.variables("line_top_up_btc", owed_before)
    f.variables("line_kept_btc", frozen)
    drawn = [(n, line.name) for n, line in open_at if may_use(f, line, n)]
    f.rows(line_limit, drawn)
    f.rows(line_only_falls, [(n, line.name) for n, line in open_at if not may_use(f, line, n)])
    f.rows(line_at_low, owed_before)
    f.rows(line_frozen, frozen)


def _frozen(f: Formulation, line: CreditLine, n: int) -> bool:
    return line.counterparty in f.data.tree.frozen[n]


def _is_open(f: Formulation, line: CreditLine, n: int) -> bool:
    """Whether something may be owed after node n: it could be drawn on the way there."""
    return any(may_use(f, line, d) for d in f.data.deciders[n])


def _in_tiers(f: Formulation, n: int, line: CreditLine, weight: list[float]) -> Terms:
    """The sum over tiers of weight * what is owed in the tier after node n."""
    terms = Terms()
    if _is_open(f, line, n):
        for k, w in enumerate(weight):
            terms.add(w, f.pyomo.line_usd[n, line.name, k])
    return terms


def _balance(f: Formulation, n: int, line: CreditLine) -> Terms:
    return _in_tiers(f, n, line, [1.0] * len(line.tiers))


def _pledged(f: Formulation, n: int, line: CreditLine) -> Terms:
    """BTC pledged after node n:  C[n] = sum_k D[n,k] / (maxLTV_k P[n])  (+ what a frozen lender keeps)."""
    price = float(f.data.price[n])
    pledged = _in_tiers(f, n, line, [1 / (within_board(f, tier.max_ltv) * price) for tier in line.tiers])
    return pledged.plus(variable(f.pyomo.line_kept_btc, n, line.name))


def _there(f: Formulation, n: int, line: CreditLine) -> Terms:
    """C[p] + t[n]: BTC pledged at the low of n."""
    return _pledged(f, f.data.parent(n), line).plus(_top_up(f, n, line))


def line_limit(f: Formulation, n: int, name: str) -> Row:
    """No more is owed than the lender lends:  sum_k D[n,k] <= limit."""
    line = named(_lines(f), name)
    return at_most(_balance(f, n, line), line.limit_usd / f.data.money_usd)


def line_only_falls(f: Formulation, n: int, name: str) -> Row:
    """Where nothing can be drawn:  sum_k D[n,k] <= sum_k D[p,k]."""
    line = named(_lines(f), name)
    return at_most(_balance(f, n, line).plus(_balance(f, f.data.parent(n), line), -1.0))


def line_at_low(f: Formulation, n: int, name: str) -> Row:
    """At the month's low, with what is topped up:  sum_k D[p,k] <= (callLTV - buffer) low[n] (C[p] + t[n])."""
    line = named(_lines(f), name)
    return at_low(f, n, line, _balance(f, f.data.parent(n), line), _there(f, n, line))


def line_frozen(f: Formulation, n: int, name: str) -> Row:
    """A frozen lender gives nothing back:  C[n] >= C[p] + t[n]."""
    line = named(_lines(f), name)
    return stays(_pledged(f, n, line), _there(f, n, line))


def _cash(f: Formulation, n: int, line: CreditLine) -> Terms:
    """What is owed more than before, less interest on what was owed before."""
    cash = _balance(f, n, line)
    if n > 0:
        cash.plus(_in_tiers(f, f.data.parent(n), line, [1 + tier.apr / 12 for tier in line.tiers]), -1.0)
    return cash


def _top_up(f: Formulation, n: int, line: CreditLine) -> Terms:
    return variable(f.pyomo.line_top_up_btc, n, line.name)


def _interest(f: Formulation, n: int, line: CreditLine) -> Terms:
    return _in_tiers(f, n, line, [tier.apr / 12 for tier in line.tiers])


def _service(f: Formulation, n: int, line: CreditLine) -> Terms:
    """Nothing but interest falls due."""
    return _interest(f, f.data.parent(n), line) if n > 0 else Terms()


def _activity(f: Formulation, n: int, line: CreditLine) -> Terms:
    """A year's interest, what is topped up and what is left: of tiers alike in cost, as at a leaf, the cheapest."""
    yearly = _in_tiers(f, n, line, [tier.apr for tier in line.tiers])
    return yearly.plus(_top_up(f, n, line)).plus(variable(f.pyomo.line_kept_btc, n, line.name))


def _uses(f: Formulation) -> Iterator[Use]:
    money, owed = f.data.money_usd, f.pyomo.line_usd
    for (n, name, k), var in owed.items():
        before = (f.data.parent(n), name, k)
        more = (var.value - (owed[before].value if before in owed else 0.0)) * money
        if abs(more) > NOISE_USD:
            yield Use(n, name, f"{'draw' if more > 0 else 'repay'}_tier_{k + 1}_usd", abs(more))
    yield from used(f.pyomo.line_kept_btc, "leave_btc")


CREDIT_LINE = Kind(
    "credit_line",
    add=_add,
    uses=_uses,
    cash=_cash,
    tied_btc=_pledged,
    top_up_btc=_top_up,
    owed=_balance,
    interest=_interest,
    service=_service,
    activity=_activity,
)
