"""What thousands of replayed paths say together: distributions, chances, who calls and when, tree against sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from optimizer.decisions import facility_names
from optimizer.ledger.books import Books
from optimizer.ledger.outcome import Outcome
from optimizer.market.paths import Bools
from optimizer.market.tree import Floats, Ints, Tree
from optimizer.replay.fates import Fates, fates
from optimizer.replay.on_tree import outcome_on_tree
from optimizer.scenario.schema import Scenario
from optimizer.valuation import tail_weights, weighted_quantile

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
# A debt of less than a dollar is none.
OWED_USD = 1.0
CONFIDENCE = 0.95
FANNED = ("price_usd", "net_btc", "btc", "cash_usd", "owed_usd")


@dataclass(frozen=True)
class Chance:
    """The share of paths on which something happens, and its Clopper-Pearson interval at 95% confidence."""

    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Figures:
    """What a plan is judged by, on its tree or off it.

    In the numeraire: ``value`` = (1 - weight) ``expected`` + weight ``tail_mean``, by the scenario's risk, and the
    ``worst``. Shares of probability: a call, a liquidation, less cash and less BTC than required in some month, a
    default. Means: lost_btc, sold_btc. At the point that a twentieth of probability falls short of: the
    lowest cash on the way, and how much further price could have fallen before a lender called.
    """

    value: float
    expected: float
    tail_mean: float
    worst: float
    p_call: float
    p_liquidation: float
    p_below_min_cash: float
    p_below_min_btc: float
    p_insolvent: float
    lost_btc: float
    sold_btc: float
    lowest_cash_usd_p05: float
    room_to_call_share_p05: float


@dataclass(frozen=True)
class DebtRisk:
    """What happens with one lender. owed: on how many paths anything ever is. first_call_month: the likeliest, None
    without a call. ltv_high_p50, ltv_high_p95: of the highest LTV of any day, over the paths that owe. Means over all
    paths: topped_up_btc, lost_btc. ltv_fan: quantiles (`SHARES`) of each month's highest LTV over the paths that owe
    in it, ``[month, share]``; NaN where none does."""

    facility: str
    lender: str
    owed: Chance
    call: Chance
    liquidation: Chance
    first_call_month: int | None
    ltv_high_p50: float
    ltv_high_p95: float
    topped_up_btc: float
    lost_btc: float
    ltv_fan: Floats


@dataclass(frozen=True)
class Summary:
    """A replay on many paths, each as likely as the others.

    standard_error: of ``sample.expected``. worth_quantiles: of net worth at the end in the numeraire, at `SHARES`.
    chances: by name, of p_call and the like. lost_btc_if_any, lost_btc_most: over the paths that lose some.
    worst_month: in which mean net worth in BTC falls most, by worst_month_btc (negative); worst_month_p05 the same of
    its 5% quantile. first_trouble_share: of paths, by the month of their first call, liquidation, shortage or
    default, ``[month]``. fans: mean and quantiles (`SHARES`) by month of what `FANNED` names, ``[month, 1 + share]``.
    debts: of lenders to whom anything is owed on some path.
    """

    paths: int
    policy: str
    tree: Figures
    sample: Figures
    standard_error: float
    worth_quantiles: Floats
    chances: dict[str, Chance]
    lost_btc_if_any: float
    lost_btc_most: float
    worst_month: int
    worst_month_btc: float
    worst_month_p05: int
    worst_month_p05_btc: float
    first_trouble_share: Floats
    debts: tuple[DebtRisk, ...]
    fans: dict[str, Floats]


def summarise(scenario: Scenario, outcome: Outcome, on_tree: Figures, policy: str) -> Summary:
    """The summary of an outcome whose paths are equally likely, beside the plan's figures on its own tree."""
    found, paths = fates(scenario, outcome), len(outcome)
    lost = found.lost_btc[found.lost_btc > 0]
    fans = {name: _fan(getattr(outcome, name)) for name in FANNED}
    worst, worst_btc = _steepest_fall(fans["net_btc"][:, 0])
    worst_p05, worst_p05_btc = _steepest_fall(fans["net_btc"][:, 1])
    trouble = found.first_trouble_month
    return Summary(
        paths=paths,
        policy=policy,
        tree=on_tree,
        sample=figures(scenario, found, np.full(paths, 1 / paths)),
        standard_error=float(found.worth.std(ddof=1) / np.sqrt(paths)) if paths > 1 else float("nan"),
        worth_quantiles=np.quantile(found.worth, SHARES),
        chances={
            "p_call": chance(found.calls > 0),
            "p_liquidation": chance(found.liquidations > 0),
            "p_lender_failure": chance(found.lender_failed),
            "p_below_min_cash": chance(found.below_min_cash),
            "p_below_min_btc": chance(found.below_min_btc),
            "p_insolvent": chance(found.insolvent),
            "p_any_trouble": chance(trouble >= 0),
            **({"p_machines_seized": chance(found.machines_seized)} if _lent_on_machines(scenario) else {}),
        },
        lost_btc_if_any=float(lost.mean()) if len(lost) else 0.0,
        lost_btc_most=float(lost.max(initial=0.0)),
        worst_month=worst,
        worst_month_btc=worst_btc,
        worst_month_p05=worst_p05,
        worst_month_p05_btc=worst_p05_btc,
        first_trouble_share=np.bincount(trouble[trouble >= 0], minlength=outcome.months + 1) / paths,
        debts=tuple(_debts(scenario, outcome)),
        fans=fans,
    )


def _lent_on_machines(scenario: Scenario) -> bool:
    return any(source.kind == "machine_loan" for source in scenario.sources)


def figures_on_tree(scenario: Scenario, tree: Tree, books: Books) -> Figures:
    """The plan's figures on its own tree, from the ledger's books."""
    found = fates(scenario, outcome_on_tree(scenario, tree, books))
    return figures(scenario, found, tree.probability[tree.leaves])


def figures(scenario: Scenario, found: Fates, probability: Floats) -> Figures:
    """The figures of paths with these probabilities, ``[path]``."""
    weight, worth = scenario.risk.weight, found.worth
    expected = float(probability @ worth)
    tail = float(tail_weights(worth, probability, scenario.risk.tail_share) @ worth)
    return Figures(
        value=(1 - weight) * expected + weight * tail,
        expected=expected,
        tail_mean=tail,
        worst=float(worth.min()),
        p_call=float(probability @ (found.calls > 0)),
        p_liquidation=float(probability @ (found.liquidations > 0)),
        p_below_min_cash=float(probability @ found.below_min_cash),
        p_below_min_btc=float(probability @ found.below_min_btc),
        p_insolvent=float(probability @ found.insolvent),
        lost_btc=float(probability @ found.lost_btc),
        sold_btc=float(probability @ found.sold_btc),
        lowest_cash_usd_p05=weighted_quantile(found.lowest_cash_usd, probability, 0.05),
        room_to_call_share_p05=weighted_quantile(found.room_to_call_share, probability, 0.05),
    )


def chance(happened: Bools) -> Chance:
    """The share of ``[path]`` on which something happened, with its interval (Clopper and Pearson 1934)."""
    n, k, half = len(happened), int(happened.sum()), (1 - CONFIDENCE) / 2
    low = float(betaincinv(k, n - k + 1, half)) if k > 0 else 0.0
    high = float(betaincinv(k + 1, n - k, 1 - half)) if k < n else 1.0
    return Chance(k / n, low, high)


def _debts(scenario: Scenario, outcome: Outcome) -> list[DebtRisk]:
    rows = []
    names, contracts = facility_names(scenario), (*scenario.loans, *scenario.facilities)
    for f, contract in enumerate(contracts):
        owes = outcome.debt_usd[:, :, f].max(axis=1) > OWED_USD
        if not owes.any():
            continue
        calls, high = outcome.calls[:, :, f] > 0, outcome.ltv_high[:, :, f]
        met = high[np.isfinite(high).any(axis=1)]
        highest = np.nanmax(met, axis=1) if len(met) else np.array([np.nan])
        rows.append(
            DebtRisk(
                facility=names[f],
                lender=contract.lender,
                owed=chance(owes),
                call=chance(np.any(calls, axis=1)),
                liquidation=chance(np.any(outcome.liquidations[:, :, f] > 0, axis=1)),
                first_call_month=_likeliest_first(calls),
                ltv_high_p50=float(np.quantile(highest, 0.5)),
                ltv_high_p95=float(np.quantile(highest, 0.95)),
                topped_up_btc=float(outcome.topped_up_btc[:, :, f].sum(axis=1).mean()),
                lost_btc=float(outcome.lost_btc[:, :, f].sum(axis=1).mean()),
                ltv_fan=np.array([_quantiles(month[np.isfinite(month)]) for month in high.T]),
            )
        )
    return rows


def _likeliest_first(happened: Bools) -> int | None:
    """The month in which most paths see something for the first time; None if none does."""
    first: Ints = happened.argmax(axis=1)[happened.any(axis=1)]
    return int(np.bincount(first).argmax()) if len(first) else None


def _fan(by_month: Floats) -> Floats:
    """Mean and quantiles over paths, ``[month, 1 + share]``."""
    return np.column_stack([by_month.mean(axis=0), np.quantile(by_month, SHARES, axis=0).T])


def _quantiles(values: Floats) -> Floats:
    return np.quantile(values, SHARES) if len(values) else np.full(len(SHARES), np.nan)


def _steepest_fall(by_month: Floats) -> tuple[int, float]:
    """The month with the lowest change from the month before, and that change."""
    change = np.diff(by_month)
    month = int(change.argmin())
    return month + 1, float(change[month])
