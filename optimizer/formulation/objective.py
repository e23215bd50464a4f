"""What the plan maximises: (1 - w) E[W] + w CVaR(W), W the net worth at a leaf in the numeraire.

Variables: ``threshold`` (the value at risk at the optimum) and ``shortfall[leaf]`` below it.
"""

from __future__ import annotations

from pyomo.core import Objective, minimize

from optimizer.formulation.fleet import resale_value
from optimizer.formulation.linear import Row, Terms, at_least
from optimizer.formulation.model import Formulation, Reals
from optimizer.formulation.sources import sources_activity, sources_worth
from optimizer.formulation.taxes import tax_owed

# Prefers, among plans of equal worth, the one that trades, borrows and pledges less. Too small to move advice:
# one BTC per million BTC traded, drawn or pledged for a month.
TIE_BREAK = 1e-6


def add_objective(f: Formulation) -> None:
    """The objective and the rows of its tail."""
    leaves, risk = f.data.leaves, f.data.scenario.risk
    value = Terms()
    worth = {leaf: net_worth(f, leaf) for leaf in leaves}
    for leaf in leaves:
        value.plus(worth[leaf], (1 - risk.weight) * float(f.data.tree.probability[leaf]))
    if risk.weight > 0:
        threshold = f.variables("threshold", [0], Reals)
        shortfall = f.variables("shortfall", leaves)
        value.add(risk.weight, threshold[0])
        for leaf in leaves:
            chance = float(f.data.tree.probability[leaf])
            value.add(-risk.weight * chance / risk.tail_share, shortfall[leaf])

        def tail_shortfall(f: Formulation, leaf: int) -> Row:
            """How far a leaf falls below the threshold:  z[leaf] >= v - W[leaf]."""
            row = Terms().add(1.0, shortfall[leaf]).add(-1.0, threshold[0])
            return at_least(row.plus(worth[leaf]))

        f.rows(tail_shortfall, leaves)
    value.plus(activity(f), -TIE_BREAK)
    # Minimised with the sign turned: HiGHS has returned wrong duals when maximising without crossover.
    f.pyomo.loss = Objective(expr=Terms().plus(value, -1.0).expression(), sense=minimize)


def net_worth(f: Formulation, leaf: int) -> Terms:
    """W = B + (cash + resale of machines - owed + sources - tax owed) / P in BTC; times P in USD (in units of today's
    price)."""
    price = float(f.data.price[leaf])
    money = Terms().add(1.0, f.pyomo.cash_usd[leaf]).plus(resale_value(f, leaf))
    for debt in f.data.debts:
        money.plus(f.owed(leaf, debt), -1.0)
    money.plus(sources_worth(f, leaf)).plus(tax_owed(f, leaf), -1.0)
    if f.data.scenario.numeraire == "btc":
        return Terms().add(1.0, f.pyomo.btc[leaf]).plus(money, 1 / price)
    return Terms().add(price, f.pyomo.btc[leaf]).plus(money)


def activity(f: Formulation) -> Terms:
    """BTC sold, principal drawn and BTC pledged, weighted by probability: what the tie-break keeps small."""
    data, m = f.data, f.pyomo
    terms = Terms()
    for n in data.nodes:
        # Stress branches have no probability, yet their ties are broken too.
        weight = max(float(data.tree.probability[n]), 1e-2)
        terms.add(weight, m.sell_btc[n])
        terms.plus(sources_activity(f, n), weight)
        for debt in data.debts:
            terms.plus(f.pledged(n, debt), weight)
            for moved in (m.released_btc, m.last_top_up_btc):
                if (n, debt.name) in moved:
                    terms.add(weight, moved[n, debt.name])
            for t in f.tranches(n, debt):
                if t.drawn_node == n:
                    terms.add(weight, f.principal[n, t.key][1])
    return terms


def tie_break(f: Formulation) -> float:
    """What the loaded solution's activity takes off the objective, in its unit."""
    return -TIE_BREAK * activity(f).value()
