"""Shocks: named, dated or synthetic futures that a plan is replayed on after it is made.

A shock is a scenario's `Stress` and more: when it happened, its real lows, machine prices, lenders that fail. The
library is `models/stress.yaml`; anybody can write a file of the same shape.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from datetime import date
from itertools import product
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from optimizer.errors import Problem, ScenarioError
from optimizer.scenario.base import Month, Name, Share, Strict
from optimizer.scenario.issues import Issue, not_rising, repeated
from optimizer.scenario.market_spec import Stress, StressPoint
from optimizer.scenario.nodes import Mark, Node, Place, mark_at, node_at, path_text, plain, problem_at
from optimizer.scenario.nodes import shown as shown_value
from optimizer.scenario.schema import Scenario
from optimizer.scenario.shape import did_you_mean
from optimizer.scenario.source import is_readable, read_file
from optimizer.scenario.translate import problems_of
from optimizer.workspace import shipped

# Words for lenders, since a library does not know those of the reader's scenario: every one, and the one that holds
# most of the company's pledged BTC once today's decisions are taken.
ALL = "all"
LARGEST = "largest"
# Words for shocks: the library with the scenario's own stresses, and `synthetic_shocks`.
GRID = "grid"

LAST_MONTH = 120
# In nine of ten months from 2016-02 to 2025-06 the lowest daily close lay at most 12% below the lower of the closes at
# the month's two ends (Coin Metrics community data).
USUAL_LOW_SHARE = 0.12


class LenderFailure(Strict):
    """``lender`` fails at the end of ``month``. Of what it then owes the company (the pledge it has lent on, less the
    debt) ``recovery_share`` comes back, in the dollars of that day, ``recovered_after_months`` later."""

    lender: Name
    month: Annotated[int, Field(ge=1, le=120)]
    recovery_share: Share
    recovered_after_months: Month


class Shock(Stress):
    """A stress to replay a plan on. ``frozen_lenders`` and ``failures`` may say ``all`` and ``largest`` for a lender.

    ``from_date``, ``to_date``: when it happened; month 1 ends a month after ``from_date``, whose prices stand for
    today's. Blank for a synthetic shock. ``low``: the lowest price of the months named, against today; in other months
    ``low_below_close_share`` says. ``machine_price``: changes of machine prices against today; blank: they follow
    hashprice and age as in the scenario. At ``until_month`` the shock is over: prices stay where they are, power costs
    what it did and nobody is frozen any more. ``as_of``: when its figures were last looked up.
    """

    from_date: date | None = None
    to_date: date | None = None
    low: tuple[StressPoint, ...] = ()
    machine_price: tuple[StressPoint, ...] = ()
    failures: tuple[LenderFailure, ...] = ()
    as_of: str | None = None
    notes: str | None = None


def read_shocks(path: Path, shown: str | None = None, lenders: Collection[str] | None = None) -> tuple[Shock, ...]:
    """The shocks of a YAML file: a mapping of names to shocks, in its order.

    ``shown`` is the file's name in messages. ``lenders``: the only ones that may be named, if given. Raises
    `ScenarioError` with every problem of the file.
    """
    entries = read_file(path, shown)
    shocks: list[Shock] = []
    problems: list[Problem] = []
    for key, written in entries.mapping.items():
        node = written
        if isinstance(written.value, dict):
            node = Node({"name": Node(key, written.at), **written.mapping}, written.at)
        try:
            shock = Shock.model_validate_json(json.dumps(plain(node)))
        except ValidationError as error:
            problems += problems_of(error, node, Shock, prefix=(key,))
            continue
        shocks.append(shock)
        for issue in _issues(shock, lenders):
            mark, found = mark_at(node, issue.place), shown_value(node_at(node, issue.place))
            problems.append(problem_at(mark, path_text((key, *issue.place)), issue.message, found, issue.mend))
    for issue in repeated([((shock.name,), shock.name) for shock in shocks], "shock"):
        problems.append(problem_at(entries.at, path_text(issue.place), issue.message, mend=issue.mend))
    if not entries.mapping:
        problems.append(problem_at(entries.at, "", "there is no shock here", mend="begin with `NAME:` and its fields"))
    if problems:
        raise ScenarioError(problems)
    return tuple(shocks)


def library() -> tuple[Shock, ...]:
    """The dated shocks that come with the package, `models/stress.yaml`."""
    with shipped("models") as models:
        return read_shocks(models / "stress.yaml", "models/stress.yaml")


def find_shocks(asked: str, scenario: Scenario) -> tuple[Shock, ...]:
    """The shocks that ``asked`` means, at least one: ``all`` (the library and the scenario's own stresses), ``grid``
    (`synthetic_shocks`), the name of one in whichever case, or the path of a YAML file.

    A stress of the scenario goes before one of the library with its name. Raises `ScenarioError` when there is no such
    shock or the file cannot be used.
    """
    if Path(asked).suffix.lower() in (".yaml", ".yml"):
        return _read_for(asked, scenario)
    named = {_plain_name(shock.name): shock for shock in library()}
    named |= {_plain_name(stress.name): Shock(**dict(stress)) for stress in scenario.market.stress}
    name = _plain_name(asked)
    if name == ALL:
        return tuple(named.values())
    if name == GRID:
        return synthetic_shocks()
    if name in named:
        return (named[name],)
    if is_readable(Path(asked)):
        return _read_for(asked, scenario)
    mend = did_you_mean(asked, [*(shock.name for shock in named.values()), ALL, GRID])
    message = "there is neither a shock of this name nor such a file"
    raise ScenarioError([problem_at(Mark(f"--stress {asked}"), "", message, mend=mend)])


def synthetic_shocks() -> tuple[Shock, ...]:
    """Every combination of a fall of BTC by 30, 50 or 70%, of hashprice, late machines, dear power and lenders that
    freeze, reached after three months and lasting: 72 shocks.

    USD hashprice falls half as far as price in logs (miners leave), as far, or by a third more (fees and hashrate go
    against miners too). Machines come on time or three months late. Power costs the same or half as much again. Lenders
    lend and release as agreed, or none does so in the first year.
    """
    falls, late_months, power_factors, freezes = (0.3, 0.5, 0.7), (0, 3), (1.0, 1.5), (False, True)
    # Hashprice left is price left to a power, times a factor.
    hashprice_answers = ((0.5, 1.0), (1.0, 1.0), (1.0, 2 / 3))
    shocks = []
    for fall, (power_of, times), late, power, freeze in product(
        falls, hashprice_answers, late_months, power_factors, freezes
    ):
        hashprice_change = (1 - fall) ** power_of * times - 1
        name = f"BTC {-fall:+.0%}, hashprice {hashprice_change:+.0%}"
        name += f", +{late} months" if late else ""
        name += f", power x{power:g}" if power > 1 else ""
        name += ", lenders frozen" if freeze else ""
        shocks.append(
            Shock(
                name=name,
                price=(StressPoint(month=3, change=-fall),),
                hashprice_usd=(StressPoint(month=3, change=hashprice_change),),
                low_below_close_share=USUAL_LOW_SHARE,
                delivery_delay_months=late,
                power_price_factor=power,
                frozen_lenders=(ALL,) if freeze else (),
                frozen_until_month=12,
            )
        )
    return tuple(shocks)


def _read_for(asked: str, scenario: Scenario) -> tuple[Shock, ...]:
    lenders = [contract.lender for contract in (*scenario.loans, *scenario.facilities)]
    return read_shocks(Path(asked), lenders=lenders)


def _plain_name(name: str) -> str:
    """A name as people type it: `china-ban-2021` is `China ban 2021`."""
    return " ".join(name.lower().replace("-", " ").replace("_", " ").split())


def _issues(shock: Shock, lenders: Collection[str] | None) -> Iterator[Issue]:
    """What no field of a shock can say alone."""
    for key in ("price", "hashprice_usd", "machine_price", "low"):
        points: tuple[StressPoint, ...] = getattr(shock, key)
        yield from not_rising([((key, i, "month"), point.month) for i, point in enumerate(points)], LAST_MONTH)
    closes = {point.month: point.change for point in shock.price}
    for i, point in enumerate(shock.low):
        if point.change > closes.get(point.month, point.change):
            yield Issue(("low", i, "change"), f"is above the month's close, {closes[point.month]:g}", "correct either")
    if shock.frozen_from_month > shock.frozen_until_month:
        message = f"comes after frozen_until_month {shock.frozen_until_month}"
        yield Issue(("frozen_from_month",), message, "let the freeze begin before it ends")
    if shock.from_date is not None:
        for key in ("to_date", "as_of", "source"):
            if getattr(shock, key) is None:
                yield Issue((key,), "is required of a dated shock", f"add `{key}:`, or leave out from_date")
        if shock.to_date is not None and shock.to_date <= shock.from_date:
            yield Issue(("to_date",), f"must be after from_date {shock.from_date}", "give a later day")
    failing = [failure.lender for failure in shock.failures]
    for i, lender in enumerate(failing):
        if lender in failing[:i]:
            yield Issue(("failures", i, "lender"), "fails a second time", "keep one of the two")
    named: list[tuple[Place, str]] = [(("failures", i, "lender"), lender) for i, lender in enumerate(failing)]
    named += [(("frozen_lenders", i), lender) for i, lender in enumerate(shock.frozen_lenders)]
    for place, lender in named:
        if lenders is not None and lender not in (*lenders, ALL, LARGEST):
            mend = did_you_mean(lender, [*dict.fromkeys(lenders), ALL, LARGEST])
            yield Issue(place, "no loan or facility of the scenario is from this lender", mend)
