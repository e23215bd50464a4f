"""How well a tree keeps the fan it stands for: moments month by month, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from optimizer.market.fan import Fan
from optimizer.market.tree import Floats, Tree

if TYPE_CHECKING:
    import pandas as pd

# A spread of logs below this is rounding.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Fidelity:
    """``columns``, each [month 0..horizon]: for every moment ``fan_...``, ``tree_...`` and ``difference_...``
    (relative; for mean_log_price, as logs differ, absolute). ``stage_ends``: the months where the tree keeps the fan's
    E[P] as well as E[1/P]; between them it keeps the one of the numeraire.

    Moments: mean_price_usd, mean_inverse_price (1/USD), mean_log_price, sd_log_price,
    mean_hashprice_usd (per PH/s per day), sd_log_hashprice, mean_btc_per_ph.
    """

    columns: dict[str, Floats]
    stage_ends: tuple[int, ...]

    @cached_property
    def table(self) -> pd.DataFrame:
        """The columns, indexed by month."""
        import pandas as pd

        table = pd.DataFrame(self.columns)
        table.index.name = "month"
        return table


def fidelity(fan: Fan | None, tree: Tree, stage_ends: tuple[int, ...]) -> Fidelity:
    """The table for a tree made from ``fan``; None for named cases, which are their own fan."""
    of_tree = _tree_moments(tree)
    of_fan = of_tree if fan is None else _fan_moments(fan)
    columns: dict[str, Floats] = {}
    for moment, in_tree in of_tree.items():
        in_fan = of_fan[moment]
        scale = np.ones_like(in_fan) if moment == "mean_log_price" else np.abs(in_fan)
        columns[f"fan_{moment}"] = in_fan
        columns[f"tree_{moment}"] = in_tree
        columns[f"difference_{moment}"] = (in_tree - in_fan) / np.where(scale > 0, scale, 1.0)
    return Fidelity(columns, stage_ends)


def _moments(price: Floats, hashprice: Floats, btc_per_ph: Floats, weight: Floats) -> list[float]:
    """The moments of one month's outcomes, in the order of `Fidelity`; all arguments [outcome]."""

    def mean(values: Floats) -> float:
        # Not as a product of matrices: for so few numbers the threads of that wait longer than they work.
        return float((weight * values).sum())

    def sd(values: Floats) -> float:
        spread = float(np.sqrt(mean((values - mean(values)) ** 2)))
        return spread if spread > ROUNDING else 0.0

    log_price = np.log(price)
    return [
        mean(price),
        mean(1.0 / price),
        mean(log_price),
        sd(log_price),
        mean(hashprice),
        sd(np.log(hashprice)),
        mean(btc_per_ph),
    ]


MOMENTS = (
    "mean_price_usd",
    "mean_inverse_price",
    "mean_log_price",
    "sd_log_price",
    "mean_hashprice_usd",
    "sd_log_hashprice",
    "mean_btc_per_ph",
)


def _by_name(rows: list[list[float]]) -> dict[str, Floats]:
    return dict(zip(MOMENTS, np.array(rows).T, strict=True))


def _fan_moments(fan: Fan) -> dict[str, Floats]:
    paths, months = fan.price_usd.shape
    weight = np.full(paths, 1.0 / paths)
    return _by_name(
        [
            _moments(fan.price_usd[:, t], fan.hashprice_usd_per_ph_day[:, t], fan.btc_per_ph[:, t], weight)
            for t in range(months)
        ]
    )


def _tree_moments(tree: Tree) -> dict[str, Floats]:
    rows = []
    for month in range(int(tree.month.max()) + 1):
        at = np.flatnonzero((tree.month == month) & (tree.probability > 0))
        rows.append(
            _moments(
                tree.price_usd[at],
                tree.hashprice_usd_per_ph_day[at],
                tree.btc_per_ph[at],
                tree.probability[at] / tree.probability[at].sum(),
            )
        )
    return _by_name(rows)
