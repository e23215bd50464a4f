"""Treasury: BTC and cash through time.

Variables: ``btc[n]`` all BTC held, pledged included; ``cash_usd[n]``; ``sell_btc[n]``; ``buy_btc[n]`` (at node 0
always, so that comparators can use it; elsewhere only where the scenario allows buying).
"""

from __future__ import annotations

from optimizer.formulation.facilities import debt_payments
from optimizer.formulation.fleet import machine_payments, payables, resale_proceeds
from optimizer.formulation.lender_failure import expected_losses
from optimizer.formulation.linear import Row, Terms, at_least, at_most, equal, total
from optimizer.formulation.model import Formulation, Reals
from optimizer.formulation.sources import sources_btc, sources_cash
from optimizer.formulation.taxes import tax_payment


def add_treasury_variables(f: Formulation) -> None:
    """Variables of the treasury; its rows need those of fleet and facilities."""
    nodes = list(f.data.nodes)
    f.variables("btc", nodes)
    # Free in sign, so that a diagnosis can say by how much cash would run out; `min_cash` keeps it positive.
    f.variables("cash_usd", nodes, Reals)
    f.variables("sell_btc", nodes)
    allowed = f.data.scenario.treasury.buy_btc
    buy = f.variables("buy_btc", nodes if allowed else [0])
    if not allowed:
        buy[0].setub(0.0)


def add_treasury(f: Formulation) -> None:
    """Rows of the treasury."""
    nodes = list(f.data.nodes)
    f.rows(btc_balance, nodes)
    f.rows(cash_balance, nodes)
    f.rows(min_cash, nodes)
    if f.data.scenario.requirements.min_btc > 0:
        f.rows(min_btc, nodes)
    f.rows(max_cash, [n for n in nodes if f.data.tree.stress[n] < 0])


def btc_balance(f: Formulation, n: int) -> Row:
    """BTC held = held before + mined - sold + bought - seized - expected lost with lenders + from sources of money:
    B[n] = B[p] + g[n] - s[n] + b[n] - sum_i q[n,i] - lost[n] + sources[n]."""
    m = f.pyomo
    row = total((1.0, m.btc[n]), (1.0, m.sell_btc[n])).plus(sources_btc(f, n), -1.0)
    row.plus(expected_losses(f, n))
    if n in m.buy_btc:
        row.add(-1.0, m.buy_btc[n])
    if n == 0:
        return equal(row, f.data.scenario.treasury.btc)
    for debt in f.data.debts:
        if f.can_be_liquidated(n, debt):
            row.add(1.0, m.seized_btc[n, debt.name])
    mined, _ = f.mining_margin(n)
    return equal(row.add(-1.0, m.btc[f.data.parent(n)]).plus(mined, -1.0))


def cash_balance(f: Formulation, n: int) -> Row:
    """Cash = cash before + sales - purchases - power - fixed costs - liabilities - lenders - machines + resale
    + sources of money - tax."""
    m, data = f.pyomo, f.data
    treasury, price = data.scenario.treasury, float(data.price[n])
    income = Terms().add(price * (1 - treasury.sell_fee_share), m.sell_btc[n])
    if n in m.buy_btc:
        income.add(-price * (1 + treasury.buy_fee_share), m.buy_btc[n])
    income.plus(resale_proceeds(f, n)).plus(machine_payments(f, n), -1.0).plus(debt_payments(f, n), -1.0)
    income.plus(sources_cash(f, n)).plus(tax_payment(f, n), -1.0).shift(-liabilities_due(f, n))
    if n == 0:
        income.shift(data.opening_cash)
    else:
        _, power = f.mining_margin(n)
        income.add(1.0, m.cash_usd[data.parent(n)]).plus(power, -1.0).shift(-data.fixed_costs)
    return equal(income.add(-1.0, m.cash_usd[n]))


def liabilities_due(f: Formulation, n: int) -> float:
    """Money the company has promised to pay at the month of node n."""
    due = sum(owed.amount_usd for owed in f.data.scenario.liabilities if owed.month == f.data.month(n))
    return due / f.data.money_usd


def min_cash(f: Formulation, n: int) -> Row:
    """Cash never falls under the board's floor:  cash[n] >= min_cash."""
    return at_least(total((1.0, f.pyomo.cash_usd[n])), f.data.scenario.requirements.min_cash_usd / f.data.money_usd)


def min_btc(f: Formulation, n: int) -> Row:
    """BTC held, pledged included, never falls under the board's floor:  B[n] >= min_btc."""
    return at_least(total((1.0, f.pyomo.btc[n])), f.data.scenario.requirements.min_btc)


def max_cash(f: Formulation, n: int) -> Row:
    """Dollars are for bills, not for a bet against BTC:
    cash[n] <= months * reference bills + still due on machines + opening cash above that.

    Without it an optimizer that counts in BTC sells the treasury to buy it back later wherever E[1/P] rises.
    """
    ceiling = f.data.scenario.treasury.max_cash_months * f.data.reference_bills
    spare = max(0.0, f.data.opening_cash - ceiling)
    return at_most(total((1.0, f.pyomo.cash_usd[n])).plus(payables(f, n), -1.0), ceiling + spare)
