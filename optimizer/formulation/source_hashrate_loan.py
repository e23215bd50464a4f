"""Loans repaid by hashrate: a pool keeps a share of what pointed machines mine until each draw is paid.

How many machines are pointed goes by the draw, so what is left of a dollar drawn is known at every node before anything
is decided (`Course`), and all is linear. Variables: ``hashrate_draw_usd[n, loan]``; where early repayment is allowed
``hashrate_live_usd[n, loan, d]``, of the dollars drawn at d those not repaid ahead after n; ``hashrate_top_up_btc[n,
loan]`` sent at the month's low; ``hashrate_kept_btc[n, loan]`` what a frozen lender keeps beyond its due.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optimizer.decisions import Use
from optimizer.formulation.floating_pledge import at_low, stays, within_board
from optimizer.formulation.hashrate_contract import sold_ph, standing_ph
from optimizer.formulation.linear import Row, Terms, at_most
from optimizer.formulation.model import Formulation
from optimizer.formulation.source import Kind, may_use, named, of_kind, used, variable
from optimizer.scenario.sources import HashrateForward, HashrateLoan

NOISE_USD = 1e-4


@dataclass(frozen=True)
class Course:
    """What has become of a dollar drawn, at a node: the dollars owed after it, BTC kept by the pool for the month (per
    unit of model money) and dollars due in cash at the end of the term."""

    owed: float
    swept_btc: float
    due: float


def _loans(f: Formulation) -> list[HashrateLoan]:
    return of_kind(f, HashrateLoan)


def _courses(f: Formulation, loan: HashrateLoan) -> dict[tuple[int, int], Course]:
    """``[n, d]`` for every node n at or behind a draw at d at which something was owed when its month began."""
    if loan.name not in f.worked_out:
        f.worked_out[loan.name] = found = {}
        for n in f.data.nodes:
            for d in f.data.deciders[n]:
                if d == n and may_use(f, loan, n):
                    found[n, n] = Course(1.0, 0.0, 0.0)
                elif (f.data.parent(n), d) in found and found[f.data.parent(n), d].owed > 0:
                    found[n, d] = _next(f, loan, n, d, found[f.data.parent(n), d].owed)
    courses: dict[tuple[int, int], Course] = f.worked_out[loan.name]
    return courses


def _next(f: Formulation, loan: HashrateLoan, n: int, d: int, owed_before: float) -> Course:
    """b[n] = max(0, b[p] (1 + r) - P[n] w h[n]), w the PH/s that repay a dollar; 0 from the term's last month."""
    price = float(f.data.price[n])
    owed = owed_before * (1 + loan.apr / 12)
    repaid = min(owed, price * _pointed(f, loan) * loan.repaid_share * float(f.data.tree.btc_per_ph[n]))
    last = f.data.month(n) >= f.data.month(d) + loan.term_months
    left = owed - repaid
    return Course(0.0 if last else left, repaid / price, left if last else 0.0)


def _pointed(f: Formulation, loan: HashrateLoan) -> float:
    """PH/s pointed at the pool for a unit of model money drawn."""
    return loan.pointed_ph_per_usd_m * f.data.money_usd / 1e6


def _draws(f: Formulation, n: int, loan: HashrateLoan) -> dict[int, Course]:
    """The draws on the way to n that are owed after it."""
    courses = _courses(f, loan)
    there = {d: courses[n, d] for d in f.data.deciders[n] if (n, d) in courses}
    return {d: course for d, course in there.items() if course.owed > 0}


def _live(f: Formulation, n: int, loan: HashrateLoan, d: int) -> Terms:
    """Of the dollars drawn at d, those not repaid ahead after n; after the last month as before it."""
    live = f.pyomo.hashrate_live_usd
    if (n, loan.name, d) in live:
        return Terms().add(1.0, live[n, loan.name, d])
    if n == d or not loan.early_repayment:
        return Terms().add(1.0, f.pyomo.hashrate_draw_usd[d, loan.name])
    return _live(f, f.data.parent(n), loan, d)


def _add(f: Formulation) -> None:
    loans, nodes = _loans(f), f.data.nodes
    draws = [(n, loan.name) for loan in loans for n in f.data.decision_nodes if may_use(f, loan, n)]
    f.variables("hashrate_draw_usd", draws)
    repaid = [
        (n, loan, d) for loan in loans if loan.early_repayment for n in nodes for d in _draws(f, n, loan) if d < n
    ]
    f.variables("hashrate_live_usd", [(n, loan.name, d) for n, loan, d in repaid])
    owed_before = [(n, loan.name) for loan in loans for n in nodes if n > 0 and _draws(f, f.data.parent(n), loan)]
    f.variables("hashrate_top_up_btc", owed_before)
    frozen = [(n, name) for n, name in owed_before if named(loans, name).counterparty in f.data.tree.frozen[n]]
    f.variables("hashrate_kept_btc", frozen)
    f.rows(hashrate_loan_limit, draws)
    f.rows(hashrate_loan_live, [(n, loan.name, d) for n, loan, d in repaid])
    pointing = [(n, loan.name) for loan in loans for n in f.data.decision_nodes if _draws(f, n, loan)]
    f.rows(hashrate_loan_fleet, pointing)
    if len(loans) > 1 or of_kind(f, HashrateForward):
        f.rows(hashrate_promised_once, sorted({n for n, _ in pointing}))
    f.rows(hashrate_loan_at_low, owed_before)
    f.rows(hashrate_loan_frozen, frozen)


def _owed(f: Formulation, n: int, loan: HashrateLoan) -> Terms:
    """D[n] = sum_d b[n,d] L[n,d]."""
    owed = Terms()
    for d, course in _draws(f, n, loan).items():
        owed.plus(_live(f, n, loan, d), course.owed)
    return owed


def _pointed_ph(f: Formulation, n: int, loan: HashrateLoan) -> Terms:
    """PH/s pointed at the pool after n."""
    pointed = Terms()
    for d in _draws(f, n, loan):
        pointed.plus(_live(f, n, loan, d), _pointed(f, loan))
    return pointed


def _pledged(f: Formulation, n: int, loan: HashrateLoan) -> Terms:
    """BTC pledged after node n:  C[n] = D[n] / (maxLTV P[n])  (+ what a frozen lender keeps)."""
    asked = 1 / (within_board(f, loan.max_ltv) * float(f.data.price[n]))
    return Terms().plus(_owed(f, n, loan), asked).plus(variable(f.pyomo.hashrate_kept_btc, n, loan.name))


def _there(f: Formulation, n: int, loan: HashrateLoan) -> Terms:
    """C[p] + t[n]: BTC pledged at the low of n."""
    return _pledged(f, f.data.parent(n), loan).plus(_top_up(f, n, loan))


def hashrate_loan_limit(f: Formulation, n: int, name: str) -> Row:
    """No more is owed than the lender lends:  sum_d b[n,d] L[n,d] <= limit."""
    loan = named(_loans(f), name)
    return at_most(_owed(f, n, loan), loan.limit_usd / f.data.money_usd)


def hashrate_loan_live(f: Formulation, n: int, name: str, d: int) -> Row:
    """What is repaid ahead stays repaid:  L[n,d] <= L[p,d]."""
    loan = named(_loans(f), name)
    return at_most(_live(f, n, loan, d).plus(_live(f, f.data.parent(n), loan, d), -1.0))


def hashrate_loan_fleet(f: Formulation, n: int, name: str) -> Row:
    """Machines stand behind what is pointed:  sum of w L[n,d] <= share * standing[n]."""
    loan = named(_loans(f), name)
    return at_most(_pointed_ph(f, n, loan).plus(standing_ph(f, n), -loan.max_share_of_fleet))


def hashrate_promised_once(f: Formulation, n: int) -> Row:
    """No machine mines for two:  sum of all pointed + sold forward <= standing[n]."""
    row = Terms().plus(standing_ph(f, n), -1.0)
    for loan in _loans(f):
        row.plus(_pointed_ph(f, n, loan))
    for forward in of_kind(f, HashrateForward):
        row.plus(sold_ph(f, n, forward))
    return at_most(row)


def hashrate_loan_at_low(f: Formulation, n: int, name: str) -> Row:
    """At the month's low, with what is topped up:  D[p] <= (callLTV - buffer) low[n] (C[p] + t[n])."""
    loan = named(_loans(f), name)
    return at_low(f, n, loan, _owed(f, f.data.parent(n), loan), _there(f, n, loan))


def hashrate_loan_frozen(f: Formulation, n: int, name: str) -> Row:
    """A frozen lender gives nothing back:  C[n] >= C[p] + t[n]."""
    loan = named(_loans(f), name)
    return stays(_pledged(f, n, loan), _there(f, n, loan))


def _cash(f: Formulation, n: int, loan: HashrateLoan) -> Terms:
    """Draws less the fee, less what falls due in cash and what is repaid ahead:
    (1 - fee) X[n] - sum_d (due[n,d] L[p,d] + b[n,d] (L[p,d] - L[n,d]))."""
    cash = Terms()
    if (n, loan.name) in f.pyomo.hashrate_draw_usd:
        cash.add(1 - loan.origination_fee_share, f.pyomo.hashrate_draw_usd[n, loan.name])
    for d, course in _running(f, n, loan):
        before = _live(f, f.data.parent(n), loan, d)
        cash.plus(before, -course.due - course.owed).plus(_live(f, n, loan, d), course.owed)
    return cash


def _btc(f: Formulation, n: int, loan: HashrateLoan) -> Terms:
    """What the pool keeps of the month."""
    swept = Terms()
    for d, course in _running(f, n, loan):
        swept.plus(_live(f, f.data.parent(n), loan, d), -course.swept_btc)
    return swept


def _running(f: Formulation, n: int, loan: HashrateLoan) -> list[tuple[int, Course]]:
    """The draws on which something was owed when n's month began."""
    courses = _courses(f, loan)
    return [(d, courses[n, d]) for d in f.data.deciders[n] if d < n and (n, d) in courses]


def _top_up(f: Formulation, n: int, loan: HashrateLoan) -> Terms:
    return variable(f.pyomo.hashrate_top_up_btc, n, loan.name)


def _service(f: Formulation, n: int, loan: HashrateLoan) -> Terms:
    """What the pool keeps of the month, at its close."""
    return Terms().plus(_btc(f, n, loan), -float(f.data.price[n]))


def _activity(f: Formulation, n: int, loan: HashrateLoan) -> Terms:
    """What is topped up and what is left with a frozen lender."""
    return _top_up(f, n, loan).plus(variable(f.pyomo.hashrate_kept_btc, n, loan.name))


def _uses(f: Formulation) -> Iterator[Use]:
    m, usd = f.pyomo, f.data.money_usd
    yield from used(m.hashrate_draw_usd, "draw_usd", usd)
    for n, name, d in m.hashrate_live_usd:
        loan = named(_loans(f), name)
        ended = _live(f, f.data.parent(n), loan, d).value() - m.hashrate_live_usd[n, name, d].value
        repaid_usd = ended * _courses(f, loan)[n, d].owed * usd
        if repaid_usd > NOISE_USD:
            yield Use(n, name, f"repay_month_{f.data.month(d)}_usd", repaid_usd)
    yield from used(m.hashrate_kept_btc, "leave_btc")


HASHRATE_LOAN = Kind(
    "hashrate_loan",
    add=_add,
    uses=_uses,
    cash=_cash,
    btc=_btc,
    tied_btc=_pledged,
    top_up_btc=_top_up,
    owed=_owed,
    service=_service,
    activity=_activity,
)
