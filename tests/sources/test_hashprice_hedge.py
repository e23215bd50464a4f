"""The hashprice hedge by hand: what a fixed hashprice is worth, with and without fear of the worse future."""

from __future__ import annotations

from typing import Any

import pytest

from optimizer.decisions import Use
from optimizer.ledger.books import keep_books
from optimizer.scenario.schema import Scenario
from tests.formulation.planned import fork, no_cash, path, planned
from tests.formulation.source_companies import hashprice_hedge, with_sources
from tests.ledger.company import PRICE, decisions

MONTH = 30
BTC = {"btc_lots": [{"btc": 100.0, "cost_basis_usd": 0.0}]}


def company(fixed_usd_a_month: float, **changes: Any) -> Scenario:
    """100 BTC and $1m, no machines, one month, and a hedge at so many dollars per PH/s and month."""
    terms = {"hashprice_usd_per_ph_day": fixed_usd_a_month / MONTH, "term_months": 1, "margin_share": 0.0}
    hedge = hashprice_hedge(**{**terms, **changes.pop("terms", {})})
    return with_sources(hedge, **{"horizon_months": 1, "decision_months": [0], **changes})


def two_futures() -> Any:
    """A PH/s earns $400 where BTC falls to 80%, $1,875 where it rises to 125%."""
    return fork(PRICE * 0.8, PRICE * 1.25, btc_per_ph=[0.0, 0.005, 0.015], revenue_usd_per_ph=[0.0, 400.0, 1_875.0])


# In BTC: fixed * E[1/P] = E[revenue / P]: 0.01 BTC are to be expected, and for $100,000 (1 / 0.8 + 1 / 1.25) / 2 BTC.
TIE = 0.01 / (1.025 / PRICE)


@pytest.mark.parametrize(("fixed", "hedges"), [(TIE - 1, False), (TIE + 1, True)])
def test_it_ties_where_the_fixed_hashprice_is_the_expected_one(fixed: float, hedges: bool) -> None:
    made = planned(company(fixed), two_futures())
    assert bool(made.decisions.uses) is hedges
    gain = 60 * (fixed * 1.025 / PRICE - 0.01)
    without = planned(company(fixed).model_copy(update={"sources": ()}), two_futures())
    assert made.worth - without.worth == pytest.approx(max(gain, 0.0), abs=1e-7)


def test_who_minds_the_worse_future_pays_for_it() -> None:
    """Machines earn nothing where BTC falls. A hedge below its tie costs in the mean and
    pays there. A low cash ceiling keeps dollars from doing the same."""
    mines = {"owned": [{"model": "new", "site": "Plains", "units": 500, "resale_usd": 0.0}]}
    poor = {"machines": mines, "treasury": no_cash(**BTC, max_cash_months=0.1)}
    made = [
        planned(company(TIE - 20, risk={"weight": weight, "tail_share": 0.5}, **poor), two_futures())
        for weight in (0.0, 1.0)
    ]
    assert [bool(found.decisions.uses) for found in made] == [False, True]
    worst = [min(found.books.net_btc[1:]) for found in made]
    # 60 PH/s receive 955.61 - 400 dollars at $80,000 each.
    assert worst[1] == pytest.approx(100 + 60 * (TIE - 20 - 400) / 80_000, abs=0.05)
    assert worst[1] > worst[0] + 0.3


@pytest.mark.parametrize(("fixed", "hedges"), [(1_157, False), (1_159, True)])
def test_what_the_margin_costs_who_sells_btc_for_it(fixed: float, hedges: bool) -> None:
    # Half of the notional leaves as BTC at $100,000 and comes back in dollars at $110,000: 1,100 / (1 - 0.5 * 0.1).
    assert 1_157 < 1_100 / 0.95 < 1_159
    made = planned(
        company(fixed, treasury=no_cash(**BTC, max_cash_months=60.0), terms={"margin_share": 0.5}),
        path([PRICE, PRICE * 1.1], revenue_usd_per_ph=[0.0, 1_100.0]),
    )
    assert bool(made.decisions.uses) is hedges


@pytest.mark.parametrize("hashprice", [20.0, 50.0])
def test_what_is_left_of_it_at_the_end(hashprice: float) -> None:
    """Two mean months at the last hashprice, and the margin: owed where it is above the fixed one, else an asset."""
    given = company(1_200.0, terms={"term_months": 3, "margin_share": 0.25})
    market = path([PRICE] * 2, hashprice_usd_per_ph_day=[40.0, hashprice])
    books = keep_books(given, market, decisions(market, uses=(Use(0, "Hedge", "hedge_ph", 10.0),)))
    days = 2 * 30.4375
    gain = 10 * (40.0 - hashprice) * days
    assert books.sources.owed_usd[1] == pytest.approx(max(-gain, 0.0))
    assert books.sources.asset_usd[1] == pytest.approx(max(gain, 0.0) + 10 * 40.0 * 0.25 * days)
    assert books.sources.cash_usd[0] == pytest.approx(-10 * 40.0 * 0.25 * (MONTH + days))
    assert books.sources.cash_usd[1] == pytest.approx(10 * (1_200.0 - 1_000.0) + 10 * 40.0 * 0.25 * MONTH)


def test_the_limit_counts_what_still_runs() -> None:
    given = company(9_000.0, terms={"term_months": 2, "limit_ph": 60.0}, horizon_months=4, decision_months=[0, 1, 2])
    made = planned(given, path([PRICE] * 5))
    assert [use.node for use in made.decisions.uses] == [0, 2]
    assert [use.amount for use in made.decisions.uses] == pytest.approx([60.0, 60.0])
