"""What a backtest found: results by start and strategy, and the plan held against the others."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date

import numpy as np
import pandas as pd

from optimizer.scenario.load import LoadedScenario

# The plan first; what it is held against in the order of the tables, as they are called there.
STRATEGIES = {
    "plan": "Plan",
    "sell_only": "Sell only",
    "borrow_most": "Borrow at most",
    "no_machines": "No machines",
    "hold": "Hold",
}
# Two results closer than this are one: coins are counted to the hundredth.
SAME_BTC = 0.005


@dataclass(frozen=True)
class Result:
    """What one strategy brought. Without decisions on that day ``why_not`` says why, and figures are NaN or 0.

    net_btc: net worth in BTC at the window's end; expected_btc: what its tree expected for that month (NaN for
    ``hold``). calls, liquidations: how many; lost_btc: to lenders' fees and slippage. headroom_share: the least that
    price could have fallen further before a call, at the days' lows; negative when called, NaN without debt.
    lowest_cash_usd: of the months' ends; insolvent: a default, bills that it could not pay. Of the first day: sold_btc,
    borrowed_usd, ordered_units.
    """

    strategy: str
    why_not: str = ""
    net_btc: float = float("nan")
    expected_btc: float = float("nan")
    calls: int = 0
    liquidations: int = 0
    lost_btc: float = 0.0
    headroom_share: float = float("nan")
    lowest_cash_usd: float = float("nan")
    insolvent: bool = False
    sold_btc: float = 0.0
    borrowed_usd: float = 0.0
    ordered_units: float = 0.0


@dataclass(frozen=True)
class Window:
    """A start and what followed. ``months`` replayed, fewer than asked where the history ends. Prices and hashprices
    (USD per PH/s and day) of the first and the last day. Where nothing could be tried ``why_not`` says why."""

    start: date
    months: int = 0
    btc_price_usd: tuple[float, float] = (float("nan"), float("nan"))
    hashprice_usd: tuple[float, float] = (float("nan"), float("nan"))
    results: tuple[Result, ...] = ()
    why_not: str = ""

    def of(self, strategy: str) -> Result:
        """The result of a strategy, by its name in `STRATEGIES`."""
        return next((r for r in self.results if r.strategy == strategy), Result(strategy, self.why_not))


@dataclass(frozen=True)
class Against:
    """The plan less another strategy, in BTC, over the ``starts`` where both were replayed: how often the plan brought
    more and less, the mean, and the worst and best of it."""

    strategy: str
    starts: int
    ahead: int
    behind: int
    mean_btc: float
    worst_btc: float
    best_btc: float


@dataclass(frozen=True)
class Backtest:
    """A company asked what to do at many starts. ``sha256``: of the scenario; ``history``: the file's name."""

    loaded: LoadedScenario
    history: str
    every_months: int
    horizon_months: int
    windows: tuple[Window, ...]

    @property
    def table(self) -> pd.DataFrame:
        """One row for each start and strategy."""
        rows = [
            {
                "start": window.start.isoformat(),
                "months": window.months,
                **dict(zip(("btc_price_usd", "end_btc_price_usd"), window.btc_price_usd, strict=True)),
                **dict(zip(("hashprice_usd", "end_hashprice_usd"), window.hashprice_usd, strict=True)),
                **asdict(window.of(name)),
            }
            for window in self.windows
            for name in STRATEGIES
        ]
        return pd.DataFrame(rows)

    def against(self, strategy: str) -> Against:
        """The plan held against another strategy over all starts; NaN where they never met."""
        both = [(w.of("plan").net_btc, w.of(strategy).net_btc) for w in self.windows]
        gains = np.array([plan - other for plan, other in both])
        gains = gains[np.isfinite(gains)]
        nan = float("nan")
        return Against(
            strategy=strategy,
            starts=len(gains),
            ahead=int((gains > SAME_BTC).sum()),
            behind=int((gains < -SAME_BTC).sum()),
            mean_btc=float(gains.mean()) if len(gains) else nan,
            worst_btc=float(gains.min()) if len(gains) else nan,
            best_btc=float(gains.max()) if len(gains) else nan,
        )
