"""The plans to compare: folders that `hashlever plan --out` wrote, and scenarios that are planned first."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from optimizer.errors import AuditError, CompareError, HashleverError, InfeasibleError, LimitError, ReplayError
from optimizer.planning import MONTE_CARLO_PATHS, Plan
from optimizer.planning import plan as make_plan
from optimizer.replay.saved import PLAN_AGAIN, SavedPlan, read_plan
from optimizer.scenario.load import LoadedScenario, load_scenario

MOST_PLANS = 6
SCENARIO_ENDINGS = (".yaml", ".yml")
Tell = Callable[[str, str], None]


@dataclass(frozen=True)
class Given:
    """A plan to compare. ``place``: where it was read from. ``gap``: how far it may be from the best, relative; NaN
    where that is not known. ``hit_limit``: the solver was stopped. ``out_of_sample``: figures of its replay on
    ``paths`` other paths by name (`optimizer.replay.summary.Figures`); empty, and 0, where it was not replayed."""

    place: str
    saved: SavedPlan
    gap: float
    hit_limit: bool
    paths: int
    out_of_sample: dict[str, float]


def read_all(places: Sequence[Path], tell: Tell) -> list[Given]:
    """The plans at these places, in order; a YAML file is planned first, as `hashlever plan --no-compare` does.

    Raises `CompareError` where there are fewer than two or more than `MOST_PLANS`. All places are read before any is
    planned: one that cannot be read raises its own error, several a `CompareError` that holds every one.
    """
    if not 2 <= len(places) <= MOST_PLANS:
        raise CompareError(f"A comparison is of 2 to {MOST_PLANS} plans; found {len(places)}.")
    read: list[Given | LoadedScenario] = []
    errors: list[HashleverError] = []
    for place in places:
        tell("read", str(place))
        try:
            read.append(load_scenario(place) if place.suffix.lower() in SCENARIO_ENDINGS else _given(place))
        except HashleverError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise CompareError("\n".join(dict.fromkeys(str(error) for error in errors)))
    return [found if isinstance(found, Given) else _planned(found, tell) for found in read]


def given_of(plan: Plan, place: str) -> Given:
    """A plan that was just made, as one to compare."""
    sample = plan.out_of_sample
    return Given(
        place=place,
        saved=SavedPlan(plan.scenario, plan.tree, plan.decisions, plan.books, plan.loaded.sha256, {}),
        gap=plan.solver.gap,
        hit_limit=plan.solver.hit_limit,
        paths=sample.paths if sample else 0,
        out_of_sample=dict(vars(sample.sample)) if sample else {},
    )


def _planned(loaded: LoadedScenario, tell: Tell) -> Given:
    try:
        made = make_plan(loaded, compare=False, monte_carlo=MONTE_CARLO_PATHS, tell=tell)
    except (InfeasibleError, LimitError, AuditError) as error:
        # Of several scenarios it must be said which one has no plan.
        raise type(error)(f"{loaded.path}: {error}") from None
    return given_of(made, str(loaded.path))


class _Part(BaseModel):
    """A part of plan.json that the ledger cannot check: the keys read here, of the types that they must have."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


_Number = Annotated[float, Field(ge=-1e15, le=1e15)]


class _Solver(_Part):
    gap: _Number | None
    hit_limit: bool


class _Figure(_Part):
    figure: str
    out_of_sample: _Number | None


class _Sample(_Part):
    paths: Annotated[int, Field(ge=1, le=10**9)]
    figures: list[_Figure]


class _Document(_Part):
    solver: _Solver
    out_of_sample: _Sample | None


def _given(place: Path) -> Given:
    saved = read_plan(place)
    try:
        said = _Document.model_validate(saved.document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ascii(".".join(str(step) for step in first["loc"]))
        raise ReplayError(f"{place} is not whole: {where}: {first['msg']}. {PLAN_AGAIN}") from None
    sample = said.out_of_sample
    figures = sample.figures if sample else []
    return Given(
        place=str(place),
        saved=saved,
        gap=math.nan if said.solver.gap is None else said.solver.gap,
        hit_limit=said.solver.hit_limit,
        paths=sample.paths if sample else 0,
        # A figure without a value is of what cannot happen: room to a call without debt.
        out_of_sample={f.figure: math.nan if f.out_of_sample is None else f.out_of_sample for f in figures},
    )
