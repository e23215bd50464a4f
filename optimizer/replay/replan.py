"""The policy *re-plan*: at every decision month each path's company is planned anew with what is then known.

Today's decisions are the plan's. At a later decision month the company as it stands on the path, with that day's
market, becomes a scenario of what is left of the horizon (`optimizer.replay.standing`), is solved, and does what that
plan decides for its today. In between it does what it does under `sell_only`. Each path takes a solve at each decision
month, so this is for a few paths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np

from optimizer.decisions import Decisions, Draw, Order, Pledge, Repayment, Retirement
from optimizer.errors import LimitError, ReplayError
from optimizer.formulation.build import build
from optimizer.formulation.extract import decisions as decisions_of
from optimizer.formulation.extract import position
from optimizer.ledger.audit import audit
from optimizer.ledger.books import Books
from optimizer.ledger.company import Company, Setting, counted_usd, set_up
from optimizer.ledger.fleet import Pair, pairs_in_use
from optimizer.ledger.intents import TODAY, Intents, SellOnly, nothing
from optimizer.ledger.month_end import close_month
from optimizer.ledger.outcome import Outcome
from optimizer.ledger.record import Record
from optimizer.ledger.replay import follow
from optimizer.market.build_tree import build_tree
from optimizer.market.paths import Paths
from optimizer.market.tree import Floats, Tree
from optimizer.replay.standing import Debt, Standing, Stock, scenario_at
from optimizer.scenario.checks import issues_of
from optimizer.scenario.schema import Scenario
from optimizer.solve.highs import NoPlanError, Solver
from optimizer.solve.linear_model import load_solution, to_arrays

D = TypeVar("D", Order, Retirement, Draw, Repayment, Pledge)

# Called as work goes on: (stage, detail).
Tell = Callable[[str, str], None]

# Of the company's size: so much cash that no bill makes it sell.
AMPLE = 100.0
CENT = 0.005


def replan(scenario: Scenario, tree: Tree, decisions: Decisions, paths: Paths, tell: Tell | None = None) -> Outcome:
    """What becomes of the company on each path when it plans anew at every decision month; the same every time.

    ``flows`` of the outcome also count, by path, the ``replans`` tried and those ``replans_without_plan``: where no
    plan met every requirement the company did what it does under `sell_only`. Raises `AuditError` if the decisions
    speak of machines, sites or facilities that the scenario lacks.
    """
    if scenario.sources:
        raise ReplayError(
            "Planning anew does not know yet how to go on with sources of money that are in use "
            f"({', '.join(source.name for source in scenario.sources)}). Ask for --policy nearest_node or sell_only."
        )
    if scenario.taxes is not None:
        raise ReplayError(
            "Planning anew does not know yet how to go on with lots and a tax year that has begun. "
            "Ask for --policy nearest_node or sell_only."
        )
    s = set_up(scenario, paths, _pairs(scenario, decisions))
    policy = Replan(s, tree, decisions, tell)
    outcome = follow(s, policy)
    counts = {"replans": policy.tried, "replans_without_plan": policy.failed}
    return replace(outcome, flows={**outcome.flows, **counts})


class Replan:
    """See the module. ``tried`` and ``failed``: solves, and those of them that found no plan, ``[path]``."""

    def __init__(self, s: Setting, tree: Tree, decisions: Decisions, tell: Tell | None = None) -> None:
        self._otherwise = SellOnly(s, tree, decisions)
        self._tell = tell or (lambda stage, detail: None)
        self.tried, self.failed = np.zeros(len(s.paths)), np.zeros(len(s.paths))

    def intents(self, s: Setting, c: Company, month: int) -> Intents:
        """The plan's today; at later decision months that of a new plan; else, and where there is none, nothing."""
        given = s.scenario
        if month == TODAY or month not in given.decision_months or month >= given.horizon_months:
            return self._otherwise.intents(s, c, month)
        ended = _month_ended(s, c, month)
        meant = _blank(s, c)
        for path in range(len(s.paths)):
            self._tell("replan", f"month {month}, path {path + 1} of {len(s.paths)}")
            self.tried[path] += 1
            now = standing(s, ended, month, path)
            anew = solve(scenario_at(given, now))
            if anew is None:
                self.failed[path] += 1
            else:
                _write(meant, s, ended, month, path, anew, now)
        return meant


@dataclass(frozen=True)
class Anew:
    """A new plan: the scenario it is made for, its decisions at every node and the ledger's account of them."""

    scenario: Scenario
    decisions: Decisions
    books: Books


def solve(given: Scenario) -> Anew | None:
    """The plan of a scenario, audited; None where the scenario contradicts itself (a debt past its liquidation), where
    no plan meets every requirement, or none was found in time."""
    if any(not issue.warning for issue in issues_of(given)):
        return None
    tree, _ = build_tree(given)
    f = build(given, tree)
    model = to_arrays(f)
    try:
        best = Solver(model, given.solver).solve()
    except (NoPlanError, LimitError):
        return None
    load_solution(f, model, best.x)
    chosen = decisions_of(f)
    audited = audit(given, tree, chosen, position(f))
    audited.raise_if_failed()
    return Anew(given, chosen, audited.books)


def standing(s: Setting, c: Company, month: int, path: int) -> Standing:
    """How the company stands on one path at the end of a decision month, all that is due paid: what it then knows."""
    paths, at = s.paths, (path, month)
    failed = paths.failed_month[path]
    closed = paths.frozen[path, month] | ((failed > 0) & (failed <= month))
    due = c.due_usd[path, month + 1 :]
    return Standing(
        month=month,
        days=round(float(paths.days[: month + 1].sum())),
        price_usd=float(s.price_usd[at]),
        network_ehs=float(paths.network_ehs[at]),
        hashprice_usd_per_ph_day=float(paths.hashprice_usd_per_ph_day[at]),
        machine_price_factor=float(paths.asic_price_factor[at]),
        cash_usd=float(c.cash_usd[path]),
        btc=float(c.free_btc[path] + c.pledged_btc[path].sum()),
        debts=tuple(_debts(s, c, month, path)),
        stocks=tuple(_stock(s, c, month, path, k) for k in range(len(s.pairs))),
        due_usd=tuple((month + 1 + int(t), float(due[t])) for t in np.flatnonzero(due)),
        closed=frozenset(np.flatnonzero(closed).tolist()),
    )


def _debts(s: Setting, c: Company, month: int, path: int) -> list[Debt]:
    """Every draw outstanding; a facility's collateral is shared by what the lender counts of each."""
    names = [contract.name for contract in (*s.scenario.loans, *s.scenario.facilities)]
    counted = c.principal_usd[path] * s.schedule.counted_share[month]
    by_facility = counted @ s.lender
    debts = []
    for q in np.flatnonzero(c.principal_usd[path] > CENT).tolist():
        tranche, f = s.schedule.tranches[q], int(s.schedule.facility[q])
        drawn = tranche.drawn_month
        principal = float(c.principal_usd[path, q])
        debts.append(
            Debt(
                tranche=q,
                facility=f,
                name=names[f] if drawn < 0 else f"{names[f][:50]} (tier {tranche.tier + 1}, month {drawn})",
                apr=tranche.apr,
                matures_month=tranche.start_month + tranche.months_due,
                principal_usd=principal,
                accrued_usd=principal * float(s.schedule.accrued_share[month, q]),
                pledged_btc=float(c.pledged_btc[path, f] * counted[q] / by_facility[f]),
            )
        )
    return debts


def _stock(s: Setting, c: Company, month: int, path: int, k: int) -> Stock:
    """A pair's machines."""
    pair, site = s.pairs[k], s.scenario.sites[s.pairs[k].site].name
    arriving = c.arriving_units[path, month + 1 :, k]
    return Stock(
        model=pair.model,
        site=site,
        racked_units=float(c.racked_units[path, k]),
        coming=tuple((month + 1 + int(t), float(arriving[t])) for t in np.flatnonzero(arriving)),
        ordered_units=float(c.ordered_units[path, k]),
        resale_usd=pair.resale_usd,
    )


def _month_ended(s: Setting, c: Company, month: int) -> Company:
    """A copy of the company with the month's bills paid, machines arrived and debts served, and nothing decided. It
    is lent the money for it, so that nothing is sold before it is known what to do; its cash may be negative."""
    ended, lent_usd = deepcopy(c), AMPLE * s.scale_usd
    ended.cash_usd += lent_usd
    close_month(s, ended, month, nothing(s), Record(s))
    ended.cash_usd -= lent_usd
    return ended


def _blank(s: Setting, c: Company) -> Intents:
    """No intent, in arrays of its own."""
    empty = nothing(s)
    names = [field.name for field in fields(Intents) if field.name not in ("uses", "lots")]
    arrays: dict[str, Any] = {name: np.array(getattr(empty, name)) for name in names}
    return Intents(**{**arrays, "retire_units": np.zeros_like(c.retiring_units)})


def _write(meant: Intents, s: Setting, c: Company, month: int, path: int, anew: Anew, now: Standing) -> None:
    """What a new plan decides for its today, as what the company means to do on this path."""
    scenario, today = s.scenario, anew.decisions
    pair_of = {(pair.model, scenario.sites[pair.site].name): k for k, pair in enumerate(s.pairs)}
    contracts = (*scenario.loans, *scenario.facilities)
    facility_of = {contract.name: f for f, contract in enumerate(contracts)} | {d.name: d.facility for d in now.debts}
    debt_of = {debt.name: debt for debt in now.debts}
    column = {(tr.facility, tr.tier, tr.drawn_month): q for q, tr in enumerate(s.schedule.tranches)}
    for order in _at_once(today.orders):
        meant.order_units[path, pair_of[order.model, order.site]] += order.units
    # What was promised away before is promised anew, or kept.
    assert meant.retire_units is not None
    meant.retire_units[path, month + 1 :] -= c.retiring_units[path, month + 1 :]
    for gone in _at_once(today.retirements):
        if month + gone.month <= s.paths.months:
            meant.retire_units[path, month + gone.month, pair_of[gone.model, gone.site]] += gone.units
    for draw in _at_once(today.draws):
        meant.draw_usd[path, column[facility_of[draw.facility], draw.tier, month]] += draw.amount_usd
    for repaid in _at_once(today.repayments):
        debt = debt_of[repaid.facility]
        meant.repay_share[path, debt.tranche] = min(1.0, repaid.principal_usd / debt.principal_usd)
    top_up = np.zeros(s.facilities)
    for pledge in _at_once(today.pledges):
        top_up[facility_of[pledge.facility]] += pledge.top_up_btc
        meant.release_btc[path, facility_of[pledge.facility]] += pledge.release_btc
    _write_top_ups(meant, s, c, month, path, top_up)
    meant.sell_btc[path], meant.buy_btc[path] = today.sell_btc[0], today.buy_btc[0]
    meant.cash_usd[path] = anew.books.cash_usd[0]


def _write_top_ups(meant: Intents, s: Setting, c: Company, month: int, path: int, top_up_btc: Floats) -> None:
    """Top-ups as the LTV to which they lead: what was sent during the month does not count against them."""
    some = top_up_btc > 0
    counted = counted_usd(s, c, month)[path, some]
    meant.ltv_after[path, some] = counted / ((c.pledged_btc[path] + top_up_btc)[some] * s.price_usd[path, month])
    meant.top_up_btc[path, some] = np.inf


def _at_once(decided: Sequence[D]) -> Iterator[D]:
    return (decision for decision in decided if decision.node == 0)


def _pairs(scenario: Scenario, decisions: Decisions) -> tuple[Pair, ...]:
    """Every model at every site where it stands, is on order, or can ever be ordered."""
    offered = tuple(
        Order(0, quote.model, site.name, 0.0)
        for quote in scenario.machines.candidates
        for site in scenario.sites
        if (quote.sites is None or site.name in quote.sites)
        and scenario.machines.specs[quote.model].cooling in (None, *site.cooling)
    )
    return pairs_in_use(scenario, replace(decisions, orders=(*decisions.orders, *offered)))
