"""What the model needs to know of a kind of source of money: a handful of functions in one file of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from optimizer.decisions import Use
from optimizer.formulation.linear import Terms

OfNode = Callable[[Any, int], Terms]


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
    activity: what the objective's tie-break keeps small.
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
