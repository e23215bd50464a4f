"""A daily history made for tests: a seeded walk of price, a growing network, a halving, fees."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

FIRST, LAST = date(2019, 1, 1), date(2021, 9, 30)
# The day of the halving and how many of its 144 blocks came after.
HALVING, BLOCKS_AFTER = date(2020, 5, 11), 44
BLOCKS = 144
FEE_SHARE = 0.05


def made_history(seed: int = 1, volatility_pa: float = 0.6, growth_pa: float = 0.5) -> pd.DataFrame:
    """Days by date with the columns of a network history; 12.5 BTC a block, half of it after the halving."""
    days = pd.date_range(str(FIRST), str(LAST), name="date")
    rng = np.random.default_rng(seed)
    moves = volatility_pa / np.sqrt(365) * rng.standard_normal(len(days))
    halving = days.get_loc(str(HALVING))
    blocks_after = np.where(np.arange(len(days)) < halving, 0, BLOCKS)
    blocks_after[halving] = BLOCKS_AFTER
    issued = (BLOCKS - blocks_after) * 12.5 + blocks_after * 6.25
    return pd.DataFrame(
        {
            "price_usd": 10_000 * np.exp(np.cumsum(moves)),
            "difficulty": 1e13 * (1 + growth_pa) ** (np.arange(len(days)) / 365),
            "blocks": float(BLOCKS),
            "subsidy_btc_per_block": np.where(np.arange(len(days)) < halving, 12.5, 6.25),
            "issuance_btc_per_day": issued,
            "fees_btc_per_day": issued * FEE_SHARE / (1 - FEE_SHARE),
        },
        index=days,
    )


def write_history(history: pd.DataFrame, folder: Path) -> Path:
    """The history as a CSV file."""
    csv = folder / "made.csv"
    history.to_csv(csv)
    return csv
