"""The price view beside the neutral ones, and the growth of price at which borrowing ties with selling."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optimizer.ledger.lending import level_payment
from optimizer.market.calendar import DAYS_PER_YEAR
from optimizer.market.tree import Floats, Tree
from optimizer.scenario.market_spec import Cases, MedianGrowth
from optimizer.scenario.money import Facility
from optimizer.scenario.schema import Scenario

if TYPE_CHECKING:
    from optimizer.planning import Plan


@dataclass(frozen=True)
class PriceView:
    """The price view of the plan and what would be neutral, as yearly growth over the horizon.

    median_growth_pa: of the median price, as stated or as implied by the view (from the mean of the log of
    price, which is the median where moves are symmetric). btc_neutral_growth_pa: the growth of the median at
    which E[1/P] is flat, so that dollars held neither gain nor lose BTC. usd_neutral_growth_pa: the same for
    E[P]. sure_growth_pa: of the sure price that is worth the same to the plan: of 1 / E[1/P] when counting
    BTC, of E[P] when counting USD. careful_growth_pa: the same with outcomes weighted as the objective
    weights them, bad ones more. low_quantile: of each month's lows that lenders see; None with named cases.
    """

    text: str
    median_growth_pa: float
    btc_neutral_growth_pa: float
    usd_neutral_growth_pa: float
    sure_growth_pa: float
    careful_growth_pa: float
    low_quantile: float | None


@dataclass(frozen=True)
class LoanTie:
    """A facility's tier against selling BTC, if the loan is held to its term and repaid by selling BTC.

    break_even_growth_pa: constant yearly growth of price at which the loan takes as many BTC as selling now.
    sure_growth_pa: `PriceView.sure_growth_pa` over the loan's term (at most the horizon). careful_growth_pa:
    over the horizon. drawn_today_usd and expected_draws_usd (all months, weighted by probability): by plan.
    """

    facility: str
    lender: str
    tier: int
    tier_max_ltv: float
    apr: float
    term_months: int
    break_even_growth_pa: float
    sure_growth_pa: float
    careful_growth_pa: float
    drawn_today_usd: float
    expected_draws_usd: float

    @property
    def text(self) -> str:
        """The row as a sentence."""
        return (
            f"{self.facility} at {self.apr:.2%} ties with selling if price grows "
            f"{self.break_even_growth_pa:.1%} a year; the view is worth {self.sure_growth_pa:.1%}, or "
            f"{self.careful_growth_pa:.1%} with bad outcomes weighing as in the plan: {self.verdict}"
        )

    @property
    def verdict(self) -> str:
        """What the comparison says."""
        if self.sure_growth_pa <= self.break_even_growth_pa:
            return "selling wins"
        if self.careful_growth_pa <= self.break_even_growth_pa:
            return "borrowing wins on average, selling when care counts"
        return "borrowing wins"


def price_view(plan: Plan) -> PriceView:
    """The plan's view of price, in words and numbers."""
    scenario, tree = plan.scenario, plan.tree
    horizon = scenario.horizon_months
    leaves, chance, years = _outcomes(tree, horizon)
    ratio = tree.price_usd[leaves] / tree.price_usd[0]
    median = median_growth(plan, years)
    # Multiplying every price by a factor moves the median and the mean of 1/P (of P) alike.
    inverse, mean = float(chance @ (1 / ratio)), float(chance @ ratio)
    weights = dict(zip(plan.value.leaves, plan.value.weights.tolist(), strict=True))
    careful = np.array([weights[n] for n in leaves])
    return PriceView(
        text=view_in_words(scenario),
        median_growth_pa=median,
        btc_neutral_growth_pa=(1 + median) * inverse ** (1 / years) - 1,
        usd_neutral_growth_pa=(1 + median) / mean ** (1 / years) - 1,
        sure_growth_pa=_sure_growth(scenario, ratio, chance, years),
        careful_growth_pa=_sure_growth(scenario, ratio, careful, years),
        low_quantile=None if isinstance(scenario.market.price, Cases) else scenario.market.tree.low_quantile,
    )


def view_in_words(scenario: Scenario) -> str:
    """The stated view, as a planner would say it."""
    process = scenario.market.price
    if isinstance(process, Cases):
        return "named cases: " + ", ".join(f"{c.name} {c.probability:.0%}" for c in process.cases)
    view = process.view
    if isinstance(view, MedianGrowth):
        return f"the median price grows by {view.median_growth_pa:.1%} a year"
    if view == "btc_neutral":
        return "BTC-neutral: holding dollars neither gains nor loses BTC on average"
    return "USD-neutral: the mean price stays where it is"


def median_growth(plan: Plan, years: float) -> float:
    """Yearly growth of the median price, as stated or from the mean log of price at the horizon."""
    process = plan.scenario.market.price
    if not isinstance(process, Cases) and isinstance(process.view, MedianGrowth):
        return process.view.median_growth_pa
    mean_log = plan.fidelity.table["fan_mean_log_price"]
    return math.exp((float(mean_log.iloc[-1]) - float(mean_log.iloc[0])) / years) - 1


def loan_ties(plan: Plan) -> tuple[LoanTie, ...]:
    """Every tier of every facility offered, in the scenario's order."""
    scenario, tree = plan.scenario, plan.tree
    careful = price_view(plan).careful_growth_pa
    rows = []
    for facility in scenario.facilities:
        nodes, chance, years = _outcomes(tree, min(facility.term_months, scenario.horizon_months))
        sure = _sure_growth(scenario, tree.price_usd[nodes] / tree.price_usd[0], chance, years)
        for k, tier in enumerate(facility.tiers):
            mine = [d for d in plan.decisions.draws if (d.facility, d.tier) == (facility.name, k)]
            rows.append(
                LoanTie(
                    facility=facility.name,
                    lender=facility.lender,
                    tier=k,
                    tier_max_ltv=tier.max_ltv,
                    apr=tier.apr,
                    term_months=facility.term_months,
                    break_even_growth_pa=break_even_growth(facility, tier.apr),
                    sure_growth_pa=sure,
                    careful_growth_pa=careful,
                    drawn_today_usd=float(sum(d.amount_usd for d in mine if d.node == 0)),
                    expected_draws_usd=float(sum(d.amount_usd * tree.probability[d.node] for d in mine)),
                )
            )
    return tuple(rows)


def break_even_growth(facility: Facility, apr: float) -> float:
    """Yearly growth of price g at which borrowing 1 USD costs as many BTC as selling for it now.

    Debt D = 1 / (1 - origination fee). With q = (1 + g)^(-1/12), the BTC sold for the lender's payments
    against the BTC that selling now takes: sum_t payment_t q^t = 1. Payments: interest D r/12 a month and D
    at the end (bullet, monthly interest); D (1 + r T/12) at the end (bullet, at maturity), so that
    (1 + g)^(T/12) = D (1 + r T/12); level (amortising). The fee on selling BTC is paid either way, drops out.
    """
    months = facility.term_months
    debt = 1 / (1 - facility.origination_fee_share)
    payments = np.zeros(months)
    if facility.repayment == "amortising":
        payments += level_payment(debt, apr / 12, months)
    else:
        payments[-1] = debt
        if facility.interest == "monthly":
            payments += debt * apr / 12
        else:
            payments[-1] += debt * apr * months / 12
    t = np.arange(1, months + 1)

    def over(monthly_log_growth: float) -> float:
        return float(payments @ np.exp(-monthly_log_growth * t)) - 1

    from scipy.optimize import brentq  # loaded while the plan is solved (`optimizer.ahead`)

    # The payments add up to at least 1, so growth is at least 0; the last one bounds it from above.
    highest = max(math.log(float(payments.sum())), 1e-12)
    return math.expm1(12 * float(brentq(over, 0.0, highest, xtol=1e-15, rtol=1e-14)))


def _outcomes(tree: Tree, month: int) -> tuple[list[int], Floats, float]:
    """The nodes of a month that count, their probabilities (summing to 1) and the years to them."""
    nodes = [int(n) for n in np.flatnonzero((tree.month == month) & (tree.probability > 0))]
    chance = tree.probability[nodes]
    days = sum(float(tree.days[n]) for n in tree.paths[nodes[0]])
    return nodes, chance / chance.sum(), days / DAYS_PER_YEAR


def _sure_growth(scenario: Scenario, ratio: Floats, weights: Floats, years: float) -> float:
    worth = 1 / float(weights @ (1 / ratio)) if scenario.numeraire == "btc" else float(weights @ ratio)
    return float(worth ** (1 / years)) - 1
