"""Closed forms of Bitcoin mining: subsidy, difficulty, hashprice, hashcost, break-even.

Pure and vectorised: every argument may be a number or an array, and arrays broadcast.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from optimizer.market.tree import Floats

BLOCKS_PER_DAY = 144
BLOCKS_PER_HALVING = 210_000
SECONDS_PER_BLOCK = 600
SECONDS_PER_DAY = 86_400
HASHES_PER_DIFFICULTY = 2.0**32

Number = TypeVar("Number", float, Floats)


def subsidy_btc(height: Number) -> Number:
    """BTC of subsidy in the block at ``height``: 50 halved every 210,000 blocks (Bitcoin Core,
    GetBlockSubsidy; the rounding down to whole satoshis is left out: it is below 1e-8 BTC).
    """
    reward: Number = 50.0 * 0.5 ** (height // BLOCKS_PER_HALVING)
    return reward


def difficulty_from_hashrate(network_ehs: Number) -> Number:
    """Difficulty at which ``network_ehs`` EH/s find a block every 600 s: hashrate * 600 / 2^32."""
    return network_ehs * 1e18 * SECONDS_PER_BLOCK / HASHES_PER_DIFFICULTY


def hashrate_from_difficulty(difficulty: Number) -> Number:
    """EH/s that find a block every 600 s at this difficulty: difficulty * 2^32 / 600."""
    return difficulty * HASHES_PER_DIFFICULTY / SECONDS_PER_BLOCK / 1e18


def hashprice_btc_per_ph_day(difficulty: Number, subsidy: Number | float, fee_share: Number | float) -> Number:
    """BTC that 1 PH/s mines in a day, in expectation.

    ``subsidy``: BTC per block. ``fee_share``: fees as a share of a block's total reward (0 <= share < 1), so
    the reward is subsidy / (1 - fee_share).
    """
    blocks_per_day = 1e15 * SECONDS_PER_DAY / (difficulty * HASHES_PER_DIFFICULTY)
    return blocks_per_day * subsidy / (1.0 - fee_share)


def hashcost_usd_per_ph_day(j_per_th: Number, usd_per_mwh: Number | float, pue: Number | float = 1.0) -> Number:
    """Power cost of running 1 PH/s for a day: J/TH * 24/1000 is MWh per PH and day."""
    return j_per_th * 24.0 / 1000.0 * usd_per_mwh * pue


def breakeven_usd_per_mwh(hashprice_usd_per_ph_day: Number, j_per_th: Number | float) -> Number:
    """Power price at which a machine of ``j_per_th`` earns what its power costs (PUE 1)."""
    return hashprice_usd_per_ph_day / (0.024 * j_per_th)


def daily_subsidy_btc(block_height: int, days: int) -> Floats:
    """Mean subsidy of each day, [day 0..days]; day 0 is the block at ``block_height``, day d the 144 blocks
    ending d days later, so a day (and the sum over a month) across a halving is weighted by blocks."""
    first_block = block_height + BLOCKS_PER_DAY * np.arange(days, dtype=np.float64)
    blocks = first_block[:, None] + np.arange(BLOCKS_PER_DAY)
    return np.concatenate([[subsidy_btc(float(block_height))], subsidy_btc(blocks).mean(axis=1)])


def subsidy_ahead(block_height: int, first_day: float, last_day: float) -> float:
    """Mean subsidy from one day after ``block_height`` to another, over that of the first: 1 without a halving between.
    A buyer of hashrate knows when halvings come, and quotes a term with them in it."""
    first, last = round(first_day), max(round(last_day), round(first_day) + 1)
    daily = daily_subsidy_btc(block_height, last)
    return float(daily[first + 1 :].mean() / daily[first])
