"""Paths that have a name on a terminal: which shocks the company survives, and what a window of history did to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from optimizer.market.calendar import month_end
from optimizer.replay.fates import LEAST_UNITS
from optimizer.report import tables_replay as tables
from optimizer.report.frames import rows
from optimizer.report.screen import Lines
from optimizer.report.words import NONE, add, btc, count, grid, month_of, price, share, usd

if TYPE_CHECKING:
    from optimizer.replay.replayed import Replayed


def survival(replayed: Replayed) -> Lines:
    """A row for each shock (where their names make a grid, a cell), and how many the company survives."""
    found = rows(tables.paths(replayed))
    cells = _grid(replayed.names)
    survived, broke = sum(row["survives"] for row in found), [row["name"] for row in found if row["insolvent"]]
    lines: Lines = [
        _survival_grid(found, cells) if cells else _survival_table(replayed, found),
        f"Survives {survived} of {len(found)}: no liquidation, no default, never less cash than required. "
        f"Net worth today is {btc(found[0]['net_today_btc'])} BTC.",
    ]
    lines.append(
        "Net BTC at the end, with a star where the company does not survive."
        if cells
        else "Forced: liquidations. LTV: the highest of any day."
    )
    own = {stress.name for stress in replayed.saved.scenario.market.stress}.intersection(replayed.names)
    if own:
        lines.append(
            "The scenario's own stresses are met here without knowing them and day by day; on its tree the plan, which "
            "survives them, knows what is coming."
        )
    if broke and not cells:
        lines.append(f"Cannot pay its bills, so that all lenders sell, in {len(broke)}: {'; '.join(broke)}.")
    taken = [f"{row['name']} ({row['seized_units']:,.0f})" for row in found if row["seized_units"] >= LEAST_UNITS]
    if taken and not cells:
        lines.append(f"Lenders take machines in {len(taken)}: {'; '.join(taken)}.")
    return lines


def _survival_table(replayed: Replayed, found: list[dict[str, Any]]) -> Table:
    table = grid("", "survives", "net BTC", "lowest cash", "calls", "forced", "lost BTC", "LTV", "with whom and when")
    table.columns[-1].justify = "left"
    for column in table.columns[1:]:
        column.no_wrap = True
    for row in found:
        add(
            table,
            row["name"],
            "yes" if row["survives"] else "NO",
            btc(row["net_end_btc"]),
            usd(row["lowest_cash_usd"]),
            f"{row['calls']}",
            f"{row['liquidations']}",
            btc(row["lost_btc"]),
            share(row["ltv_high"]),
            _highest_ltv(replayed, row),
        )
    return table


def _highest_ltv(replayed: Replayed, row: dict[str, Any]) -> str:
    """With whom and in which month the LTV was highest; empty without debt."""
    if not math.isfinite(row["ltv_high"]):
        return ""
    return f"{row['ltv_high_facility']}, {month_of(month_end(replayed.start, row['ltv_high_month']))}"


def _grid(names: Sequence[str]) -> list[tuple[str, str]]:
    """Row and column of each name that reads `row, row, column...`, if there are as many as rows times columns."""
    parts = [name.split(", ") for name in names]
    cells = [(", ".join(part[:2]), ", ".join(part[2:]) or "nothing else") for part in parts]
    down, across = dict.fromkeys(row for row, _ in cells), dict.fromkeys(column for _, column in cells)
    return cells if len(across) > 1 and len(set(cells)) == len(down) * len(across) == len(cells) else []


def _survival_grid(found: list[dict[str, Any]], cells: list[tuple[str, str]]) -> Table:
    ends = {cell: f"{row['net_end_btc']:,.0f}" for cell, row in zip(cells, found, strict=True)}
    told = {cell: ends[cell] + ("" if row["survives"] else "*") for cell, row in zip(cells, found, strict=True)}
    down, across = (list(dict.fromkeys(cell[k] for cell in cells)) for k in (0, 1))
    table = grid("", *across)
    table.columns[0].no_wrap = True
    for row in down:
        add(table, row, *(told[row, column] for column in across))
    return table


def ending(replayed: Replayed) -> Lines:
    """What became of the company on its one path."""
    [row] = rows(tables.paths(replayed))
    wrong = {
        f"{count(row['liquidations'], 'liquidation')}": row["liquidations"] > 0,
        "a default": row["insolvent"],
        "less cash than required": row["below_min_cash"],
    }
    short = "; ".join(text for text, happened in wrong.items() if happened)
    least = f"{usd(row['lowest_cash_usd'])} in {month_of(month_end(replayed.start, row['lowest_cash_month']))}"
    lines: Lines = [
        "The company survives." if row["survives"] else f"The company does not survive: {short}.",
        f"Net worth {btc(row['net_end_btc'])} BTC, {btc(row['net_today_btc'])} after today's decisions. Lowest cash "
        f"{least}; {count(row['calls'], 'call')}; {btc(row['lost_btc'])} BTC lost to lenders.",
    ]
    if highest := _highest_ltv(replayed, row):
        lines.append(f"Highest LTV of any day: {share(row['ltv_high'], 1)} ({highest}).")
    return lines


def month_by_month(replayed: Replayed) -> Lines:
    """What happened on the one path, a row a month."""
    table = grid("to", "price", "net BTC", "free", "cash", "owed", "LTV", "sold", "what lenders did")
    table.columns[-1].justify = "left"
    debts = rows(tables.path_debts(replayed))
    for row in rows(tables.path_months(replayed)):
        here = [debt for debt in debts if debt["month"] == row["month"]]
        ltvs = [debt["ltv_high"] for debt in here if math.isfinite(debt["ltv_high"])]
        add(
            table,
            "today" if row["month"] == 0 else month_of(row["date"]),
            price(row["price_usd"]),
            btc(row["net_btc"]),
            btc(row["free_btc"]),
            usd(row["cash_usd"]),
            usd(row["owed_usd"]),
            share(max(ltvs)) if ltvs else NONE,
            btc(row["sold_btc"]),
            "; ".join(said for debt in here if (said := _events(debt))),
        )
    return [table, "BTC at the month's end, free ones and sold ones; the highest LTV of any day with any lender."]


def _events(debt: dict[str, Any]) -> str:
    """What a lender did in a month, in words; empty when nothing."""
    said = [count(debt["calls"], "call")] if debt["calls"] else []
    if debt["topped_up_btc"] > 0:
        said.append(f"got {btc(debt['topped_up_btc'])} BTC more")
    if debt["seized_btc"] > 0:
        said.append(f"sold {btc(debt['seized_btc'])} BTC")
    return f"{debt['facility']}: {', '.join(said)}" if said else ""
