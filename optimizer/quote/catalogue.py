"""The catalogue as quotes use it: loans and machines, whole, from a folder or as they came with the package."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

from optimizer.errors import Problem, QuoteError, ScenarioError
from optimizer.quote.asked import Given, option, problem, read
from optimizer.quote.loan_terms import LoanTerms, contradictions, offers_of
from optimizer.quote.machine import Hashrate, MachineTerms, Watts
from optimizer.scenario.base import PositiveUsd, Strict
from optimizer.scenario.catalogue import AsicModel, Catalogue, Cooling, LoanProduct, SitePreset
from optimizer.scenario.complete import read_catalogue
from optimizer.scenario.nodes import Mark, Node, plain
from optimizer.scenario.shape import did_you_mean
from optimizer.scenario.source import is_readable
from optimizer.workspace import shipped

ALL = "all"
FILES = ("asics.yaml", "loans.yaml", "sites.yaml")
# One lender's terms, tier by tier.
LoanOffers = tuple[LoanTerms, ...]
# What counts of a loan for a machine that it finances.
FINANCING = ("apr", "term_months", "origination_fee_share", "interest", "repayment")


def load_catalogue(folder: Path | None) -> Catalogue:
    """The catalogue in ``folder``, or the one that came with the package.

    Raises `QuoteError` if there is none, `ScenarioError` with everything wrong in it.
    """
    if folder is None:
        with shipped("models") as models:
            return load_catalogue(models)
    absent = [file for file in FILES if not is_readable(folder / file)]
    if absent:
        mend = f"name a folder with {', '.join(FILES)}, or leave it out for the one that came with the package"
        raise QuoteError([problem("catalogue", f"has no {', '.join(absent)} that can be read", str(folder), mend)])
    problems: list[Problem] = []
    nodes = read_catalogue(folder, Mark(option("catalogue")), problems)
    if problems:
        raise ScenarioError(problems)
    return Catalogue(
        asics={name: AsicModel.model_validate_json(_text(node)) for name, node in nodes.asics.items()},
        loans={name: LoanProduct.model_validate_json(_text(node)) for name, node in nodes.loans.items()},
        sites={name: SitePreset.model_validate_json(_text(node)) for name, node in nodes.sites.items()},
    )


def _text(node: Node) -> str:
    return json.dumps(plain(node))


def loan_offers(name: str | None, catalogue: Catalogue, given: Given, problems: list[Problem]) -> list[LoanOffers]:
    """The terms of the loan of this name, of every one (``all``), or of options alone (None); what ``given`` says of
    them wins. What cannot be goes to ``problems``."""
    written = read(LoanTerms, given, problems)
    if name is None:
        return [(written,)] if written else []
    known = _named(name, catalogue.loans, "PRODUCT", "loan", problems)
    changes = {field: getattr(written, field) for field in written.model_fields_set} if written else {}
    return [
        tuple(terms.model_copy(update=changes) for terms in offers_of(found, catalogue.loans[found])) for found in known
    ]


def machines(name: str | None, catalogue: Catalogue, given: Given, problems: list[Problem]) -> list[MachineTerms]:
    """As `loan_offers`, for machines."""
    if name is None and not set(given).intersection(_Changes.model_fields):
        mend = f"name a machine of the catalogue, `{ALL}`, or give --hashrate-ths and --power-w of your own"
        problems.append(Problem("MODEL", 0, 0, "", "is required", "", mend))
        return []
    if name is None:
        own = read(MachineTerms, given, problems)
        return [own] if own else []
    changed = read(_Changes, given, problems)
    found = [_machine(key, catalogue.asics[key]) for key in _named(name, catalogue.asics, "MODEL", "machine", problems)]
    if name == ALL and changed is not None:
        for field in changed.model_fields_set:
            problems.append(
                problem(field, "is of one machine", str(given[field]), f"leave it out, or name one for `{ALL}`")
            )
    if changed is None:
        return []
    changes = {field: getattr(changed, field) for field in changed.model_fields_set}
    return [machine.model_copy(update=changes) for machine in found]


class _Changes(Strict):
    """What options say of a machine of the catalogue."""

    hashrate_ths: Hashrate | None = None
    power_w: Watts | None = None
    price_usd: PositiveUsd | None = None


def _machine(name: str, model: AsicModel) -> MachineTerms:
    known = {field: value for field, value in model.model_dump().items() if field in MachineTerms.model_fields}
    return MachineTerms(**{**known, "name": model.name, "model": name})


def _named(name: str, known: Iterable[str], what: str, kind: str, problems: list[Problem]) -> list[str]:
    known = list(known)
    if name == ALL:
        return known
    if name not in known:
        message = f"the catalogue has no such {kind}"
        problems.append(Problem(what, 0, 0, "", message, f'"{name}"', _like(name, known)))
        return []
    return [name]


def _like(name: str, known: Iterable[str]) -> str:
    """Advice for a name that is not known: those that hold it, or else the nearest, or else all."""
    known = list(known)
    holding = [other for other in known if name and name.lower() in other]
    return f"names that hold it: {', '.join(holding)}" if holding else did_you_mean(name, known)


def cooled(
    found: list[MachineTerms], cooling: str | None, name: str | None, problems: list[Problem]
) -> list[MachineTerms]:
    """Of the machines of ``all`` those with this cooling; all without one. What cannot be goes to ``problems``."""
    if cooling is None:
        return found
    if cooling not in get_args(Cooling):
        mend = f"write --cooling {get_args(Cooling)[0]}"
        problems.append(problem("cooling", f"must be one of {', '.join(get_args(Cooling))}", f'"{cooling}"', mend))
    elif name != ALL:
        problems.append(
            problem("cooling", f"chooses among `{ALL}` machines", cooling, f"leave it out, or name `{ALL}`")
        )
    return [machine for machine in found if machine.cooling == cooling]


def financing(name: str | None, catalogue: Catalogue, given: Given, problems: list[Problem]) -> LoanTerms | None:
    """The terms on which a machine is financed: of the catalogue's loan of this name, at its highest tier, with what
    ``given`` says of them laid over; None if nothing is said."""
    if name == ALL:
        problems.append(problem("loan", "a machine is financed on the terms of one loan", ALL, "name one product"))
        return None
    mine = {field: text for field, text in given.items() if field in FINANCING}
    if name is None and not mine:
        return None
    if name is not None and name not in catalogue.loans:
        message = "the catalogue has no such loan"
        problems.append(problem("loan", message, f'"{name}"', _like(name, catalogue.loans)))
        return None
    offers = loan_offers(name, catalogue, mine, problems)
    if not offers:
        return None
    problems += contradictions(offers[0][-1])
    return offers[0][-1]
