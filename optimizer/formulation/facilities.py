"""Debts: what is drawn, owed and repaid, and the BTC pledged against it.

Variables: ``principal_usd[n, facility, tier, drawn]`` principal outstanding after the decisions of n of what was
drawn at node ``drawn`` (at n = drawn it is the draw itself); ``pledged_btc[n, facility]`` while the facility is
open; ``last_top_up_btc[n, facility]`` added in the month in which it closes; ``tier_open[facility, tier]`` binary,
node 0 only; ``release[n, facility]`` binary and ``released_btc[n, facility]`` at decision nodes; ``ahead_usd[n,
facility, tier, drawn]`` repaid ahead of schedule, where a fee on it must be told from a lender's sale.
"""

from __future__ import annotations

from optimizer.decisions import OPENING
from optimizer.formulation.debt_data import Debt, Tranche, debt_bound
from optimizer.formulation.linear import Row, Terms, at_least, at_most, equal, total
from optimizer.formulation.model import Binary, Formulation


def add_facilities(f: Formulation) -> None:
    """Variables and rows of debts and collateral."""
    data = f.data
    _add_principal(f)
    spots = [(n, d.index) for n in data.nodes for d in data.debts if f.is_open(n, d)]
    f.variables("pledged_btc", [(n, data.debts[i].name) for n, i in spots])
    closing = [(n, d.name) for n in data.nodes if n > 0 for d in data.debts if _closes(f, n, d)]
    f.variables("last_top_up_btc", closing)
    today = [(d.index, k) for d in data.debts if 0 in d.draw_months for k in range(len(d.tiers))]
    today = [(i, k) for i, k in today if (i, k, 0) in data.tranches]
    f.variables("tier_open", [(data.debts[i].name, k) for i, k in today], Binary)
    releases = [(n, i) for n, i in spots if _releasable(f, n, data.debts[i]) and n in f.decision_set]
    f.variables("release", [(n, data.debts[i].name) for n, i in releases], Binary)
    f.variables("released_btc", [(n, data.debts[i].name) for n, i in releases])
    repayments = _repayments(f)
    charged = [key for key in repayments if _charged_ahead(f, *key)]
    f.variables("ahead_usd", [(n, data.debts[i].name, k, d) for n, i, k, d in charged])

    f.rows(repayment, repayments)
    f.rows(no_early_repayment, [key for key in repayments if _locked(f, *key)])
    f.rows(draw_limit, today)
    f.rows(draw_minimum, [(i, k) for i, k in today if data.debts[i].min_draw > 0])
    f.rows(one_tier, sorted({i for i, _ in today}))
    f.rows(facility_limit, [(n, d.index) for n in data.decision_nodes for d in data.debts if _draws(f, n, d)])
    f.rows(ahead_of_schedule, charged)
    f.rows(ahead_is_repaid, charged)
    f.rows(ahead_within_repaid, charged)
    f.rows(top_up_stays, spots)
    f.rows(release_only_if_chosen, releases)
    f.rows(release_leaves_enough, [s for s in spots if data.debts[s[1]].terms.release_ltv is not None])
    f.rows(release_ltv, releases)
    f.rows(free_btc, list(data.nodes))


def _add_principal(f: Formulation) -> None:
    """A variable wherever the borrower has a choice; a fixed share of the last one where the contract has."""
    data = f.data
    index, shares = [], []
    for n in data.nodes:
        for debt in data.debts:
            for tranche in f.tranches(n, debt):
                month, p = data.month(n), data.parent(n)
                fresh = tranche.drawn_node == n or p < 0 or f.can_be_liquidated(n, debt)
                if fresh or tranche.may_repay_early(month):
                    index.append((n, debt.name, tranche.tier, tranche.drawn_node))
                else:
                    shares.append((n, p, tranche))
    variables = f.variables("principal_usd", index)
    names = {d.name: d.index for d in data.debts}
    for n, name, tier, drawn in index:
        f.principal[n, (names[name], tier, drawn)] = (1.0, variables[n, name, tier, drawn])
    for n, p, tranche in shares:
        coef, var = f.principal[p, tranche.key]
        f.principal[n, tranche.key] = (coef * tranche.scheduled_share(data.month(n)), var)


def _closes(f: Formulation, n: int, debt: Debt) -> bool:
    """Whether the facility was open in the month that ends at n and is not after it."""
    return f.is_open(f.data.parent(n), debt) and not f.is_open(n, debt)


def _releasable(f: Formulation, n: int, debt: Debt) -> bool:
    return debt.terms.release_ltv is not None and not f.is_frozen(n, debt)


def _draws(f: Formulation, n: int, debt: Debt) -> bool:
    return any(t.drawn_node == n for t in f.tranches(n, debt))


def _repayments(f: Formulation) -> list[tuple[int, int, int, int]]:
    """(node, facility, tier, drawn) of every variable principal that follows an earlier one."""
    data = f.data
    found = []
    for n in data.nodes:
        for debt in data.debts:
            for t in f.tranches(n, debt):
                free = t.may_repay_early(data.month(n)) or f.can_be_liquidated(n, debt)
                if (n > 0 and t.drawn_node != n and free) or (n == 0 and t.drawn_node == OPENING):
                    found.append((n, *t.key))
    return found


def _charged_ahead(f: Formulation, n: int, i: int, tier: int, drawn: int) -> bool:
    """Whether a repayment's fee for being early has to be told from what a lender's sale pays."""
    debt = f.data.debts[i]
    return debt.terms.early_repayment_fee_share > 0 and f.can_be_liquidated(n, debt)


def ahead_of_schedule(f: Formulation, n: int, i: int, tier: int, drawn: int) -> Row:
    """The fee is on what the company itself repays ahead:  a[n] >= s(a) / s(a-1) * D[p] - D[n] - met[n]."""
    index = (n, f.data.debts[i].name, tier, drawn)
    return at_least(_beyond_instalment(f, n, i, tier, drawn).add(1.0, f.pyomo.ahead_usd[index]))


def ahead_is_repaid(f: Formulation, n: int, i: int, tier: int, drawn: int) -> Row:
    """... and on no more than that:  a[n] <= s(a) / s(a-1) * D[p] - D[n] - met[n] + B y[n]."""
    debt = f.data.debts[i]
    row = _beyond_instalment(f, n, i, tier, drawn).add(1.0, f.pyomo.ahead_usd[n, debt.name, tier, drawn])
    return at_most(row.add(-debt_bound(debt), f.pyomo.liquidated[n, debt.name]))


def ahead_within_repaid(f: Formulation, n: int, i: int, tier: int, drawn: int) -> Row:
    """... and never on more than the company repays at all, the lender's sale or not:  a[n] <= D[p] - D[n] - met[n].

    Without it a switch thrown for nothing would let the plan pay a fee on nothing, to be rid of cash above its ceiling.
    """
    debt, tranche = f.data.debts[i], f.data.tranches[i, tier, drawn]
    now_coef, now = f.principal[n, tranche.key]
    coef, before = f.principal[f.data.parent(n), tranche.key]
    index = (n, debt.name, tier, drawn)
    repaid = total((coef, before), (-now_coef, now), (-1.0, f.pyomo.met_usd[index]))
    return at_least(repaid.add(-1.0, f.pyomo.ahead_usd[index]))


def _beyond_instalment(f: Formulation, n: int, i: int, tier: int, drawn: int) -> Terms:
    """D[n] + met[n] - s(a) / s(a-1) * D[p]: minus what the company repays beyond its instalment."""
    debt, tranche = f.data.debts[i], f.data.tranches[i, tier, drawn]
    now_coef, now = f.principal[n, tranche.key]
    coef, before = f.principal[f.data.parent(n), tranche.key]
    row = total((now_coef, now), (1.0, f.pyomo.met_usd[n, debt.name, tier, drawn]))
    return row.add(-tranche.scheduled_share(f.data.month(n)) * coef, before)


def _locked(f: Formulation, n: int, i: int, tier: int, drawn: int) -> bool:
    return n > 0 and not f.data.tranches[i, tier, drawn].may_repay_early(f.data.month(n))


def no_early_repayment(f: Formulation, n: int, i: int, tier: int, drawn: int) -> Row:
    """Principal falls ahead of its schedule only in a liquidation, which makes the rest due if the lender wants it:
    D[n] >= s(a) / s(a-1) * D[p] - met[n] - B y[n]."""
    debt, tranche = f.data.debts[i], f.data.tranches[i, tier, drawn]
    _, now = f.principal[n, tranche.key]
    coef, before = f.principal[f.data.parent(n), tranche.key]
    row = total((1.0, now), (1.0, f.pyomo.met_usd[n, debt.name, tier, drawn]))
    row.add(debt_bound(debt), f.pyomo.liquidated[n, debt.name])
    return at_least(row.add(-tranche.scheduled_share(f.data.month(n)) * coef, before))


def repayment(f: Formulation, n: int, i: int, tier: int, drawn: int) -> Row:
    """Principal falls at least as scheduled and never rises:  D[n] <= s(a) / s(a-1) * D[p].

    For a bullet loan s = 1 until maturity; for an amortising one s(a) is the balance after a level payments.
    """
    debt, tranche = f.data.debts[i], f.data.tranches[i, tier, drawn]
    _, now = f.principal[n, tranche.key]
    if n == 0:
        may_fall = tranche.may_repay_early(0)
        row = total((1.0, now))
        return at_most(row, debt.balance_at_opening) if may_fall else equal(row, debt.balance_at_opening)
    coef, before = f.principal[f.data.parent(n), tranche.key]
    return at_most(total((1.0, now), (-tranche.scheduled_share(f.data.month(n)) * coef, before)))


def draw_limit(f: Formulation, i: int, tier: int) -> Row:
    """Today's draw uses a tier that is open:  X[i,k] <= limit[i] * z[i,k]."""
    debt = f.data.debts[i]
    _, draw = f.principal[0, (i, tier, 0)]
    return at_most(total((1.0, draw), (-debt.limit, f.pyomo.tier_open[debt.name, tier])))


def draw_minimum(f: Formulation, i: int, tier: int) -> Row:
    """Today's draw is at least what the lender lends:  X[i,k] >= min_draw[i] * z[i,k]."""
    debt = f.data.debts[i]
    _, draw = f.principal[0, (i, tier, 0)]
    return at_least(total((1.0, draw), (-debt.min_draw, f.pyomo.tier_open[debt.name, tier])))


def one_tier(f: Formulation, i: int) -> Row:
    """One tier per facility today:  sum_k z[i,k] <= 1."""
    debt = f.data.debts[i]
    open_today = f.pyomo.tier_open
    return at_most(
        total(*((1.0, open_today[debt.name, k]) for k in range(len(debt.tiers)) if (debt.name, k) in open_today)),
        1.0,
    )


def facility_limit(f: Formulation, n: int, i: int) -> Row:
    """Principal outstanding after a draw stays within the facility:  sum_{k,d} D[n] <= limit[i]."""
    debt = f.data.debts[i]
    return at_most(f.principal_of(n, debt, lambda _: 1.0), debt.limit)


def top_up_stays(f: Formulation, n: int, i: int) -> Row:
    """Collateral comes back only as principal is repaid, in proportion, or by a release; a draw pledges what its
    tier's LTV asks. With U = C - sum_{k,d} pledge[k,d] D[n,k,d], the top-ups:  U[n] - U[p] + released[n] >= 0.

    pledge[k,d] = 1 / (maxLTV[k] P[d]), so at a draw this is the initial LTV:  D[n,k,n] / maxLTV[k] <= P C.
    A frozen lender gives nothing back at all:  C[n] - C[p] >= 0.
    """
    return at_least(topped_up(f, n, f.data.debts[i]))


def topped_up(f: Formulation, n: int, debt: Debt) -> Terms:
    """BTC added to a facility at n beyond what its draws pledge:  U[n] - U[p] + released[n].

    A lender that sells down to a target LTV takes what it sells out of the pledge and keeps the rest, so there
    the top-ups grow by what the principal met would have freed, less what was seized; that is no top-up, and
    neither is what a frozen lender holds back of what repayment would have freed.
    """
    return f.kept(_topped_up, f, n, debt.index)


def _topped_up(f: Formulation, n: int, i: int) -> Terms:
    debt = f.data.debts[i]
    if (n, debt.name) in f.pyomo.last_top_up_btc:
        return total((1.0, f.pyomo.last_top_up_btc[n, debt.name]))
    parent = f.data.parent(n)
    if f.is_frozen(n, debt):
        return f.pledged(n, debt).plus(f.pledged(parent, debt), -1.0)
    added = f.top_ups(n, debt)
    if parent >= 0:
        added.plus(f.top_ups(parent, debt), -1.0)
    if (n, debt.name) in f.pyomo.released_btc:
        added.add(1.0, f.pyomo.released_btc[n, debt.name])
    if f.can_be_liquidated(n, debt) and debt.terms.liquidation_target_ltv is not None:
        added.add(1.0, f.pyomo.seized_btc[n, debt.name])
        for t in f.tranches(parent, debt):
            added.add(-t.pledge_per_money, f.pyomo.met_usd[n, debt.name, t.tier, t.drawn_node])
    return added


def release_only_if_chosen(f: Formulation, n: int, i: int) -> Row:
    """Collateral comes back on a price rise only where release is chosen:  released[n] <= B z[n]."""
    debt = f.data.debts[i]
    row = total((1.0, f.pyomo.released_btc[n, debt.name]))
    return at_most(row.add(-f.data.btc_bound, f.pyomo.release[n, debt.name]))


def release_leaves_enough(f: Formulation, n: int, i: int) -> Row:
    """What a release took of one draw's pledge is not taken from the next draw's:
    C[n] >= sum_t min(pledge[t], owed[t] / (releaseLTV * highest P since t's draw)) D[n,t].

    The highest price at a decision node since a draw is the most that a release can have given back of it.
    """
    debt = f.data.debts[i]
    assert debt.terms.release_ltv is not None
    row = Terms().plus(f.pledged(n, debt))
    for t in f.tranches(n, debt):
        coef, principal = f.principal[n, t.key]
        row.add(-least_pledge(f, n, t) * coef, principal)
    return at_least(row)


def least_pledge(f: Formulation, n: int, t: Tranche) -> float:
    """BTC that one unit of a draw's principal holds after n at the least: what it pledged, or what a release left."""
    if t.debt.terms.release_ltv is None:
        return t.pledge_per_money
    return min(t.pledge_per_money, _least_left(f, n, t))


def _least_left(f: Formulation, n: int, t: Tranche) -> float:
    """BTC per unit of principal that any release since the draw must have left; infinite if there was no chance."""
    release = t.debt.terms.release_ltv
    assert release is not None
    return min(
        (
            t.ltv_weight(f.data.month(d)) / (release * float(f.data.price[d]))
            for d in f.data.deciders[n]
            if d > t.drawn_node
        ),
        default=float("inf"),
    )


def release_ltv(f: Formulation, n: int, i: int) -> Row:
    """After a release the LTV is at most the contract's, and what is drawn here still holds what its tier asks:
    D[older] + releaseLTV P sum_k pledge[k,n] D[n,k,n] <= releaseLTV P C[n] + B (1 - z[n])."""
    debt, month = f.data.debts[i], f.data.month(n)
    assert debt.terms.release_ltv is not None
    at_release = debt.terms.release_ltv * float(f.data.price[n])
    row = f.ltv_debt(n, debt)
    for t in f.tranches(n, debt):
        if t.drawn_node == n:
            row.add(max(0.0, at_release * t.pledge_per_money - t.ltv_weight(month)), f.principal[n, t.key][1])
    row.plus(f.pledged(n, debt), -at_release)
    # No more than the debt itself can be at stake: twice it covers a tier's pledge and the interest.
    bound = 2.0 * debt_bound(debt) / min((ltv for ltv, _ in debt.tiers), default=1.0)
    return at_most(row.add(bound, f.pyomo.release[n, debt.name]), bound)


def free_btc(f: Formulation, n: int) -> Row:
    """What is pledged is held:  B[n] - sum_i C[n,i] >= 0."""
    return at_least(f.free_btc(n))


def debt_payments(f: Formulation, n: int) -> Terms:
    """Money paid to lenders at node n, less what they pay out: interest, principal, accrued interest and fees
    for early repayment, less draws net of origination fee."""
    data, paid = f.data, Terms()
    month, parent = data.month(n), data.parent(n)
    for debt in data.debts:
        for t in f.tranches(n, debt):
            if t.drawn_node == n:
                coef, draw = f.principal[n, t.key]
                paid.add(-(1 - debt.fee) * coef, draw)
        if n == 0:
            if debt.balance_at_opening:
                _pay_down(f, paid, data.tranches[debt.index, 0, OPENING], 0, Terms(debt.balance_at_opening), 1.0)
            continue
        for t in f.tranches(parent, debt):
            coef, before = f.principal[parent, t.key]
            paid.add(coef * t.cash_interest(), before)
            _pay_down(f, paid, t, n, total((coef, before)), t.scheduled_share(month))
        if month == 1 and debt.terms.interest == "monthly":
            paid.shift(debt.accrued_at_opening)
    return paid


def _pay_down(f: Formulation, paid: Terms, t: Tranche, n: int, before: Terms, scheduled: float) -> None:
    """Add the repayment D[p] - D[n] with its accrued interest, and the fee on what is ahead of schedule."""
    month = f.data.month(n)
    per_unit = 1 + t.accrued(month)
    early_fee = t.debt.terms.early_repayment_fee_share
    paid.plus(before, per_unit)
    if t.live(month):
        coef, now = f.principal[n, t.key]
        paid.add(-coef * per_unit, now)
    index = (n, t.debt.name, t.tier, t.drawn_node)
    if f.can_be_liquidated(n, t.debt):
        # The lender's sale pays this part; it costs the company its collateral instead.
        paid.add(-per_unit, f.pyomo.met_usd[index])
    if index in f.pyomo.ahead_usd:
        paid.add(early_fee, f.pyomo.ahead_usd[index])
    elif early_fee and t.live(month):
        coef, now = f.principal[n, t.key]
        paid.plus(before, early_fee * scheduled).add(-coef * early_fee, now)
