"""Tables of what the plan decides: one row per decision, with what the ledger says it costs and brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optimizer.decisions import OPENING, Draw, Order, Repayment, Retirement, facility_names
from optimizer.ledger.fleet import Pair, payment_per_unit
from optimizer.ledger.lending import fall_to_ltv, price_at_ltv
from optimizer.ledger.paths import ancestors
from optimizer.market.tree import Floats, Ints, Tree
from optimizer.report.frames import DUST_BTC, DUST_UNITS, DUST_USD, PLACE, frame
from optimizer.report.places import Row, date_of, place
from optimizer.scenario.money import ExistingLoan, Facility

if TYPE_CHECKING:
    from optimizer.planning import Plan

# The column of each tranche in the debt books, by facility, tier and month drawn.
Tranches = dict[tuple[int, int, int], int]


def orders(plan: Plan) -> pd.DataFrame:
    """Machines ordered: USD due with the order and on delivery, and what arrives when."""
    columns = [
        *PLACE,
        "model",
        "site",
        "units",
        "price_usd_per_unit",
        "now_usd",
        "on_delivery_usd",
        "arrival_month",
        "arrival_date",
        "hashrate_ph",
        "power_mw",
        "efficiency_j_per_th",
    ]
    return frame((_order(plan, o) for o in plan.decisions.orders if o.units >= DUST_UNITS), columns)


def _order(plan: Plan, order: Order) -> Row:
    scenario, tree = plan.scenario, plan.tree
    pair = pair_of(plan, order.model, order.site)
    factor = float(tree.asic_price_factor[order.node])
    deposit, rest = payment_per_unit(scenario, pair, factor)
    arrival = arrival_month(plan, order)
    return {
        **place(scenario, tree, order.node),
        "model": order.model,
        "site": order.site,
        "units": order.units,
        "price_usd_per_unit": pair.price_usd * factor,
        "now_usd": order.units * deposit,
        "on_delivery_usd": order.units * rest,
        "arrival_month": arrival,
        "arrival_date": date_of(scenario, arrival),
        "hashrate_ph": order.units * pair.nameplate_ph,
        "power_mw": order.units * pair.nameplate_mw,
        "efficiency_j_per_th": scenario.machines.specs[order.model].efficiency_j_per_th,
    }


def arrival_month(plan: Plan, order: Order) -> int:
    """At whose end an order's machines arrive, its branch's delay included."""
    pair, tree = pair_of(plan, order.model, order.site), plan.tree
    assert pair.candidate is not None
    return int(tree.month[order.node]) + pair.candidate.lead_months + int(tree.delivery_delay_months[order.node])


def retirements(plan: Plan) -> pd.DataFrame:
    """Machines to be unplugged and resold, or taken by the lender of ``seized_by``, for nothing; ``resale_usd``: the
    mean over the branches after the decision."""
    columns = [
        *PLACE,
        "model",
        "site",
        "units",
        "retired_month",
        "retired_date",
        "seized_by",
        "resale_usd_per_unit",
        "resale_usd",
        "hashrate_ph",
        "power_mw",
    ]
    ancestor = ancestors(plan.tree)
    return frame((_retirement(plan, r, ancestor) for r in plan.decisions.retirements if r.units >= DUST_UNITS), columns)


def _retirement(plan: Plan, retirement: Retirement, ancestor: Ints) -> Row:
    pair = pair_of(plan, retirement.model, retirement.site)
    resale = pair.resale_usd * _mean_factor(plan.tree, ancestor, retirement.node, retirement.month)
    if retirement.seized_by is not None:
        resale = 0.0
    return {
        **place(plan.scenario, plan.tree, retirement.node),
        "model": retirement.model,
        "site": retirement.site,
        "units": retirement.units,
        "retired_month": retirement.month,
        "retired_date": date_of(plan.scenario, retirement.month),
        "seized_by": retirement.seized_by,
        "resale_usd_per_unit": resale,
        "resale_usd": retirement.units * resale,
        "hashrate_ph": retirement.units * pair.nameplate_ph,
        "power_mw": retirement.units * pair.nameplate_mw,
    }


def _mean_factor(tree: Tree, ancestor: Ints, node: int, month: int) -> float:
    """Machine prices against today's in ``month``, expected at ``node``; on a stress branch, the branch's."""
    below = np.flatnonzero((tree.month == month) & (ancestor[:, tree.month[node]] == node))
    if not len(below):
        return float("nan")
    chance = tree.probability[below]
    weights = chance if chance.sum() > 0 else np.ones(len(below))
    return float(np.average(tree.asic_price_factor[below], weights=weights))


def draws(plan: Plan) -> pd.DataFrame:
    """Loans drawn. LTV, prices and falls are the whole facility's after the node's decisions."""
    columns = [
        *PLACE,
        "facility",
        "lender",
        "tier",
        "tier_max_ltv",
        "amount_usd",
        "fee_usd",
        "received_usd",
        "apr",
        "matures_month",
        "matures_date",
        "pledged_btc",
        "ltv",
        "call_price_usd",
        "liquidation_price_usd",
        "fall_to_call_share",
        "fall_to_liquidation_share",
    ]
    tranches = _tranches(plan)
    return frame((_draw(plan, d, tranches) for d in plan.decisions.draws if d.amount_usd >= DUST_USD), columns)


def _draw(plan: Plan, draw: Draw, tranches: Tranches) -> Row:
    f = facility_names(plan.scenario).index(draw.facility)
    terms = contract_of(plan, f)
    assert isinstance(terms, Facility)
    tier = terms.tiers[draw.tier]
    month = int(plan.tree.month[draw.node])
    pledge_per_usd = plan.books.debt.terms.pledge_btc[draw.node, tranches[f, draw.tier, month]]
    fee = draw.amount_usd * terms.origination_fee_share
    matures = month + terms.term_months
    return {
        **place(plan.scenario, plan.tree, draw.node),
        "facility": draw.facility,
        "lender": terms.lender,
        "tier": draw.tier,
        "tier_max_ltv": tier.max_ltv,
        "amount_usd": draw.amount_usd,
        "fee_usd": fee,
        "received_usd": draw.amount_usd - fee,
        "apr": tier.apr,
        "matures_month": matures,
        "matures_date": date_of(plan.scenario, matures),
        "pledged_btc": draw.amount_usd * float(pledge_per_usd),
        **{name: float(values) for name, values in lines_of(plan, draw.node, f).items()},
    }


def lines_of(plan: Plan, node: int | Ints, facility: int | Ints) -> dict[str, Floats]:
    """A facility's LTV at the close of a node and how far price is from its call and its liquidation, NaN without a
    debt; of one node and facility, or element by element of many."""
    debt = plan.books.debt
    call_ltv = np.array([terms.call_ltv for terms in contracts_of(plan)])[facility]
    liquidation_ltv = np.array([terms.liquidation_ltv for terms in contracts_of(plan)])[facility]
    counted, pledged = debt.counted_usd[node, facility], debt.pledged_btc[node, facility]
    owed = counted >= DUST_USD
    secured = owed & (pledged >= DUST_BTC)
    now = np.where(owed, debt.ltv_close[node, facility], np.nan)
    counted, pledged = np.where(secured, counted, np.nan), np.where(secured, pledged, np.nan)
    return {
        "ltv": now,
        "call_price_usd": np.asarray(price_at_ltv(counted, pledged, call_ltv)),
        "liquidation_price_usd": np.asarray(price_at_ltv(counted, pledged, liquidation_ltv)),
        "fall_to_call_share": np.asarray(fall_to_ltv(now, call_ltv)),
        "fall_to_liquidation_share": np.asarray(fall_to_ltv(now, liquidation_ltv)),
    }


def repayments(plan: Plan) -> pd.DataFrame:
    """Principal repaid with the interest that had accrued on it; ``early_usd`` of it ahead of schedule."""
    columns = [
        *PLACE,
        "facility",
        "lender",
        "tier",
        "drawn_node",
        "drawn_month",
        "principal_usd",
        "accrued_interest_usd",
        "early_usd",
        "early_fee_usd",
    ]
    made, tranches = plan.decisions.repayments, _tranches(plan)
    return frame((_repayment(plan, r, tranches) for r in made if r.principal_usd >= DUST_USD), columns)


def _repayment(plan: Plan, repayment: Repayment, tranches: Tranches) -> Row:
    f = facility_names(plan.scenario).index(repayment.facility)
    terms, debt = contract_of(plan, f), plan.books.debt
    opening = repayment.drawn_node == OPENING
    drawn_month = OPENING if opening else int(plan.tree.month[repayment.drawn_node])
    q = tranches[f, 0 if opening else repayment.tier, drawn_month]
    early = float(debt.ahead_usd[repayment.node, q])
    return {
        **place(plan.scenario, plan.tree, repayment.node),
        "facility": repayment.facility,
        "lender": terms.lender,
        "tier": repayment.tier,
        "drawn_node": repayment.drawn_node,
        "drawn_month": drawn_month,
        "principal_usd": repayment.principal_usd,
        "accrued_interest_usd": repayment.principal_usd * float(debt.terms.accrued_share[repayment.node, q]),
        "early_usd": early,
        "early_fee_usd": early * terms.early_repayment_fee_share,
    }


def pledges(plan: Plan) -> pd.DataFrame:
    """BTC sent to a lender beyond what draws pledge by themselves, and BTC taken back on a price rise."""
    columns = [*PLACE, "facility", "lender", "top_up_btc", "release_btc"]
    names = facility_names(plan.scenario)
    rows: list[Row] = [
        {
            **place(plan.scenario, plan.tree, pledge.node),
            "facility": pledge.facility,
            "lender": contract_of(plan, names.index(pledge.facility)).lender,
            "top_up_btc": pledge.top_up_btc,
            "release_btc": pledge.release_btc,
        }
        for pledge in plan.decisions.pledges
        if max(pledge.top_up_btc, pledge.release_btc) >= DUST_BTC
    ]
    return frame(rows, columns)


def liquidations(plan: Plan) -> pd.DataFrame:
    """Collateral that a lender sells at the month's low, where the scenario allows it."""
    columns = [*PLACE, "facility", "lender", "seized_btc", "seized_usd", "fee_usd", "principal_usd"]
    names, debt = facility_names(plan.scenario), plan.books.debt
    rows: list[Row] = []
    for liquidation in plan.decisions.liquidations:
        n, f = liquidation.node, names.index(liquidation.facility)
        rows.append(
            {
                **place(plan.scenario, plan.tree, n),
                "facility": liquidation.facility,
                "lender": contract_of(plan, f).lender,
                "seized_btc": liquidation.seized_btc,
                "seized_usd": liquidation.seized_btc * float(plan.tree.low_usd[n]),
                "fee_usd": float(debt.liquidation_fee_usd[n, f]),
                "principal_usd": float(debt.liquidated_usd[n, f]),
            }
        )
    return frame(rows, columns)


def liquidated_draws(plan: Plan) -> pd.DataFrame:
    """Which draws a lender's sale repaid, and how much principal of each."""
    columns = [*PLACE, "facility", "lender", "tier", "drawn_node", "drawn_month", "principal_usd"]
    names = facility_names(plan.scenario)
    rows: list[Row] = [
        {
            **place(plan.scenario, plan.tree, liquidation.node),
            "facility": liquidation.facility,
            "lender": contract_of(plan, names.index(liquidation.facility)).lender,
            "tier": tier,
            "drawn_node": drawn_node,
            "drawn_month": OPENING if drawn_node == OPENING else int(plan.tree.month[drawn_node]),
            "principal_usd": principal_usd,
        }
        for liquidation in plan.decisions.liquidations
        for tier, drawn_node, principal_usd in liquidation.principal_usd
        if principal_usd >= DUST_USD
    ]
    return frame(rows, columns)


def uses(plan: Plan) -> pd.DataFrame:
    """What sources of money are used for; ``what`` ends in the unit of ``amount``."""
    columns = [*PLACE, "source", "kind", "counterparty", "what", "amount"]
    terms = {source.name: source for source in plan.scenario.sources}
    rows: list[Row] = [
        {
            **place(plan.scenario, plan.tree, use.node),
            "source": use.source,
            "kind": terms[use.source].kind,
            "counterparty": terms[use.source].counterparty,
            "what": use.what,
            "amount": use.amount,
        }
        for use in plan.decisions.uses
        if use.amount >= (DUST_USD if use.what.endswith("_usd") else DUST_BTC)
    ]
    return frame(rows, columns)


def lot_sales(plan: Plan) -> pd.DataFrame:
    """Out of which lots BTC leave the company, where it is taxed."""
    rows: list[Row] = [
        {**place(plan.scenario, plan.tree, sale.node), "lot": sale.lot, "btc": sale.btc}
        for sale in plan.decisions.lot_sales
        if sale.btc >= DUST_BTC
    ]
    return frame(rows, [*PLACE, "lot", "btc"])


def contract_of(plan: Plan, facility: int) -> ExistingLoan | Facility:
    """The contract of a facility by its index."""
    return contracts_of(plan)[facility]


def contracts_of(plan: Plan) -> tuple[ExistingLoan | Facility, ...]:
    """The contracts of all facilities, by index."""
    return (*plan.scenario.loans, *plan.scenario.facilities)


def pair_of(plan: Plan, model: str, site: str) -> Pair:
    """The ledger's entry of a model at a site."""
    sites = plan.scenario.sites
    return next(p for p in plan.books.fleet.pairs if p.model == model and sites[p.site].name == site)


def _tranches(plan: Plan) -> Tranches:
    return {(t.facility, t.tier, t.drawn_month): q for q, t in enumerate(plan.books.debt.terms.tranches)}
