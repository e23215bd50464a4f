"""Iris Energy and NYDIG, November 2022: a loan against machines alone, replayed from published figures.

Sources stand in docs/explanation/public-replays.md and beside the facts below. Played twice: by the rule of
`optimizer.ledger.equipment`, and by the replay that every plan goes through.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimizer.decisions import Order, Use
from optimizer.ledger.equipment import FinancedMachines, MachineLoan, follow_machine_loan, gross_profit
from optimizer.ledger.outcome import Outcome
from optimizer.market.mining import breakeven_usd_per_mwh
from tests.formulation.planned import no_cash
from tests.ledger.company import PRICE, candidate, decisions, scenario, site, specs, tree
from tests.ledger.markets import market, sell_only
from tests.ledger.public_page import PAGE, millions, told

# 36,000 S19j Pro, 3.6 EH/s at 29.5 J/TH; $107.8m owed on 2022-11-18 with interest and penalties; the company put the
# machines at $65-70m, their gross profit at about $2m and debt service at about $7m a month (updates of 2022-11-02 and
# 2022-11-21, as reported by web3isgoinggreat.com, forklog.com, crypto.news).
IRIS_PH, IRIS_J_PER_TH, IRIS_OWED_USD, IRIS_SERVICE_USD = 3_600.0, 29.5, 107.8e6, 7e6
# Hashprice from Coin Metrics community data, USD per PH and day: two days, and means of the months.
HASHPRICE = {"2022-11-01": 71.05, "2022-11-18": 59.80}
HASHPRICE_MEAN = {"2022-10": 72.51, "2022-11": 61.62, "2022-12": 61.90}
# The whole company's electricity in October 2022: $4,172,000 at 3,903 PH/s (investor update, SEC 6-K of November 2022).
OCTOBER_MWH = 3_903 * IRIS_J_PER_TH / 1_000 * 24 * 31
OWN_POWER_USD_PER_MWH = 4_172_000 / OCTOBER_MWH
# The financed companies paid the group a hosting fee of CAD 80 per MWh: about $41.4 per PH and day (theminermag.com,
# 2024-10-23).
HOSTING_USD_PER_PH_DAY = 41.4
MONTH_DAYS = 365 / 12


def iris(power_usd_per_mwh: float) -> FinancedMachines:
    return FinancedMachines(hashrate_ph=IRIS_PH, j_per_th=IRIS_J_PER_TH, power_usd_per_mwh=power_usd_per_mwh)


def hosted() -> FinancedMachines:
    return iris(float(breakeven_usd_per_mwh(HOSTING_USD_PER_PH_DAY, IRIS_J_PER_TH)))


@pytest.mark.parametrize(
    ("of_whom", "machines", "day"),
    [
        ("hosting fee", hosted(), "2022-11-18"),
        ("hosting fee", hosted(), "2022-11-01"),
        ("the group's own power", iris(OWN_POWER_USD_PER_MWH), "2022-11-18"),
    ],
)
def test_iris_gross_profit_and_cover_of_its_debt_service(of_whom: str, machines: FinancedMachines, day: str) -> None:
    profit = float(gross_profit(machines, np.array([[HASHPRICE[day]]]), np.array([MONTH_DAYS]))[0, 0])
    dscr = profit / IRIS_SERVICE_USD
    told(of_whom, day, f"${machines.power_usd_per_mwh:.1f}", f"${HASHPRICE[day]:.2f}", millions(profit), f"{dscr:.2f}")
    assert dscr < 0.5


def test_iris_published_cover_is_that_of_the_hosting_fee_on_the_day_of_default() -> None:
    profit = gross_profit(hosted(), np.array([[HASHPRICE["2022-11-18"]]]), np.array([MONTH_DAYS]))[0, 0]
    assert profit == pytest.approx(2e6, rel=0.02)
    assert profit / IRIS_SERVICE_USD == pytest.approx(2 / 7, abs=0.005)
    # The power price that gives $2m exactly.
    exact = breakeven_usd_per_mwh(HASHPRICE["2022-11-18"] - 2e6 / (IRIS_PH * MONTH_DAYS), IRIS_J_PER_TH)
    assert f"${exact:.1f} per MWh" in PAGE


@pytest.mark.parametrize(
    ("whose", "machine_usd"),
    [
        ("Hashrate Index, $20.01 per TH", 20.01 * 3.6e6),
        ("the company, low", 65e6),
        ("the company, high", 70e6),
    ],
)
def test_iris_ltv_and_the_lenders_loss(whose: str, machine_usd: float) -> None:
    loan_of_a_month = MachineLoan(balance_usd=IRIS_OWED_USD, apr=0.0, service_usd_per_month=IRIS_SERVICE_USD)
    price = np.array([[machine_usd / (IRIS_PH * 1_000)]])
    hashprice = np.array([[HASHPRICE["2022-11-18"]]])
    outcome = follow_machine_loan(loan_of_a_month, hosted(), hashprice, price, np.array([MONTH_DAYS]))
    assert outcome.given_back.tolist() == [0]
    assert outcome.ltv[0, 0] == pytest.approx(1.6, abs=0.11)  # published: about 1.6
    told(whose, millions(machine_usd), f"{outcome.ltv[0, 0]:.2f}", millions(float(outcome.lender_loss_usd[0])))


def test_iris_gives_the_machines_back_at_the_end_of_october() -> None:
    # $103m owed when the default notice came (of two loans; gagsty.com), taken as of 2022-09-30; 12% is what NYDIG
    # asked of Argo and Bitfarms in 2022, not what Iris paid. S19j Pro stood at $25 per TH in July (CoinDesk), so at
    # no more in October; $20.01 in November, $14.88 at the end of the year (Hashrate Index).
    followed = follow_machine_loan(
        MachineLoan(balance_usd=103e6, apr=0.12, service_usd_per_month=IRIS_SERVICE_USD),
        hosted(),
        np.array([list(HASHPRICE_MEAN.values())]),
        np.array([[25.0, 20.01, 14.88]]),
        np.array([31.0, 30.0, 31.0]),
    )
    assert followed.given_back.tolist() == [0]
    for m, month in enumerate(HASHPRICE_MEAN):
        told(
            month,
            millions(float(followed.debt_usd[m])),
            millions(float(followed.value_usd[0, m])),
            f"{followed.ltv[0, m]:.2f}",
            millions(float(followed.gross_profit_usd[0, m])),
            f"{followed.dscr[0, m]:.2f}",
        )


S19J_PRO, IRIS_UNITS = {"hashrate_ths": 100.0, "power_w": 2_950.0}, 36_000
# What was owed on 2022-09-30, and 16 payments: at 12% they are $7m a month. What the machines once cost does not matter
# after that; four fifths of it are taken to be lent.
OWED_USD, TERM, ADVANCE, USD_PER_TH = 103e6, 16, 0.8, (25.0, 20.01, 14.88)


def iris_replayed(recourse: str) -> Outcome:
    """A company that buys the machines on 2022-09-30 and has nothing else, from October to December 2022."""
    price_usd = OWED_USD / ADVANCE / IRIS_UNITS
    terms = {"apr": 0.12, "term_months": TERM, "advance_share": ADVANCE, "limit_usd": OWED_USD, "models": ["s19j"]}
    loan = {"kind": "machine_loan", "name": "SPV", "counterparty": "NYDIG", "early_repayment": False, **terms}
    company = scenario(
        horizon_months=3,
        decision_months=[0],
        treasury=no_cash(btc_lots=[], cash_usd=(1 - ADVANCE) * price_usd * IRIS_UNITS),
        sites=[site(power_mw=120.0, power_usd_per_mwh=hosted().power_usd_per_mwh)],
        machines={
            "specs": specs(s19j={**specs()["old"], **S19J_PRO}),
            "candidates": [candidate(model="s19j", price_usd=price_usd, lead_months=0)],
        },
        market={
            **scenario().market.model_dump(mode="json"),
            "asic_prices": {"elasticity": 1.0, "ageing_pa": 0.0, "resale_discount_share": 0.0},
        },
        sources=[{**loan, "recourse": recourse}],
    )
    days = np.array([0.0, 31.0, 30.0, 31.0])
    hashprice = np.array([0.0, *HASHPRICE_MEAN.values()])
    earned, factor = (hashprice * days)[None], np.array([[price_usd, *(100 * usd for usd in USD_PER_TH)]]) / price_usd
    met = replace(
        market(company, 3),
        days=days,
        btc_per_ph=earned / PRICE,
        revenue_usd_per_ph=earned,
        asic_price_factor=factor,
    )
    on = tree(range(-1, 3))
    made = decisions(on, orders=(Order(0, "s19j", "Plains", IRIS_UNITS),), uses=(Use(0, "SPV", "draw_usd", OWED_USD),))
    return sell_only(company, on, made, met)


def test_iris_replayed_as_a_plan_is_hands_over_its_machines_in_october() -> None:
    followed = follow_machine_loan(
        MachineLoan(balance_usd=OWED_USD, apr=0.12, service_usd_per_month=IRIS_SERVICE_USD),
        hosted(),
        np.array([list(HASHPRICE_MEAN.values())]),
        np.array([USD_PER_TH]),
        np.array([31.0, 30.0, 31.0]),
    )
    profit = float(followed.gross_profit_usd[0, 0])
    for recourse in ("limited", "full"):
        out = iris_replayed(recourse)
        assert out.seized_units[0] == pytest.approx([0, IRIS_UNITS, 0, 0])
        forgiven = float(out.flows["machine_debt_forgiven_usd"][0])
        told(
            recourse, "2022-10", f"{IRIS_UNITS:,}", millions(forgiven), millions(float(out.unpaid_usd[0, 1])),
            millions(float(out.cash_usd[0, 1])),
        )  # fmt: skip
        loss = float(followed.lender_loss_usd[0])
        assert forgiven == pytest.approx(loss if recourse == "limited" else 0.0, rel=1e-9)
        assert out.unpaid_usd[0, 1] == pytest.approx(0.0 if recourse == "limited" else loss - profit, rel=1e-9)
        assert out.cash_usd[0, 3] == pytest.approx(profit if recourse == "limited" else 0.0, rel=1e-9)
        assert out.insolvent[0, 1] == (recourse == "full")
