"""What plans bring, side by side: figures on the tree, on other paths, and on named shocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.compare.given import Given
from optimizer.ledger.lending import fall_to_ltv
from optimizer.ledger.paths import before, carried
from optimizer.replay.replayed import on_stress
from optimizer.replay.saved import SavedPlan
from optimizer.replay.summary import OWED_USD
from optimizer.valuation import value_of


@dataclass(frozen=True)
class Outcomes:
    """A plan's outcomes, NaN where there is none.

    In the plan's own numeraire: value (what it maximises), expected, tail_mean, worst. Means over the final branches:
    btc_end, cash_end_usd, machines_end_usd (less what is due on them), debt_end_usd (to lenders and other sources), and
    of the whole way mined_btc, sold_btc, sold_at_usd (per BTC). On the simulated market without stress branches, over
    all nodes: the lowest cash, the shortest runway, the highest debt, the least further fall of price to a call
    (infinite without debt). out_of_sample_*: as a replay on ``paths`` other paths found them. shocks: of each named
    shock whether the company survives it and the net BTC it ends with.
    """

    value: float
    expected: float
    tail_mean: float
    worst: float
    btc_end: float
    cash_end_usd: float
    machines_end_usd: float
    debt_end_usd: float
    mined_btc: float
    sold_btc: float
    sold_at_usd: float
    lowest_cash_usd: float
    shortest_runway_months: float
    highest_debt_usd: float
    least_fall_to_call_share: float
    paths: int
    out_of_sample: dict[str, float]
    shocks: dict[str, tuple[bool, float]]


def outcomes_of(given: Given) -> Outcomes:
    """The outcomes of a plan; its shocks are replayed here, as `hashlever replay --stress all` does."""
    plan = given.saved
    scenario, tree, books = plan.scenario, plan.tree, plan.books
    value, leaves, chance = value_of(scenario, tree, books), tree.leaves, tree.probability[tree.leaves]
    owed = books.owed_usd.sum(axis=1) + books.sources.owed_usd
    sold, brought = (
        float(chance @ carried(tree, flow)[leaves]) for flow in (books.sold_btc, books.sold_btc * tree.price_usd)
    )
    met = tree.probability > 0
    return Outcomes(
        value=value.value,
        expected=value.expected,
        tail_mean=value.cvar,
        worst=value.worst,
        btc_end=float(chance @ books.btc[leaves]),
        cash_end_usd=float(chance @ books.cash_usd[leaves]),
        machines_end_usd=float(chance @ (books.fleet.worth_usd - books.fleet.payable_usd)[leaves]),
        debt_end_usd=float(chance @ owed[leaves]),
        mined_btc=float(chance @ carried(tree, books.mined_btc)[leaves]),
        sold_btc=sold,
        sold_at_usd=brought / sold if sold > 0 else float("nan"),
        lowest_cash_usd=float(books.cash_usd[met].min()),
        shortest_runway_months=float(books.runway_months[met].min()),
        highest_debt_usd=float(owed[met].max()),
        least_fall_to_call_share=_least_fall_to_call(plan),
        paths=given.paths,
        out_of_sample=given.out_of_sample,
        shocks=_shocks(given),
    )


def _least_fall_to_call(plan: SavedPlan) -> float:
    """The least that price could have fallen further before a BTC-backed lender calls, at a month's low or its close;
    infinite without debt."""
    tree, debt = plan.tree, plan.books.debt
    contracts = (*plan.scenario.loans, *plan.scenario.facilities)
    call_ltv = np.array([contract.call_ltv for contract in contracts], dtype=np.float64)
    met = (tree.probability > 0)[:, None]
    least = np.inf
    for ltv, owed in ((debt.ltv_low, before(tree, debt.owed_usd)), (debt.ltv_close, debt.owed_usd)):
        room = np.asarray(fall_to_ltv(ltv, call_ltv))[met & (owed >= OWED_USD)]
        least = min(least, float(room.min(initial=np.inf)))
    return least


def _shocks(given: Given) -> dict[str, tuple[bool, float]]:
    replayed = on_stress(given.saved, "all")
    survives, ends = replayed.fates.survives.tolist(), replayed.fates.net_end_btc.tolist()
    return dict(zip(replayed.names, zip(survives, ends, strict=True), strict=True))
