"""What a plan decides and the position it claims: the data that formulation, ledger and report share.

Everything is in plain units (USD, BTC, machines). ``node`` is always the node of the tree where the decision
is taken. Facilities are indexed as in `facility_names`: the scenario's existing loans first, then its offers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from optimizer.market.tree import Floats, Ints
from optimizer.scenario.schema import Scenario

# The draw node of what was owed before today.
OPENING = -1


@dataclass(frozen=True)
class Order:
    """``units`` of a candidate ordered for a site; whole lots at node 0."""

    node: int
    model: str
    site: str
    units: float


@dataclass(frozen=True)
class Retirement:
    """``units`` to be unplugged and resold at the end of month ``month`` (>= the node's), on every branch after
    ``node``, at the resale price met there. ``seized_by``: the machine loan whose lender takes them instead, at once
    and for nothing but the debt; None where they are resold."""

    node: int
    model: str
    site: str
    units: float
    month: int
    seized_by: str | None = None


@dataclass(frozen=True)
class Draw:
    """``amount_usd`` of principal drawn at ``apr`` under the tier of ``max_ltv``; the fee is kept back from it."""

    node: int
    facility: str
    tier: int
    amount_usd: float


@dataclass(frozen=True)
class Repayment:
    """Principal repaid at a node of what was drawn at ``drawn_node`` (OPENING for an existing loan), scheduled
    instalments and maturities included. Principal met by a lender's sale of collateral is not in it."""

    node: int
    facility: str
    tier: int
    drawn_node: int
    principal_usd: float


@dataclass(frozen=True)
class Pledge:
    """BTC moved to (``top_up_btc``) the lender beyond what draws pledge by themselves, or taken back on a price
    rise (``release_btc``). What a draw pledges and repayment frees follows from the contract."""

    node: int
    facility: str
    top_up_btc: float
    release_btc: float


@dataclass(frozen=True)
class Liquidation:
    """The lender sells ``seized_btc`` at the month's low and keeps the fee; ``principal_usd`` of the draw at
    ``drawn_node`` is met from it."""

    node: int
    facility: str
    seized_btc: float
    principal_usd: tuple[tuple[int, int, float], ...]  # (tier, drawn_node, usd)


@dataclass(frozen=True)
class Use:
    """``amount`` of ``what`` a source of money is used for at a node. What the words mean is said by the source's kind
    (`optimizer.formulation.sources.KINDS`); each ends in its unit."""

    node: int
    source: str
    what: str
    amount: float


@dataclass(frozen=True)
class LotSale:
    """``btc`` that leave the company at a node out of a lot (`optimizer.scenario.taxes` names them). What a node's lots
    give beyond what is sold and seized there went to sources of money."""

    node: int
    lot: str
    btc: float


@dataclass(frozen=True)
class TaxPayment:
    """Tax paid at the first node of a new tax year."""

    node: int
    amount_usd: float


Decision = Order | Retirement | Draw | Repayment | Pledge | Liquidation | Use | LotSale | TaxPayment


def numbered(decision: Decision, nodes: Ints) -> Decision:
    """The same decision on another tree: ``nodes`` [node] says what a node is called there."""
    there: dict[str, Any] = {"node": int(nodes[decision.node])}
    if isinstance(decision, Repayment) and decision.drawn_node != OPENING:
        there["drawn_node"] = int(nodes[decision.drawn_node])
    if isinstance(decision, Liquidation):
        met = ((tier, drawn, usd) for tier, drawn, usd in decision.principal_usd)
        there["principal_usd"] = tuple((k, d if d == OPENING else int(nodes[d]), usd) for k, d, usd in met)
    return replace(decision, **there)


@dataclass(frozen=True)
class Decisions:
    """All that a plan decides, at every node. ``sell_btc`` and ``buy_btc``: [node]."""

    sell_btc: Floats
    buy_btc: Floats
    orders: tuple[Order, ...]
    retirements: tuple[Retirement, ...]
    draws: tuple[Draw, ...]
    repayments: tuple[Repayment, ...]
    pledges: tuple[Pledge, ...]
    liquidations: tuple[Liquidation, ...] = ()
    uses: tuple[Use, ...] = ()
    lot_sales: tuple[LotSale, ...] = ()
    tax_payments: tuple[TaxPayment, ...] = ()


@dataclass(frozen=True)
class Position:
    """Where the company stands at the end of each node, after its decisions.

    btc: free and pledged together, [node]. pledged_btc and owed_usd (principal and accrued interest):
    [node, facility]. cash_usd: [node]. net_btc: net worth in BTC whatever the numeraire, [node]; only leaves count
    in the objective.
    """

    btc: Floats
    pledged_btc: Floats
    owed_usd: Floats
    cash_usd: Floats
    net_btc: Floats


def facility_names(scenario: Scenario) -> tuple[str, ...]:
    """Names of all debts and offers, existing loans first: the facility index everywhere."""
    return tuple(loan.name for loan in scenario.loans) + tuple(f.name for f in scenario.facilities)
