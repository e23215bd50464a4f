"""Three miners' loans against BTC in the crashes of 2022 and 2026, replayed from published figures.

What the model says is compared with what happened, and each row of docs/explanation/public-replays.md that holds a
figure of ours is written here from that figure. Sources stand there and beside the facts below. Prices are daily closes
(Coin Metrics community data); the replays run on month ends and the lowest close of a month, and once more on every day
of the history where that lies beside the repository.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from optimizer.ledger.lending import cure_by_adding, cure_by_repaying, ltv, partial_liquidation, price_at_ltv
from optimizer.ledger.outcome import Outcome
from optimizer.ledger.replay import replay
from optimizer.market.past import history_paths, read_history
from optimizer.market.paths import Paths
from optimizer.market.shock_paths import shock_paths
from optimizer.scenario.schema import Scenario
from optimizer.scenario.shocks import Shock
from tests.ledger.company import decisions, loan, requirements, scenario, treasury, tree
from tests.ledger.public_page import PAGE, millions, told

HISTORY = Path(__file__).parents[3] / "shared" / "data" / "btc_network_daily.csv"
with_history = pytest.mark.skipif(not HISTORY.exists(), reason="no price history beside the repository")

# USD per BTC at the close of the day.
CLOSE = {
    "2022-03-31": 45_562.21,
    "2022-04-30": 37_714.10,
    "2022-05-31": 31_831.41,
    "2022-06-30": 19_332.91,
    "2022-07-31": 23_356.17,
}
LOWEST_CLOSE = {"2022-05": 28_612.04, "2022-06": 19_013.87}


def borrower(
    as_of: str, months: int, btc: float, cash_usd: float = 0.0, min_cash_usd: float = 0.0, **terms: Any
) -> Scenario:
    """A company that has coins, cash and one loan, and answers calls when they come. Its mining is left out: coins
    that it mined are counted from the start, and power and wages are taken to be paid from the rest of the business.
    Interest is counted in the LTV and paid at maturity, so that nothing is sold for it."""
    market = scenario().market.model_dump(mode="json")
    contract = {
        "name": "loan",
        "lender": "Galaxy Digital",
        "interest": "at_maturity",
        "matures_month": 12,
        # Neither contract names an LTV at which the lender sells without a call: none but a debt without cover is
        # taken. That a call may wait a day and that an unmet one is sold down to the initial level is assumed.
        "liquidation_ltv": 0.98,
        "liquidation_fee_share": 0.0,
        "cure_hours": 24.0,
        "liquidation_target_ltv": terms["cure_target_ltv"],
    }
    return scenario(
        as_of=as_of,
        horizon_months=months,
        decision_months=[0],
        market={**market, "btc_price_usd": CLOSE[as_of]},
        treasury=treasury(
            btc_lots=[{"btc": btc, "cost_basis_usd": 0.0}], cash_usd=cash_usd, sell_fee_share=0.0, max_cash_months=60.0
        ),
        sites=[],
        loans=[loan(**{**contract, **terms})],
        requirements=requirements(min_cash_usd=min_cash_usd, calls={"policy": "cure_to_target", "buffer_ltv": 0.0}),
    )


def month_ends(of: Scenario, closes: list[float], lowest: dict[int, float]) -> Paths:
    """The path through the closes of months 1, 2, ... and the lowest close of some, by the shape of a stress."""
    today = of.market.btc_price_usd
    shock = {
        "name": "as it was",
        "price": [{"month": m, "change": usd / today - 1} for m, usd in enumerate(closes, start=1)],
        "low": [{"month": m, "change": usd / today - 1} for m, usd in lowest.items()],
        "low_below_close_share": 0.0,
    }
    return shock_paths(of, Shock.model_validate_json(json.dumps(shock)))


def every_day(of: Scenario) -> Paths:
    return history_paths(of, read_history(HISTORY), of.as_of, rebase=False)


def played(of: Scenario, paths: Paths) -> Outcome:
    return replay(of, tree(), decisions(tree()), paths, "sell_only")


# Argo and Galaxy, June 2022 ------------------------------------------------------------------------------------------

# Held on 2022-06-30: 1,953 BTC of which 210 equivalents; sold in June: 637 at about $24,500; owed then: $22m (update
# of 2022-07-07). Owed on 05-31 is not published: at most this, were all of June's sale repaid.
ARGO_HELD_BTC, ARGO_SOLD_BTC, ARGO_SOLD_AT_USD, ARGO_LEFT_USD = 1_953.0 - 210, 637.0, 24_500.0, 22e6
ARGO_OWED_USD = ARGO_LEFT_USD + ARGO_SOLD_BTC * ARGO_SOLD_AT_USD


def argo(owed_usd: float, btc: float, **changes: Any) -> Scenario:
    """Terms of the loan confirmation of 2021-10-29 (SEC, Argo's F-1 of 2021-11-08, exhibit 10.9): 140% at first, call
    at 130%, urgent call at 125%, 11.5%."""
    terms = {"apr": 0.115, "call_ltv": 1 / 1.30, "cure_target_ltv": 1 / 1.40, **changes}
    pledged = 1.40 * owed_usd / CLOSE["2022-05-31"]
    return borrower("2022-05-31", 2, btc, balance_usd=owed_usd, pledged_btc=pledged, **terms)


def argo_waits(**changes: Any) -> Scenario:
    """As if nothing were sold before the lender calls."""
    return argo(ARGO_OWED_USD, ARGO_HELD_BTC + ARGO_SOLD_BTC, **changes)


def argo_has_sold() -> Scenario:
    """What June's sale left, from the first day of the month."""
    return argo(ARGO_LEFT_USD, ARGO_HELD_BTC)


def argo_month_ends(of: Scenario) -> Outcome:
    closes = [CLOSE["2022-06-30"], CLOSE["2022-07-31"]]
    return played(of, month_ends(of, closes, {1: LOWEST_CLOSE["2022-06"]}))


def tell_june(case: str, outcome: Outcome) -> None:
    told(
        case,
        f"{outcome.calls[0, 1, 0]}",
        f"{outcome.seized_btc[0, 1, 0]:.0f} BTC",
        millions(float(outcome.owed_usd[0, 1])),
        f"{outcome.ltv_high[0, 1, 0]:.1%}",
    )


def test_argo_waiting_for_calls_loses_about_what_it_sold() -> None:
    outcome = argo_month_ends(argo_waits())
    tell_june("waits, month ends", outcome)
    assert outcome.seized_btc[0, 1, 0] == pytest.approx(ARGO_SOLD_BTC, rel=0.05)
    assert outcome.owed_usd[0, 1] == pytest.approx(ARGO_LEFT_USD, rel=0.15)


def test_argo_after_its_sale_is_never_sold_out() -> None:
    outcome = argo_month_ends(argo_has_sold())
    tell_june("has sold, month ends", outcome)
    assert outcome.liquidations.sum() == 0
    assert outcome.btc[0].tolist() == pytest.approx([ARGO_HELD_BTC] * 3)


@with_history
def test_argo_day_by_day() -> None:
    waits, has_sold, urgent = (
        played(of, every_day(of)) for of in (argo_waits(), argo_has_sold(), argo_waits(liquidation_ltv=1 / 1.25))
    )
    tell_june("waits, every day", waits)
    tell_june("has sold, every day", has_sold)
    tell_june("waits, every day, sold at 125%", urgent)
    assert waits.seized_btc[0, 1, 0] == pytest.approx(ARGO_SOLD_BTC, rel=0.2)
    assert has_sold.liquidations.sum() == 0
    assert urgent.seized_btc[0, 1, 0] > waits.seized_btc[0, 1, 0]


def test_argo_kept_as_much_debt_as_its_coins_could_carry() -> None:
    needed_btc = float(price_at_ltv(ARGO_LEFT_USD, 1.0, 1 / 1.40)) / LOWEST_CLOSE["2022-06"]
    assert needed_btc < ARGO_HELD_BTC
    assert f"{needed_btc:,.0f} of its {ARGO_HELD_BTC:,.0f}" in PAGE


# Bitfarms and Galaxy, spring 2022 ------------------------------------------------------------------------------------

# $100m at 10.75%, collateral 143%, call at 133%; 3,064 BTC pledged on 2022-03-31 (139%), 1,870 more by mid June; 6,075
# BTC held on 05-31; 3,000 sold in June for $62m, which left $38m; cash $77.3m and $46.0m at the quarters' ends.
BITFARMS_PLEDGED_BTC, BITFARMS_ADDED_BTC, BITFARMS_HELD_BTC = 3_064.0, 1_870.0, 6_075.0
BITFARMS_CASH_USD = {"2022-03-31": 77.294e6, "2022-06-30": 45.982e6}


def bitfarms() -> Scenario:
    return borrower(
        "2022-03-31",
        3,
        BITFARMS_HELD_BTC,
        cash_usd=BITFARMS_CASH_USD["2022-03-31"],
        min_cash_usd=BITFARMS_CASH_USD["2022-06-30"],
        balance_usd=100e6,
        apr=0.1075,
        pledged_btc=BITFARMS_PLEDGED_BTC,
        call_ltv=1 / 1.33,
        cure_target_ltv=1 / 1.43,
    )


def tell_quarter(case: str, outcome: Outcome) -> None:
    added = outcome.topped_up_btc[0, :, 0]
    told(
        case,
        f"{added[1]:,.0f} BTC",
        f"{added[2]:,.0f} BTC",
        f"{outcome.pledged_btc[0, 2, 0]:,.0f} BTC",
        f"{added[3]:,.0f} BTC",
        millions(float(outcome.flows["repaid_usd"][0])),
    )
    assert outcome.pledged_btc[0, 2, 0] == pytest.approx(BITFARMS_PLEDGED_BTC + BITFARMS_ADDED_BTC, rel=0.05)
    # All coins are pledged by the low of June, and that is not enough.
    assert outcome.free_btc[0, 3] == pytest.approx(0, abs=1e-6)
    assert outcome.flows["repaid_usd"][0] > 10e6
    assert outcome.liquidations.sum() == 0


def test_bitfarms_cover_on_the_day_of_its_report() -> None:
    cover = 1 / float(ltv(100e6, BITFARMS_PLEDGED_BTC, CLOSE["2022-03-31"]))
    assert round(cover, 2) == 1.40  # published: approximately 139%
    assert f"{cover:.1%}" in PAGE


def test_bitfarms_adds_what_the_contract_asks() -> None:
    of = bitfarms()
    closes = [CLOSE["2022-04-30"], CLOSE["2022-05-31"], CLOSE["2022-06-30"]]
    paths = month_ends(of, closes, {2: LOWEST_CLOSE["2022-05"], 3: LOWEST_CLOSE["2022-06"]})
    tell_quarter("month ends", played(of, paths))


@with_history
def test_bitfarms_day_by_day() -> None:
    of = bitfarms()
    tell_quarter("every day", played(of, every_day(of)))


# Cango and Antalpha, September 2025 to March 2026 --------------------------------------------------------------------

# Debt and pledged BTC on 2025-09-30 (Q3 release); long-term debt on 2025-12-31 and 2026-03-31 (Q1 2026 release); held
# at the ends of 2025 and January 2026, and the sale of 2026-02-07/08 (company releases); price: month ends of CoinGecko
# and StatMuse (thealliancepress.com), the low of 2026-02-06 (coinpedia.org).
CANGO_OWED_USD = {"2025-09-30": 405.1e6, "2025-12-31": 557.6e6, "2026-03-31": 30.6e6}
CANGO_PLEDGED_USD = 660.0e6
CANGO_HELD_BTC = {"2025-12-31": 7_528.3, "2026-01-31": 7_474.0}
CANGO_SOLD_BTC, CANGO_SALE_USD = 4_451.0, 305e6
BTC_USD = {"2025-09-30": 114_056.0, "2025-12-31": 87_536.0, "2026-02-06, low": 60_030.0}
SALE_PRICE_USD = CANGO_SALE_USD / CANGO_SOLD_BTC
START_LTV = CANGO_OWED_USD["2025-09-30"] / CANGO_PLEDGED_USD


def test_cango_ltv_without_another_coin() -> None:
    pledged_btc = CANGO_PLEDGED_USD / BTC_USD["2025-09-30"]
    assert round(START_LTV, 2) == 0.61
    for day, price in (*BTC_USD.items(), ("2026-02-07/08", SALE_PRICE_USD)):
        now = float(ltv(CANGO_OWED_USD["2025-09-30"], pledged_btc, price))
        told(day, f"${price:,.0f}", f"{now:.1%}")
    collateral = pledged_btc * SALE_PRICE_USD
    to_add = float(cure_by_adding(CANGO_OWED_USD["2025-09-30"], collateral, START_LTV)) / SALE_PRICE_USD
    to_repay = float(cure_by_repaying(CANGO_OWED_USD["2025-09-30"], collateral, START_LTV))
    assert f"{to_add:,.0f} BTC" in PAGE
    assert millions(to_repay) in PAGE
    # Under water no sale of the collateral restores an LTV: all of it goes.
    assert partial_liquidation(CANGO_OWED_USD["2025-09-30"], collateral, START_LTV, 0.0) == collateral


def test_cango_as_it_stood_with_all_its_coins_pledged() -> None:
    owed, held = CANGO_OWED_USD["2025-12-31"], CANGO_HELD_BTC["2026-01-31"]
    then = float(ltv(owed, CANGO_HELD_BTC["2025-12-31"], BTC_USD["2025-12-31"]))
    told("2025-12-31", f"{CANGO_HELD_BTC['2025-12-31']:,.0f}", f"${BTC_USD['2025-12-31']:,.0f}", f"{then:.1%}")
    for day, price in (("2026-02-06, low", BTC_USD["2026-02-06, low"]), ("2026-02-07/08", SALE_PRICE_USD)):
        told(day, f"{held:,.0f}", f"${price:,.0f}", f"{float(ltv(owed, held, price)):.1%}")
    after = float(ltv(owed - CANGO_SALE_USD, held - CANGO_SOLD_BTC, SALE_PRICE_USD))
    told("after the sale", f"{held - CANGO_SOLD_BTC:,.0f}", f"${SALE_PRICE_USD:,.0f}", f"{after:.1%}")
    assert after > 1
    # The laxest line of a public contract in the catalogue of its kind: a sale at 90%.
    assert f"${float(price_at_ltv(owed, held, 0.90)):,.0f}" in PAGE
    assert millions(owed - CANGO_SALE_USD) in PAGE
