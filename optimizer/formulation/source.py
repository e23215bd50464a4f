"""What the model needs to know of a kind of source of money: a handful of functions in one file of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from optimizer.decisions import Use
from optimizer.formulation.linear import NOISE, Terms
from optimizer.scenario.sources.terms import SourceTerms

OfNode = Callable[[Any, int], Terms]
S = TypeVar("S", bound=SourceTerms)


def nothing(f: Any, n: int) -> Terms:
    """No part in it."""
    return Terms()


@dataclass(frozen=True)
class Kind:
    """A kind of source, as the scenario's ``kind`` names it. Each function is of (formulation, node).

    add: variables and rows, of all sources of the kind. uses: the loaded solution's decisions, in plain units.
    cash and btc: what comes in (+) or goes out (-) at a node, model money and BTC. tied_btc: of the BTC held, what is
    out of reach after the node. top_up_btc: of the BTC free before the month, what is sent at its low. owed: money owed
    after it; asset: other money's worth after it, both at the node's market, so that they can be settled there.
    activity: what the objective's tie-break keeps small. gives_btc: of ``btc``, what goes out, never
    negative; None where a source of the kind never brings any.
    """

    name: str
    add: Callable[[Any], None]
    uses: Callable[[Any], Iterator[Use]]
    cash: OfNode = nothing
    btc: OfNode = nothing
    tied_btc: OfNode = nothing
    top_up_btc: OfNode = nothing
    owed: OfNode = nothing
    asset: OfNode = nothing
    activity: OfNode = nothing
    gives_btc: OfNode | None = None


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


def used(variables: Any, what: str, unit: float = 1.0) -> Iterator[Use]:
    """The uses that variables ``[node, source]`` are, ``unit`` plain units to one of the model's."""
    for (n, name), var in variables.items():
        if var.value > NOISE:
            yield Use(n, name, what, var.value * unit)
