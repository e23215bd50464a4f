"""`hashlever quote` from the shell: what it prints, and how it refuses."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.cli.command import SCENARIOS, hashlever

MODELS = SCENARIOS.parent / "models"
AT = ("--btc-price-usd", "84714")
NETWORK = ("--network-ehs", "964", "--block-height", "969000", "--fees-share", "0.01")
RUNS = (*AT, "--hashprice-usd", "40", "--power-usd-per-mwh", "50")


@pytest.mark.parametrize("name", ["loan", "machine", "hashprice"])
def test_each_has_help(name: str) -> None:
    done = hashlever("quote", name, "-h")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: hashlever quote {name}")


def test_a_loan_of_the_catalogue() -> None:
    done = hashlever("quote", "loan", "strike_loan", *AT, "--amount-usd", "1e6")
    assert (done.returncode, done.stderr) == (0, "")
    for said in ("Strike: Bitcoin-backed loan (strike_loan, as of 2026-02)", "9.50%", "call", "liquidation", "$60,510"):
        assert said in done.stdout


def test_its_terms_can_be_overridden() -> None:
    given = ("--apr", "0.08", "--interest", "monthly", "--term-months", "3", "--ltv-counts", "accrued")
    done = hashlever("quote", "loan", "strike_loan", *AT, "--pledge-btc", "20", *given, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    [loan] = json.loads(done.stdout)["loans"]
    assert (loan["terms"]["apr"], loan["terms"]["call_ltv"]) == (0.08, 0.7)
    assert loan["amount_usd"] == pytest.approx(20 * 84_714 * 0.5)
    assert [p["paid_usd"] / loan["amount_usd"] for p in loan["payments"]] == pytest.approx(
        [0.08 / 12] * 2 + [1 + 0.02 / 3]
    )


def test_a_loan_on_terms_of_one_s_own() -> None:
    terms = (
        "--apr",
        "0.1",
        "--term-months",
        "6",
        "--call-ltv",
        "0.75",
        "--at-price-usd",
        "70000",
        "--at-price-usd",
        "6e4",
    )
    done = hashlever(
        "quote", "loan", "--btc-price-usd", "1e5", "--amount-usd", "5e5", "--pledge-btc", "10", *terms, "--json"
    )
    assert done.returncode == 0, done.stderr
    [loan] = json.loads(done.stdout)["loans"]
    prices = [rung["price_usd"] for rung in loan["ladder"]]
    assert prices == pytest.approx([1e5, 7e4, 5e5 / 7.5, 6e4])
    assert loan["taken"]["interest"] == "monthly"


def test_loans_side_by_side() -> None:
    done = hashlever("quote", "loan", "all", *AT, "--amount-usd", "1e6")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^strike_loan +2026 +50% +9\.50% +0\.0% +12 +9\.5% ", done.stdout, re.MULTILINE)
    document = json.loads(hashlever("quote", "loan", "all", *AT, "--amount-usd", "1e6", "--json").stdout)
    rates = [loan["effective_rate_pa"] for loan in document["loans"] if loan["effective_rate_pa"] is not None]
    assert rates == sorted(rates)
    assert len(rates) > 5


def test_a_machine_of_the_catalogue() -> None:
    financed = ("--financed-share", "0.5", "--loan", "strike_loan", "--difficulty-growth-pa", "-0.1")
    done = hashlever("quote", "machine", "antminer_s21_plus_216t", *RUNS, *financed, "--life-months", "36")
    assert (done.returncode, done.stderr) == (0, "")
    for said in (
        "Antminer S21+ 216T",
        "power for a BTC",
        "as financed",
        "mines in 36 months",
        "difficulty -10% a year",
    ):
        assert said in done.stdout


def test_machines_side_by_side() -> None:
    done = hashlever("quote", "machine", "all", *AT, *NETWORK, "--power-usd-per-mwh", "50", "--cooling", "immersion")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Antminer S21 XP Imm 300T" in done.stdout
    assert "Antminer S21+ 216T" not in done.stdout
    assert "Without a price in the catalogue" in done.stdout


def test_a_machine_of_one_s_own() -> None:
    own = ("--hashrate-ths", "100", "--power-w", "2000", "--price-usd", "1000")
    done = hashlever("quote", "machine", *own, *RUNS, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    [machine] = document["machines"]
    assert machine["power_usd_per_btc"] == pytest.approx(0.02 * 24 * 50 / 40 * 84_714)
    assert (document["financing"], machine["life"]) == (None, None)


def test_hashprice() -> None:
    done = hashlever("quote", "hashprice", *AT, *NETWORK)
    assert (done.returncode, done.stderr) == (0, "")
    printed = hashlever("quote", "hashprice", *AT, *NETWORK, "--json")
    found = json.loads(printed.stdout)["hashprice"]
    assert f"${found['hashprice_usd_per_ph_day']:.2f}" in done.stdout
    assert f"{found['hashprice_btc_per_ph_day']:.8f}" in done.stdout


def test_a_catalogue_of_one_s_own(tmp_path: Path) -> None:
    folder = shutil.copytree(MODELS, tmp_path / "mine")
    loans = folder / "loans.yaml"
    loans.write_text(loans.read_text(encoding="utf-8").replace("apr: 0.095", "apr: 0.2"), encoding="utf-8")
    call = ("quote", "loan", "strike_loan", *AT, "--amount-usd", "1e6", "--catalogue", folder)
    assert "20.00% a year" in hashlever(*call).stdout
    loans.write_text(loans.read_text(encoding="utf-8").replace("apr: 0.2", "apr: 20%"), encoding="utf-8")
    done = hashlever(*call)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(r"loans\.yaml:\d+:\d+: strike_loan\.tiers\[0\]\.apr: must be a number from 0 to 1", done.stderr)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("loan", ["--btc-price-usd: is required", "--amount-usd: is required"]),
        ("loan strike --btc-price-usd 1e5 --amount-usd 1", ["PRODUCT: the catalogue has no such loan", "strike_loan"]),
        (
            "loan strike_loan --btc-price-usd $84,714 --apr 12% --ltv 0 --interest weekly --amount-usd lots",
            [
                "--btc-price-usd: must be a number above 0",
                "write 84714",
                "--apr: must be a number from 0 to 1",
                "write 0.12",
                "--ltv: must be a number above 0 and below 1 (found 0)",
                "--interest: must be one of monthly, at_maturity",
                '(found "lots")',
            ],
        ),
        (
            "loan strike_loan --btc-price-usd 1e5 --amount-usd 1e6 --call-ltv 0.9",
            ["--call-ltv: must be below liquidation_ltv 0.85 (found 0.9)", "strike_loan's contract"],
        ),
        ("loan firefish_escrow --btc-price-usd 1e5 --amount-usd 1e6", ["--ltv: is required", "--apr: is required"]),
        ("loan all --btc-price-usd 1e5 --amount-usd 1e6 --at-price-usd 5e4", ["--at-price-usd: is for one loan"]),
        ("loan --btc-price-usd nan --amount-usd null --ltv .5", ["--btc-price-usd: must be", "--amount-usd: must be"]),
        ("loan --amount-usd 1 --btc-price-usd 1e5 --catalogue nowhere", ["--catalogue: has no asics.yaml", "nowhere"]),
        (
            "machine",
            [
                "MODEL: is required",
                "--btc-price-usd: is required",
                "--power-usd-per-mwh: is required",
                "--hashprice-usd: is required",
            ],
        ),
        ("machine --hashrate-ths 100", ["--power-w: is required"]),
        (
            "machine s21_hyd --btc-price-usd 1e5 --hashprice-usd 40 --power-usd-per-mwh 50 --loan strike",
            [
                "MODEL: the catalogue has no such machine",
                "antminer_s21_hyd_335t",
                "--loan: the catalogue has no such loan",
            ],
        ),
        (
            "machine all --price-usd 5 --cooling water",
            ["--price-usd: is of one machine", "one of air, hydro, immersion"],
        ),
        ("machine antminer_s21_200t --cooling air", ["--cooling: chooses among `all` machines"]),
        ("machine antminer_s21_200t --loan all", ["--loan: a machine is financed on the terms of one loan"]),
        (
            "machine antminer_s21_200t --financed-share 0.5 --interest at_maturity --repayment amortising",
            ["--interest: an amortising loan pays interest", "--apr: is required for a machine that is financed"],
        ),
        ("hashprice", ["--difficulty: is required", "--subsidy-btc: is required"]),
        (
            "hashprice --difficulty 1e14 --network-ehs 900 --block-height 1.5",
            ["--block-height: must be a whole number"],
        ),
    ],
)
def test_what_cannot_be_quoted_is_told_at_once(call: str, said: list[str], tmp_path: Path) -> None:
    done = hashlever("quote", *call.split(), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr and "null" not in done.stderr.replace('"null"', "")
    for text in said:
        assert text in done.stderr
    for line in done.stderr.splitlines():
        assert re.match(r"(--[a-z-]+|PRODUCT|MODEL): |    mend: ", line), line


def test_long_names_of_a_catalogue_are_no_error(tmp_path: Path) -> None:
    folder = shutil.copytree(MODELS, tmp_path / "mine")
    loans, long = folder / "loans.yaml", "a_lender_" * 12
    text = loans.read_text(encoding="utf-8").replace("strike_loan:", f"{long}:")
    loans.write_text(text.replace("borrower: retail and companies", f"borrower: {'anyone ' * 20}"), encoding="utf-8")
    done = hashlever("quote", "loan", long, *AT, "--amount-usd", "1e6", "--catalogue", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "anyone" in done.stdout
