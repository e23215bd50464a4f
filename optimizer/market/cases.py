"""Named cases with probabilities as a tree: one branch each, known in full from the first month on."""

from __future__ import annotations

from dataclasses import replace
from math import log, log1p

import numpy as np

from optimizer.market.calendar import DAYS_PER_YEAR, day_of
from optimizer.market.chain import DailyPath, chain, join, piecewise_growth
from optimizer.market.mining import daily_subsidy_btc
from optimizer.market.network import follow_margins, hashprice_usd_today, log_hashprice_of_one_ehs
from optimizer.market.tree import Tree
from optimizer.scenario.market_spec import Case, Cases
from optimizer.scenario.schema import Scenario


def cases_tree(scenario: Scenario, process: Cases) -> Tree:
    """Node 0 and a branch per case. Probabilities are divided by their sum, so that they add up to 1
    exactly.
    """
    total = sum(case.probability for case in process.cases)
    branches = [_branch(scenario, case, process.low_below_close_share) for case in process.cases]
    weighted = [
        replace(
            branch,
            probability=np.where(branch.month == 0, 1.0, branch.probability * case.probability / total),
        )
        for branch, case in zip(branches, process.cases, strict=True)
    ]
    return join(weighted)


def _branch(scenario: Scenario, case: Case, low_below_close_share: float) -> Tree:
    """The case's price, and the network that answers it by the fan's daily law or grows as the case says."""
    market = scenario.market
    end_day = day_of(scenario.as_of, scenario.horizon_months)
    points = sorted(case.price, key=lambda point: point.month)
    log_price = piecewise_growth(
        log(market.btc_price_usd),
        [day_of(scenario.as_of, point.month) for point in points],
        [log(point.usd) for point in points],
        end_day,
    )
    of_one_ehs = log_hashprice_of_one_ehs(daily_subsidy_btc(market.block_height, end_day), market.fees.share)
    today = log(market.network.hashrate_ehs)
    if case.network_growth_pa is None:
        hashrate_usd = (log_price + of_one_ehs)[1:, None]
        start, hashprice = np.array([today]), np.array([log(hashprice_usd_today(market))])
        later = follow_margins(market.network, hashrate_usd, start, hashprice, 0)[:, 0]
        log_hashrate = np.concatenate([start, later])
    else:
        log_hashrate = today + log1p(case.network_growth_pa) * np.arange(end_day + 1) / DAYS_PER_YEAR
    path = DailyPath(log_price, of_one_ehs - log_hashrate, log_hashrate)
    return chain(scenario, path, scenario.horizon_months, low_below_close_share, case.name)
