"""Paths drawn from the scenario's own market, by the day, a chunk at a time: what Monte Carlo replays a plan on.

The law is that of the fan which made the plan's tree (`optimizer.market.fan`); the draws are not.
"""

from __future__ import annotations

import numpy as np

from optimizer.errors import ReplayError
from optimizer.market.chain import asic_price_factor
from optimizer.market.failures import draw_failures
from optimizer.market.fan import fill, opened, overflow_is_refused_later, refuse_beyond_numbers, simulated_months
from optimizer.market.path_parts import calm, daily_steps
from optimizer.market.paths import Paths
from optimizer.market.power import seasonal_prices
from optimizer.scenario.market_spec import Cases
from optimizer.scenario.schema import Scenario

# The price view and the mean-one factors hold exactly in what is drawn together: of a handful of paths they would
# leave no more than the view itself.
FEWEST_DRAWN = 2000


@overflow_is_refused_later
def sample(scenario: Scenario, seed: int, chunk: int, paths: int) -> Paths:
    """Chunk number ``chunk`` (from 0) of a sample: so many ``paths`` to the horizon, a step a day.

    The same arguments give the same paths in whichever process and order. Chunks are independent of each other and
    of the fan, whatever its seed: the fan's streams are the children (0) to (3) of its seed, a chunk's the children
    (chunk, 0) to (chunk, 3), and (chunk, 4) for lenders' failures. The price view's identity holds within each chunk.
    Fewer than 2,000 paths are the first of 2,000.

    Raises ReplayError when the scenario's price is named cases, ScenarioError as `optimizer.market.fan.simulate`.
    """
    market = scenario.market
    if isinstance(market.price, Cases):
        raise ReplayError(
            "the scenario's price is named cases: they are known in full, so there is nothing to sample. Replay the "
            "plan on a history (--history FILE --from DATE) or a stress (--stress NAME), or give market.price a process"
        )
    steps = daily_steps(scenario.as_of, scenario.horizon_months)
    ends = steps["month_end"].tolist()
    drawn = max(paths, FEWEST_DRAWN)
    # The paths of a day lie next to each other in memory: that is how they are replayed.
    close, low = (np.full((ends[-1] + 1, drawn), market.btc_price_usd) for _ in range(2))
    fan = opened(scenario, drawn)
    streams = np.random.SeedSequence(entropy=seed, spawn_key=(chunk,))
    for month, days in enumerate(simulated_months(scenario, drawn, streams), start=1):
        fill(fan, month, days)
        close[ends[month - 1] + 1 : ends[month] + 1] = days.close_usd
        np.exp(days.log_low, out=low[ends[month - 1] + 1 : ends[month] + 1])
    refuse_beyond_numbers(fan, scenario)

    hashprice = fan.hashprice_usd_per_ph_day
    months = np.arange(scenario.horizon_months + 1)
    whole = Paths(
        **steps,
        close_usd=close.T,
        low_usd=low.T,
        btc_per_ph=fan.btc_per_ph,
        revenue_usd_per_ph=fan.revenue_usd_per_ph,
        hashprice_usd_per_ph_day=hashprice,
        network_ehs=fan.network_ehs,
        power_usd_per_mwh=fan.power_factor[:, :, None] * seasonal_prices(scenario),
        asic_price_factor=asic_price_factor(market.asic_prices, hashprice / hashprice[:, :1], months),
        **calm(scenario, drawn, scenario.horizon_months),
    )
    whole = draw_failures(scenario, whole, np.random.SeedSequence(entropy=seed, spawn_key=(chunk, 4)))
    return whole if paths == drawn else whole.take(np.arange(paths))
