"""Cross-checks of sites and machines: known, fitting, within power and racks, delivered in time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from optimizer.scenario.fleet import OrderedMachines, OwnedMachines, Site
from optimizer.scenario.issues import Issue, repeated
from optimizer.scenario.nodes import Place
from optimizer.scenario.schema import Scenario
from optimizer.scenario.shape import did_you_mean

Machines = OwnedMachines | OrderedMachines


def _machines(s: Scenario) -> list[tuple[Place, Machines]]:
    """Every entry of machines owned or on order, with its place."""
    sections: dict[str, tuple[Machines, ...]] = {"owned": s.machines.owned, "on_order": s.machines.on_order}
    return [(("machines", name, i), entry) for name, found in sections.items() for i, entry in enumerate(found)]


def site_and_machine_names_differ(s: Scenario) -> Iterator[Issue]:
    """Each site has its own name; a model is offered once, and owned once at a site."""
    yield from repeated([(("sites", i, "name"), site.name) for i, site in enumerate(s.sites)], "site")
    candidates = s.machines.candidates
    named = [(("machines", "candidates", i, "model"), c.model) for i, c in enumerate(candidates)]
    yield from repeated(named, "candidate")
    owned = [
        (("machines", "owned", i, "model"), f"{machine.model} at {machine.site}")
        for i, machine in enumerate(s.machines.owned)
    ]
    yield from repeated(owned, "entry: add their units up")


def machines_stand_at_known_sites(s: Scenario) -> Iterator[Issue]:
    """Machines owned or on order and candidates name sites of the scenario."""
    sites = [site.name for site in s.sites]
    named: list[tuple[Place, str]] = [((*place, "site"), machines.site) for place, machines in _machines(s)]
    for i, candidate in enumerate(s.machines.candidates):
        place: Place = ("machines", "candidates", i, "sites")
        named += [((*place, j), site) for j, site in enumerate(candidate.sites or ())]
    for place, site in named:
        if site not in sites:
            yield Issue(place, "the scenario has no such site", did_you_mean(site, sites))


def cooling_fits(s: Scenario) -> Iterator[Issue]:
    """A machine stands only where its cooling fits, and a candidate fits some site."""
    sites = {site.name: site for site in s.sites}
    for where, machines in _machines(s):
        if machines.site in sites and not _fits(s, machines.model, sites[machines.site]):
            yield _misfit(s, (*where, "site"), machines.model, sites[machines.site])
    for i, candidate in enumerate(s.machines.candidates):
        place = ("machines", "candidates", i)
        for j, name in enumerate(candidate.sites or ()):
            if name in sites and not _fits(s, candidate.model, sites[name]):
                yield _misfit(s, (*place, "sites", j), candidate.model, sites[name])
        if candidate.sites is None and not any(_fits(s, candidate.model, site) for site in s.sites):
            cooling = _cooling(s, candidate.model)
            message = f"no site has {cooling} cooling, which {candidate.model} needs"
            yield Issue((*place, "model"), message, "add a site that has it, or drop the candidate")


def _cooling(s: Scenario, model: str) -> str | None:
    return s.machines.specs[model].cooling if model in s.machines.specs else None


def _fits(s: Scenario, model: str, site: Site) -> bool:
    cooling = _cooling(s, model)
    return cooling is None or cooling in site.cooling


def _misfit(s: Scenario, place: Place, model: str, site: Site) -> Issue:
    message = f"{model} needs {_cooling(s, model)} cooling, and {site.name} has {', '.join(site.cooling)}"
    return Issue(place, message, "choose another site, or correct the site's cooling")


def owned_machines_have_room(s: Scenario) -> Iterator[Issue]:
    """Machines racked today draw no more than the site's power and fill no more than its slots."""
    for i, site in enumerate(s.sites):
        here = [owned for owned in s.machines.owned if owned.site == site.name]
        yield from _crowded(s, i, here, "owned here", "correct the {} or the units owned")


def machines_on_order_have_room(s: Scenario) -> Iterator[Issue]:
    """What is on order fits its site when nothing else stands there; warns where machines of today must leave."""
    for i, site in enumerate(s.sites):
        coming = [machines for machines in s.machines.on_order if machines.site == site.name]
        here = [owned for owned in s.machines.owned if owned.site == site.name]
        found = list(_crowded(s, i, coming, "on order for this site", "correct the {} or the units on order"))
        yield from found
        if coming and not found:
            mend = "expect some to be unplugged when the new ones arrive; else correct the {}"
            for issue in _crowded(s, i, [*here, *coming], "owned here and on order", mend):
                yield replace(issue, warning=True)


def _crowded(s: Scenario, i: int, machines: Sequence[Machines], what: str, mend: str) -> Iterator[Issue]:
    """An issue each if ``machines`` need more power, and more slots, than site ``i`` has."""
    site = s.sites[i]
    specs = s.machines.specs
    power_mw = sum(m.units * specs[m.model].power_w / 1e6 for m in machines if m.model in specs) * site.pue
    units = sum(m.units for m in machines)
    if power_mw > site.power_mw * (1 + 1e-9):
        message = f"the machines {what} draw {power_mw:,.4g} MW with cooling, more than the site has"
        yield Issue(("sites", i, "power_mw"), message, mend.format("power"))
    if site.rack_slots is not None and units > site.rack_slots:
        message = f"{units:,} machines are {what}, more than there are slots"
        yield Issue(("sites", i, "rack_slots"), message, mend.format("slots"))


def resale_values_agree(s: Scenario) -> Iterator[Issue]:
    """Machines of one model at one site are alike: owned or on order, they are stated to fetch the same."""
    stated: dict[tuple[str, str], float] = {}
    for place, machines in _machines(s):
        if machines.resale_usd is not None:
            first_usd = stated.setdefault((machines.model, machines.site), machines.resale_usd)
            if machines.resale_usd != first_usd:
                message = f"{machines.model} at {machines.site} fetches ${first_usd:,.0f} by another entry"
                yield Issue((*place, "resale_usd"), message, "write the same in both, or leave one blank")


def machines_on_order_arrive_in_time(s: Scenario) -> Iterator[Issue]:
    """Warns of machines on order that arrive too late to hash a single month."""
    for i, machines in enumerate(s.machines.on_order):
        if machines.arrives_month >= s.horizon_months:
            message = f"{machines.model} arrives too late to hash before the horizon"
            mend = "it counts at its resale value less what is due; lengthen the horizon to see it hash"
            yield Issue(("machines", "on_order", i, "arrives_month"), message, mend, warning=True)


def power_is_not_free(s: Scenario) -> Iterator[Issue]:
    """Warns of a site whose power costs nothing."""
    for i, site in enumerate(s.sites):
        if site.power_usd_per_mwh == 0:
            message = "power is free here: every machine will run whatever it earns"
            yield Issue(("sites", i, "power_usd_per_mwh"), message, "check the price", warning=True)


def orders_arrive_in_time(s: Scenario) -> Iterator[Issue]:
    """Warns of orders that would arrive too late to hash a single month."""
    for i, candidate in enumerate(s.machines.candidates):
        late = [m for m in s.decision_months if m + candidate.lead_months + 1 > s.horizon_months]
        if late:
            months = ", ".join(map(str, late))
            message = f"ordered in month {months}, {candidate.model} would not hash before the horizon"
            place = ("machines", "candidates", i, "lead_months")
            yield Issue(place, message, "expect no such orders, or lengthen the horizon", warning=True)


def specs_are_used(s: Scenario) -> Iterator[Issue]:
    """Warns of a model described but neither owned, on order nor offered."""
    used = {machines.model for _, machines in _machines(s)} | {c.model for c in s.machines.candidates}
    for name in s.machines.specs:
        if name not in used:
            message = "is neither owned nor a candidate"
            yield Issue(("machines", "specs", name), message, did_you_mean(name, sorted(used)), warning=True)
