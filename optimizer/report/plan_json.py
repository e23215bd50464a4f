"""The plan as one document of plain data: `plan.json`. Every key is in `docs/reference/plan-json.md`.

Floats are rounded to twelve significant digits; what has no value (an LTV without debt, an endless runway) is
null; keys keep their order.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, cast

import pandas as pd

from optimizer import __version__
from optimizer.ledger.checks import TOLERANCE
from optimizer.report.doubt import Doubt, doubt_of
from optimizer.report.frames import PLACE
from optimizer.report.machine_finance import machine_finance
from optimizer.report.plain import Document, plain, records
from optimizer.report.purposes import purposes_of
from optimizer.report.reasons import reasons_document
from optimizer.report.replay_json import summary_document
from optimizer.report.tables_context import spread
from optimizer.report.trees_json import trees_document

if TYPE_CHECKING:
    from optimizer.planning import Plan

SCHEMA = "hashlever/plan/1"

# Tables whose rows belong to a node and stand in the document with it.
DECIDED = (
    "orders",
    "retirements",
    "draws",
    "repayments",
    "pledges",
    "liquidations",
    "liquidated_draws",
    "uses",
    "lot_sales",
)


def plan_document(plan: Plan) -> Document:
    """The whole plan as dicts, lists, text, numbers, true, false and null."""
    tables = cast("dict[str, pd.DataFrame]", plan.tables)
    doubt = doubt_of(plan)
    document = {
        "schema": SCHEMA,
        "version": __version__,
        "scenario": _scenario(plan),
        "solver": _solver(plan),
        "market": _market(plan, doubt),
        "objective": _objective(plan),
        "today": _today(plan, tables),
        "borrowing": asdict(purposes_of(plan)),
        "machine_finance": _machine_finance(plan),
        "months": records(tables["months"]),
        "nodes": [],
        "outcomes": records(tables["outcomes"]),
        "machines": records(tables["machines"]),
        "fleet_schedule": records(tables["fleet_schedule"]),
        "margins": records(tables["margins"]),
        "order_costs": records(tables["order_costs"]),
        "ladder": records(tables["ladder"]),
        "price_falls": records(tables["price_falls"]),
        "survival": records(tables["survival"]),
        "comparators": records(tables["comparators"]),
        "reasons": reasons_document(plan),
        "doubt": _doubt(doubt),
        "outlooks": records(tables["outlooks"]),
        "budget": records(tables["budget"]),
        "debt_months": records(tables["debt_months"]),
        "source_months": records(tables["source_months"]),
        "machine_months": records(tables["machine_months"]),
        "assumptions": records(tables["assumptions"]),
        "out_of_sample": summary_document(plan.scenario, plan.out_of_sample) if plan.out_of_sample else None,
        "trees": trees_document(plan),
        "audit": _audit(plan, tables),
    }
    written = cast(Document, plain(document))
    written["nodes"] = _nodes(tables)
    # Word for word: it is what the plan's hash is of, and what a replay starts from.
    written["scenario"]["resolved"] = plan.loaded.resolved
    return written


def _scenario(plan: Plan) -> Document:
    given, loaded = plan.scenario, plan.loaded
    return {
        "name": given.name,
        "description": given.description,
        "file": loaded.path.name,
        "as_of": given.as_of,
        "horizon_months": given.horizon_months,
        "decision_months": given.decision_months,
        "numeraire": given.numeraire,
        "sha256": loaded.sha256,
        "warnings": [{"path": w.path, "message": w.message, "mend": w.mend} for w in loaded.warnings],
    }


def _solver(plan: Plan) -> Document:
    record = plan.solver
    return {
        "name": record.version,
        "method": record.method,
        "why_whole": record.why_whole,
        "cut_month": record.cut_month,
        "subtrees": record.subtrees,
        "status": record.status,
        "gap": record.gap,
        "hit_limit": record.hit_limit,
        "rows": record.rows,
        "columns": record.columns,
        "nonzeros": record.nonzeros,
        "integers": record.integers,
        "nodes": record.nodes,
        "leaves": record.leaves,
        "seconds": {
            "market": record.market_seconds,
            "build": record.build_seconds,
            "solve": record.solve_seconds,
            "audit": record.audit_seconds,
            "replay": record.replay_seconds,
            "alternatives": record.alternatives_seconds,
        },
    }


def _market(plan: Plan, doubt: Doubt) -> Document:
    tree = plan.tree
    return {
        "process": plan.scenario.market.price.process,
        "view": asdict(doubt.price),
        "btc_price_usd": tree.price_usd[0],
        "hashprice_usd_per_ph_day": tree.hashprice_usd_per_ph_day[0],
        "network_ehs": tree.network_ehs[0],
        "stress": tree.stress_names,
        "tree_against_fan": [asdict(row) for row in doubt.tree],
    }


def _machine_finance(plan: Plan) -> Document:
    found = machine_finance(plan)
    if found is None:
        return {}
    cost, borrowed = found
    return {"borrowed_share": borrowed, **asdict(cost), "payback_extension_months": cost.payback_extension_months}


def _objective(plan: Plan) -> Document:
    value, unit, risk = plan.value, plan.scenario.numeraire, plan.scenario.risk
    return {
        "numeraire": unit,
        f"value_{unit}": value.value,
        f"expected_net_{unit}": value.expected,
        f"cvar_net_{unit}": value.cvar,
        f"worst_net_{unit}": value.worst,
        **spread(value.outcomes, plan.tree.probability[list(value.leaves)], f"net_{unit}"),
        "risk_weight": risk.weight,
        "tail_share": risk.tail_share,
        f"objective_{unit}": value.value + plan.tie_break,
        "terms": {**value.terms, "tie_break": plan.tie_break},
    }


def _today(plan: Plan, tables: dict[str, pd.DataFrame]) -> Document:
    first = records(tables["nodes"].head(1))[0]
    position = ("btc", "free_btc", "pledged_btc", "cash_usd", "owed_usd", "payable_usd", "runway_months")
    return {
        **{name: _rows_at(tables[name], 0) for name in ("orders", "retirements", "draws", "repayments")},
        "pledges": _rows_at(tables["pledges"], 0),
        "uses": _rows_at(tables["uses"], 0),
        "lot_sales": _rows_at(tables["lot_sales"], 0),
        "sell_btc": first["sold_btc"],
        "sell_usd": plan.books.sold_btc[0] * plan.tree.price_usd[0],
        "buy_btc": first["bought_btc"],
        "trading_fee_usd": first["sale_fee_usd"],
        "after": {name: first[name] for name in position},
        "debts": _rows_at(tables["debts"], 0),
    }


def _nodes(tables: dict[str, pd.DataFrame]) -> list[Document]:
    """Every node with its decisions and debts, in plain data: in a large tree, nearly all of the document."""
    nested = {name: _by_node(tables[name]) for name in (*DECIDED, "debts")}
    return [
        {**row, **{name: of_node.get(row["node"], []) for name, of_node in nested.items()}}
        for row in records(tables["nodes"])
    ]


def _by_node(table: pd.DataFrame) -> dict[int, list[Document]]:
    found: dict[int, list[Document]] = {}
    for node, row in zip(table["node"].tolist(), records(table.drop(columns=PLACE)), strict=True):
        found.setdefault(node, []).append(row)
    return found


def _rows_at(table: pd.DataFrame, node: int) -> list[Document]:
    return [_without_place(row) for row in records(table[table["node"] == node])]


def _without_place(row: Document) -> Document:
    return {key: value for key, value in row.items() if key not in PLACE}


def _doubt(doubt: Doubt) -> Document:
    return {
        "gap_share": doubt.gap,
        "gap_worth": doubt.gap_worth,
        "loans": [{**asdict(row), "text": row.text} for row in doubt.loans],
        "machines": [{**asdict(row), "text": row.text} for row in doubt.machines],
    }


def _audit(plan: Plan, tables: dict[str, pd.DataFrame]) -> Document:
    return {
        "tolerance": TOLERANCE,
        "largest_difference": plan.audit.largest_difference,
        "differences": [
            {
                "quantity": d.quantity,
                "who": d.who,
                "node": d.place.node,
                "month": d.place.month,
                "plan": d.claimed,
                "books": d.booked,
                "relative": d.relative,
            }
            for d in plan.audit.differences
        ],
        "rules_checked": sorted({found.rule for found in plan.audit.headrooms}),
        "headrooms": records(tables["requirements"]),
    }
