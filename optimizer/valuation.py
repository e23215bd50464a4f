"""What outcomes are worth: mean, tail mean and the terms they are made of. Plain numbers, no model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.ledger.books import Books
from optimizer.market.tree import Floats, Tree
from optimizer.scenario.schema import Scenario


def tail_weights(outcomes: Floats, probability: Floats, tail_share: float) -> Floats:
    """Weights (summing to 1) that make the mean of the worst ``tail_share`` of probability: [outcome].

    CVaR as in Rockafellar and Uryasev (2000): the outcome at the edge of the tail counts in part.
    """
    weights = np.zeros(len(outcomes))
    left = tail_share
    for i in np.argsort(outcomes, kind="stable"):
        weights[i] = min(float(probability[i]), left) / tail_share
        left -= min(float(probability[i]), left)
        if left <= 0:
            break
    return weights


def weighted_quantile(values: Floats, probability: Floats, share: float) -> float:
    """The smallest value that at least ``share`` of the probability does not exceed."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(probability[order]) / probability.sum()
    # A hair less, so that rounding in the sum does not skip to the next value.
    first = int(np.searchsorted(reached, share - 1e-12))
    return float(values[order[min(first, len(values) - 1)]])


@dataclass(frozen=True)
class Value:
    """The objective and its parts, in the numeraire.

    ``value`` = (1 - weight) * ``expected`` + weight * ``cvar``. ``terms`` add up to ``value``: for the mean and
    the tail, BTC held, cash, machines (resale less what is due on them), debt and, if there are any, sources of
    money and taxes.
    ``means``: what ``expected`` is made of. ``outcomes`` and ``weights``: net worth and objective weight of each leaf.
    """

    value: float
    expected: float
    cvar: float
    worst: float
    terms: dict[str, float]
    means: dict[str, float]
    leaves: tuple[int, ...]
    outcomes: Floats
    weights: Floats


def value_of(scenario: Scenario, tree: Tree, books: Books) -> Value:
    """Value the ledger's account of a plan at the leaves of the tree."""
    leaves = tree.leaves
    price = tree.price_usd[leaves]
    unit = np.ones(len(leaves)) if scenario.numeraire == "btc" else price
    parts = {
        "btc_held": books.btc[leaves] * unit,
        "cash": books.cash_usd[leaves] / price * unit,
        "machines": (books.fleet.worth_usd - books.fleet.payable_usd)[leaves] / price * unit,
        "debt": -books.owed_usd[leaves].sum(axis=1) / price * unit,
    }
    if scenario.sources:
        parts["sources"] = (books.sources.asset_usd - books.sources.owed_usd)[leaves] / price * unit
    if scenario.taxes:
        parts["taxes"] = -books.taxes.owed_usd[leaves] / price * unit
    outcomes = books.net_btc[leaves] * unit
    chance = tree.probability[leaves]
    tail = tail_weights(outcomes, chance, scenario.risk.tail_share)
    w = scenario.risk.weight
    terms = {f"mean_{name}": (1 - w) * float(chance @ part) for name, part in parts.items()}
    terms |= {f"tail_{name}": w * float(tail @ part) for name, part in parts.items()}
    expected, cvar = float(chance @ outcomes), float(tail @ outcomes)
    return Value(
        value=(1 - w) * expected + w * cvar,
        expected=expected,
        cvar=cvar,
        worst=float(outcomes.min()),
        terms=terms,
        means={name: float(chance @ part) for name, part in parts.items()},
        leaves=tuple(leaves),
        outcomes=outcomes,
        weights=(1 - w) * chance + w * tail,
    )
