"""Machine-backed loans: drawn against machines as they are ordered, repaid in level instalments.

Variables: ``machine_draw_usd[n, loan]`` drawn at decision node n; where early repayment is allowed
``machine_debt_usd[n, loan]`` owed after node n. Where it is not, the schedule says what is owed, less what has been
walked away from (`optimizer.formulation.machine_walk`).
"""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.decisions import Use
from optimizer.formulation.linear import NOISE, Row, Terms, at_least, at_most, total
from optimizer.formulation.machine_loans import live_draws, machine_loans, may_draw, on_offer, remaining_share
from optimizer.formulation.machine_walk import (
    add_seizures,
    add_walks,
    forgiven,
    handed_over,
    seized_ph,
    walk_uses,
    walked,
)
from optimizer.formulation.model import Formulation
from optimizer.formulation.source import Kind, named, used
from optimizer.scenario.sources import MachineLoan


def _add(f: Formulation) -> None:
    loans = machine_loans(f)
    draws = [(n, loan.name) for loan in loans for n in f.data.decision_nodes if may_draw(f, loan, n)]
    f.variables("machine_draw_usd", draws)
    add_walks(f)
    open_at = [(n, loan.name) for loan in loans for n in f.data.nodes if live_draws(f, n, loan)]
    free = [(n, name) for n, name in open_at if named(loans, name).early_repayment]
    f.variables("machine_debt_usd", free)
    f.rows(machine_loan_limit, draws)
    f.rows(machine_loan_advance, draws)
    tied = [(n, name) for n, name in open_at if _machines_can_leave(f, n, named(loans, name))]
    f.rows(machine_loan_lien, tied)
    f.rows(machine_loan_schedule, free)
    f.rows(machine_loan_not_drawn_again, free)
    f.rows(machine_loan_draw_stays, [key for key in draws if key in f.pyomo.machine_debt_usd])
    bound = [loan for loan in loans if loan.covenant_ltv is not None]
    f.rows(machine_loan_covenant, [(n, loan.name) for loan in bound for n in f.data.nodes if _drawn_before(f, n, loan)])


def _drawn_before(f: Formulation, n: int, loan: MachineLoan) -> list[int]:
    return [d for d in live_draws(f, n, loan) if d != n]


def _lenders_within(f: Formulation, loan: MachineLoan) -> list[MachineLoan]:
    """The loans that finance nothing but what this one does, itself included: they share its machines."""
    return [other for other in machine_loans(f) if other.within(loan)]


def _machines_can_leave(f: Formulation, n: int, loan: MachineLoan) -> bool:
    month = f.data.month(n)
    return any(
        month - f.data.month(d) in f.handover_months(pair, d)
        for pair in f.data.pairs
        if pair.candidate is not None and loan.takes(pair.model)
        for d in f.data.deciders[n]
    )


def _kept(f: Formulation, n: int, loan: MachineLoan, d: int) -> Terms:
    """kept[n,d]: of the draw at d, what has not been walked away from:  X[d] - walked[n,d]."""
    return total((1.0, f.pyomo.machine_draw_usd[d, loan.name])).plus(walked(f, n, loan.name, d), -1.0)


def _scheduled(f: Formulation, n: int, loan: MachineLoan) -> Terms:
    """S[n]: what level payments leave of all draws on the way to n."""
    month, left = f.data.month(n), Terms()
    for d in live_draws(f, n, loan):
        left.plus(_kept(f, n, loan, d), remaining_share(loan, month - f.data.month(d)))
    return left


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
    loan = named(machine_loans(f), name)
    drawn = total(*((1.0, f.pyomo.machine_draw_usd[d, name]) for d in f.data.deciders[n] if may_draw(f, loan, d)))
    return at_most(drawn, loan.limit_usd / f.data.money_usd)


def machine_loan_advance(f: Formulation, n: int, name: str) -> Row:
    """A machine is financed once, as it is ordered:  sum over loans on the same machines of X[n] / advance <=
    f[n] sum_a price[a] x[n,a]."""
    loan = named(machine_loans(f), name)
    row = total(
        *(
            (1 / other.advance_share, f.pyomo.machine_draw_usd[n, other.name])
            for other in _lenders_within(f, loan)
            if may_draw(f, other, n)
        )
    )
    for pair in on_offer(f, loan, n):
        row.add(-pair.price * float(f.data.tree.asic_price_factor[n]), f.pyomo.order_lots[n, *pair.key])
    return at_most(row)


def machine_loan_lien(f: Formulation, n: int, name: str) -> Row:
    """Financed machines stay for the term, at today's prices:  sum_a price[a] / lot[a] * owned[n,a] >= sum over
    loans on the same machines and live draws d of kept[n,d] / (advance f[d])."""
    loan = named(machine_loans(f), name)
    row = Terms()
    for a, pair in enumerate(f.data.pairs):
        if pair.candidate is not None and loan.takes(pair.model):
            row.plus(f.owned(n, a), pair.price / pair.lot_ph)
    for other in _lenders_within(f, loan):
        for d in live_draws(f, n, other):
            at_order = float(f.data.tree.asic_price_factor[d])
            row.plus(_kept(f, n, other, d), -1 / (other.advance_share * at_order))
    return at_least(row)


def machine_loan_schedule(f: Formulation, n: int, name: str) -> Row:
    """Owed is at most what level payments leave:  D[n] <= S[n] = sum over live draws of s(age) kept[n,d]."""
    loan = named(machine_loans(f), name)
    return at_most(_debt(f, n, loan).plus(_scheduled(f, n, loan), -1.0))


def machine_loan_not_drawn_again(f: Formulation, n: int, name: str) -> Row:
    """What is repaid stays repaid:  D[n] <= D[p] + X[n]."""
    loan = named(machine_loans(f), name)
    row = _debt(f, n, loan)
    if n > 0:
        row.plus(_debt(f, f.data.parent(n), loan), -1.0)
    if (n, name) in f.pyomo.machine_draw_usd:
        row.add(-1.0, f.pyomo.machine_draw_usd[n, name])
    return at_most(row)


def machine_loan_draw_stays(f: Formulation, n: int, name: str) -> Row:
    """A draw is not repaid on its day, so that no machines are pledged by it for older debt alone:  D[n] >= X[n]."""
    return at_least(_debt(f, n, named(machine_loans(f), name)).add(-1.0, f.pyomo.machine_draw_usd[n, name]))


def machine_loan_covenant(f: Formulation, n: int, name: str) -> Row:
    """Owed before the day's draw against what its machines would fetch on this branch:  D[n] - X[n] <= covenant *
    sum over live d before n of kept[n,d] / advance * (1 - resale discount) f[n] / f[d]."""
    loan, factor = named(machine_loans(f), name), f.data.tree.asic_price_factor
    assert loan.covenant_ltv is not None
    kept = 1 - f.data.scenario.market.asic_prices.resale_discount_share
    row = _debt(f, n, loan)
    if (n, name) in f.pyomo.machine_draw_usd:
        row.add(-1.0, f.pyomo.machine_draw_usd[n, name])
    for d in _drawn_before(f, n, loan):
        value = kept / loan.advance_share * float(factor[n]) / float(factor[d])
        row.plus(_kept(f, n, loan, d), -loan.covenant_ltv * value)
    return at_most(row)


def _cash(f: Formulation, n: int, loan: MachineLoan) -> Terms:
    """Drawn less the fee, less interest on what was owed and the principal repaid, of what is not walked away from:
    D[n] - fee X[n] - (1 + r) (D[p] - forgiven[n])."""
    cash = Terms()
    cash.plus(_debt(f, n, loan))
    if n > 0:
        kept = _debt(f, f.data.parent(n), loan).plus(forgiven(f, n, loan), -1.0)
        cash.plus(kept, -1 - loan.apr / 12)
    if (n, loan.name) in f.pyomo.machine_draw_usd:
        cash.add(-loan.origination_fee_share, f.pyomo.machine_draw_usd[n, loan.name])
    return cash


def _interest(f: Formulation, n: int, loan: MachineLoan) -> Terms:
    return Terms().plus(_debt(f, n, loan), loan.apr / 12)


def _service(f: Formulation, n: int, loan: MachineLoan) -> Terms:
    """Interest on what was owed and is not walked away from, and the principal that level payments bring, whatever was
    repaid ahead:  r (D[p] - forgiven[n]) + sum over live d of (s(age - 1) - s(age)) kept[n,d]."""
    if n == 0:
        return Terms()
    p, month = f.data.parent(n), f.data.month(n)
    service = _interest(f, p, loan).plus(forgiven(f, n, loan), -loan.apr / 12)
    for d in live_draws(f, p, loan):
        age = month - f.data.month(d)
        service.plus(_kept(f, n, loan, d), remaining_share(loan, age - 1) - remaining_share(loan, age))
    return service


def _activity(f: Formulation, n: int, loan: MachineLoan) -> Terms:
    """What is walked away from at n, where it makes no difference on a stress branch: rather not."""
    walks = f.pyomo.machine_walk_usd
    return total(*((1.0, walks[n, loan.name, d]) for d in f.data.deciders[n] if (n, loan.name, d) in walks))


def _uses(f: Formulation) -> Iterator[Use]:
    """Draws, what is repaid before the schedule asks for it, and what is walked away from."""
    m, usd = f.pyomo, f.data.money_usd
    yield from used(m.machine_draw_usd, "draw_usd", usd)
    yield from walk_uses(f)
    for loan in machine_loans(f):
        for n in f.data.nodes:
            if n == 0 or not loan.early_repayment:
                continue
            before, after = _debt(f, f.data.parent(n), loan).value(), _debt(f, n, loan).value()
            drawn = m.machine_draw_usd[n, loan.name].value if (n, loan.name) in m.machine_draw_usd else 0.0
            asked = max(0.0, before + drawn - _scheduled(f, n, loan).value())
            ahead = before + drawn - asked - after
            if ahead > NOISE:
                yield Use(n, loan.name, "repay_ahead_usd", ahead * usd)


MACHINE_LOAN = Kind(
    "machine_loan",
    add=_add,
    uses=_uses,
    cash=_cash,
    owed=_debt,
    interest=_interest,
    service=_service,
    activity=_activity,
    before_fleet=add_seizures,
    seized_ph=seized_ph,
    handed_over=handed_over,
)
