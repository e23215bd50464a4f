"""The sheets of the monthly budget, one an outlook: market, production, BTC, cash, what is owed, net worth, checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optimizer.report.plain import Document
from optimizer.report.workbook import debt, sources
from optimizer.report.workbook.debt import Totals
from optimizer.report.workbook.lines import Heading, Line, Schedule, values
from optimizer.report.workbook.page import Amount, Book, Check, Page

# The model, the ledger and this sheet agree far closer; an amount below these is a table's rounding.
TOLERANCE_USD, TOLERANCE_BTC = 1.0, 1e-5

# Lines of cash: key, label, column of the plan and sign.
CASH_FLOWS = (
    ("resale", "Machines resold", "resale_usd", 1),
    ("drawn", "Loans drawn", "drawn_usd", 1),
    ("surplus", "Left over from lenders' sales", "liquidation_surplus_usd", 1),
    ("sources", "Other sources of money", "sources_cash_usd", 1),
    ("fee", "Trading fees", "sale_fee_usd", -1),
    ("power", "Power", "power_usd", -1),
    ("overhead", "Overhead and sites' fixed costs", "overhead_usd", -1),
    ("liabilities", "Payments promised", "liabilities_usd", -1),
    ("capex", "Machines bought", "capex_usd", -1),
    ("interest", "Interest to lenders", "interest_usd", -1),
    ("loan_fees", "Fees to lenders", "loan_fees_usd", -1),
    ("repaid", "Loans repaid", "repaid_usd", -1),
    ("tax", "Tax", "tax_usd", -1),
)


@dataclass(frozen=True)
class Budget:
    """A budget's sheet and the rows of its lines by key."""

    schedule: Schedule
    rows: dict[str, int]

    def today(self, key: str) -> str:
        """The cell of a line today, from any sheet."""
        return self.schedule.page.elsewhere(self.rows[key], self.schedule.month_column)

    def last(self, key: str) -> str:
        """The cell of a line at the horizon, from any sheet."""
        return self.schedule.page.elsewhere(self.rows[key], self.schedule.last_column)


def name_of(outlook: str) -> str:
    """The sheet's name."""
    return f"Budget {outlook}"


def budget(book: Book, document: Document, outlook: Document, of_debt: Totals, of_sources: Totals) -> Budget:
    """Write an outlook's sheet."""
    name = outlook["outlook"]
    months = [row for row in document["budget"] if row["outlook"] == name]
    page = Page(book, name_of(name), f"Monthly budget: {_title(name)}", told(outlook))
    schedule = Schedule(page, (), document["months"])
    schedule.head()
    one_branch = name != "mean"
    lines = [
        *_market(months),
        *_btc(months),
        *_cash(months, one_branch=one_branch),
        *_owed(months, of_debt, name, one_branch=one_branch),
        *_worth(months, one_branch=one_branch),
        *_checks(months, of_debt, of_sources, name),
    ]
    _, rows = schedule.put(schedule.FIRST_ROW, (), lines)
    made = Budget(schedule, rows)
    _ask(book, made, name)
    for key in ("btc", "cash"):
        book.name(f"{key}_{name}", page, rows[key], schedule.month_column, (rows[key], schedule.last_column))
    return made


def told(outlook: Document) -> str:
    """What an outlook is, in a sentence."""
    if outlook["outlook"] == "mean":
        return "The mean over all branches, by probability. Lines add up; ratios and prices of it do not multiply out."
    side = "no more" if outlook["outlook"] == "bad" else "at most as much"
    share = f"{outlook['not_above_share']:.0%} of the probability ends with {side} net worth than it"
    case = f" ({outlook['branch']})" if outlook["branch"] else ""
    return f"One branch of the tree{case}, the one that ends at node {outlook['node']}: {share}."


def _title(name: str) -> str:
    return {"mean": "mean of all branches", "good": "a good branch", "bad": "a bad branch"}[name]


def _market(months: Sequence[Document]) -> list[Line | Heading]:
    return [
        Heading("Market and production"),
        Line("price", "BTC price", "usd", values(months, "price_usd")),
        Line("hashprice", "Hashprice", "usd_cents", values(months, "hashprice_usd_per_ph_day"), unit="$/PH/d"),
        Line("running", "Hashrate that ran", "units", values(months, "running_ph"), unit="PH/s"),
        Line("installed", "Racked, at the meter", "units", values(months, "installed_mw"), unit="MW"),
    ]


def _btc(months: Sequence[Document]) -> list[Line | Heading]:
    return [
        Heading("BTC"),
        Line("btc_before", "BTC before", "btc", values(months, "before_btc"), "[btc@-1]"),
        Line("mined", "Mined", "btc", values(months, "mined_btc"), flow=True),
        Line("sold", "Sold", "btc", values(months, "sold_btc", -1), flow=True),
        Line("bought", "Bought", "btc", values(months, "bought_btc"), flow=True),
        Line("seized", "Sold by lenders", "btc", values(months, "seized_btc", -1), flow=True),
        Line("source_btc", "Other sources", "btc", values(months, "sources_btc"), flow=True),
        Line("failure", "Expected loss with failing lenders", "btc", values(months, "failure_btc", -1), flow=True),
        Line("btc", "BTC held after", "btc", values(months, "btc"), "SUM([btc_before]:[failure])", strong=True),
        Line("pledged", "of which pledged to lenders", "btc", values(months, "pledged_btc")),
        Line("tied", "of which tied up by sources", "btc", values(months, "tied_btc")),
        Line("free", "of which free", "btc", values(months, "free_btc"), "[btc]-[pledged]-[tied]"),
    ]


def _cash(months: Sequence[Document], *, one_branch: bool) -> list[Line | Heading]:
    # The mean of a product is not the product of means.
    sale = "-([sold]+[bought])*[price]" if one_branch else None
    flows = [Line(key, label, "usd", values(months, of, sign), flow=True) for key, label, of, sign in CASH_FLOWS]
    change: list[Amount] = [
        round(row["sale_usd"] + sum(sign * row[of] for _, _, of, sign in CASH_FLOWS), 2) + 0.0 for row in months
    ]
    flows_sum = f"SUM([sale]:[{CASH_FLOWS[-1][0]}])"
    return [
        Heading("Cash"),
        Line("cash_before", "Cash before", "usd", values(months, "before_cash_usd"), "[cash@-1]"),
        Line("sale", "BTC sold less BTC bought", "usd", values(months, "sale_usd"), sale, flow=True),
        *flows,
        # Rounded, so that nothing is not shown as less than nothing.
        Line("change", "Net change", "usd", change, f"ROUND({flows_sum},2)", flow=True),
        Line("cash", "Cash after", "usd", values(months, "cash_usd"), f"[cash_before]+{flows_sum}", strong=True),
    ]


def _owed(months: Sequence[Document], of_debt: Totals, name: str, *, one_branch: bool) -> list[Line | Heading]:
    lines: list[Line | Heading] = [
        Heading("Debt"),
        Line("owed", "Owed to lenders", "usd", values(months, "owed_usd")),
    ]
    if not one_branch:
        return lines
    ltv = 'IF(AND([counted]>0,[pledged]>0),[counted]/([pledged]*[price]),"")'
    return [
        *lines,
        Line(
            "counted",
            "Counted in LTVs",
            "usd",
            values(months, "counted_usd"),
            lambda month: of_debt.of(name, debt.COUNTED, month),
        ),
        Line("ltv", "LTV of all facilities together", "share", values(months, "ltv"), ltv),
    ]


def _worth(months: Sequence[Document], *, one_branch: bool) -> list[Line | Heading]:
    net = "[btc]+([cash]+[machines]+[payable]-[owed]+[sources_worth]+[tax_owed])/[price]" if one_branch else None
    lines: list[Line | Heading] = [
        Heading("Net worth"),
        Line("machines", "Machines, at resale", "usd", values(months, "machines_usd")),
        Line("payable", "Due on orders", "usd", values(months, "payable_usd", -1)),
        Line("sources_worth", "Other sources, net", "usd", values(months, "sources_worth_usd")),
        Line("tax_owed", "Tax owed", "usd", values(months, "tax_owed_usd", -1)),
        Line("net", "Net worth", "btc", values(months, "net_btc"), net, strong=True),
        Line("bills", "Bills of a month without revenue", "usd", values(months, "bills_usd_per_month")),
    ]
    if not one_branch:
        return lines
    runway = 'IF([bills]>0,([cash]+[free]*[price])/[bills],"")'
    return [*lines, Line("runway", "Runway", "units", values(months, "runway_months"), runway, unit="months")]


def _checks(months: Sequence[Document], of_debt: Totals, of_sources: Totals, name: str) -> list[Line | Heading]:
    none: list[Amount] = [0.0] * len(months)
    return [
        Heading("Checks"),
        Line("ledger_btc", "BTC held, by the ledger", "btc", values(months, "btc")),
        Line("off_btc", "BTC: sheet less ledger", "btc", none, "[btc]-[ledger_btc]"),
        Line("ledger_cash", "Cash, by the ledger", "usd", values(months, "cash_usd")),
        Line("off_cash", "Cash: sheet less ledger", "usd", none, "[cash]-[ledger_cash]"),
        Line(
            "off_owed",
            "Owed: less the Debt sheet",
            "usd",
            none,
            lambda month: f"[owed]-{of_debt.of(name, debt.OWED, month)}",
        ),
        Line(
            "off_sources",
            "Sources: less their sheet",
            "usd",
            none,
            lambda month: f"[sources]-{of_sources.of(name, sources.CASH, month)}",
        ),
    ]


def _ask(book: Book, made: Budget, name: str) -> None:
    for key, label, tolerance in (
        ("off_btc", "BTC carries from month to month", TOLERANCE_BTC),
        ("off_cash", "cash carries from month to month", TOLERANCE_USD),
        ("off_owed", "debts add up to what is owed", TOLERANCE_USD),
        ("off_sources", "sources add up to their cash", TOLERANCE_USD),
    ):
        schedule, row = made.schedule, made.rows[key]
        until = Page.cell(row, schedule.last_column, absolute=True)
        line = f"{schedule.page.elsewhere(row, schedule.month_column)}:{until}"
        book.checks.append(Check(f"Budget {name}: {label}", f"SUMPRODUCT(ABS({line}))", tolerance))
