"""A saved plan replayed: on paths of its own market, on a window of history, on named shocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Literal

from optimizer.errors import ReplayError
from optimizer.ledger.intents import PolicyName
from optimizer.ledger.outcome import Outcome
from optimizer.ledger.replay import replay
from optimizer.market.past import history_paths, read_history
from optimizer.market.paths import Paths
from optimizer.market.sampled import sample
from optimizer.market.shock_paths import survival_paths
from optimizer.replay.fates import Fates, fates
from optimizer.replay.monte_carlo import monte_carlo
from optimizer.replay.saved import SavedPlan
from optimizer.replay.summary import Summary, figures_on_tree, summarise
from optimizer.scenario.shocks import find_shocks

Kind = Literal["monte_carlo", "history", "stress"]
ReplayPolicy = PolicyName | Literal["replan"]
Tell = Callable[[str, str], None]

# Planning anew at every decision month of every path takes seconds a path.
MOST_REPLANNED_PATHS = 50


@dataclass(frozen=True)
class Replayed:
    """What a replay gives. ``asked``: what it was asked for, in plain data. ``start``: the date of month 0. ``names``:
    of each path, with where its figures come from in ``sources``; both empty for Monte Carlo, whose paths are one as
    likely as the other and have a ``summary``."""

    saved: SavedPlan
    kind: Kind
    policy: ReplayPolicy
    asked: dict[str, object]
    start: date
    names: tuple[str, ...]
    sources: tuple[str, ...]
    outcome: Outcome
    summary: Summary | None

    @cached_property
    def fates(self) -> Fates:
        """What became of the company on each path."""
        return fates(self.saved.scenario, self.outcome)


def on_monte_carlo(
    saved: SavedPlan,
    paths: int,
    *,
    seed: int | None = None,
    policy: ReplayPolicy = "nearest_node",
    workers: int = 1,
    tell: Tell | None = None,
) -> Replayed:
    """The plan on ``paths`` paths drawn from its market; ``seed`` is the scenario's own if not given.

    Raises `ReplayError` where that cannot be done: named cases, too many paths (of `MOST_REPLANNED_PATHS` for the
    policy that plans anew).
    """
    scenario = saved.scenario
    seed = scenario.market.fan.seed if seed is None else seed
    if policy == "replan" and paths > MOST_REPLANNED_PATHS:
        raise ReplayError(
            f"Planning anew takes seconds a path: at most {MOST_REPLANNED_PATHS} Monte Carlo paths, not {paths:,}. "
            "Ask for fewer, or for --policy nearest_node."
        )
    if policy == "replan":
        outcome = _followed(saved, sample(scenario, seed, 0, paths), policy, tell)
    else:
        outcome = monte_carlo(
            scenario, saved.tree, saved.decisions, paths=paths, seed=seed, policy=policy, workers=workers, tell=tell
        )
    return Replayed(
        saved=saved,
        kind="monte_carlo",
        policy=policy,
        asked={"paths": paths, "seed": seed},
        start=scenario.as_of,
        names=(),
        sources=(),
        outcome=outcome,
        summary=summarise(scenario, outcome, figures_on_tree(scenario, saved.tree, saved.books), policy),
    )


def on_history(
    saved: SavedPlan, csv: Path, start: date, *, policy: ReplayPolicy = "nearest_node", tell: Tell | None = None
) -> Replayed:
    """The plan on what happened from ``start`` on, to the horizon or the history's end: its moves, laid onto the
    scenario's today (`optimizer.market.past.history_paths`). Raises `ScenarioError` and `ReplayError` as that does."""
    history = read_history(csv)
    outcome = _followed(saved, history_paths(saved.scenario, history, start), policy, tell)
    name = f"{csv.name} from {start}"
    return Replayed(
        saved=saved,
        kind="history",
        policy=policy,
        asked={"file": csv.name, "from": start},
        start=start,
        names=(name,),
        sources=(csv.name,),
        outcome=outcome,
        summary=None,
    )


def on_stress(
    saved: SavedPlan, asked: str, *, policy: ReplayPolicy = "nearest_node", tell: Tell | None = None
) -> Replayed:
    """The plan on the shocks that ``asked`` means (`optimizer.scenario.shocks.find_shocks`), a path each."""
    shocks = find_shocks(asked, saved.scenario)
    paths = survival_paths(saved.scenario, shocks, saved.books.pledged_btc[0])
    return Replayed(
        saved=saved,
        kind="stress",
        policy=policy,
        asked={"stress": asked},
        start=saved.scenario.as_of,
        names=tuple(shock.name for shock in shocks),
        sources=tuple(shock.source or "" for shock in shocks),
        outcome=_followed(saved, paths, policy, tell),
        summary=None,
    )


def _followed(saved: SavedPlan, paths: Paths, policy: ReplayPolicy, tell: Tell | None) -> Outcome:
    scenario, tree, decisions = saved.scenario, saved.tree, saved.decisions
    if policy != "replan":
        return replay(scenario, tree, decisions, paths, policy)
    from optimizer.replay.replan import replan

    return replan(scenario, tree, decisions, paths, tell)
