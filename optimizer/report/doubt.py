"""What the advice hangs on: how wrong an assumption may be before the advice turns.

Closed forms on the tree the plan was made for; nothing is solved again. What things are worth, cost and earn
is in the numeraire: BTC, or USD of net worth at the horizon.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimizer.report.machine_ties import MachineTie, machine_ties
from optimizer.report.price_view import LoanTie, PriceView, loan_ties, price_view

if TYPE_CHECKING:
    from optimizer.planning import Plan

MOMENT_WORDS = {
    "mean_price_usd": "mean price",
    "mean_inverse_price": "mean of 1/price",
    "mean_log_price": "mean log of price",
    "sd_log_price": "spread of price",
    "mean_hashprice_usd": "mean hashprice",
    "sd_log_hashprice": "spread of hashprice",
    "mean_btc_per_ph": "BTC mined per PH/s",
}


@dataclass(frozen=True)
class TreeError:
    """How far one moment of the tree is from the simulated market's, at its worst over the stages' ends.

    ``difference``: relative; for mean_log_price, as logs differ.
    """

    moment: str
    month: int
    difference: float

    @property
    def text(self) -> str:
        """The row as a sentence."""
        return f"{MOMENT_WORDS[self.moment]}: {self.difference:+.2%} in month {self.month}"


@dataclass(frozen=True)
class Doubt:
    """Everything the plan should be doubted for. ``gap``: proven distance to the best plan of this tree,
    relative, and ``gap_worth`` the same in the numeraire. ``tree``: one row per moment."""

    price: PriceView
    loans: tuple[LoanTie, ...]
    machines: tuple[MachineTie, ...]
    tree: tuple[TreeError, ...]
    gap: float
    gap_worth: float


def doubt_of(plan: Plan) -> Doubt:
    """The doubts about a plan."""
    return Doubt(
        price=price_view(plan),
        loans=loan_ties(plan),
        machines=machine_ties(plan),
        tree=tree_errors(plan),
        gap=plan.solver.gap,
        gap_worth=plan.solver.gap * abs(plan.objective),
    )


def tree_errors(plan: Plan) -> tuple[TreeError, ...]:
    """The worst difference between tree and simulated market for each moment, at the ends of stages."""
    table = plan.fidelity.table.loc[list(plan.fidelity.stage_ends)]
    rows = []
    for moment in MOMENT_WORDS:
        differences = table[f"difference_{moment}"]
        month = int(differences.abs().to_numpy().argmax())
        rows.append(TreeError(moment, int(table.index[month]), float(differences.iloc[month])))
    return tuple(rows)
