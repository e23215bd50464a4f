"""A plan read back from what `hashlever plan --out` wrote: enough of it to replay, and nothing taken on trust.

The file may come from anybody. Its scenario is validated as a scenario file is, the tree is built again from it
and must be the tree that was saved, and the ledger audits the decisions against the balances that stand beside them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from optimizer.decisions import (
    Decisions,
    Draw,
    Liquidation,
    LotSale,
    Order,
    Pledge,
    Position,
    Repayment,
    Retirement,
    TaxPayment,
    Use,
    facility_names,
)
from optimizer.errors import AuditError, ReplayError
from optimizer.ledger.audit import audit
from optimizer.ledger.books import Books
from optimizer.market.build_tree import build_tree
from optimizer.market.tree import Floats, Tree
from optimizer.scenario.checks import issues_of
from optimizer.scenario.load import sha256_of
from optimizer.scenario.market_spec import Bootstrap
from optimizer.scenario.nodes import path_text
from optimizer.scenario.schema import Scenario
from optimizer.scenario.source import is_readable

PLAN_FILE = "plan.json"
SCHEMA = "hashlever/plan/1"
# Some 3 kB a node: room for a tree of 80,000 nodes.
MOST_BYTES = 256 * 2**20
# A tree built again from the same scenario is the same but for the twelve digits in which it was written.
TREE_TOLERANCE = 1e-9
PLAN_AGAIN = "Plan again, and replay that."


@dataclass(frozen=True)
class SavedPlan:
    """A plan as it was saved. ``books``: the ledger's account of it on its tree. ``sha256``: of its scenario.
    ``document``: the whole of plan.json."""

    scenario: Scenario
    tree: Tree
    decisions: Decisions
    books: Books
    sha256: str
    document: dict[str, Any]


def read_plan(path: Path) -> SavedPlan:
    """The plan in a folder that `hashlever plan --out` wrote, or in its plan.json.

    Raises `ReplayError` when the file cannot be read, is of another version, or was changed, and `AuditError` when
    its decisions do not lead to its balances or break a rule.
    """
    file = _plan_file(path)
    document = _read_json(file)
    if document.get("schema") != SCHEMA:
        raise ReplayError(f"{file} is no plan of hashlever: its schema is not {SCHEMA!r}. {PLAN_AGAIN}")
    try:
        saved = _Document.model_validate(document)
    except ValidationError as error:
        _refuse_invalid(file, "is not whole", error, prefix="")
    scenario = _scenario(file, saved.scenario)
    tree, _ = build_tree(scenario)
    if not _is_same_tree(tree, saved.nodes):
        raise ReplayError(f"{file}: its tree is not the one that this version of hashlever makes. {PLAN_AGAIN}")
    decisions = _decisions(saved.nodes)
    try:
        audited = audit(scenario, tree, decisions, _position(file, scenario, saved.nodes))
        audited.raise_if_failed()
    except AuditError as error:
        raise AuditError(f"{file} is not as hashlever wrote it. {PLAN_AGAIN}\n{error}") from None
    return SavedPlan(scenario, tree, decisions, audited.books, saved.scenario.sha256, document)


# Wide enough for any plan, narrow enough for NumPy.
_Whole = Annotated[int, Field(ge=-1, le=10**6)]
_Number = Annotated[float, Field(ge=-1e15, le=1e15)]


class _Part(BaseModel):
    """A part of plan.json: the keys that a replay reads, of the types that they must have; others are let be."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


class _Order(_Part):
    model: str
    site: str
    units: _Number


class _Retirement(_Order):
    retired_month: _Whole
    # Plans of before lenders took machines do not say.
    seized_by: str | None = None


class _Draw(_Part):
    facility: str
    tier: _Whole
    amount_usd: _Number


class _Repaid(_Part):
    facility: str
    tier: _Whole
    drawn_node: _Whole
    principal_usd: _Number


class _Pledge(_Part):
    facility: str
    top_up_btc: _Number
    release_btc: _Number


class _Liquidation(_Part):
    facility: str
    seized_btc: _Number


class _Use(_Part):
    source: str
    what: str
    amount: _Number


class _LotSale(_Part):
    lot: str
    btc: _Number


class _Debt(_Part):
    facility: str
    owed_usd: _Number
    pledged_btc: _Number


class _Node(_Part):
    month: _Whole
    parent: _Whole
    price_usd: _Number
    low_usd: _Number
    hashprice_usd_per_ph_day: _Number
    network_ehs: _Number
    machine_price_factor: _Number
    sold_btc: _Number
    bought_btc: _Number
    btc: _Number
    cash_usd: _Number
    net_btc: _Number
    orders: list[_Order]
    retirements: list[_Retirement]
    draws: list[_Draw]
    repayments: list[_Repaid]
    pledges: list[_Pledge]
    liquidations: list[_Liquidation]
    liquidated_draws: list[_Repaid]
    uses: list[_Use]
    lot_sales: list[_LotSale]
    tax_usd: _Number
    debts: list[_Debt]


class _Scenario(_Part):
    sha256: str
    resolved: dict[str, Any]


class _Document(_Part):
    scenario: _Scenario
    nodes: list[_Node] = Field(min_length=1)


def _plan_file(path: Path) -> Path:
    try:
        return path / PLAN_FILE if path.is_dir() else path
    except OSError as error:
        raise ReplayError(f"Cannot read {path}: {error.strerror or error}.") from None


def _read_json(file: Path) -> dict[str, Any]:
    if not is_readable(file):
        raise ReplayError(f"There is no plan that can be read at {file}. Name a folder that `plan --out` wrote.")
    try:
        if file.stat().st_size > MOST_BYTES:
            raise ReplayError(f"{file} is larger than {MOST_BYTES // 2**20} MB: no plan of hashlever is.")
        document = json.loads(file.read_bytes())
    except OSError as error:
        raise ReplayError(f"Cannot read {file}: {error.strerror or error}.") from None
    except (ValueError, RecursionError):
        raise ReplayError(f"{file} is not JSON, so it is no plan of hashlever. {PLAN_AGAIN}") from None
    if not isinstance(document, dict):
        raise ReplayError(f"{file} is no plan of hashlever: it holds no object. {PLAN_AGAIN}")
    return document


def _refuse_invalid(file: Path, what: str, error: ValidationError, prefix: str) -> NoReturn:
    """Say what pydantic found first, and how much more there is."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    # A path may hold whatever stands in the file: as Python writes text it commands no terminal.
    place = ascii(prefix + path_text(tuple(found[0]["loc"])))
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    raise ReplayError(f"{file} {what}: {place}: {found[0]['msg']}{more}. {PLAN_AGAIN}") from None


def _scenario(file: Path, saved: _Scenario) -> Scenario:
    try:
        scenario = Scenario.model_validate_json(json.dumps(saved.resolved))
    except ValidationError as error:
        _refuse_invalid(file, "holds a scenario that is not valid", error, prefix="scenario.resolved.")
    except RecursionError:
        raise ReplayError(f"{file} holds a scenario that is nested too deeply. {PLAN_AGAIN}") from None
    scenario = _with_history_found(file, scenario)
    resolved = saved.resolved
    if isinstance(scenario.market.price, Bootstrap):
        price = {**resolved["market"]["price"], "csv": scenario.market.price.csv}
        resolved = {**resolved, "market": {**resolved["market"], "price": price}}
    if sha256_of(resolved) != saved.sha256:
        changed = "or its price history " if isinstance(scenario.market.price, Bootstrap) else ""
        raise ReplayError(f"The scenario in {file} {changed}is not the one that was planned. {PLAN_AGAIN}")
    for issue in issues_of(scenario):
        if not issue.warning:
            place = ascii(path_text(issue.place))
            raise ReplayError(f"{file} holds a scenario that contradicts itself at {place}. {PLAN_AGAIN}")
    return scenario


def _with_history_found(file: Path, scenario: Scenario) -> Scenario:
    """With a price history where it was when the plan was made, or else beside the plan."""
    price = scenario.market.price
    if not isinstance(price, Bootstrap):
        return scenario
    for csv in (Path(price.csv), file.parent / Path(price.csv).name):
        if is_readable(csv):
            market = scenario.market.model_copy(update={"price": price.model_copy(update={"csv": str(csv)})})
            return scenario.model_copy(update={"market": market})
    raise ReplayError(
        f"The price history {price.csv!a} that the plan was made from cannot be read. Put it back, or beside {file}."
    )


def _is_same_tree(tree: Tree, nodes: list[_Node]) -> bool:
    if len(tree) != len(nodes):
        return False
    whole = ((tree.month, "month"), (tree.parent, "parent"))
    market = (
        (tree.price_usd, "price_usd"),
        (tree.low_usd, "low_usd"),
        (tree.hashprice_usd_per_ph_day, "hashprice_usd_per_ph_day"),
        (tree.network_ehs, "network_ehs"),
        (tree.asic_price_factor, "machine_price_factor"),
    )
    return all(values.tolist() == [getattr(node, name) for node in nodes] for values, name in whole) and all(
        np.allclose(_column(nodes, name), values, rtol=TREE_TOLERANCE, atol=0) for values, name in market
    )


def _column(nodes: list[_Node], name: str) -> Floats:
    return np.array([getattr(node, name) for node in nodes], dtype=np.float64)


def _decisions(nodes: list[_Node]) -> Decisions:
    each = list(enumerate(nodes))
    return Decisions(
        sell_btc=_column(nodes, "sold_btc"),
        buy_btc=_column(nodes, "bought_btc"),
        orders=tuple(Order(n, o.model, o.site, o.units) for n, node in each for o in node.orders),
        retirements=tuple(
            Retirement(n, r.model, r.site, r.units, r.retired_month, r.seized_by)
            for n, node in each
            for r in node.retirements
        ),
        draws=tuple(Draw(n, d.facility, d.tier, d.amount_usd) for n, node in each for d in node.draws),
        repayments=tuple(
            Repayment(n, r.facility, r.tier, r.drawn_node, r.principal_usd) for n, node in each for r in node.repayments
        ),
        pledges=tuple(Pledge(n, p.facility, p.top_up_btc, p.release_btc) for n, node in each for p in node.pledges),
        liquidations=tuple(found for n, node in each for found in _liquidations(n, node)),
        uses=tuple(Use(n, u.source, u.what, u.amount) for n, node in each for u in node.uses),
        lot_sales=tuple(LotSale(n, sale.lot, sale.btc) for n, node in each for sale in node.lot_sales),
        tax_payments=tuple(TaxPayment(n, node.tax_usd) for n, node in each if node.tax_usd > 0),
    )


def _liquidations(n: int, node: _Node) -> Iterator[Liquidation]:
    for found in node.liquidations:
        met = [d for d in node.liquidated_draws if d.facility == found.facility]
        principal = tuple((d.tier, d.drawn_node, d.principal_usd) for d in met)
        yield Liquidation(n, found.facility, found.seized_btc, principal)


def _position(file: Path, scenario: Scenario, nodes: list[_Node]) -> Position:
    """The balances that stand in the file; debts that are not listed are nothing."""
    index = {name: f for f, name in enumerate(facility_names(scenario))}
    owed, pledged = np.zeros((len(nodes), len(index))), np.zeros((len(nodes), len(index)))
    for n, node in enumerate(nodes):
        for debt in node.debts:
            if debt.facility not in index:
                raise ReplayError(f"{file} has the debt {debt.facility!a}, which its scenario lacks. {PLAN_AGAIN}")
            owed[n, index[debt.facility]], pledged[n, index[debt.facility]] = debt.owed_usd, debt.pledged_btc
    return Position(
        btc=_column(nodes, "btc"),
        pledged_btc=pledged,
        owed_usd=owed,
        cash_usd=_column(nodes, "cash_usd"),
        net_btc=_column(nodes, "net_btc"),
    )
