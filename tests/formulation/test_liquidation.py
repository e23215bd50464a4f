"""What a lender sells, at what price, and how often the board lets it: sales whose figures are arithmetic on paper.

A loan of $800,000 at 12% against 16 BTC at $100,000: LTV 50%. The call is at 70% and topping up must reach 65%. In
the dip of month 1 BTC falls to $60,000 and closes at $80,000: at the low 800,000 / 960,000 = 83%, and topping up
would take 800,000 / 39,000 = 20.5 BTC. The company pays the month's interest of $8,000 from its cash and may hold no
more cash than that; a sale of BTC costs 1%, so it repays nothing that it need not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyomo.environ import Constraint

from optimizer.decisions import OPENING
from optimizer.formulation.build import build
from optimizer.market.tree import Tree
from optimizer.scenario.schema import Scenario
from optimizer.solve.highs import NoPlanError
from tests.ledger.company import PRICE, loan, requirements, treasury, tree

from .planned import planned, scenario

DEBT_USD, PLEDGED_BTC, INTEREST_USD = 800_000.0, 16.0, 8_000.0
LOW_USD, CLOSE_USD = 60_000.0, 80_000.0
FEE = 0.02
NEEDED_BTC = DEBT_USD / (0.65 * LOW_USD)


def secured(**changes: Any) -> dict[str, Any]:
    terms = {"balance_usd": DEBT_USD, "pledged_btc": PLEDGED_BTC, "early_repayment": False}
    return loan(**{**terms, "liquidation_fee_share": FEE, **changes})


def borrower(allowed: float, btc: float = 19.0, loans: int = 1, **terms: Any) -> Scenario:
    """A company that owes; ``allowed``: the board's probability; ``loans`` alike, each with a lender of its own."""
    return scenario(
        horizon_months=1,
        decision_months=[0],
        treasury=treasury(
            btc_lots=[{"btc": btc, "cost_basis_usd": 0.0}], cash_usd=INTEREST_USD * loans, max_cash_months=0.0
        ),
        loans=[secured(name=f"Loan {k}", lender=f"Bank {k}", **terms) for k in range(loans)],
        requirements=requirements(liquidation_probability=allowed),
    )


def dip(low: float = LOW_USD, **changes: Any) -> Tree:
    """A calm month (node 1, 60%) or a dip (node 2, 40%)."""
    lows, closes = [PRICE, PRICE, low], [PRICE, PRICE, CLOSE_USD]
    return tree([-1, 0, 0], **{"probability": [1.0, 0.6, 0.4], "price_usd": closes, "low_usd": lows, **changes})


def test_a_lender_that_is_repaid_whole_sells_the_debt_and_its_fee_at_the_low() -> None:
    """800,000 / (0.98 * 60,000) = 13.605 BTC; the other 2.395 come back."""
    plan = planned(borrower(allowed=0.4), dip())
    (sale,) = plan.decisions.liquidations
    sold_btc = DEBT_USD / ((1 - FEE) * LOW_USD)
    assert (sale.node, sale.facility) == (2, "Loan 0")
    assert sale.seized_btc == pytest.approx(sold_btc)
    ((tier, drawn_node, met_usd),) = sale.principal_usd
    assert (tier, drawn_node) == (0, OPENING)
    assert met_usd == pytest.approx(DEBT_USD)
    assert plan.decisions.repayments == ()
    assert plan.position.owed_usd[:, 0] == pytest.approx([DEBT_USD, DEBT_USD, 0.0])
    assert plan.position.pledged_btc[:, 0] == pytest.approx([PLEDGED_BTC, PLEDGED_BTC, 0.0])
    calm_btc, dip_btc = 19.0 - DEBT_USD / PRICE, 19.0 - sold_btc
    assert plan.worth == pytest.approx(0.6 * calm_btc + 0.4 * dip_btc)


def test_the_low_that_counts_is_that_of_the_month_of_the_sale() -> None:
    """At $68,000 in month 1 a top-up of 2.1 BTC would do; at $50,000 in month 2 the company's 19 BTC would not."""
    given = borrower(allowed=1.0).model_copy(update={"horizon_months": 2})
    cash = given.treasury.model_copy(update={"cash_usd": 2 * INTEREST_USD})
    given = given.model_copy(update={"treasury": cash})
    on = tree([-1, 0, 1], low_usd=[PRICE, 68_000.0, 50_000.0], price_usd=[PRICE] * 3)
    (sale,) = planned(given, on).decisions.liquidations
    # The plan lets the first call go unanswered: a sale at 68,000 takes less BTC than one at 50,000.
    assert sale.node == 1
    assert sale.seized_btc == pytest.approx(DEBT_USD / ((1 - FEE) * 68_000.0))


@pytest.mark.parametrize("target", [0.5, 0.25])
def test_a_lender_with_a_target_sells_down_to_it_and_keeps_the_rest(target: float) -> None:
    """To 50%: (800,000 - 480,000) / (1 - 2% - 50%) = $666,667 of collateral, 11.1 of 16 BTC; $146,667 stay owed."""
    plan = planned(borrower(allowed=0.4, btc=PLEDGED_BTC, liquidation_target_ltv=target), dip())
    (sale,) = plan.decisions.liquidations
    sold_usd = (DEBT_USD - target * PLEDGED_BTC * LOW_USD) / (1 - FEE - target)
    left_usd, left_btc = DEBT_USD - (1 - FEE) * sold_usd, PLEDGED_BTC - sold_usd / LOW_USD
    assert sale.seized_btc == pytest.approx(sold_usd / LOW_USD)
    assert plan.position.owed_usd[2, 0] == pytest.approx(left_usd)
    assert plan.position.pledged_btc[2, 0] == pytest.approx(left_btc)
    assert left_usd / (left_btc * LOW_USD) == pytest.approx(target)
    assert plan.position.btc[2] == pytest.approx(left_btc)
    assert plan.decisions.repayments == ()


@pytest.mark.parametrize(("target", "pledged_btc"), [(None, 16.0 * 172_800 / 800_000), (0.5, 172_800 / (0.7 * 80_000))])
def test_collateral_that_does_not_do_is_sold_to_the_last_and_the_rest_is_owed(
    target: float | None, pledged_btc: float
) -> None:
    """At $40,000 the 16 BTC bring 0.98 * 640,000 = $627,200: $172,800 stay owed. The lender that would have been
    repaid whole holds their share of the pledge (3.46 BTC), the other what the call at the close asks (3.09 BTC)."""
    plan = planned(borrower(allowed=0.4, btc=20.0, liquidation_target_ltv=target), dip(low=40_000.0))
    (sale,) = plan.decisions.liquidations
    assert sale.seized_btc == pytest.approx(PLEDGED_BTC)
    assert [usd for _, _, usd in sale.principal_usd] == [pytest.approx(627_200.0)]
    assert plan.position.owed_usd[2, 0] == pytest.approx(172_800.0)
    assert plan.position.btc[2] == pytest.approx(20.0 - PLEDGED_BTC)
    assert plan.position.pledged_btc[2, 0] == pytest.approx(pledged_btc)


# ---- how often -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("loans", "allowed"), [(1, 0.4), (2, 0.8)])
def test_the_expected_number_of_liquidations_may_reach_the_board_s_probability(loans: int, allowed: float) -> None:
    """Two loans sold in one dip of 40% count 0.8, though the probability of any is 0.4: the union bound."""
    sales = planned(borrower(allowed, btc=18.0 * loans, loans=loans), dip()).decisions.liquidations
    assert sorted(sale.facility for sale in sales) == [f"Loan {k}" for k in range(loans)]
    with pytest.raises(NoPlanError):
        planned(borrower(allowed - 0.1, btc=18.0 * loans, loans=loans), dip())


def test_liquidation_is_forbidden_unless_the_board_allows_it() -> None:
    given = borrower(allowed=0.4)
    given = given.model_copy(update={"requirements": scenario().requirements})
    families = {family.name for family in build(given, dip()).pyomo.component_objects(Constraint)}
    assert not [name for name in families if name.startswith("liquidation")]
    with pytest.raises(NoPlanError):
        planned(given, dip())


@pytest.mark.parametrize("allowed", [0.0, 0.4])
def test_a_company_with_bitcoin_enough_tops_up(allowed: float) -> None:
    """22 BTC: 20.51 - 16 = 4.51 are pledged at the low. Where the lender may sell, that is still the dearer way."""
    plan = planned(borrower(allowed, btc=22.0), dip())
    assert plan.decisions.liquidations == ()
    (pledge,) = plan.decisions.pledges
    assert pledge.node == 2
    assert pledge.top_up_btc == pytest.approx(NEEDED_BTC - PLEDGED_BTC)


def test_no_lender_sells_in_a_stress() -> None:
    """The dip as a stress: it has no probability, and must be survived without a sale."""
    stress = dip(stressed=[2], probability=[1.0, 1.0, 0.0])
    with pytest.raises(NoPlanError):
        planned(borrower(allowed=1.0, btc=NEEDED_BTC - 0.1), stress)
    plan = planned(borrower(allowed=1.0, btc=NEEDED_BTC + 0.1), stress)
    assert np.asarray(plan.books.debt.seized_btc).sum() == 0.0
