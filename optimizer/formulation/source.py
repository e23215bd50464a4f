"""What the model needs to know of a kind of source of money: a handful of functions in one file of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from optimizer.decisions import Retirement, Use
from optimizer.formulation.linear import NOISE, Terms
from optimizer.scenario.sources.terms import SourceTerms

# Of (formulation, node, one source of the kind).
OfSource = Callable[[Any, int, Any], Terms]
S = TypeVar("S", bound=SourceTerms)


def nothing(f: Any, n: int, source: SourceTerms) -> Terms:
    """No part in it."""
    return Terms()


def no_variables(f: Any) -> None:
    """None to add."""


def no_machines(f: Any, n: int, a: int) -> Terms:
    """It takes none."""
    return Terms()


def no_retirements(f: Any) -> Iterator[Retirement]:
    """It takes none."""
    yield from ()


@dataclass(frozen=True)
class Kind:
    """A kind of source, as the scenario's ``kind`` names it.

    add: variables and rows, of all sources of the kind. uses: the loaded solution's decisions, in plain units. Each of
    the next is of one source at a node. cash and btc: what comes in (+) or goes out (-), model money and BTC. tied_btc:
    of the BTC held, what its counterparty has after the node. top_up_btc: of the BTC free before the month, what is
    sent at its low. owed: money owed after it; asset: other money's worth after it, both at the node's market, so that
    they can be settled there. interest: a month's interest in cash on what is owed after it; service: interest and
    scheduled principal of the month that ends at it. activity: what the objective's tie-break keeps small. gives_btc:
    of ``btc``, what goes out, never negative; None where a source of the kind never brings any.

    Of a kind that takes machines: before_fleet adds the variables of what it takes, which the fleet's rows need;
    seized_ph is what it takes of a pair at a node, PH/s; handed_over: the same in the loaded solution.
    """

    name: str
    add: Callable[[Any], None]
    uses: Callable[[Any], Iterator[Use]]
    cash: OfSource = nothing
    btc: OfSource = nothing
    tied_btc: OfSource = nothing
    top_up_btc: OfSource = nothing
    owed: OfSource = nothing
    asset: OfSource = nothing
    interest: OfSource = nothing
    service: OfSource = nothing
    activity: OfSource = nothing
    before_fleet: Callable[[Any], None] = no_variables
    seized_ph: Callable[[Any, int, int], Terms] = no_machines
    handed_over: Callable[[Any], Iterator[Retirement]] = no_retirements
    gives_btc: OfSource | None = None


def of_kind(f: Any, kind: type[S]) -> list[S]:
    """The scenario's sources of one kind."""
    return [source for source in f.data.scenario.sources if isinstance(source, kind)]


def named(sources: Iterable[S], name: str) -> S:
    """The source of that name."""
    return next(source for source in sources if source.name == name)


def may_use(f: Any, source: SourceTerms, n: int) -> bool:
    """Whether a source can be used at a node: a decision node in its window, its counterparty not frozen."""
    in_time = n in f.decision_set and source.from_month <= f.data.month(n) <= source.until_month
    return in_time and source.counterparty not in f.data.tree.frozen[n]


def variable(variables: Any, *key: Any) -> Terms:
    """A variable, where there is one of that index."""
    return Terms().add(1.0, variables[key]) if key in variables else Terms()


def used(variables: Any, what: str, unit: float = 1.0) -> Iterator[Use]:
    """The uses that variables ``[node, source]`` are, ``unit`` plain units to one of the model's."""
    for (n, name), var in variables.items():
        if var.value > NOISE:
            yield Use(n, name, what, var.value * unit)
