"""Machine-backed loans: drawn against machines as they are ordered, repaid in level instalments.

Variables: ``machine_draw_usd[n, loan]`` drawn at decision node n; where early repayment is allowed
``machine_debt_usd[n, loan]`` owed after node n. Where it is not, the schedule says what is owed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from optimizer.decisions import Use
from optimizer.formulation.fleet_data import Pair
from optimizer.formulation.linear import NOISE, Row, Terms, at_least, at_most, total
from optimizer.formulation.model import Formulation
from optimizer.formulation.source import Kind, may_use, named, of_kind, used
from optimizer.scenario.sources import MachineLoan


def _loans(f: Formulation) -> list[MachineLoan]:
    return of_kind(f, MachineLoan)


def _add(f: Formulation) -> None:
    loans = _loans(f)
    draws = [(n, loan.name) for loan in loans for n in f.data.decision_nodes if _may_draw(f, loan, n)]
    f.variables("machine_draw_usd", draws)
    open_at = [(n, loan.name) for loan in loans for n in f.data.nodes if _live(f, n, loan)]
    free = [(n, name) for n, name in open_at if named(_loans(f), name).early_repayment]
    f.variables("machine_debt_usd", free)
    f.rows(machine_loan_limit, draws)
    f.rows(machine_loan_advance, draws)
    f.rows(machine_loan_lien, [(n, name) for n, name in open_at if _machines_can_leave(f, n, named(_loans(f), name))])
    f.rows(machine_loan_schedule, free)
    f.rows(machine_loan_not_drawn_again, free)
    f.rows(machine_loan_draw_stays, [key for key in draws if key in f.pyomo.machine_debt_usd])
    bound = [loan for loan in loans if loan.covenant_ltv is not None]
    f.rows(machine_loan_covenant, [(n, loan.name) for loan in bound for n in f.data.nodes if _drawn_before(f, n, loan)])


def _may_draw(f: Formulation, loan: MachineLoan, n: int) -> bool:
    return may_use(f, loan, n) and bool(_on_offer(f, loan, n))


def _on_offer(f: Formulation, loan: MachineLoan, n: int) -> list[Pair]:
    """Pairs that the lender finances and that can be ordered at node n."""
    return [pair for pair in f.data.pairs if loan.takes(pair.model) and f.may_order(n, pair)]


def _live(f: Formulation, n: int, loan: MachineLoan) -> list[int]:
    """The nodes on the way to n whose draws are not yet due in full after it."""
    month = f.data.month(n)
    return [d for d in f.data.deciders[n] if _may_draw(f, loan, d) and month < f.data.month(d) + loan.term_months]


def _drawn_before(f: Formulation, n: int, loan: MachineLoan) -> list[int]:
    return [d for d in _live(f, n, loan) if d != n]


def _lenders_within(f: Formulation, loan: MachineLoan) -> list[MachineLoan]:
    """The loans that finance nothing but what this one does, itself included: they share its machines."""
    return [other for other in _loans(f) if other.within(loan)]


def _machines_can_leave(f: Formulation, n: int, loan: MachineLoan) -> bool:
    month = f.data.month(n)
    return any(
        month - f.data.month(d) in f.handover_months(pair, d)
        for pair in f.data.pairs
        if pair.candidate is not None and loan.takes(pair.model)
        for d in f.data.deciders[n]
    )


def remaining_share(loan: MachineLoan, payments: int) -> float:
    """Share of a draw that is owed after so many level payments: 1 - ((1 + r)^k - 1) / ((1 + r)^N - 1)."""
    if payments >= loan.term_months:
        return 0.0
    growth = math.log1p(loan.apr / 12)
    if growth == 0:
        return 1 - payments / loan.term_months
    return 1 - math.expm1(growth * payments) / math.expm1(growth * loan.term_months)


def _scheduled(f: Formulation, n: int, loan: MachineLoan) -> Terms:
    """S[n]: what level payments leave of all draws on the way to n."""
    month = f.data.month(n)
    return total(
        *(
            (remaining_share(loan, month - f.data.month(d)), f.pyomo.machine_draw_usd[d, loan.name])
            for d in _live(f, n, loan)
        )
    )


def _debt(f: Formulation, n: int, loan: MachineLoan) -> Terms:
    """D[n]: owed after node n."""
    if not loan.early_repayment:
        return _scheduled(f, n, loan)
    debt = Terms()
    if (n, loan.name) in f.pyomo.machine_debt_usd:
        debt.add(1.0, f.pyomo.machine_debt_usd[n, loan.name])
    return debt


def machine_loan_limit(f: Formulation, n: int, name: str) -> Row:
    """No more is drawn on any branch than the lender commits:  sum over the way to n of X <= limit."""
    loan = named(_loans(f), name)
    drawn = total(*((1.0, f.pyomo.machine_draw_usd[d, name]) for d in f.data.deciders[n] if _may_draw(f, loan, d)))
    return at_most(drawn, loan.limit_usd / f.data.money_usd)


def machine_loan_advance(f: Formulation, n: int, name: str) -> Row:
    """A machine is financed once, as it is ordered:  sum over loans on the same machines of X[n] / advance <=
    f[n] sum_a price[a] x[n,a]."""
    loan = named(_loans(f), name)
    row = total(
        *(
            (1 / other.advance_share, f.pyomo.machine_draw_usd[n, other.name])
            for other in _lenders_within(f, loan)
            if _may_draw(f, other, n)
        )
    )
    for pair in _on_offer(f, loan, n):
        row.add(-pair.price * float(f.data.tree.asic_price_factor[n]), f.pyomo.order_lots[n, *pair.key])
    return at_most(row)


def machine_loan_lien(f: Formulation, n: int, name: str) -> Row:
    """Financed machines stay for the term, at today's prices:  sum_a price[a] / lot[a] * owned[n,a] >= sum over
    loans on the same machines and live draws d of X[d] / (advance f[d])."""
    loan = named(_loans(f), name)
    row = Terms()
    for a, pair in enumerate(f.data.pairs):
        if pair.candidate is not None and loan.takes(pair.model):
            row.plus(f.owned(n, a), pair.price / pair.lot_ph)
    for other in _lenders_within(f, loan):
        for d in _live(f, n, other):
            at_order = float(f.data.tree.asic_price_factor[d])
            row.add(-1 / (other.advance_share * at_order), f.pyomo.machine_draw_usd[d, other.name])
    return at_least(row)


def machine_loan_schedule(f: Formulation, n: int, name: str) -> Row:
    """Owed is at most what level payments leave:  D[n] <= S[n] = sum over live draws of s(age) X[d]."""
    loan = named(_loans(f), name)
    return at_most(_debt(f, n, loan).plus(_scheduled(f, n, loan), -1.0))


def machine_loan_not_drawn_again(f: Formulation, n: int, name: str) -> Row:
    """What is repaid stays repaid:  D[n] <= D[p] + X[n]."""
    loan = named(_loans(f), name)
    row = _debt(f, n, loan)
    if n > 0:
        row.plus(_debt(f, f.data.parent(n), loan), -1.0)
    if (n, name) in f.pyomo.machine_draw_usd:
        row.add(-1.0, f.pyomo.machine_draw_usd[n, name])
    return at_most(row)


def machine_loan_draw_stays(f: Formulation, n: int, name: str) -> Row:
    """A draw is not repaid on its day, so that no machines are pledged by it for older debt alone:  D[n] >= X[n]."""
    return at_least(_debt(f, n, named(_loans(f), name)).add(-1.0, f.pyomo.machine_draw_usd[n, name]))


def machine_loan_covenant(f: Formulation, n: int, name: str) -> Row:
    """Owed before the day's draw against what its machines would fetch on this branch:  D[n] - X[n] <= covenant *
    sum over live d before n of X[d] / advance * (1 - resale discount) f[n] / f[d]."""
    loan, factor = named(_loans(f), name), f.data.tree.asic_price_factor
    assert loan.covenant_ltv is not None
    kept = 1 - f.data.scenario.market.asic_prices.resale_discount_share
    row = _debt(f, n, loan)
    if (n, name) in f.pyomo.machine_draw_usd:
        row.add(-1.0, f.pyomo.machine_draw_usd[n, name])
    for d in _drawn_before(f, n, loan):
        value = kept / loan.advance_share * float(factor[n]) / float(factor[d])
        row.add(-loan.covenant_ltv * value, f.pyomo.machine_draw_usd[d, name])
    return at_most(row)


def _cash(f: Formulation, n: int) -> Terms:
    """Drawn less the fee, less interest on what was owed and the principal repaid:  D[n] - D[p] - fee X[n] - r D[p]."""
    cash = Terms()
    for loan in _loans(f):
        cash.plus(_debt(f, n, loan))
        if n > 0:
            cash.plus(_debt(f, f.data.parent(n), loan), -1 - loan.apr / 12)
        if (n, loan.name) in f.pyomo.machine_draw_usd:
            cash.add(-loan.origination_fee_share, f.pyomo.machine_draw_usd[n, loan.name])
    return cash


def _interest(f: Formulation, n: int) -> Terms:
    interest = Terms()
    for loan in _loans(f):
        interest.plus(_debt(f, n, loan), loan.apr / 12)
    return interest


def _service(f: Formulation, n: int) -> Terms:
    """Interest on what was owed, and the principal that level payments bring, whatever was repaid ahead:
    r D[p] + sum over live d of (s(age - 1) - s(age)) X[d]."""
    if n == 0:
        return Terms()
    p, month = f.data.parent(n), f.data.month(n)
    service = _interest(f, p)
    for loan in _loans(f):
        for d in _live(f, p, loan):
            age = month - f.data.month(d)
            due = remaining_share(loan, age - 1) - remaining_share(loan, age)
            service.add(due, f.pyomo.machine_draw_usd[d, loan.name])
    return service


def _owed(f: Formulation, n: int) -> Terms:
    owed = Terms()
    for loan in _loans(f):
        owed.plus(_debt(f, n, loan))
    return owed


def _uses(f: Formulation) -> Iterator[Use]:
    """Draws, and what is repaid before the schedule asks for it."""
    m, usd = f.pyomo, f.data.money_usd
    yield from used(m.machine_draw_usd, "draw_usd", usd)
    for loan in _loans(f):
        for n in f.data.nodes:
            if n == 0 or not loan.early_repayment:
                continue
            before, after = _debt(f, f.data.parent(n), loan).value(), _debt(f, n, loan).value()
            drawn = m.machine_draw_usd[n, loan.name].value if (n, loan.name) in m.machine_draw_usd else 0.0
            asked = max(0.0, before + drawn - _scheduled(f, n, loan).value())
            ahead = before + drawn - asked - after
            if ahead > NOISE:
                yield Use(n, loan.name, "repay_ahead_usd", ahead * usd)


MACHINE_LOAN = Kind("machine_loan", add=_add, uses=_uses, cash=_cash, owed=_owed, interest=_interest, service=_service)
