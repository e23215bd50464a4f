"""Sites and machines of a scenario: where there is room, what runs there, what may be bought."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from optimizer.scenario.base import Month, Name, PositiveUsd, Share, Strict, Usd
from optimizer.scenario.catalogue import AsicModel, Cooling


class Site(Strict):
    """A site. ``power_mw`` at the meter for machines and cooling; a machine draws its watts times ``pue``.

    ``rack_slots`` blank: power is the only limit. ``seasonality``: twelve factors on the power price, January
    first. ``duty_share``: import duty on a machine's price; ``installation_usd_per_unit`` falls due at delivery.

    ``name``: what reports call the site. ``preset``: a site of the catalogue that fills what is not written.
    ``cooling``: kinds of cooling that the site has; a machine needs one that fits. ``power_usd_per_mwh``: price of
    power, before its season. ``pue``: power at the meter over the machines' own. ``uptime_share``: share of the time
    that machines run. ``fixed_usd_per_month``: what the site costs beside power, whatever runs. ``as_of``: when this
    was last true. ``source``: where it is from. ``notes``: anything else worth knowing.
    """

    name: Name
    preset: str | None = None
    power_mw: Annotated[float, Field(ge=0, le=100_000)]
    rack_slots: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    cooling: Annotated[tuple[Cooling, ...], Field(min_length=1)]
    power_usd_per_mwh: Usd
    seasonality: (
        Annotated[tuple[Annotated[float, Field(gt=0, le=10)], ...], Field(min_length=12, max_length=12)] | None
    ) = None
    pue: Annotated[float, Field(ge=1, le=2)] = 1.0
    uptime_share: Share
    duty_share: Annotated[float, Field(ge=0, le=3)] = 0.0
    installation_usd_per_unit: Usd = 0.0
    fixed_usd_per_month: Usd = 0.0
    as_of: str | None = None
    source: str | None = None
    notes: str | None = None


class OwnedMachines(Strict):
    """Machines already racked at a site. ``resale_usd`` per unit today; blank: the catalogue's price less the
    market's resale discount.

    ``model``: id of the machine in the catalogue or in ``specs``. ``site``: name of the site. ``units``: how many
    machines.
    """

    model: Name
    site: Name
    units: Annotated[int, Field(ge=1, le=10_000_000)]
    resale_usd: Usd | None = None


class OrderedMachines(Strict):
    """Machines ordered before today that are still to come.

    They arrive at the end of ``arrives_month`` (a stress branch's delivery delay comes on top), when
    ``due_usd_per_unit`` is paid: what is left of the price, duty, freight and installation. They need power and racks
    from then on and first hash in the month after. ``resale_usd`` per unit today; blank: the catalogue's price
    less the market's resale discount; machines of one model at one site are alike, so entries that state it agree.

    ``model``: id of the machine in the catalogue or in ``specs``. ``site``: name of the site where they go. ``units``:
    how many machines.
    """

    model: Name
    site: Name
    units: Annotated[int, Field(ge=1, le=10_000_000)]
    arrives_month: Annotated[int, Field(ge=1, le=120)]
    due_usd_per_unit: Usd = 0.0
    resale_usd: Usd | None = None


class Candidate(Strict):
    """A machine the company may order, as quoted.

    ``price_usd`` per unit, ex works; blank: the catalogue's. ``lead_months``: a machine ordered at the end of
    month d arrives at the end of month d + lead and first hashes in the month after. ``deposit_share`` of the
    price is paid with the order, the rest, duty, freight and installation on delivery. Today's order is in whole
    lots of ``lot_units``; ``max_units`` is what the vendor can deliver over the whole plan (blank: no limit).
    ``sites`` blank: any site whose cooling fits.

    ``model``: id of the machine in the catalogue or in ``specs``. ``freight_usd_per_unit``: freight of one machine.
    ``quote_as_of``: date of the quote. ``quote_source``: who quoted.
    """

    model: Name
    price_usd: PositiveUsd | None = None
    lead_months: Month
    deposit_share: Share = 1.0
    freight_usd_per_unit: Usd = 0.0
    lot_units: Annotated[int, Field(ge=1, le=1_000_000)]
    max_units: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    sites: tuple[Name, ...] | None = None
    quote_as_of: str | None = None
    quote_source: str | None = None


class Machines(Strict):
    """The fleet section. ``specs`` is filled from the catalogue for every model named here.

    ``owned``: machines racked today. ``on_order``: ordered before today and still to come. ``candidates``: what may be
    ordered. ``use_firmware_modes``: machines may run in the firmware modes of their model too, in whichever earns most;
    else only as on the nameplate.
    """

    owned: tuple[OwnedMachines, ...] = ()
    on_order: tuple[OrderedMachines, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    specs: dict[str, AsicModel] = Field(default_factory=dict)
    use_firmware_modes: bool = False

    def quoted_usd(self, quote: Candidate) -> float:
        """What a candidate costs ex works: as quoted, or the catalogue's price."""
        return quote.price_usd or self.specs[quote.model].price_usd or 0.0

    @property
    def held(self) -> tuple[OwnedMachines | OrderedMachines, ...]:
        """All that the company has today, racked and on order."""
        return (*self.owned, *self.on_order)
