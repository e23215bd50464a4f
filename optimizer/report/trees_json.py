"""How sure a plan is over several trees: `trees` of plan.json, and what it says in sentences."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from optimizer.report.plain import Document
from optimizer.report.terminal_judged import ALTERNATIVES
from optimizer.report.words import btc, count, share, worth
from optimizer.trees.judged import STAKE_SHARE, Candidate, Trees
from optimizer.trees.statistics import CONFIDENCE

if TYPE_CHECKING:
    from optimizer.planning import Plan
    from optimizer.scenario.schema import Scenario
    from optimizer.trees.spread import TodayRow


# What is not among them is what a source of money is used for.
VERBS = {"order": "order", "resell": "resell", "draw": "borrow from", "repay": "repay"}


def trees_document(plan: Plan) -> Document | None:
    """All that planning several trees found, in the numeraire; None where there was one tree."""
    trees, unit = plan.trees, plan.scenario.numeraire
    if trees is None:
        return None
    objectives = [candidate.objective for candidate in trees.candidates]
    return {
        "count": len(trees.candidates) + len(trees.without),
        "recommended_seed": trees.best.seed,
        "own_seed": trees.candidates[0].seed,
        f"mean_{unit}": statistics.fmean(objectives),
        f"sd_{unit}": statistics.stdev(objectives) if len(objectives) > 1 else None,
        f"least_{unit}": min(objectives),
        f"most_{unit}": max(objectives),
        "confidence": CONFIDENCE,
        "confidence_each": trees.confidence_each,
        "paths": trees.paths,
        f"stake_{unit}": trees.stake,
        "stake_of": trees.stake_of,
        "trusted": not trees.doubts,
        "doubts": [{"doubt": doubt, "text": _doubt(doubt, plan, trees)} for doubt in trees.doubts],
        "says": list(_said(plan, trees)),
        "decisions": [_decision(plan.scenario, row, trees.recommended) for row in trees.decisions],
        "candidates": [_candidate(candidate, unit) for candidate in trees.candidates],
        "trials": [
            {
                "of_seed": trees.candidates[trial.of].seed,
                "on_seed": trees.candidates[trial.on].seed,
                f"objective_{unit}": trial.objective,
                "moved": trial.moved,
                "sell_more_btc": trial.sell_more_btc,
                "why_not": trial.why_not,
            }
            for trial in trees.trials
        ],
        "rivals": [
            {
                "name": rival.name,
                f"loses_{unit}": rival.loses,
                f"off_tree_loses_{unit}": rival.off_tree_loses,
                f"off_tree_error_{unit}": rival.off_tree_error,
                "trouble_share": rival.trouble,
                "is_clear": rival.is_clear,
            }
            for rival in trees.rivals
        ],
        "without_plan": [{"seed": seed, "why_not": why_not} for seed, why_not in trees.without],
    }


def _candidate(candidate: Candidate, unit: str) -> Document:
    gap = candidate.gap
    return {
        "seed": candidate.seed,
        "nodes": candidate.nodes,
        f"objective_{unit}": candidate.objective,
        "solver_gap": candidate.solver_gap,
        "hit_limit": candidate.hit_limit,
        **asdict(candidate.advice),
        "tried": candidate.tried,
        "moved": candidate.moved,
        "sell_more_btc": candidate.sell_more_btc,
        "impossible": candidate.impossible,
        "unknown": candidate.unknown,
        f"gap_mean_{unit}": gap and gap.mean,
        f"gap_sd_{unit}": gap and gap.sd,
        f"gap_high_{unit}": gap and gap.high,
        f"off_tree_{unit}": candidate.off_tree,
        f"off_tree_error_{unit}": candidate.off_tree_error,
        f"behind_{unit}": candidate.behind,
        f"behind_error_{unit}": candidate.behind_error,
        "trouble_share": candidate.trouble,
    }


def _decision(scenario: Scenario, row: TodayRow, recommended: int) -> Document:
    return {
        "what": row.what,
        "name": row.name,
        "detail": row.detail,
        "unit": row.unit,
        "words": _in_words(scenario, row),
        "trees": sum(amount > 0 for amount in row.amounts),
        "least": min(row.amounts),
        "mean": statistics.fmean(row.amounts),
        "most": max(row.amounts),
        "this_plan": row.amounts[recommended],
        "amounts": row.amounts,
    }


def _in_words(scenario: Scenario, row: TodayRow) -> str:
    if row.what in ("sell", "buy"):
        return f"{row.what} BTC"
    name = scenario.machines.specs[row.name].name if row.unit == "machines" else row.name
    verb = VERBS.get(row.what, row.what.replace("_", " ") + ":")
    return f"{verb} {name}" + (f", {row.detail}" if row.detail else "")


def _said(plan: Plan, trees: Trees) -> Iterator[str]:
    unit, beside, best = plan.scenario.numeraire, plan.value.value, trees.best
    objectives = [candidate.objective for candidate in trees.candidates]
    least, mean, most = (
        worth(value, unit, beside) for value in (min(objectives), statistics.fmean(objectives), max(objectives))
    )
    yield (
        f"{count(len(objectives), 'tree')} of the same market, each made from paths of its own and planned: worth "
        f"{mean} on average, {least} to {most}."
    )
    whose = (
        "The plan of the scenario's own tree"
        if best.seed == trees.candidates[0].seed
        else f"This plan, that of the tree of seed {best.seed} (--set market.fan.seed={best.seed}),"
    )
    yield f"{whose} does best across: its decisions of today were tried on {count(best.tried, 'other tree')}."
    if best.gap is not None:
        left_open = worth(statistics.fmean([c.solver_gap * abs(c.objective) for c in trees.candidates]), unit, beside)
        yield (
            f"With all that comes later chosen anew there, they fall short of the best by "
            f"{worth(best.gap.mean, unit, beside)} on average, of which {left_open} may be what the solver leaves "
            f"open, and by at most {worth(best.gap.high, unit, beside)} ({share(best.gap.high / abs(beside), 2)}) at "
            f"{share(CONFIDENCE)} confidence."
        )
    if best.moved:
        more = f", up to {btc(best.sell_more_btc)} BTC more sold" if best.sell_more_btc > 0 else ""
        yield (
            f"As they stand they break a requirement on some branch of {best.moved} of {best.tried} other trees; there "
            f"BTC had to be traded and pledged otherwise today{more}."
        )
    if trees.paths > 0:
        yield (
            f"Off the trees, on {trees.paths:,} paths that are the same for all, it is worth "
            f"{worth(best.off_tree, unit, beside)} (standard error {worth(best.off_tree_error, unit, beside)})"
            f"{_behind(trees, unit, beside)}."
        )
    if trees.doubts:
        reasons = "; ".join(_doubt(doubt, plan, trees) for doubt in trees.doubts)
        yield (
            f"The tree is too small to trust: {reasons}. More branches (market.tree.branching) show it more futures, "
            "more paths (market.fan.paths) make trees alike, more trees (--trees) tell the gap more closely."
        )
    else:
        yield f"Nothing here says that the tree is too small for this advice: {_held_against(trees, unit, beside)}."


def _behind(trees: Trees, unit: str, beside: float) -> str:
    behind = [c.behind for k, c in enumerate(trees.candidates) if k != trees.recommended]
    if not behind:
        return ""
    low, high = min(behind), max(behind)

    def words(amount: float) -> str:
        return f"{worth(abs(amount), unit, beside)} {'less' if amount >= 0 else 'more'}"

    return f", the others from {words(high)} to {words(low)}"


def _held_against(trees: Trees, unit: str, beside: float) -> str:
    stake = worth(trees.stake, unit, beside)
    if trees.stake_of:
        return f"the nearest other advice ({ALTERNATIVES[trees.stake_of].lower()}) loses {stake}"
    return f"it is held against {share(STAKE_SHARE)} of what the plan is worth, {stake}"


def _doubt(doubt: str, plan: Plan, trees: Trees) -> str:
    unit, beside, best = plan.scenario.numeraire, plan.value.value, trees.best
    if doubt == "no_plan":
        some = count(len(trees.without), "tree")
        return f"{some} {'has' if len(trees.without) == 1 else 'have'} no plan that meets every requirement"
    if doubt == "impossible":
        return (
            f"on {best.impossible} of {best.tried} other trees today's decisions break a requirement whatever is sold "
            "and pledged today"
        )
    if doubt == "advice":
        borrow = sum(candidate.advice.borrow for candidate in trees.candidates)
        order = sum(candidate.advice.buy_machines for candidate in trees.candidates)
        return f"of {count(len(trees.candidates), 'plan')} {borrow} borrow today and {order} order machines"
    if doubt == "unknown":
        return "the solver was stopped on some trees before it knew"
    if doubt == "rival":
        return "; ".join(
            f"off the trees its lead over other advice ({ALTERNATIVES[rival.name].lower()}), "
            f"{worth(rival.off_tree_loses, unit, beside)} with a standard error of "
            f"{worth(rival.off_tree_error, unit, beside)}, may be chance"
            for rival in trees.rivals
            if not rival.is_clear
        )
    assert doubt == "gap" and best.gap is not None
    high = worth(best.gap.high, unit, beside)
    return f"today's decisions may fall short by {high}, and {_held_against(trees, unit, beside)}"
