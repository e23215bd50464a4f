"""Tables of a replay: what many paths say together, and what became of the company on each path."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optimizer.decisions import facility_names
from optimizer.market.calendar import month_end
from optimizer.market.tree import Floats
from optimizer.replay.fates import NOBODY
from optimizer.replay.summary import FANNED, SHARES, Chance, Summary
from optimizer.report.frames import frame
from optimizer.report.places import Row, date_of
from optimizer.scenario.schema import Scenario

if TYPE_CHECKING:
    from optimizer.replay.replayed import Replayed

POINTS = tuple(f"p{round(100 * share):02d}" for share in SHARES)
IN_NUMERAIRE = ("value", "expected", "tail_mean", "worst")
# All other figures are shares.
UNITS = {"lost_btc": "btc", "sold_btc": "btc", "lowest_cash_usd_p05": "usd"}


def figures(scenario: Scenario, summary: Summary | None) -> pd.DataFrame:
    """The plan's figures on its tree and out of sample: see `optimizer.replay.summary.Figures`."""
    tree, sample = (vars(summary.tree), vars(summary.sample)) if summary else ({}, {})
    rows: list[Row] = [
        {
            "figure": name,
            "unit": scenario.numeraire if name in IN_NUMERAIRE else UNITS.get(name, "share"),
            "tree": tree[name],
            "out_of_sample": sample[name],
            "difference": sample[name] - tree[name],
        }
        for name in tree
    ]
    return frame(rows, ["figure", "unit", "tree", "out_of_sample", "difference"])


def chances(scenario: Scenario, summary: Summary | None) -> pd.DataFrame:
    """How often things happen, with intervals at 95% confidence."""
    found = summary.chances if summary else {}
    rows: list[Row] = [{"event": name, **_chance(chance)} for name, chance in found.items()]
    return frame(rows, ["event", "share", "low", "high"])


def _chance(chance: Chance, of: str = "") -> Row:
    return {f"{of}share": chance.share, f"{of}low": chance.low, f"{of}high": chance.high}


def months(scenario: Scenario, summary: Summary | None) -> pd.DataFrame:
    """By month the mean and the quantiles over paths, and on what share of them trouble begins there."""
    rows: list[Row] = []
    trouble, fans = (summary.first_trouble_share.tolist(), summary.fans) if summary else ([], {})
    for month, share in enumerate(trouble):
        row: Row = {"month": month, "date": date_of(scenario, month), "first_trouble_share": share}
        for name, fan in fans.items():
            row |= {f"{name}_{point}": float(value) for point, value in zip(("mean", *POINTS), fan[month], strict=True)}
        rows.append(row)
    columns = ["month", "date", "first_trouble_share"]
    return frame(rows, [*columns, *(f"{name}_{point}" for name in FANNED for point in ("mean", *POINTS))])


def debts(scenario: Scenario, summary: Summary | None) -> pd.DataFrame:
    """What happens with each lender: see `optimizer.replay.summary.DebtRisk`."""
    found = summary.debts if summary else ()
    rows: list[Row] = [
        {
            "facility": debt.facility,
            "lender": debt.lender,
            **_chance(debt.owed, "owed_"),
            **_chance(debt.call, "call_"),
            **_chance(debt.liquidation, "liquidation_"),
            "first_call_month": debt.first_call_month,
            "ltv_high_p50": debt.ltv_high_p50,
            "ltv_high_p95": debt.ltv_high_p95,
            "topped_up_btc": debt.topped_up_btc,
            "lost_btc": debt.lost_btc,
        }
        for debt in found
    ]
    shares = [f"{of}_{share}" for of in ("owed", "call", "liquidation") for share in Chance.__dataclass_fields__]
    columns = ["facility", "lender", *shares, "first_call_month", "ltv_high_p50", "ltv_high_p95"]
    table = frame(rows, [*columns, "topped_up_btc", "lost_btc"])
    # Whole numbers or none: pandas would make them fractions.
    table["first_call_month"] = pd.Series([debt.first_call_month for debt in found], dtype=object)
    return table


def debt_months(scenario: Scenario, summary: Summary | None) -> pd.DataFrame:
    """By lender and month the quantiles of the highest LTV, over the paths that owe."""
    rows: list[Row] = [
        {
            "facility": debt.facility,
            "month": month,
            "date": date_of(scenario, month),
            **{f"ltv_high_{point}": float(value) for point, value in zip(POINTS, points, strict=True)},
        }
        for debt in (summary.debts if summary else ())
        for month, points in enumerate(debt.ltv_fan)
        if np.isfinite(points).all()
    ]
    return frame(rows, ["facility", "month", "date", *(f"ltv_high_{point}" for point in POINTS)])


def paths(replayed: Replayed) -> pd.DataFrame:
    """One row per path: see `optimizer.replay.fates.Fates`."""
    found, outcome, saved = replayed.fates, replayed.outcome, replayed.saved
    names = np.array([*facility_names(saved.scenario), ""], dtype=object)
    named = {"name": list(replayed.names), "source": list(replayed.sources)} if replayed.names else {}
    return pd.DataFrame(
        {
            "path": np.arange(len(outcome)),
            **named,
            "survives": found.survives,
            "net_today_btc": found.net_today_btc,
            "net_end_btc": found.net_end_btc,
            "price_end_usd": outcome.price_usd[:, -1],
            "sold_btc": found.sold_btc,
            "lowest_btc": found.lowest_btc,
            "lowest_cash_usd": found.lowest_cash_usd,
            "lowest_cash_month": found.lowest_cash_month,
            "calls": found.calls,
            "liquidations": found.liquidations,
            "lost_btc": found.lost_btc,
            "ltv_high": found.ltv_high,
            "ltv_high_facility": names[found.ltv_high_facility],
            "ltv_high_month": np.where(found.ltv_high_facility == NOBODY, -1, found.ltv_high_month),
            "room_to_call_share": found.room_to_call_share,
            "below_min_cash": found.below_min_cash,
            "below_min_btc": found.below_min_btc,
            "insolvent": found.insolvent,
            "lender_failed": found.lender_failed,
            "seized_units": outcome.seized_units.sum(axis=1),
            "first_trouble_month": found.first_trouble_month,
        }
    )


def path_months(replayed: Replayed) -> pd.DataFrame:
    """One row per named path and month: where the company stands at its end and what happened in it."""
    outcome = replayed.outcome
    by_month: dict[str, Floats] = {
        "price_usd": outcome.price_usd,
        "net_btc": outcome.net_btc,
        "btc": outcome.btc,
        "free_btc": outcome.free_btc,
        "cash_usd": outcome.cash_usd,
        "machines_usd": outcome.machines_usd,
        "owed_usd": outcome.owed_usd,
        "unpaid_usd": outcome.unpaid_usd,
        "tax_owed_usd": outcome.tax_owed_usd,
        "sold_btc": outcome.sold_btc,
        "topped_up_btc": outcome.topped_up_btc.sum(axis=2),
        "seized_btc": outcome.seized_btc.sum(axis=2),
        "lost_btc": outcome.lost_btc.sum(axis=2),
        "seized_units": outcome.seized_units,
    }
    counted = {"calls": outcome.calls.sum(axis=2), "liquidations": outcome.liquidations.sum(axis=2)}
    rows: list[Row] = [
        {
            "path": path,
            "name": name,
            "month": month,
            "date": month_end(replayed.start, month),
            **{key: float(values[path, month]) for key, values in by_month.items()},
            **{key: int(values[path, month]) for key, values in counted.items()},
        }
        for path, name in enumerate(replayed.names)
        for month in range(outcome.months + 1)
    ]
    return frame(rows, ["path", "name", "month", "date", *by_month, *counted])


def path_debts(replayed: Replayed) -> pd.DataFrame:
    """One row per named path, month and lender to whom something is or was owed in the month."""
    outcome = replayed.outcome
    by_debt: dict[str, Floats] = {
        "owed_usd": outcome.debt_usd,
        "pledged_btc": outcome.pledged_btc,
        "ltv_high": outcome.ltv_high,
        "topped_up_btc": outcome.topped_up_btc,
        "seized_btc": outcome.seized_btc,
        "lost_btc": outcome.lost_btc,
    }
    counted = {"warnings": outcome.warnings, "calls": outcome.calls, "liquidations": outcome.liquidations}
    shown = (outcome.debt_usd > 0) | (outcome.pledged_btc > 0) | np.isfinite(outcome.ltv_high)
    facilities = facility_names(replayed.saved.scenario)
    rows: list[Row] = [
        {
            "path": path,
            "name": replayed.names[path],
            "month": month,
            "date": month_end(replayed.start, month),
            "facility": facilities[f],
            **{key: float(values[path, month, f]) for key, values in by_debt.items()},
            **{key: int(values[path, month, f]) for key, values in counted.items()},
        }
        for path, month, f in (np.argwhere(shown).tolist() if replayed.names else [])
    ]
    return frame(rows, ["path", "name", "month", "date", "facility", *by_debt, *counted])


# What many paths say together, and what is said of each, by name in the order in which they are written.
SUMMARY_TABLES: dict[str, Callable[[Scenario, Summary | None], pd.DataFrame]] = {
    "figures": figures,
    "chances": chances,
    "months": months,
    "debts": debts,
    "debt_months": debt_months,
}
PATH_TABLES: dict[str, Callable[[Replayed], pd.DataFrame]] = {
    "paths": paths,
    "path_months": path_months,
    "path_debts": path_debts,
}


def tables_of(replayed: Replayed) -> dict[str, pd.DataFrame]:
    """The tables of a replay by name: of what its paths say together, or of each that has a name."""
    if replayed.summary is None:
        return {name: table(replayed) for name, table in PATH_TABLES.items()}
    together = {name: table(replayed.saved.scenario, replayed.summary) for name, table in SUMMARY_TABLES.items()}
    return together | {"paths": paths(replayed)}
