"""The company half way along a path as a new question: where it stands becomes a scenario of what is left of the plan.

What is known on that day replaces what was known at first: date, price, network, fees, machine prices, cash, BTC,
machines, debts. What was a view or a rule stays: the price view, the board's requirements, the stresses (asked again
from that day). docs/explanation/policies.md says what is simplified.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from optimizer.ledger.books import reference_bills_usd_per_month
from optimizer.market.calendar import DAYS_PER_YEAR, month_end
from optimizer.market.mining import BLOCKS_PER_DAY, difficulty_from_hashrate, hashprice_btc_per_ph_day, subsidy_btc
from optimizer.market.network import HIGHEST_FEE_SHARE
from optimizer.scenario.fleet import Candidate, Machines, OrderedMachines, OwnedMachines
from optimizer.scenario.market_spec import Branching, Case, Cases, Market, PricePoint, Stress, StressPoint, TreeShape
from optimizer.scenario.money import BtcLot, ExistingLoan, Facility, Liability, Terms, Treasury
from optimizer.scenario.schema import Scenario

# A coarser market than the plan's, since it is solved again and again: a branch for each of the first month's children,
# and for each two in the month after the next decision.
MOST_PATHS = 400
MOST_FIRST_CHILDREN = 4
NEXT_CHILDREN = 2
LEAST_GAP_SHARE = 0.01
MOST_SECONDS = 60.0
# Less of a machine than this to the next whole one is a solver's rounding.
NEARLY_WHOLE = 1e-6
CENT = 0.005
# The most that a treasury's `max_cash_months` may be.
MOST_CASH_MONTHS = 60.0


@dataclass(frozen=True)
class Debt:
    """What is outstanding of one draw or existing loan. ``tranche``: which of `optimizer.ledger.tranches.all_tranches`;
    ``facility``: its index in `optimizer.decisions.facility_names`; ``matures_month`` from the plan's today; interest
    accrued and not paid; its part of the BTC pledged there."""

    tranche: int
    facility: int
    name: str
    apr: float
    matures_month: int
    principal_usd: float
    accrued_usd: float
    pledged_btc: float


@dataclass(frozen=True)
class Stock:
    """Machines of a model at a site. ``coming``: (month of arrival, units); months from the plan's today.
    ``ordered_units``: all that was ordered since. ``resale_usd``: of each, at today's machine prices."""

    model: str
    site: str
    racked_units: float
    coming: tuple[tuple[int, float], ...]
    ordered_units: float
    resale_usd: float


@dataclass(frozen=True)
class Standing:
    """A company at the end of ``month``, with everything paid that had fallen due and nothing decided yet.

    ``days`` since the plan's today; price, network and hashprice at the day's close; ``machine_price_factor`` against
    today's. ``cash_usd`` is negative where bills are not covered yet. ``btc``: free and pledged. ``due_usd``: (month,
    USD) still to pay for machines. ``closed``: indices of facilities that do not lend now.
    """

    month: int
    days: int
    price_usd: float
    network_ehs: float
    hashprice_usd_per_ph_day: float
    machine_price_factor: float
    cash_usd: float
    btc: float
    debts: tuple[Debt, ...]
    stocks: tuple[Stock, ...]
    due_usd: tuple[tuple[int, float], ...]
    closed: frozenset[int]


def scenario_at(scenario: Scenario, now: Standing) -> Scenario:
    """The scenario of what is left of ``scenario`` for a company that stands as ``now`` says.

    Its loans are ``now.debts``, in their order. ``now.month`` must be a decision month before the horizon.
    """
    horizon = scenario.horizon_months - now.month
    decision_months = tuple(month - now.month for month in scenario.decision_months if month >= now.month)
    facilities = _facilities(scenario, now, decision_months)
    loans = tuple(_loan(scenario, debt, now) for debt in now.debts)
    lenders = {contract.lender for contract in (*loans, *facilities)}
    requirements = scenario.requirements
    machines, due = _machines(scenario, now)
    return scenario.model_copy(
        update={
            "as_of": month_end(scenario.as_of, now.month),
            "horizon_months": horizon,
            "decision_months": decision_months,
            "market": _market(scenario.market, now, horizon, decision_months, lenders),
            "treasury": _treasury(scenario, now),
            "machines": machines,
            "loans": loans,
            "facilities": facilities,
            "liabilities": tuple(_liabilities(scenario, now, due, horizon)),
            "requirements": requirements.model_copy(
                update={"breakeven_from_month": max(0, requirements.breakeven_from_month - now.month)}
            ),
            "solver": scenario.solver.model_copy(
                update={
                    "gap_share": max(scenario.solver.gap_share, LEAST_GAP_SHARE),
                    "time_limit_s": min(scenario.solver.time_limit_s, MOST_SECONDS),
                }
            ),
        }
    )


# ---- market ------------------------------------------------------------------------------------------------


def _market(market: Market, now: Standing, horizon: int, decision_months: tuple[int, ...], lenders: set[str]) -> Market:
    network, price = market.network, market.price
    height = market.block_height + BLOCKS_PER_DAY * now.days
    network_ehs, fee_share = _mining_today(now, height)
    aged = (1 - network.efficiency_gain_pa) ** (now.days / DAYS_PER_YEAR)
    if isinstance(price, Cases):
        cases = tuple(case.model_copy(update={"price": _points_ahead(case, now)}) for case in price.cases)
        price = price.model_copy(update={"cases": cases})
    return market.model_copy(
        update={
            "btc_price_usd": now.price_usd,
            "block_height": height,
            "price": price,
            "network": network.model_copy(
                update={
                    "hashrate_ehs": network_ehs,
                    "fair_hashprice_usd_per_ph_day": network.fair_hashprice_usd_per_ph_day * aged,
                }
            ),
            "fees": market.fees.model_copy(update={"share": fee_share}),
            "fan": market.fan.model_copy(update={"paths": min(market.fan.paths, MOST_PATHS)}),
            "tree": market.tree.model_copy(update={"branching": _branching(market.tree, horizon, decision_months)}),
            "stress": tuple(_stress(stress, horizon, lenders) for stress in market.stress),
        }
    )


def _mining_today(now: Standing, height: int) -> tuple[float, float]:
    """Network in EH/s and fee share that give the day's hashprice: its network, and the fees that this implies. Where
    no fees would do (a shock that states hashprice), the network gives way."""

    def hashprice_usd(fee_share: float) -> float:
        difficulty = difficulty_from_hashrate(now.network_ehs)
        return now.price_usd * hashprice_btc_per_ph_day(difficulty, subsidy_btc(float(height)), fee_share)

    implied = 1 - hashprice_usd(0.0) / now.hashprice_usd_per_ph_day
    fee_share = min(max(implied, 0.0), HIGHEST_FEE_SHARE - 1e-6)
    return now.network_ehs * hashprice_usd(fee_share) / now.hashprice_usd_per_ph_day, fee_share


def _points_ahead(case: Case, now: Standing) -> tuple[PricePoint, ...]:
    """The prices of a named case that are still to come; flat where none is."""
    ahead = [point.model_copy(update={"month": point.month - now.month}) for point in case.price]
    return tuple(point for point in ahead if point.month > 0) or (PricePoint(month=1, usd=now.price_usd),)


def _branching(tree: TreeShape, horizon: int, decision_months: tuple[int, ...]) -> tuple[Branching, ...]:
    """What is learnt in the first month and in the month after the next decision; nothing where the plan's tree does
    not branch."""
    if not tree.branching:
        return ()
    first = Branching(month=1, children=min(tree.branching[0].children, MOST_FIRST_CHILDREN))
    later = [month + 1 for month in decision_months if 1 <= month < horizon]
    return (first, *(Branching(month=month, children=NEXT_CHILDREN) for month in later[:1]))


def _stress(stress: Stress, horizon: int, lenders: set[str]) -> Stress:
    """The same stress from this day on, as far as the horizon, with the lenders that are still there."""
    return stress.model_copy(
        update={
            "price": _cut(stress.price, horizon),
            "hashprice_usd": _cut(stress.hashprice_usd, horizon),
            "until_month": stress.until_month and min(stress.until_month, horizon),
            "frozen_lenders": tuple(name for name in stress.frozen_lenders if name in lenders),
        }
    )


def _cut(points: tuple[StressPoint, ...], horizon: int) -> tuple[StressPoint, ...]:
    """The points up to the horizon; a change under way there has come as far as constant growth takes it."""
    before = [point for point in points if point.month <= horizon]
    after = next((point for point in points if point.month > horizon), None)
    if after is None or (before and before[-1].month == horizon):
        return tuple(before)
    start, at = (before[-1].month, 1 + before[-1].change) if before else (0, 1.0)
    share = (horizon - start) / (after.month - start)
    change = at * ((1 + after.change) / at) ** share - 1
    return (*before, StressPoint(month=horizon, change=change))


# ---- company -----------------------------------------------------------------------------------------------


def _treasury(scenario: Scenario, now: Standing) -> Treasury:
    """All BTC as one lot at the mean cost of the first ones; cash, which a bill not covered makes nothing. The cash
    ceiling stays where it was, the first opening cash if that was more."""
    treasury, bills_usd = scenario.treasury, reference_bills_usd_per_month(scenario)
    basis_usd = sum(lot.btc * lot.cost_basis_usd for lot in treasury.btc_lots) / max(treasury.btc, 1e-12)
    months = treasury.max_cash_months
    if bills_usd > 0:
        months = min(max(months, treasury.cash_usd / bills_usd), MOST_CASH_MONTHS)
    return treasury.model_copy(
        update={
            "btc_lots": (BtcLot(btc=now.btc, cost_basis_usd=basis_usd),),
            "cash_usd": max(now.cash_usd, 0.0),
            "max_cash_months": months,
        }
    )


def _liabilities(scenario: Scenario, now: Standing, due_usd: list[tuple[int, float]], horizon: int) -> list[Liability]:
    """Promises still to come, bills of this day that cash does not cover, and what is due on machines that rounding
    has dropped."""
    ahead = [
        promise.model_copy(update={"month": promise.month - now.month})
        for promise in scenario.liabilities
        if promise.month > now.month
    ]
    if now.cash_usd < -CENT:
        ahead.append(Liability(name="bills of this day", month=0, amount_usd=-now.cash_usd))
    for month, usd in due_usd:
        if month - now.month <= horizon:
            ahead.append(Liability(name=f"machines due in {month}", month=month - now.month, amount_usd=usd))
    return ahead


def _machines(scenario: Scenario, now: Standing) -> tuple[Machines, list[tuple[int, float]]]:
    """Whole machines, racked and on order, and what may still be ordered; and what is due in months in which not a
    whole machine arrives. What is due in a month is shared by all that arrives in it."""
    batches = [(stock, month, _whole(units)) for stock in now.stocks for month, units in stock.coming]
    arriving = {month: sum(units for _, m, units in batches if m == month) for month, _ in now.due_usd}
    per_unit_usd = {month: usd / arriving[month] for month, usd in now.due_usd if arriving[month] > 0}
    owned = [
        OwnedMachines(model=stock.model, site=stock.site, units=units, resale_usd=_resale_usd(stock, now))
        for stock in now.stocks
        if (units := _whole(stock.racked_units)) > 0
    ]
    on_order = [
        OrderedMachines(
            model=stock.model,
            site=stock.site,
            units=units,
            arrives_month=month - now.month,
            due_usd_per_unit=per_unit_usd.get(month, 0.0),
            resale_usd=_resale_usd(stock, now),
        )
        for stock, month, units in batches
        if units > 0
    ]
    quotes = [_quote(scenario, quote, now) for quote in scenario.machines.candidates]
    changes = {
        "owned": tuple(owned),
        "on_order": tuple(on_order),
        "candidates": tuple(quote for quote in quotes if quote is not None),
    }
    left_usd = [(month, usd) for month, usd in now.due_usd if month not in per_unit_usd and usd > CENT]
    return scenario.machines.model_copy(update=changes), left_usd


def _resale_usd(stock: Stock, now: Standing) -> float:
    return stock.resale_usd * now.machine_price_factor


def _quote(scenario: Scenario, quote: Candidate, now: Standing) -> Candidate | None:
    """A machine on offer at the day's price, as many as are left; None where none is."""
    price_usd = quote.price_usd or scenario.machines.specs[quote.model].price_usd
    changes: dict[str, float] = {"price_usd": price_usd * now.machine_price_factor} if price_usd else {}
    if quote.max_units is not None:
        left = quote.max_units - sum(stock.ordered_units for stock in now.stocks if stock.model == quote.model)
        if _whole(left) < 1:
            return None
        changes["max_units"] = _whole(left)
    return quote.model_copy(update=changes)


def _whole(units: float) -> int:
    """Whole machines: a part of one needs no rack."""
    return floor(units + NEARLY_WHOLE)


def _loan(scenario: Scenario, debt: Debt, now: Standing) -> ExistingLoan:
    contract = (*scenario.loans, *scenario.facilities)[debt.facility]
    terms = {name: getattr(contract, name) for name in Terms.model_fields}
    return ExistingLoan(
        **{
            **terms,
            "name": debt.name,
            "failure_pa": _failure_pa(scenario, contract, now),
            "balance_usd": debt.principal_usd,
            "accrued_usd": debt.accrued_usd,
            "pledged_btc": debt.pledged_btc,
            "apr": debt.apr,
            "matures_month": debt.matures_month - now.month,
        }
    )


def _failure_pa(scenario: Scenario, contract: Terms, now: Standing) -> float:
    """The chance a year that the lender fails at the price of now; at most 1."""
    fallen = scenario.market.btc_price_usd / now.price_usd
    return min(1.0, contract.failure_pa * float(fallen**contract.failure_price_beta))


def _facilities(scenario: Scenario, now: Standing, decision_months: tuple[int, ...]) -> tuple[Facility, ...]:
    """Offers that can still be drawn, for what is not outstanding of them."""
    found = []
    for f, offer in enumerate(scenario.facilities, start=len(scenario.loans)):
        first, last = max(0, offer.draw_from_month - now.month), offer.draw_until_month - now.month
        room_usd = offer.limit_usd - sum(debt.principal_usd for debt in now.debts if debt.facility == f)
        drawable = any(first <= month <= last for month in decision_months)
        if drawable and f not in now.closed and room_usd >= max(offer.min_draw_usd, 1.0):
            window = {"draw_from_month": first, "draw_until_month": last}
            failure = {"failure_pa": _failure_pa(scenario, offer, now)}
            found.append(offer.model_copy(update={"limit_usd": room_usd, **window, **failure}))
    return tuple(found)
