"""What the fleet rows need to know, computed once: pairs of model and site, prices, dispatch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.market.tree import Floats, Tree
from optimizer.scenario.catalogue import AsicModel
from optimizer.scenario.fleet import Candidate, OrderedMachines, Site
from optimizer.scenario.schema import Scenario


@dataclass(frozen=True)
class Batch:
    """Machines ordered before today: ``ph`` PH/s that arrive at the end of ``month``, when ``due`` money is paid."""

    ph: float
    month: int
    due: float


@dataclass(frozen=True)
class Pair:
    """A model at a site. Money in model units (today's BTC price), power in MW, hashrate in PH/s.

    ``owned_ph`` runs today, ``on_order`` is still to come. For a candidate: ``lot_ph`` in a lot, ``price``, ``duty``
    and ``landing`` (freight and installation) per lot at today's machine prices. ``resale`` per PH today.
    ``mw_per_ph`` at the meter, of the hungriest mode allowed; ``slots_per_ph`` racks.
    """

    model: str
    site: str
    site_index: int
    owned_ph: float
    units_per_ph: float
    mw_per_ph: float
    resale: float
    candidate: Candidate | None
    lot_ph: float = 0.0
    price: float = 0.0
    duty: float = 0.0
    landing: float = 0.0
    on_order: tuple[Batch, ...] = ()

    @property
    def opening_ph(self) -> float:
        """PH/s owned today, on order included."""
        return self.owned_ph + sum(batch.ph for batch in self.on_order)

    @property
    def key(self) -> tuple[str, str]:
        """Index of the pair in rows and variables."""
        return (self.model, self.site)


def modes(spec: AsicModel, use_firmware_modes: bool) -> list[tuple[float, float]]:
    """(PH/s, MW at the machine) of every mode the plan may run, nameplate first."""
    found = [(spec.hashrate_ths / 1e3, spec.power_w / 1e6)]
    if use_firmware_modes:
        found += [(mode.hashrate_ths / 1e3, mode.power_w / 1e6) for mode in spec.modes]
    return found


def _pair(scenario: Scenario, model: str, site: Site, index: int, money: float) -> Pair:
    spec = scenario.machines.specs[model]
    ph = spec.hashrate_ths / 1e3
    held = [h for h in scenario.machines.held if (h.model, h.site) == (model, site.name)]
    coming = [h for h in held if isinstance(h, OrderedMachines)]
    candidate = next((c for c in scenario.machines.candidates if c.model == model and _offered(c, site)), None)
    price_usd = candidate.price_usd if candidate and candidate.price_usd else spec.price_usd or 0.0
    # A machine of today's fetches what the scenario says, else the catalogue's price less the discount.
    used_usd = spec.price_usd or 0.0 if held else price_usd
    resale_usd = used_usd * (1 - scenario.market.asic_prices.resale_discount_share)
    resale_usd = next((h.resale_usd for h in held if h.resale_usd is not None), resale_usd)
    pair = Pair(
        model=model,
        site=site.name,
        site_index=index,
        owned_ph=sum(h.units for h in held if not isinstance(h, OrderedMachines)) * ph,
        units_per_ph=1 / ph,
        mw_per_ph=max(mw for _, mw in modes(spec, scenario.machines.use_firmware_modes)) * site.pue / ph,
        resale=resale_usd / ph / money,
        candidate=candidate,
        on_order=tuple(Batch(b.units * ph, b.arrives_month, b.units * b.due_usd_per_unit / money) for b in coming),
    )
    if candidate is None:
        return pair
    lot = candidate.lot_units
    return Pair(
        **{
            **pair.__dict__,
            "lot_ph": lot * ph,
            "price": lot * price_usd / money,
            "duty": lot * price_usd * site.duty_share / money,
            "landing": lot * (candidate.freight_usd_per_unit + site.installation_usd_per_unit) / money,
        }
    )


def _offered(candidate: Candidate, site: Site) -> bool:
    return candidate.sites is None or site.name in candidate.sites


def make_pairs(scenario: Scenario, money: float) -> tuple[Pair, ...]:
    """Every model at every site where it stands, is on order or may be bought and its cooling fits. ``money``: USD
    per unit."""
    pairs = []
    for index, site in enumerate(scenario.sites):
        models = [o.model for o in scenario.machines.held if o.site == site.name]
        for candidate in scenario.machines.candidates:
            # The loader asks for a blank cooling; a scenario built without it may leave it open.
            cooling = scenario.machines.specs[candidate.model].cooling
            if _offered(candidate, site) and cooling in (None, *site.cooling):
                models.append(candidate.model)
        pairs += [_pair(scenario, model, site, index, money) for model in dict.fromkeys(models)]
    return tuple(pairs)


def dispatch(scenario: Scenario, tree: Tree, pairs: tuple[Pair, ...], money: float) -> tuple[Floats, Floats]:
    """BTC mined and power paid by 1 PH/s (nameplate) of each pair in the month that ends at each node.

    Both [node, pair]. Each machine runs in the mode with the best margin, or is off when none pays: prices at a
    node are data, so running is no decision of the model.
    """
    mined = np.zeros((len(tree), len(pairs)))
    power = np.zeros((len(tree), len(pairs)))
    for a, pair in enumerate(pairs):
        spec, site = scenario.machines.specs[pair.model], scenario.sites[pair.site_index]
        nameplate_ph = spec.hashrate_ths / 1e3
        mwh_usd = 24 * tree.days * tree.power_usd_per_mwh[:, pair.site_index] * site.pue
        best = np.zeros(len(tree))
        for ph, mw in modes(spec, scenario.machines.use_firmware_modes):
            margin = tree.revenue_usd_per_ph * ph - mwh_usd * mw
            better = margin > best
            best = np.where(better, margin, best)
            share = site.uptime_share / nameplate_ph
            mined[:, a] = np.where(better, tree.btc_per_ph * ph * share, mined[:, a])
            power[:, a] = np.where(better, mwh_usd * mw * share / money, power[:, a])
    return mined, power
