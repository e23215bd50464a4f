"""Cross-checks of sites and machines: known, fitting, within power and racks, delivered in time."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.scenario.fleet import OwnedMachines, Site
from optimizer.scenario.issues import Issue, repeated
from optimizer.scenario.nodes import Place
from optimizer.scenario.schema import Scenario
from optimizer.scenario.shape import did_you_mean


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
    """Owned machines and candidates name sites of the scenario."""
    sites = [site.name for site in s.sites]
    named: list[tuple[Place, str]] = [
        (("machines", "owned", i, "site"), owned.site) for i, owned in enumerate(s.machines.owned)
    ]
    for i, candidate in enumerate(s.machines.candidates):
        place: Place = ("machines", "candidates", i, "sites")
        named += [((*place, j), site) for j, site in enumerate(candidate.sites or ())]
    for place, site in named:
        if site not in sites:
            yield Issue(place, "the scenario has no such site", did_you_mean(site, sites))


def cooling_fits(s: Scenario) -> Iterator[Issue]:
    """A machine stands only where its cooling fits, and a candidate fits some site."""
    sites = {site.name: site for site in s.sites}
    for i, owned in enumerate(s.machines.owned):
        if owned.site in sites and not _fits(s, owned.model, sites[owned.site]):
            yield _misfit(s, ("machines", "owned", i, "site"), owned.model, sites[owned.site])
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
        power_mw = sum(_power_mw(s, owned) for owned in here) * site.pue
        units = sum(owned.units for owned in here)
        if power_mw > site.power_mw * (1 + 1e-9):
            message = f"the machines owned here draw {power_mw:,.4g} MW with cooling, more than the site has"
            yield Issue(("sites", i, "power_mw"), message, "correct the power or the units owned")
        if site.rack_slots is not None and units > site.rack_slots:
            message = f"{units:,} machines are owned here, more than there are slots"
            yield Issue(("sites", i, "rack_slots"), message, "correct the slots or the units owned")


def _power_mw(s: Scenario, owned: OwnedMachines) -> float:
    spec = s.machines.specs.get(owned.model)
    return owned.units * spec.power_w / 1e6 if spec else 0.0


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
    """Warns of a model described but neither owned nor offered."""
    used = {owned.model for owned in s.machines.owned} | {c.model for c in s.machines.candidates}
    for name in s.machines.specs:
        if name not in used:
            message = "is neither owned nor a candidate"
            yield Issue(("machines", "specs", name), message, did_you_mean(name, sorted(used)), warning=True)
