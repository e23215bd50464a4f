"""The market section: where prices start, how they may move, and the price view the plan is made under."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from optimizer.scenario.base import Growth, Month, Name, Share, Strict

Volatility = Annotated[float, Field(ge=0, le=3)]


class MedianGrowth(Strict):
    """The view that the median price grows by this share a year.

    ``median_growth_pa``: growth of the median price a year, 0.3 for 30%.
    """

    median_growth_pa: Growth


# Stated by every scenario, never defaulted. btc_neutral: E[1/P] stays flat, so holding dollars neither gains
# nor loses BTC; usd_neutral: E[P] stays flat.
PriceView = Literal["btc_neutral", "usd_neutral"] | MedianGrowth


class Gbm(Strict):
    """Geometric Brownian motion with yearly ``volatility_pa``.

    ``process``: how price moves. ``view``: what price is expected to do: growth of its median a year, ``btc_neutral``
    or ``usd_neutral``.
    """

    process: Literal["gbm"]
    view: PriceView
    volatility_pa: Volatility


class JumpDiffusion(Strict):
    """Merton's jump-diffusion: GBM plus ``jumps_pa`` jumps a year, log size normal (mean, sd).

    ``process``: how price moves. ``view``: what price is expected to do: growth of its median a year, ``btc_neutral``
    or ``usd_neutral``. ``volatility_pa``: yearly volatility between jumps. ``jump_mean_log``: mean of a jump's log
    size. ``jump_sd_log``: its standard deviation.
    """

    process: Literal["jump_diffusion"]
    view: PriceView
    volatility_pa: Volatility
    jumps_pa: Annotated[float, Field(ge=0, le=365)]
    jump_mean_log: Annotated[float, Field(ge=-3, le=3)]
    jump_sd_log: Annotated[float, Field(ge=0, le=3)]


class Bootstrap(Strict):
    """Blocks of ``block_days`` daily log returns drawn from a CSV with columns ``date`` and ``price_usd``.

    ``csv`` is relative to the scenario file. The history's own drift is replaced by the ``view``.

    ``process``: how price moves. ``view``: what price is expected to do: growth of its median a year, ``btc_neutral``
    or ``usd_neutral``. ``from_date``: first day of the history that is used; blank: its own. ``to_date``: last day;
    blank: its own.
    """

    process: Literal["bootstrap"]
    view: PriceView
    csv: str
    from_date: date | None = None
    to_date: date | None = None
    block_days: Annotated[int, Field(ge=1, le=365)]


class PricePoint(Strict):
    """A price at the end of a month.

    ``month``: months from today. ``usd``: BTC's price then.
    """

    month: Annotated[int, Field(ge=1, le=120)]
    usd: Annotated[float, Field(gt=0, le=1e9)]


class Case(Strict):
    """A named future with a probability: prices at some months, joined by constant growth, flat after the last.

    ``network_growth_pa`` replaces the market's own answer of network hashrate to price.

    ``name``: what reports call it. ``probability``: those of all cases add up to 1. ``price``: BTC's price at the ends
    of some months.
    """

    name: Name
    probability: Annotated[float, Field(gt=0, le=1)]
    price: Annotated[tuple[PricePoint, ...], Field(min_length=1)]
    network_growth_pa: Growth | None = None


class Cases(Strict):
    """Named cases with probabilities. ``low_below_close_share``: each month's low lies this far below the
    lower of its opening and closing price.

    ``process``: how price moves. ``cases``: the futures there are.
    """

    process: Literal["cases"]
    cases: Annotated[tuple[Case, ...], Field(min_length=1, max_length=50)]
    low_below_close_share: Annotated[float, Field(ge=0, lt=1)]


PriceProcess = Annotated[Gbm | JumpDiffusion | Bootstrap | Cases, Field(discriminator="process")]


class Network(Strict):
    """Network hashrate answers mining margins.

    Each day d ln H = (ln(1 + growth_pa) + response * ln(hashprice / fair_hashprice)) dt, kept within
    [-max_fall_pa, +max_growth_pa] a year (as log rates). ``fair_hashprice_usd_per_ph_day``: where the marginal
    miner breaks even; it falls by ``efficiency_gain_pa`` a year as machines get better.

    ``hashrate_ehs``: network hashrate today. ``growth_pa``: its growth a year while hashprice is fair. ``response``:
    how strongly hashrate answers hashprice; 0: not at all. ``max_growth_pa``: fastest growth a year, as a log rate.
    ``max_fall_pa``: fastest fall a year, as a log rate.
    """

    hashrate_ehs: Annotated[float, Field(gt=0, le=1e6)]
    growth_pa: Growth
    response: Annotated[float, Field(ge=0, le=20)]
    fair_hashprice_usd_per_ph_day: Annotated[float, Field(gt=0, le=1e6)]
    efficiency_gain_pa: Share = 0.0
    max_growth_pa: Annotated[float, Field(ge=0, le=10)] = 1.0
    max_fall_pa: Annotated[float, Field(ge=0, le=10)] = 1.0


class Fees(Strict):
    """Transaction fees as a share of a block's total reward, with a mean-reverting log deviation.

    ``share``: transaction fees over a block's total reward. ``volatility_pa``: volatility of their deviation a year; 0:
    they stay as they are. ``reversion_pa``: how fast a deviation fades, a year.
    """

    share: Annotated[float, Field(ge=0, lt=0.9)]
    volatility_pa: Volatility = 0.0
    reversion_pa: Annotated[float, Field(gt=0, le=365)] = 6.0


class AsicPrices(Strict):
    """Machine prices move with hashprice to the power ``elasticity`` and age by ``ageing_pa`` a year.

    ``resale_discount_share``: what a seller gives up against the price of a new machine.
    """

    elasticity: Annotated[float, Field(ge=0, le=3)]
    ageing_pa: Share
    resale_discount_share: Share


class PowerPrices(Strict):
    """A common factor on every site's power price: log-normal, mean one, mean-reverting, correlated with BTC.

    ``volatility_pa``: volatility of the factor a year; 0: power costs what the sites say. ``reversion_pa``: how fast a
    deviation fades, a year. ``btc_correlation``: correlation of its moves with BTC's price.
    """

    volatility_pa: Volatility = 0.0
    reversion_pa: Annotated[float, Field(gt=0, le=365)] = 4.0
    btc_correlation: Annotated[float, Field(ge=-1, le=1)] = 0.0


class Fan(Strict):
    """How many daily paths are simulated, and the seed that makes them the same every time.

    ``paths``: how many paths. ``seed``: the same seed, the same paths.
    """

    paths: Annotated[int, Field(ge=10, le=200_000)]
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)]


class Branching(Strict):
    """From ``month`` on, every branch splits into ``children``."""

    month: Annotated[int, Field(ge=1, le=120)]
    children: Annotated[int, Field(ge=1, le=50)]


class TreeShape(Strict):
    """Where the tree branches, and which quantile of the paths' monthly lows a node shows lenders.

    ``branching``: in which months branches split, and into how many. ``low_quantile``: quantile of the paths' monthly
    lows at which lenders test a node; 0.1: nine of ten paths fall less deep.
    """

    branching: tuple[Branching, ...] = ()
    low_quantile: Annotated[float, Field(gt=0, le=0.5)]


class StressPoint(Strict):
    """A change against today, reached at the end of ``month``: -0.5 = half, 0.2 = a fifth more.

    ``change``: a share of today's value, -0.5 for half of it.
    """

    month: Annotated[int, Field(ge=1, le=120)]
    change: Annotated[float, Field(gt=-1, le=20)]


class Stress(Strict):
    """A branch without probability that the plan must survive.

    ``price``: changes of the BTC price against today, joined by constant growth, flat after the last.
    ``hashprice_usd``: the same for USD hashprice; blank: network and fees stay as today, so hashprice follows
    price (and the halving). ``low_below_close_share``: each month's low lies this far below
    the lower of its opening and closing price. ``delivery_delay_months`` is added to
    every lead time. ``frozen_lenders``: they neither lend nor give back collateral from ``frozen_from_month``
    to ``frozen_until_month``. The branch ends at ``until_month`` (blank: the horizon).

    ``name``: what reports call it. ``power_price_factor``: power costs so many times what it does. ``source``: where
    its figures are from.
    """

    name: Name
    price: tuple[StressPoint, ...] = ()
    hashprice_usd: tuple[StressPoint, ...] = ()
    low_below_close_share: Annotated[float, Field(ge=0, lt=1)]
    delivery_delay_months: Month = 0
    power_price_factor: Annotated[float, Field(gt=0, le=20)] = 1.0
    frozen_lenders: tuple[Name, ...] = ()
    frozen_from_month: Annotated[int, Field(ge=1, le=120)] = 1
    frozen_until_month: Annotated[int, Field(ge=1, le=120)] = 120
    until_month: Annotated[int, Field(ge=1, le=120)] | None = None
    source: str | None = None


class Market(Strict):
    """Today's market (as of the scenario's date) and how it may move. ``block_height`` dates the halving.

    ``btc_price_usd``: BTC's price today. ``source``: where today's figures are from. ``price``: how BTC's price may
    move. ``network``: how network hashrate may move. ``fees``: transaction fees. ``asic_prices``: how machine prices
    move. ``power_prices``: how power prices move. ``fan``: how many paths are simulated. ``tree``: how they are made
    into branches to decide on. ``stress``: futures without probability that the plan must survive.
    """

    btc_price_usd: Annotated[float, Field(gt=0, le=1e9)]
    block_height: Annotated[int, Field(ge=0, le=6_930_000)]
    source: str | None = None
    price: PriceProcess
    network: Network
    fees: Fees
    asic_prices: AsicPrices
    power_prices: PowerPrices = PowerPrices()
    fan: Fan
    tree: TreeShape
    stress: tuple[Stress, ...] = ()
