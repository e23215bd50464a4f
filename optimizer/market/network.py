"""Network hashrate answers mining margins, day by day; hashprice follows from it.

Difficulty is taken to follow hashrate at once: the fortnightly retarget would only shift about a week of
income.
"""

from __future__ import annotations

from math import log, log1p

import numpy as np

from optimizer.market.calendar import DAYS_PER_YEAR
from optimizer.market.mining import difficulty_from_hashrate, hashprice_btc_per_ph_day, subsidy_btc
from optimizer.market.tree import Floats
from optimizer.scenario.market_spec import Market, Network

# Fees never make up more of a block's reward than this.
HIGHEST_FEE_SHARE = 0.9


def log_hashprice_of_one_ehs(subsidy: Floats, fee_share: Floats | float) -> Floats:
    """ln of the BTC that 1 PH/s would mine in a day if the network were 1 EH/s; less ln(EH/s) it is ln of
    hashprice in BTC."""
    difficulty = difficulty_from_hashrate(np.ones_like(subsidy))
    log_hashprice: Floats = np.log(hashprice_btc_per_ph_day(difficulty, subsidy, fee_share))
    return log_hashprice


def hashprice_usd_today(market: Market) -> float:
    """USD per PH/s per day from today's price, network, fees and subsidy."""
    difficulty = difficulty_from_hashrate(market.network.hashrate_ehs)
    subsidy = subsidy_btc(float(market.block_height))
    return market.btc_price_usd * hashprice_btc_per_ph_day(difficulty, subsidy, market.fees.share)


def follow_margins(
    network: Network,
    log_hashprice_of_one_ehs_usd: Floats,
    log_hashrate: Floats,
    log_hashprice_usd: Floats,
    day: int,
) -> Floats:
    """ln of network hashrate in EH/s after each day, [day, path].

    d ln H = (ln(1 + growth_pa) + response ln(hashprice / fair)) dt, within [-max_fall_pa, max_growth_pa],
    where hashprice and the falling fair hashprice are those at the day's start.

    log_hashprice_of_one_ehs_usd: [day, path], ln of what USD hashprice would be if the network were 1 EH/s.
    log_hashrate, log_hashprice_usd: before the first day, [path]. day: days from today to that moment.
    """
    trend = log1p(network.growth_pa)
    log_fair = log(network.fair_hashprice_usd_per_ph_day)
    fair_trend = log(max(1.0 - network.efficiency_gain_pa, 1e-12))
    path = np.empty_like(log_hashprice_of_one_ehs_usd)
    for row, of_one_ehs in enumerate(log_hashprice_of_one_ehs_usd):
        margin = log_hashprice_usd - (log_fair + fair_trend * (day + row) / DAYS_PER_YEAR)
        rate = np.clip(trend + network.response * margin, -network.max_fall_pa, network.max_growth_pa)
        log_hashrate = log_hashrate + rate / DAYS_PER_YEAR
        log_hashprice_usd = of_one_ehs - log_hashrate
        path[row] = log_hashrate
    return path
