"""Lots of BTC, where there are taxes: what is in each, what it cost, and what of it leaves the company.

Variables: ``lot_btc[n, lot]`` that leave the company at n out of a lot; ``taken_btc[n]`` of these, what goes to
sources of money and failing lenders (where there are any).
"""

from __future__ import annotations

from itertools import pairwise

from optimizer.formulation.lender_failure import expected_losses
from optimizer.formulation.linear import Row, Terms, at_least, at_most, equal, total
from optimizer.formulation.model import Formulation
from optimizer.formulation.source import nothing
from optimizer.formulation.sources import sources_btc, sources_given_btc
from optimizer.market.calendar import month_end
from optimizer.scenario.taxes import Taxes, bought_lot, mined_lot, opening_lot


class TaxYears:
    """The lots that can be sold at each node, what they cost, and where tax is paid: parameters."""

    def __init__(self, f: Formulation, taxes: Taxes) -> None:
        data, scenario = f.data, f.data.scenario
        self.terms = taxes
        self._opening = {
            opening_lot(k): (lot.btc, lot.cost_basis_usd / data.money_usd)
            for k, lot in enumerate(scenario.treasury.btc_lots)
        }
        months = range(int(data.tree.month.max()) + 1)
        self._year = [taxes.year_of(month_end(scenario.as_of, month)) for month in months]
        self._f = f
        # All that machines delivered at a node cost, made once for each.
        self.delivered: dict[int, Terms] = {}
        # What one PH/s would have mined in the lot's year so far, and its worth: [node].
        self._mined: list[tuple[float, float]] = []
        for n in data.nodes:
            ph, p = float(data.tree.btc_per_ph[n]), data.parent(n)
            before = self._mined[p] if p >= 0 and self.year(p) == self.year(n) else (0.0, 0.0)
            self._mined.append((before[0] + ph, before[1] + ph * float(data.price[n])))

    def year(self, n: int) -> int:
        """The tax year of the month that ends at n."""
        return self._year[self._f.data.month(n)]

    def pays(self, n: int) -> bool:
        """Whether n is the first node of a tax year: last year's tax falls due."""
        return n > 0 and self.year(n) != self.year(self._f.data.parent(n))

    def lots(self, n: int) -> dict[str, float]:
        """Cost in money per BTC of every lot that can be sold at n, by name, the oldest first: those held today as the
        scenario lists them, then by month, what is mined in a year under the year's first.

        What was mined in a year is one lot. Its cost is the price of the months mined so far, weighed by what a
        machine mined in each: an average that does not depend on decisions, else it would not be linear.
        """
        data = self._f.data
        found = {name: cost for name, (_, cost) in self._opening.items()}
        for k in data.tree.paths[n]:
            found[mined_lot(self.year(k))] = self._mined_cost(k) if self.terms.mined_income else 0.0
            if k in self._f.pyomo.buy_btc:
                fee = data.scenario.treasury.buy_fee_share
                found[bought_lot(data.month(k))] = float(data.price[k]) * (1 + fee)
        return found

    def _mined_cost(self, n: int) -> float:
        ph, worth = self._mined[n]
        return worth / ph if ph > 0 else float(self._f.data.price[n])

    def came_in(self, n: int, lot: str) -> Terms:
        """BTC that have come into a lot on the way to n."""
        f = self._f
        if lot in self._opening:
            return Terms(self._opening[lot][0])
        came = Terms()
        for k in f.data.tree.paths[n]:
            if lot == mined_lot(self.year(k)):
                came.plus(earned(f, k))
            if lot == bought_lot(f.data.month(k)):
                came.add(1.0, f.pyomo.buy_btc[k])
        return came

    def turns(self, n: int) -> list[tuple[str, str]]:
        """The lots that may hold BTC at n in the order in which they are sold, each with the next."""
        costs = {lot: cost for lot, cost in self.lots(n).items() if self._may_hold(n, lot)}
        order = list(costs)
        if self.terms.lot_method == "hifo":
            # To the cent, so that lots of the same cost go by age and not by rounding.
            order.sort(key=lambda lot: -round(costs[lot] * self._f.data.money_usd, 2))
        return list(pairwise(order))

    def _may_hold(self, n: int, lot: str) -> bool:
        return self._opening[lot][0] > 0 if lot in self._opening else not self.came_in(n, lot).is_empty()

    def older_are_done(self, lot: str) -> bool:
        """Whether lots go by age and nothing comes into an older one once there is anything in this: not so for what is
        bought within a year in which more is mined, nor for lots by cost, whose order changes."""
        return self.terms.lot_method == "fifo" and (lot in self._opening or lot in map(mined_lot, self._year))

    def most(self, n: int, lot: str) -> float:
        """More BTC than the lot can hold at n."""
        data = self._f.data
        if lot in self._opening:
            return self._opening[lot][0]
        of_year = [k for k in data.tree.paths[n] if lot == mined_lot(self.year(k))]
        if not of_year or any(kind.btc is not nothing for kind in self._f.kinds.values()):
            return data.btc_bound
        return data.most_ph * sum(float(data.mined[k].max(initial=0.0)) for k in of_year)

    def left(self, n: int, lot: str) -> Terms:
        """BTC left of a lot after n."""
        out = self._f.pyomo.lot_btc
        gone = total(*((1.0, out[k, lot]) for k in self._f.data.tree.paths[n] if (k, lot) in out))
        return self.came_in(n, lot).plus(gone, -1.0)


def add_lots(f: Formulation) -> None:
    """Variables and rows of lots."""
    years, nodes = f.taxes, list(f.data.nodes)
    lots = f.variables("lot_btc", [(n, lot) for n in nodes for lot in years.lots(n)])
    taking = nodes if _takes(f) else []
    f.variables("taken_btc", taking)
    f.rows(lots_sold, nodes)
    f.rows(taken_is_given, taking)
    # A lot that has stopped growing is tested where its branch ends: what has left it never comes back.
    ends = {n for n in nodes if not f.data.tree.children[n]}
    f.rows(lot_is_there, [(n, lot) for n, lot in lots if n in ends or lot == mined_lot(years.year(n))])


def lots_sold(f: Formulation, n: int) -> Row:
    """What leaves the company comes out of lots:  sum_lot l[n,lot] = s[n] + sum_i q[n,i] + taken[n]."""
    m = f.pyomo
    row = total(*((1.0, m.lot_btc[n, lot]) for lot in f.taxes.lots(n)), (-1.0, m.sell_btc[n]))
    for debt in f.data.debts:
        if f.can_be_liquidated(n, debt):
            row.add(-1.0, m.seized_btc[n, debt.name])
    return equal(row.plus(taken(f, n), -1.0))


def taken_is_given(f: Formulation, n: int) -> Row:
    """Out of lots goes no more to sources of money than they take:  taken[n] <= sources' take + lost[n]."""
    given = sources_given_btc(f, n).plus(expected_losses(f, n))
    return at_most(total((1.0, f.pyomo.taken_btc[n])).plus(given, -1.0))


def lot_is_there(f: Formulation, n: int, lot: str) -> Row:
    """No more leaves a lot than came into it:  sum over the way to n of l[.,lot] <= came in."""
    return at_least(f.taxes.left(n, lot))


def earned(f: Formulation, n: int) -> Terms:
    """BTC that join the year's lot at n: mined, brought by sources of money (less what these took), less what is
    expected lost with lenders that may fail, made up for by what was taken out of lots for them."""
    came = Terms().plus(sources_btc(f, n)).plus(taken(f, n)).plus(expected_losses(f, n), -1.0)
    return came.plus(f.mining_margin(n)[0]) if n > 0 else came


def taken(f: Formulation, n: int) -> Terms:
    """BTC that leave lots at n for sources of money."""
    return total((1.0, f.pyomo.taken_btc[n])) if _takes(f) else Terms()


def _takes(f: Formulation) -> bool:
    """Whether BTC can leave the company otherwise than by a sale: to a source of money, or with a failing lender."""
    return any(kind.btc is not nothing for kind in f.kinds.values()) or any(
        debt.terms.failure_pa > 0 for debt in f.data.debts
    )
