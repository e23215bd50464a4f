"""Quotes on a terminal: they fit, they are plain, and every figure is the quote's."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from optimizer.quote.catalogue import load_catalogue, loan_offers, machines
from optimizer.quote.hashprice import NetworkAsk, quote_hashprice
from optimizer.quote.loan import quote_loan, quotes_side_by_side
from optimizer.quote.loan_terms import LoanAsk, LoanTerms
from optimizer.quote.machine import MachineAsk, MachineTerms, quote_machine
from optimizer.report.terminal_quote_loan import print_loan, print_loans
from optimizer.report.terminal_quote_machine import print_hashprice, print_machine, print_machines
from tests.report.conftest import printed

ASK = LoanAsk(btc_price_usd=84_714, amount_usd=1_000_000)
LEVEL = LoanTerms(apr=0.12, term_months=48, repayment="amortising", max_ltv=0.5)
MARKET: dict[str, Any] = {"btc_price_usd": 84_714, "hashprice_usd": 40.6, "power_usd_per_mwh": 50}
FINANCED = MachineAsk(**MARKET, financed_share=0.5, life_months=36, difficulty_growth_pa=0.3)
CATALOGUE = load_catalogue(None)
MACHINE = MachineTerms(name="Own", hashrate_ths=100, power_w=2_000, price_usd=1_000)


def loan(name: str, **asked: Any) -> Callable[[Console], None]:
    [offers] = loan_offers(name, CATALOGUE, {}, [])
    return lambda console: print_loan(quote_loan(offers, ASK.model_copy(update=asked)), console)


def all_loans(console: Console) -> None:
    print_loans(quotes_side_by_side(loan_offers("all", CATALOGUE, {}, []), ASK), ASK, console)


def all_machines(asked: MachineAsk, terms: LoanTerms | None = None) -> Callable[[Console], None]:
    quotes = [quote_machine(machine, asked, terms) for machine in machines("all", CATALOGUE, {}, [])]
    return lambda console: print_machines(quotes, asked, terms, console)


def network(console: Console) -> None:
    asked = NetworkAsk(btc_price_usd=84_714, network_ehs=964, subsidy_btc=3.125)
    print_hashprice(quote_hashprice(asked), asked, console)


SHOWN: dict[str, Callable[[Console], None]] = {
    "a loan": loan("strike_loan"),
    "a loan called at once": loan("strike_loan", pledge_btc=15.0),
    "a level loan": lambda console: print_loan(quote_loan(LEVEL, ASK), console),
    "a large loan": loan("unchained_commercial", amount_usd=987_654_321.0),
    "terms that are not known": loan("milo_loan", ltv=0.5),
    "loans": all_loans,
    "a machine": lambda console: print_machine(quote_machine(MACHINE, FINANCED, LEVEL), FINANCED, LEVEL, console),
    "machines": all_machines(MachineAsk(**MARKET)),
    "machines financed": all_machines(FINANCED, LEVEL),
    "hashprice": network,
}


@pytest.mark.parametrize("what", SHOWN)
@pytest.mark.parametrize("width", [80, 120])
def test_it_fits_and_reads_without_colour(what: str, width: int) -> None:
    text = printed(SHOWN[what], width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= min(width, 100)
    assert "\x1b" not in text
    assert not re.search(r"\bnan\b|\binf\b|\bNone\b", text)


@pytest.mark.parametrize("width", [80, 120])
def test_side_by_side_no_name_is_folded(width: int) -> None:
    loans, bought = printed(all_loans, width), printed(SHOWN["machines financed"], width)
    for quote in quotes_side_by_side(loan_offers("all", CATALOGUE, {}, []), ASK):
        assert re.search(rf"^{quote.terms.name} |: {quote.terms.name}\.$", loans, re.MULTILINE)
    for machine in machines("all", CATALOGUE, {}, []):
        if machine.price_usd is not None:
            assert re.search(rf"^{re.escape(machine.name.split(' (')[0])}  ", bought, re.MULTILINE)


def test_a_long_schedule_is_summed_and_adds_up() -> None:
    text = printed(SHOWN["a level loan"])
    rows = re.findall(r"^(\d+)-(\d+) +\$([\d,]+) +\$([\d,]+) ", text, re.MULTILINE)
    assert [(int(first), int(last)) for first, last, *_ in rows] == [(k, k + 5) for k in range(1, 49, 6)]
    assert sum(int(principal.replace(",", "")) for *_, principal in rows) == pytest.approx(1_000_000, abs=len(rows))


def test_equal_payments_stand_in_one_row() -> None:
    text = printed(loan("unchained_commercial"))
    assert re.search(r"^1-11 each +\$12,500 +\$0 +\$12,500 +\$1,000,000$", text, re.MULTILINE)
    assert re.search(r"^12 +\$12,500 +\$1,000,000 +\$1,012,500 +\$0$", text, re.MULTILINE)


def test_the_ladder_says_what_the_lender_does() -> None:
    text = printed(loan("strike_loan"))
    assert re.search(r"^\$84,714 +today +50\.0% *$", text, re.MULTILINE)
    assert re.search(r"^\$60,510 +-29% +70\.0% +call +4\.31 +\$143k +5\.34 +0\.0529 +20\.51", text, re.MULTILINE)
    assert "within 24 hours" in text and "its 0.99%" in text
    assert "of the debt uncovered" in text


def test_what_is_taken_or_left_out_is_said() -> None:
    text = " ".join(printed(loan("milo_loan", ltv=0.5)).split())
    assert "taken as: interest paid monthly, principal at maturity, no fee" in text
    assert "left out of what follows: --apr, --term-months, --cure-target-ltv, --liquidation-ltv" in text
    assert "more than the lender lends against such a pledge (50.0%)" in " ".join(
        printed(SHOWN["a loan called at once"]).split()
    )
    assert "At this LTV the lender sells at once." in printed(SHOWN["a loan called at once"])
    assert "* Fee, or when it is paid, not stated" in printed(all_loans)


def test_names_command_no_terminal() -> None:
    named = quote_machine(MACHINE.model_copy(update={"name": "\x1b[31m[red]Own"}), FINANCED, LEVEL)
    text = printed(lambda console: print_machine(named, FINANCED, LEVEL, console))
    assert "\x1b" not in text
    assert "[red]Own" in text


def test_a_machine_that_loses_money_says_never() -> None:
    asked = MachineAsk(**{**MARKET, "power_usd_per_mwh": 120})
    text = printed(lambda console: print_machine(quote_machine(MACHINE, asked), asked, None, console))
    assert re.search(r"^bought for cash .* never", text, re.MULTILINE)
    assert re.search(r"^margin a day +-\$", text, re.MULTILINE)
