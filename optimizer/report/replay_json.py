"""A replay as one document of plain data: `replay.json`. Every key is in `docs/reference/replay-json.md`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from optimizer import __version__
from optimizer.replay.summary import Summary
from optimizer.report import tables_replay as tables
from optimizer.report.places import date_of
from optimizer.report.plain import Document, plain, records
from optimizer.scenario.schema import Scenario

if TYPE_CHECKING:
    from optimizer.replay.replayed import Replayed

SCHEMA = "hashlever/replay/1"

# What each policy does off the tree, in a sentence.
POLICIES = {
    "nearest_node": "Today as planned; later what the plan does where its tree comes nearest to the market met, as far "
    "as that can be done.",
    "sell_only": "Today as planned; later nothing but selling BTC to pay bills and to cure calls.",
    "replan": "Today as planned; at every decision month a new plan from what is then known.",
}


def replay_document(replayed: Replayed) -> Document:
    """The whole replay as dicts, lists, text, numbers, true, false and null."""
    saved, scenario = replayed.saved, replayed.saved.scenario
    document = {
        "schema": SCHEMA,
        "version": __version__,
        "plan": {
            "name": scenario.name,
            "sha256": saved.sha256,
            "as_of": scenario.as_of,
            "horizon_months": scenario.horizon_months,
            "numeraire": scenario.numeraire,
        },
        "kind": replayed.kind,
        "asked": replayed.asked,
        "policy": replayed.policy,
        "policy_text": POLICIES[replayed.policy],
        "months": replayed.outcome.months,
        "replans": replans(replayed),
        "summary": summary_document(scenario, replayed.summary) if replayed.summary else None,
        "paths": _paths(replayed) if replayed.names else [],
    }
    return cast(Document, plain(document))


def summary_document(scenario: Scenario, summary: Summary) -> Document:
    """What many paths say together: `summary` of replay.json and `out_of_sample` of plan.json."""
    unit = scenario.numeraire
    return {
        "paths": summary.paths,
        "policy": summary.policy,
        "policy_text": POLICIES[summary.policy],
        "figures": records(tables.figures(scenario, summary)),
        f"standard_error_{unit}": summary.standard_error,
        f"net_{unit}": dict(zip(tables.POINTS, summary.worth_quantiles, strict=True)),
        "chances": records(tables.chances(scenario, summary)),
        "lost_btc_if_any": summary.lost_btc_if_any,
        "lost_btc_most": summary.lost_btc_most,
        "worst_month": {
            "month": summary.worst_month,
            "date": date_of(scenario, summary.worst_month),
            "mean_change_btc": summary.worst_month_btc,
        },
        "worst_month_p05": {
            "month": summary.worst_month_p05,
            "date": date_of(scenario, summary.worst_month_p05),
            "p05_change_btc": summary.worst_month_p05_btc,
        },
        "debts": records(tables.debts(scenario, summary)),
        "months": records(tables.months(scenario, summary)),
        "debt_months": records(tables.debt_months(scenario, summary)),
    }


def replans(replayed: Replayed) -> Document | None:
    """How often it was planned anew and how often in vain, over all paths; None under other policies."""
    flows = replayed.outcome.flows
    if "replans" not in flows:
        return None
    return {"tried": int(flows["replans"].sum()), "without_plan": int(flows["replans_without_plan"].sum())}


def _paths(replayed: Replayed) -> list[Document]:
    """Each named path with its months and its debts."""
    months, debts = (records(table(replayed)) for table in (tables.path_months, tables.path_debts))
    return [
        {
            **row,
            "months": [_without_path(month) for month in months if month["path"] == row["path"]],
            "debts": [_without_path(debt) for debt in debts if debt["path"] == row["path"]],
        }
        for row in records(tables.paths(replayed))
    ]


def _without_path(row: Document) -> Document:
    return {key: value for key, value in row.items() if key not in ("path", "name")}
