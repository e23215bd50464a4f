"""Quotes as documents: every key documented, every documented key there, nothing that JSON lacks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from optimizer.quote.hashprice import NetworkAsk, quote_hashprice
from optimizer.quote.loan import quote_loan
from optimizer.quote.loan_terms import LoanAsk, LoanTerms
from optimizer.quote.machine import MachineAsk, MachineTerms, quote_machine
from optimizer.report.quote_json import hashprice_document, loan_document, machine_document
from tests.report.test_plan_json import _keys

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "quote-json.md"


def loans() -> dict[str, Any]:
    asked = LoanAsk(btc_price_usd=1e5, amount_usd=1e6, pledge_btc=15, at_price_usd=(7e4,))
    terms = LoanTerms(max_ltv=0.5, call_ltv=0.7, apr=0.1, term_months=3)
    blank = LoanTerms()
    return loan_document([quote_loan(terms, asked), quote_loan(blank, asked)], asked)


def machines() -> dict[str, Any]:
    asked = MachineAsk(btc_price_usd=1e5, hashprice_usd=50, power_usd_per_mwh=50, life_months=24, financed_share=0.5)
    loan = LoanTerms(apr=0.1, term_months=12)
    priced = MachineTerms(hashrate_ths=100, power_w=2_000, price_usd=1_000)
    hungry = MachineTerms(hashrate_ths=100, power_w=9_000)
    return machine_document([quote_machine(m, asked, loan) for m in (priced, hungry)], asked, loan)


def hashprice() -> dict[str, Any]:
    asked = NetworkAsk(network_ehs=964, block_height=969_000)
    return hashprice_document(quote_hashprice(asked), asked)


def test_every_key_is_documented_and_every_documented_key_is_there() -> None:
    found = {key for document in (loans(), machines(), hashprice()) for key in _keys(document)}
    documented = set(re.findall(r"^\| `([^`]+)` \|", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE))
    assert found - documented == set()
    assert documented - found == set()


def test_documents_are_plain_and_named_by_kind() -> None:
    for kind, document in (("loan", loans()), ("machine", machines()), ("hashprice", hashprice())):
        assert json.loads(json.dumps(document, allow_nan=False)) == document
        assert document["schema"] == f"hashlever/quote-{kind}/1"


def test_what_is_not_known_is_null() -> None:
    known, blank = loans()["loans"]
    assert known["outside"] == ["max_ltv"]
    assert blank["payments"] == [] and blank["cost_usd"] is None and blank["effective_apr"] is None
    assert known["ladder"][0]["sold_btc"] is None
    hungry = machines()["machines"][1]
    assert hungry["cost_usd"] is None and hungry["payback_months"] is None
    assert hashprice()["hashprice"]["hashprice_usd_per_ph_day"] is None
