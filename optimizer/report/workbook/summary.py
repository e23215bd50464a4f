"""The first sheet: where the company stands today, what the plan is worth, the alternatives, whether all adds up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optimizer.report.plain import Document
from optimizer.report.workbook.budget import TOLERANCE_USD, Budget, told
from optimizer.report.workbook.debt import DRAWN, Totals
from optimizer.report.workbook.page import Amount, Book, Check, Column, Page
from optimizer.report.workbook.tables import Field, put_table

NAME = "Summary"
TOLERANCE_USD_PER_TH = 1e-6
COLUMNS = [Column("", 54), *(Column("", 17) for _ in range(9))]
TERMS = {
    "btc_held": "BTC held",
    "cash": "cash",
    "machines": "machines, at resale less what is due",
    "debt": "debt",
    "sources": "other sources of money",
    "taxes": "tax owed",
}
# A budget's line, the plan's figure and its kind.
AT_THE_END = (
    ("net", "net_btc", "btc"),
    ("cash", "cash_usd", "usd"),
    ("btc", "btc", "btc"),
    ("owed", "owed_usd", "usd"),
)
DEBTS = (
    Field("facility", Column("Facility", 40)),
    Field("lender", Column("Lender", 17)),
    Field("owed_usd", Column("Owed, USD", 17, "usd"), summed=True),
    Field("pledged_btc", Column("Pledged, BTC", 17, "btc"), summed=True),
    Field("ltv", Column("LTV", 17, "share")),
    Field("call_ltv", Column("Margin call at LTV", 17, "share")),
    Field("call_price_usd", Column("Margin call at BTC price, USD", 17, "usd")),
    Field("fall_to_call_share", Column("Fall of price to the call", 17, "share")),
)


def summary(
    book: Book,
    document: Document,
    budgets: Mapping[str, Budget],
    of_debt: Totals,
    debt_rows: Mapping[tuple[str, str], Mapping[str, int]],
) -> None:
    """Write the sheet, once all others are written."""
    given = document["scenario"]
    page = Page(book, NAME, f"{given['name']}: plan of {given['as_of']}", _note(document))
    page.widths(COLUMNS)
    page.sheet.freeze_panes(4, 1)
    row = _today(book, page, document, budgets["bad"]) + 1
    row = _debts(page, row, document, of_debt, debt_rows) + 1
    row = _worth(book, page, row, document) + 1
    row = _outlooks(page, row, document, budgets) + 1
    row = _alternatives(book, page, row, document) + 1
    if document["machine_finance"]:
        row = _machines(book, page, row, document) + 1
    _asked_today(book, budgets["mean"], of_debt)
    _checks(book, page, row)
    page.sheet.activate()


def _note(document: Document) -> str:
    given, solver, view = document["scenario"], document["solver"], document["market"]["view"]
    return (
        f"{given['horizon_months']} months, counted in {given['numeraire'].upper()}; {view['text']}. "
        f"Proven to be within {solver['gap']:.2%} of the best plan. Blue: figures of the plan; black: formulas."
    )


def _today(book: Book, page: Page, document: Document, budget: Budget) -> int:
    """Key figures after today's decisions: month 0, which every branch shares."""
    today, price = document["today"], document["market"]["btc_price_usd"]
    after = today["after"]
    row = page.section(4, "After today's decisions", 3)
    page.text(row, 0, "BTC price, USD")
    page.number(row, 1, price, "usd")
    book.name("btc_price_usd", page, row, 1)
    net = document["budget"][0]["net_btc"]
    lines: Sequence[tuple[str, str, str, str, Amount]] = (
        ("btc_today", "BTC held, BTC", budget.today("btc"), "btc", after["btc"]),
        ("pledged_btc_today", "of which pledged to lenders, BTC", budget.today("pledged"), "btc", after["pledged_btc"]),
        ("free_btc_today", "of which free, BTC", budget.today("free"), "btc", after["free_btc"]),
        ("btc_value_usd_today", "BTC held, USD", "btc_today*btc_price_usd", "usd", after["btc"] * price),
        ("cash_usd_today", "Cash, USD", budget.today("cash"), "usd", after["cash_usd"]),
        ("owed_usd_today", "Owed to lenders, USD", budget.today("owed"), "usd", after["owed_usd"]),
        ("payable_usd_today", "Due on orders, USD", f"-{budget.today('payable')}", "usd", after["payable_usd"]),
        ("net_btc_today", "Net worth, BTC", budget.today("net"), "btc", net),
        ("runway_months_today", "Runway, months", budget.today("runway"), "units", after["runway_months"]),
    )
    for k, (name, label, formula, kind, shown) in enumerate(lines, start=row + 1):
        page.text(k, 0, label)
        page.formula(k, 1, formula, shown, kind)
        book.name(name, page, k, 1)
    return row + 1 + len(lines)


def _debts(
    page: Page,
    row: int,
    document: Document,
    of_debt: Totals,
    debt_rows: Mapping[tuple[str, str], Mapping[str, int]],
) -> int:
    row = page.section(row, "Debts after today's decisions", len(DEBTS))
    at = {field.key: column for column, field in enumerate(DEBTS)}
    debts = document["today"]["debts"]
    below = put_table(page, row, DEBTS, debts, "Nothing is owed to lenders.")
    # Figures with a formula on the sheet of debts are shown from there.
    schedule = of_debt.schedule
    for k, debt in enumerate(debts, start=row + 1):
        lines = debt_rows["bad", debt["facility"]]
        for key, line in (("ltv", "ltv"), ("call_price_usd", "call_price"), ("fall_to_call_share", "fall")):
            cell = schedule.page.elsewhere(lines[line], schedule.month_column)
            page.formula(k, at[key], cell, debt[key], DEBTS[at[key]].column.kind)
    return below


def _worth(book: Book, page: Page, row: int, document: Document) -> int:
    """The objective and its terms: what the plan is worth, and of what it is made."""
    objective, unit = document["objective"], document["objective"]["numeraire"]
    kind, said = unit, unit.upper()
    row = page.section(row, "What the plan is worth at the horizon", 4)
    weight = objective["risk_weight"]
    for label, amount, of, name in (
        ("Mean over all branches", objective[f"expected_net_{unit}"], kind, "mean_net"),
        (f"Mean of the worst {objective['tail_share']:.0%}", objective[f"cvar_net_{unit}"], kind, "tail_net"),
        ("Weight of the worst", weight, "share", "tail_weight"),
    ):
        page.text(row, 0, label)
        page.number(row, 1, amount, of)
        page.text(row, 2, "" if of == "share" else said)
        book.name(name, page, row, 1)
        row += 1
    page.text(row, 0, "Value: the two, weighted", "total")
    value = objective[f"value_{unit}"]
    page.formula(row, 1, "(1-tail_weight)*mean_net+tail_weight*tail_net", value, kind, "total")
    page.text(row, 2, said)
    book.name("plan_value", page, row, 1)
    parts = {name: amount for name, amount in objective["terms"].items() if name != "tie_break"}
    row += 1
    for name in dict.fromkeys(part.split("_", 1)[1] for part in parts):
        page.text(row, 0, f"    {TERMS[name]}")
        of_mean, of_tail = parts[f"mean_{name}"], parts[f"tail_{name}"]
        page.number(row, 1, of_mean + of_tail, kind)
        page.text(row, 2, said)
        row += 1
    page.text(row, 0, "Sum of these", "total")
    first = row - len(parts) // 2
    page.formula(row, 1, f"SUM({page.cell(first, 1)}:{page.cell(row - 1, 1)})", value, kind, "total")
    tolerance = TOLERANCE_USD if unit == "usd" else 1e-6 * max(1.0, abs(value))
    off = f"ABS(plan_value-{page.elsewhere(row, 1)})"
    book.checks.append(Check("Summary: the parts add up to the plan's value", off, tolerance))
    return row + 1


def _outlooks(page: Page, row: int, document: Document, budgets: Mapping[str, Budget]) -> int:
    row = page.section(row, "Outlooks of the budget", 5)
    row = page.header(
        row,
        [
            Column("Outlook", 40),
            Column("Net worth at the end, BTC", 17, "btc"),
            Column("Cash at the end, USD", 17, "usd"),
            Column("BTC held at the end", 17, "btc"),
            Column("Owed at the end, USD", 17, "usd"),
        ],
    )
    for outlook in document["outlooks"]:
        name = outlook["outlook"]
        last = [month for month in document["budget"] if month["outlook"] == name][-1]
        page.text(row, 0, f"Budget {name}")
        for column, (line, key, kind) in enumerate(AT_THE_END, start=1):
            page.formula(row, column, budgets[name].last(line), last[key], kind)
        row += 1
    for outlook in document["outlooks"]:
        page.text(row, 0, f"Budget {outlook['outlook']}: {told(outlook)}", "note")
        row += 1
    return row


def _alternatives(book: Book, page: Page, row: int, document: Document) -> int:
    unit = document["objective"]["numeraire"]
    said, kind = unit.upper(), unit
    loses = f"plan_value-[value_{unit}]"
    fields = (
        Field("told_to", Column("The same company told to", 40)),
        Field(f"value_{unit}", Column(f"Value, {said}", 17, kind)),
        Field(f"loses_{unit}", Column(f"Less than the plan, {said}", 17, kind), loses),
        Field(f"expected_{unit}", Column(f"Mean, {said}", 17, kind)),
        Field(f"cvar_{unit}", Column(f"Mean of the worst, {said}", 17, kind)),
        Field(f"worst_{unit}", Column(f"Worst, {said}", 17, kind)),
        Field("sell_today_btc", Column("Sells today, BTC", 17, "btc")),
        Field("borrow_today_usd", Column("Borrows today, USD", 17, "usd")),
        Field("machines_today_usd", Column("Machines today, USD", 17, "usd")),
    )
    row = page.section(row, "Alternatives", len(fields))
    there = [other for other in document["comparators"] if other["feasible"]]
    row = put_table(page, row, fields, there, "No alternative was computed.")
    for other in document["comparators"]:
        if not other["feasible"]:
            page.text(row, 0, f"{other['told_to']}: {other['why_not']}", "note")
            row += 1
    return row


def _machines(book: Book, page: Page, row: int, document: Document) -> int:
    """What today's machines cost as they are paid for."""
    found = document["machine_finance"]
    row = page.section(row, "Today's machines, with duty, freight and installation", 2)
    for key, label, kind in (
        ("price_usd_per_th", "Cost, USD per TH/s", "usd_cents"),
        ("nominal_usd_per_th", "With interest and fees, USD per TH/s", "usd_cents"),
        ("present_usd_per_th", "The same as present value, USD per TH/s", "usd_cents"),
        ("borrowed_share", "Share of it that is borrowed", "share"),
        ("payback_months", "Months of today's margin that pay it back", "units"),
        ("financed_payback_months", "With interest and fees, months", "units"),
    ):
        page.text(row, 0, label)
        page.number(row, 1, found[key], kind)
        if key == "price_usd_per_th":
            book.name("machine_usd_per_th", page, row, 1)
        row += 1
    off = "ABS(order_cost_usd/(order_hashrate_ph*1000)-machine_usd_per_th)"
    book.checks.append(Check("Orders: their cost per TH/s is the plan's", off, TOLERANCE_USD_PER_TH))
    return row


def _asked_today(book: Book, budget: Budget, of_debt: Totals) -> None:
    """Checks between sheets of what is decided today."""
    off = f"ABS({budget.today('drawn')}-{of_debt.of('mean', DRAWN, 0)})"
    book.checks.append(Check("Budget mean: loans drawn today are the Debt sheet's", off, TOLERANCE_USD))


def _checks(book: Book, page: Page, row: int) -> None:
    """Every balance that was asked for, and at the top whether all hold."""
    row = page.section(row, "Checks", 4)
    headings = (Column("Check", 40), Column("Off by", 17, "tiny"), Column("Allowed", 17, "tiny"), Column("Holds", 17))
    first = page.header(row, headings)
    for k, check in enumerate(book.checks, start=first):
        page.text(k, 0, check.label)
        page.formula(k, 1, check.formula, 0, "tiny")
        page.number(k, 2, check.tolerance, "tiny")
        page.formula(k, 3, f'IF({page.cell(k, 1)}<={page.cell(k, 2)},"yes","NO")', "yes", "text")
    last = first + len(book.checks) - 1
    book.name("checks", page, first, 3, (last, 3))
    count = len(book.checks)
    page.text(2, 0, f"Checks that hold, of {count}")
    page.formula(2, 1, 'COUNTIF(checks,"yes")', count, "whole", "good")
    failed = book.formats.of("text", "failed")
    page.sheet.conditional_format(2, 1, 2, 1, {"type": "cell", "criteria": "<", "value": count, "format": failed})
    page.sheet.conditional_format(
        first, 3, last, 3, {"type": "cell", "criteria": "==", "value": '"NO"', "format": failed}
    )
