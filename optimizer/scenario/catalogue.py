"""Entries of the catalogue (`models/*.yaml`): machines, loan products and sites, each with date and source.

What a source does not say is left blank (null or absent). A scenario that uses an entry must supply
what is blank and needed: see `optimizer.scenario.load`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from optimizer.scenario.base import Btc, Ltv, Month, Name, PositiveUsd, Rate, Share, Strict, Usd

Cooling = Literal["air", "hydro", "immersion"]


class Tier(Strict):
    """One step of a lender's price list: up to ``max_ltv`` the loan costs ``apr`` a year."""

    max_ltv: Ltv
    apr: Rate


class FirmwareMode(Strict):
    """A way to run a machine other than its nameplate.

    ``name``: what the mode is called. ``hashrate_ths``: TH/s in this mode. ``power_w``: watts at the wall in this mode.
    """

    name: Name
    hashrate_ths: Annotated[float, Field(gt=0, le=10_000)]
    power_w: Annotated[float, Field(gt=0, le=100_000)]


class AsicModel(Strict):
    """A machine as its maker sells it. ``hashrate_ths`` in TH/s and ``power_w`` at the wall, nameplate mode.

    ``name``: what reports call the machine. ``manufacturer``: who makes it. ``release``: when it came or comes to
    market. ``cooling``: how it is cooled. ``form_factor``: its size or shape. ``modes``: firmware modes beside the
    nameplate. ``price_usd``: price of one, ex works. ``price_kind``: what sort of price: a shop's, a wholesaler's, an
    index. ``price_as_of``: date of the price. ``price_source``: where the price is from. ``as_of``: when the machine's
    figures were last looked up. ``source``: where they are from. ``notes``: anything else worth knowing.
    """

    name: Name
    manufacturer: Name
    hashrate_ths: Annotated[float, Field(gt=0, le=10_000)]
    power_w: Annotated[float, Field(gt=0, le=100_000)]
    release: str | None = None
    cooling: Cooling | None = None
    form_factor: str | None = None
    modes: tuple[FirmwareMode, ...] = ()
    price_usd: PositiveUsd | None = None
    price_kind: str | None = None
    price_as_of: str | None = None
    as_of: str
    source: str
    price_source: str | None = None
    notes: str | None = None

    @property
    def efficiency_j_per_th(self) -> float:
        """Joules per terahash at nameplate."""
        return self.power_w / self.hashrate_ths


class LoanProduct(Strict):
    """A lender's term sheet for a loan against BTC. Every field may be blank but lender, date and source.

    Field meanings are those of `optimizer.scenario.money.Facility`, which a scenario makes of it.
    """

    lender: Name
    product: Name
    borrower: str | None = None
    tiers: tuple[Tier, ...] | None = None
    term_months: Annotated[int, Field(ge=1, le=120)] | None = None
    origination_fee_share: Share | None = None
    interest: Literal["monthly", "at_maturity"] | None = None
    ltv_counts: Literal["accrued", "full_term"] | None = None
    repayment: Literal["bullet", "amortising"] | None = None
    early_repayment: bool | None = None
    early_repayment_after_months: Month | None = None
    early_repayment_fee_share: Share | None = None
    warning_ltv: Ltv | None = None
    call_ltv: Ltv | None = None
    cure_target_ltv: Ltv | None = None
    cure_hours: Annotated[float, Field(gt=0, le=1000)] | None = None
    liquidation_ltv: Ltv | None = None
    liquidation_target_ltv: Ltv | None = None
    liquidation_fee_share: Share | None = None
    liquidation_slippage_share: Share | None = None
    release_ltv: Ltv | None = None
    release_after_days: Annotated[int, Field(ge=0, le=28)] | None = None
    rehypothecation: bool | None = None
    recourse: Literal["full", "limited"] | None = None
    failure_pa: Share | None = None
    failure_recovery_share: Share | None = None
    failure_price_beta: Annotated[float, Field(ge=0, le=20)] | None = None
    min_draw_usd: Usd | None = None
    limit_usd: Usd | None = None
    as_of: str
    source: str
    notes: str | None = None


class SitePreset(Strict):
    """A kind of site: what power costs there, how it cools, what it takes to land and install a machine."""

    cooling: tuple[Cooling, ...] | None = None
    power_usd_per_mwh: Usd | None = None
    seasonality: tuple[Annotated[float, Field(gt=0, le=10)], ...] | None = None
    pue: Annotated[float, Field(ge=1, le=2)] | None = None
    uptime_share: Share | None = None
    duty_share: Annotated[float, Field(ge=0, le=3)] | None = None
    installation_usd_per_unit: Usd | None = None
    fixed_usd_per_month: Usd | None = None
    as_of: str
    source: str
    notes: str | None = None


class Catalogue(Strict):
    """The whole catalogue, keyed by the names scenarios use."""

    asics: dict[str, AsicModel]
    loans: dict[str, LoanProduct]
    sites: dict[str, SitePreset]


__all__ = ["AsicModel", "Btc", "Catalogue", "Cooling", "FirmwareMode", "LoanProduct", "SitePreset", "Tier"]
