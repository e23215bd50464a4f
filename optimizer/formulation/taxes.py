"""Taxes: the income of the way to each node, and what is due on it. Nothing without a ``taxes`` section.

Variables: those of lots (`optimizer.formulation.tax_lots`); ``income_usd[n]`` taxable income from today to n, free in
sign; ``tax_usd[n]`` paid at the first node of a tax year; ``tax_owed_usd[leaf]`` owed at a leaf. All linear: since
losses are carried forward without end, what must have been paid by a year's end is the rate on the highest income to
date at any year's end so far.
"""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.decisions import LotSale, TaxPayment
from optimizer.formulation.facilities import debt_payments
from optimizer.formulation.fleet import machine_payments, resale_proceeds, resale_value
from optimizer.formulation.linear import NOISE, Row, Terms, at_least, equal, total
from optimizer.formulation.lot_order import add_lot_order
from optimizer.formulation.model import Formulation, Reals
from optimizer.formulation.sources import sources_cash, sources_given_btc, sources_worth
from optimizer.formulation.tax_lots import TaxYears, add_lots, earned


def add_taxes(f: Formulation) -> None:
    """Variables and rows of taxes."""
    taxes, data = f.data.scenario.taxes, f.data
    if taxes is None:
        return
    f.taxes = years = TaxYears(f, taxes)
    nodes, m = list(data.nodes), f.pyomo
    add_lots(f)
    add_lot_order(f)
    f.variables("income_usd", nodes, Reals)
    f.variables("tax_usd", [n for n in nodes if years.pays(n)])
    f.variables("tax_owed_usd", data.leaves)
    f.rows(income_to_date, nodes)
    f.rows(tax_at_year_end, list(m.tax_usd))
    f.rows(tax_at_leaf, data.leaves)


def income_to_date(f: Formulation, n: int) -> Row:
    """Taxable income so far = the same before + this month's:  Y[n] = Y[p] + income[n]."""
    row = total((1.0, f.pyomo.income_usd[n])).plus(income(f, n), -1.0)
    return equal(row.add(-1.0, f.pyomo.income_usd[f.data.parent(n)]) if n > 0 else row)


def tax_at_year_end(f: Formulation, n: int) -> Row:
    """By a year's end the tax on all income so far is paid:  sum over the way to n of tax >= rate (Y[p] - losses)."""
    taxes = f.taxes.terms
    return at_least(paid(f, n).add(-taxes.rate, f.pyomo.income_usd[f.data.parent(n)]), -taxes.rate * losses(f))


def tax_at_leaf(f: Formulation, n: int) -> Row:
    """What is still owed at a leaf, if all were sold there:
    owed >= rate (Y[n] + unrealised gains - losses) - sum over the way to n of tax."""
    return at_least(total((1.0, f.pyomo.tax_owed_usd[n])).plus(still_due(f, n), -1.0))


def paid(f: Formulation, n: int) -> Terms:
    """Tax paid on the way to n."""
    return total(*((1.0, f.pyomo.tax_usd[k]) for k in f.data.tree.paths[n] if k in f.pyomo.tax_usd))


def losses(f: Formulation) -> float:
    """Losses of years before today, in money."""
    return float(f.taxes.terms.carry_forward_usd / f.data.money_usd)


def still_due(f: Formulation, n: int) -> Terms:
    """Tax on all income until n, unrealised gains included if they count, less what is paid; negative: nothing due."""
    taxes = f.taxes.terms
    base = total((1.0, f.pyomo.income_usd[n])).shift(-losses(f))
    if taxes.count_deferred:
        base.add(float(f.data.price[n]), f.pyomo.btc[n])
        for lot, cost in f.taxes.lots(n).items():
            base.plus(f.taxes.left(n, lot), -cost)
        if taxes.depreciation != "none":
            base.plus(resale_value(f, n))
            for k in f.data.tree.paths[n]:
                base.plus(machine_payments(f, k), -1.0).plus(depreciation(f, k))
    return Terms().plus(base, taxes.rate).plus(paid(f, n), -1.0)


def income(f: Formulation, n: int) -> Terms:
    """Taxable income of the month that ends at n and the decisions there, in money: sales less cost of lots, BTC
    earned, less power, fixed costs, cost of debt, depreciation.

    BTC that a source of money takes are part of what it gains; where that does not count they leave at n's price."""
    m, data, taxes = f.pyomo, f.data, f.taxes.terms
    price = float(data.price[n])
    out = Terms().add(price * (1 - data.scenario.treasury.sell_fee_share), m.sell_btc[n])
    for debt in data.debts:
        if f.can_be_liquidated(n, debt):
            got = float(data.low[n]) * (1 - debt.terms.liquidation_cost_share)
            out.add(got, m.seized_btc[n, debt.name])
    for lot, cost in f.taxes.lots(n).items():
        out.add(-cost, m.lot_btc[n, lot])
    if taxes.mined_income:
        out.plus(earned(f, n), price)
    if taxes.interest_deductible:
        out.plus(cost_of_debt(f, n), -1.0).plus(gain_of_sources(f, n))
    else:
        out.plus(sources_given_btc(f, n), price)
    if taxes.depreciation != "none":
        out.plus(resale_proceeds(f, n)).plus(depreciation(f, n), -1.0)
    if n > 0:
        out.plus(f.mining_margin(n)[1], -1.0).shift(-data.fixed_costs)
    return out


def cost_of_debt(f: Formulation, n: int) -> Terms:
    """Interest as it accrues, and fees:  paid to lenders + met by their sales + owed[n] - owed[p]."""
    cost = debt_payments(f, n)
    for debt in f.data.debts:
        cost.plus(f.owed(n, debt))
        if f.can_be_liquidated(n, debt):
            got = float(f.data.low[n]) * (1 - debt.terms.liquidation_cost_share)
            cost.add(got, f.pyomo.seized_btc[n, debt.name])
        if n > 0:
            cost.plus(f.owed(f.data.parent(n), debt), -1.0)
        else:
            cost.shift(-debt.balance_at_opening - debt.accrued_at_opening)
    return cost


def gain_of_sources(f: Formulation, n: int) -> Terms:
    """What sources of money gain (cost, if negative) as it accrues:  cash + worth[n] - worth[p]."""
    gain = sources_cash(f, n).plus(sources_worth(f, n))
    return gain.plus(sources_worth(f, f.data.parent(n)), -1.0) if n > 0 else gain


def depreciation(f: Formulation, n: int) -> Terms:
    """Of the cost of machines delivered on the way to n, what is deducted at n."""
    months, now = f.taxes.terms.months_of_depreciation, f.data.month(n)
    out = Terms()
    if months == 0:
        return out.plus(_delivered_cost(f, n))
    for k in f.data.tree.paths[n]:
        if 0 < now - f.data.month(k) <= months:
            out.plus(_delivered_cost(f, k), 1 / months)
    return out


def _delivered_cost(f: Formulation, n: int) -> Terms:
    """All that machines delivered at n cost, deposits included; of those on order before today what was still due."""
    known: dict[int, Terms] = f.taxes.delivered
    if n in known:
        return known[n]
    data, cost = f.data, Terms()
    for pair in data.pairs:
        cost.shift(sum(b.due for b in pair.on_order if data.arrival_month(b, n) == data.month(n)))
    for d in data.deciders[n]:
        factor = float(data.tree.asic_price_factor[d])
        for a, lots in f.arriving(d, n):
            pair = data.pairs[a]
            cost.add((pair.price + pair.duty) * factor + pair.landing, lots)
    known[n] = cost
    return cost


def tax_payment(f: Formulation, n: int) -> Terms:
    """Tax paid in cash at n."""
    return total((1.0, f.pyomo.tax_usd[n])) if f.taxes and n in f.pyomo.tax_usd else Terms()


def tax_owed(f: Formulation, leaf: int) -> Terms:
    """Tax owed at a leaf."""
    return total((1.0, f.pyomo.tax_owed_usd[leaf])) if f.taxes else Terms()


def tax_claim(f: Formulation, n: int) -> float:
    """Tax owed after n in the loaded solution, in money; a leaf without weight leaves its variable loose."""
    return max(still_due(f, n).value(), 0.0) if f.taxes else 0.0


def lot_sales(f: Formulation) -> Iterator[LotSale]:
    """Out of which lots the loaded solution sells."""
    if f.taxes:
        for (n, lot), var in f.pyomo.lot_btc.items():
            if var.value > NOISE:
                yield LotSale(n, lot, var.value)


def tax_payments(f: Formulation) -> Iterator[TaxPayment]:
    """The tax that the loaded solution pays."""
    if f.taxes:
        for n, var in f.pyomo.tax_usd.items():
            if var.value > NOISE:
                yield TaxPayment(n, var.value * f.data.money_usd)
