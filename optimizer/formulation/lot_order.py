"""The order in which lots are sold where the tax authority sets it: oldest first, or highest cost first.

Variable: ``lot_empty[n, lot]`` binary, nothing is left of the lot after n; for every lot but the last in n's order. The
recourse is no longer linear, so this is for small trees.
"""

from __future__ import annotations

from optimizer.formulation.linear import Row, at_least, at_most, total
from optimizer.formulation.model import Binary, Formulation


def add_lot_order(f: Formulation) -> None:
    """Variables and rows of the order; none where the plan chooses its lots."""
    if f.taxes.terms.lot_method == "plan":
        return
    turns = [(n, lot, after) for n in f.data.nodes for lot, after in f.taxes.turns(n)]
    f.variables("lot_empty", [(n, lot) for n, lot, _ in turns], Binary)
    f.rows(lot_waits, turns)
    f.rows(lot_is_empty, [(n, lot) for n, lot, _ in turns])
    f.rows(lots_empty_in_turn, [turn for turn in turns if (turn[0], turn[2]) in f.pyomo.lot_empty])


def lot_waits(f: Formulation, n: int, lot: str, after: str) -> Row:
    """Nothing leaves a lot before the one whose turn is earlier is empty:  l[n,after] <= B[n,after] z[n,lot].

    Where no earlier lot can grow again all that has left the later one until n stands in place of l[n,after]: what was
    empty then is empty now, and the relaxation is tighter.
    """
    years = f.taxes
    way = f.data.tree.paths[n] if years.older_are_done(after) else [n]
    gone = total(*((1.0, f.pyomo.lot_btc[k, after]) for k in way if (k, after) in f.pyomo.lot_btc))
    return at_most(gone.add(-years.most(n, after), f.pyomo.lot_empty[n, lot]))


def lot_is_empty(f: Formulation, n: int, lot: str) -> Row:
    """What is called empty is:  left[n,lot] <= B[n,lot] (1 - z[n,lot])."""
    most = f.taxes.most(n, lot)
    return at_most(f.taxes.left(n, lot).add(most, f.pyomo.lot_empty[n, lot]), most)


def lots_empty_in_turn(f: Formulation, n: int, lot: str, after: str) -> Row:
    """A lot is called empty only after the one before it:  z[n,lot] - z[n,after] >= 0."""
    return at_least(total((1.0, f.pyomo.lot_empty[n, lot]), (-1.0, f.pyomo.lot_empty[n, after])))
