"""Filling a scenario from the catalogue: loan products, site presets and machine models.

What the scenario writes wins, field by field. What the catalogue leaves blank and a plan needs is a problem
for the scenario to mend: nothing is invented.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from optimizer.errors import Problem, ScenarioError
from optimizer.scenario.catalogue import AsicModel, LoanProduct, SitePreset
from optimizer.scenario.fleet import Site
from optimizer.scenario.money import ExistingLoan, Facility
from optimizer.scenario.nodes import Mark, Node, Place, path_text, plain, problem_at, put, shown
from optimizer.scenario.shape import did_you_mean
from optimizer.scenario.source import is_readable, read_file
from optimizer.scenario.sources.catalogue import blank_allowed, source_kinds
from optimizer.scenario.translate import problems_of

Entries = dict[str, Node]


@dataclass(frozen=True)
class CatalogueNodes:
    """The catalogue as written, keyed by id. ``broken`` ids have problems that are already reported."""

    asics: Entries
    loans: Entries
    sites: Entries
    sources: Entries
    broken: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Completed:
    """A scenario with its catalogue entries merged in.

    ``blank``: for each place filled from the catalogue what filled it, such as ``product ledn_x``, so that a
    field still missing there can be explained. ``unknown``: places that name an entry which does not exist or
    is broken; fields missing there are not worth a message of their own.
    """

    node: Node
    blank: Mapping[Place, str]
    unknown: frozenset[Place]


def read_catalogue(directory: Path, named_at: Mark, problems: list[Problem]) -> CatalogueNodes:
    """asics.yaml, loans.yaml and sites.yaml of ``directory``, each a mapping of ids to entries, validated; and
    sources.yaml if it is there, where each entry is of the kind that it names.

    Raises `ScenarioError` when a file cannot be read; what is wrong with an entry goes to ``problems``.
    """
    files: dict[str, type[BaseModel]] = {"asics": AsicModel, "loans": LoanProduct, "sites": SitePreset}
    absent = [f"{kind}.yaml" for kind in files if not is_readable(directory / f"{kind}.yaml")]
    if absent:
        message = f"the folder has no {', '.join(absent)} that can be read"
        mend = "write the path of the catalogue's folder, relative to this file; a file without entries reads {}"
        raise ScenarioError([problem_at(named_at, "catalogue", message, str(directory), mend)])
    entries = {kind: read_file(directory / f"{kind}.yaml").mapping for kind in files}
    broken: set[str] = set()
    for kind, model in files.items():
        for name, entry in entries[kind].items():
            try:
                model.model_validate_json(json.dumps(plain(entry)))
            except ValidationError as error:
                problems += problems_of(error, entry, model, prefix=(name,))
                broken.add(name)
    sources = directory / "sources.yaml"
    offered = read_file(sources).mapping if is_readable(sources) else {}
    for name, entry in offered.items():
        found = _source_problems(name, entry)
        problems += found
        broken.update([name] if found else [])
    return CatalogueNodes(entries["asics"], entries["loans"], entries["sites"], offered, frozenset(broken))


def _source_problems(name: str, entry: Node) -> list[Problem]:
    """What is wrong with an entry of sources.yaml: of a kind that there is, it may leave blank what it likes."""
    kind = entry.mapping.get("kind")
    kinds = source_kinds()
    if kind is None or kind.value not in kinds:
        at = kind.at if kind is not None else entry.at
        mend = did_you_mean(str(kind.value), kinds) if kind is not None else f"known: {', '.join(kinds)}"
        return [problem_at(at, path_text((name, "kind")), "must be a kind of source of money", shown(kind), mend)]
    model = blank_allowed(kinds[str(kind.value)])
    try:
        model.model_validate_json(json.dumps(plain(entry)))
    except ValidationError as error:
        return problems_of(error, entry, model, prefix=(name,))
    return []


def complete(whole: Node, catalogue: CatalogueNodes | None, problems: list[Problem]) -> Completed:
    """``whole`` with products, presets and models filled in; what cannot be filled goes to ``problems``.

    Without a catalogue, entries that are whole by themselves may still say what they were made of.
    """
    is_named = catalogue is not None
    catalogue = catalogue or CatalogueNodes({}, {}, {}, {})
    filler = _Filler(catalogue, is_named, problems)
    for section, key, model, entries in (
        ("facilities", "product", Facility, catalogue.loans),
        ("loans", "product", ExistingLoan, catalogue.loans),
        ("sites", "preset", Site, catalogue.sites),
    ):
        for index, item in enumerate(whole.mapping.get(section, Node(None, whole.at)).items):
            place: Place = (section, index)
            whole = put(whole, place, filler.filled(item, place, key, entries, model.model_fields))
    for index, item in enumerate(whole.mapping.get("sources", Node(None, whole.at)).items):
        whole = put(whole, ("sources", index), filler.filled(item, ("sources", index), "product", *filler.source(item)))
    return Completed(filler.with_specs(whole), filler.blank, frozenset(filler.unknown))


class _Filler:
    def __init__(self, catalogue: CatalogueNodes, is_named: bool, problems: list[Problem]) -> None:
        self.catalogue = catalogue
        self.is_named = is_named
        self.problems = problems
        self.blank: dict[Place, str] = {}
        self.unknown: set[Place] = set()

    def note(self, mark: Mark, place: Place, message: str, found: str = "", mend: str = "") -> None:
        self.problems.append(problem_at(mark, path_text(place), message, found, mend))

    def no_such(self, reference: Node, place: Place, known: Iterable[str]) -> None:
        what = place[-1]
        message = f"the catalogue has no such {what}" if self.is_named else f"no catalogue has this {what}"
        mend = did_you_mean(str(reference.value), known) if self.is_named else "add `catalogue: FOLDER` at the top"
        self.note(reference.at, place, message, shown(reference), mend)

    def filled(self, item: Node, place: Place, key: str, entries: Entries, fields: Mapping[str, FieldInfo]) -> Node:
        """``item`` over the catalogue entry that its ``key`` names, as far as it has these ``fields``."""
        reference = item.mapping.get(key)
        if reference is None or not isinstance(reference.value, str):
            return item
        name = reference.value
        is_whole = all(f in item.mapping for f, info in fields.items() if info.is_required())
        if name not in entries and not self.is_named and is_whole:
            return item
        if name not in entries:
            self.no_such(reference, (*place, key), entries)
        if name not in entries or name in self.catalogue.broken:
            self.unknown.add(place)
            return item
        self.blank[place] = f"{key} {name}"
        # The entry's own "product" is the lender's name for it; the scenario's is the id.
        known = {f: v for f, v in _known(entries[name]).items() if f in fields and f != key}
        return Node({"name": Node(name, reference.at), **known, **item.mapping}, item.at)

    def source(self, item: Node) -> tuple[Entries, Mapping[str, FieldInfo]]:
        """The catalogue's sources, and the fields of the kind that ``item``, or else its product, is of."""
        product = item.mapping.get("product")
        entry = self.catalogue.sources.get(str(product.value)) if product is not None else None
        for node in (item, entry):
            kind = node.mapping.get("kind") if node is not None else None
            if kind is not None and kind.value in source_kinds():
                return self.catalogue.sources, source_kinds()[str(kind.value)].model_fields
        return self.catalogue.sources, {}

    def with_specs(self, whole: Node) -> Node:
        """``whole`` with machines.specs holding every model that is named, and prices taken from them."""
        machines = whole.mapping.get("machines")
        if machines is None or not isinstance(machines.value, dict):
            return whole
        written = machines.mapping.get("specs", Node({}, machines.at))
        if not isinstance(written.value, dict):
            return whole
        specs = dict(written.value)
        for name in specs:
            if name in self.catalogue.asics:
                specs[name] = self.amended(name, specs[name])
        for section in ("owned", "on_order", "candidates"):
            for index, item in enumerate(machines.mapping.get(section, written).items):
                place: Place = ("machines", section, index)
                whole = put(whole, place, self.machine(item, place, section, specs))
        return put(whole, ("machines", "specs"), Node(specs, written.at))

    def amended(self, name: str, written: Node) -> Node:
        """The catalogue's model with what the scenario writes about it laid over."""
        place: Place = ("machines", "specs", name)
        if name in self.catalogue.broken:
            self.unknown.add(place)
            return written
        self.blank[place] = f"model {name}"
        if not isinstance(written.value, dict):
            return written
        return Node({**_known(self.catalogue.asics[name]), **written.mapping}, written.at)

    def machine(self, item: Node, place: Place, section: str, specs: Entries) -> Node:
        """Machines owned or on order, or a candidate; the model is looked up and added to ``specs``."""
        model = item.mapping.get("model")
        if model is None or not isinstance(model.value, str):
            return item
        name = model.value
        if name not in specs:
            if name not in self.catalogue.asics:
                self.no_such(model, (*place, "model"), {**self.catalogue.asics, **specs})
                return item
            specs[name] = self.amended(name, Node({}, model.at))
        spec = specs[name]
        if name in self.catalogue.broken or not isinstance(spec.value, dict):
            return item
        if _blank(spec, "cooling"):
            mend = f"add it under machines: specs: {name}: cooling: air, hydro or immersion"
            self.note(model.at, (*place, "model"), f"model {name} leaves cooling blank: supply it here", mend=mend)
        return self.priced(item, place, section, spec)

    def priced(self, item: Node, place: Place, section: str, spec: Node) -> Node:
        """A candidate with the catalogue's price when it has none of its own; machines owned or on order need
        one or the other to be resold."""
        key = "price_usd" if section == "candidates" else "resale_usd"
        if not _blank(item, key):
            return item
        if _blank(spec, "price_usd"):
            message = f"model {item.mapping['model'].value} leaves price_usd blank: supply {key} here"
            self.note(item.at, (*place, key), message, mend=f"add `{key}:` with the dollars a unit, as quoted")
            return item
        if section != "candidates":
            return item
        taken = {"price_usd": "price_usd", "quote_as_of": "price_as_of", "quote_source": "price_source"}
        quote = {to: spec.mapping[of] for to, of in taken.items() if not _blank(spec, of) and _blank(item, to)}
        return Node({**item.mapping, **quote}, item.at)


def _blank(node: Node, key: str) -> bool:
    return key not in node.mapping or node.mapping[key].value is None


def _known(entry: Node) -> Entries:
    return {key: child for key, child in entry.mapping.items() if child.value is not None}
