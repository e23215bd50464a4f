"""Power prices of the sites by the month, before the common factor moves them."""

from __future__ import annotations

import numpy as np

from optimizer.market.calendar import seasonal_factor
from optimizer.market.tree import Floats
from optimizer.scenario.schema import Scenario

NO_SEASONS = (1.0,) * 12


def seasonal_prices(scenario: Scenario) -> Floats:
    """USD per MWh expected at each site: its price times its season's factor, [month 0..horizon, site]."""
    months = scenario.horizon_months
    prices = [
        site.power_usd_per_mwh * seasonal_factor(scenario.as_of, months, site.seasonality or NO_SEASONS)
        for site in scenario.sites
    ]
    return np.array(prices).reshape(len(scenario.sites), months + 1).T
