"""The page: a plan's document, and nothing else, as one HTML file that needs no network."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from optimizer.report.html import section_debt, section_fleet, section_ladder, section_outcomes, section_reasons
from optimizer.report.html.drawing import Artist
from optimizer.report.html.memo import memo
from optimizer.report.html.parts import Figure, Section, day_of
from optimizer.report.html.section_mining import hashprice, margins, real_cost
from optimizer.report.html.section_reasons import flip_points
from optimizer.report.html.section_risk import assumptions, survival, trust
from optimizer.report.html.section_treasury import bitcoin, cash
from optimizer.report.plain import Document
from optimizer.report.words import clean

# The sections below the memo, in the order of the page.
SECTIONS: tuple[Callable[[Document], Section], ...] = (
    section_outcomes.section,
    section_fleet.section,
    bitcoin,
    cash,
    section_debt.section,
    section_ladder.section,
    hashprice,
    margins,
    real_cost,
    survival,
    section_reasons.section,
    assumptions,
    trust,
)


def report_html(document: Document) -> str:
    """The report of a plan: ``document`` is its `optimizer.report.plan_json.plan_document`, as plan.json holds it."""
    return begin_report(document, Artist())()


def begin_report(document: Document, artist: Artist) -> Callable[[], str]:
    """The same, its charts begun by ``artist``; what is returned waits for them and finishes the page."""
    doc = _cleaned(document)
    sections = [_begun(section(doc), artist) for section in SECTIONS]
    figures = [figure for section in sections for figure in section.figures]
    return lambda: _template().render(
        doc=doc,
        as_of=day_of(doc["scenario"]["as_of"]),
        memo=memo(doc, flip_points(doc)),
        sections=sections,
        drawn=_embedded(figures),
        style=Markup(_file("page.css")),
    )


def _begun(section: Section, artist: Artist) -> Section:
    """The section with its charts begun."""
    return replace(section, figures=tuple(replace(f, chart=f.chart.begun(artist)) for f in section.figures))


@cache
def _template() -> Template:
    """The page; everything put into it is escaped, but for what this package wrote itself (`Markup`)."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_file("page.html.j2"))


def _file(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _embedded(figures: Sequence[Figure]) -> Markup:
    """What every chart is drawn from, as JSON inside the page: no text in it can end the element that it stands in."""
    drawn = {figure.name: {"of": figure.of, "rows": list(figure.drawn)} for figure in figures}
    written = json.dumps(drawn, ensure_ascii=False, allow_nan=False)
    return Markup(written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _cleaned(document: Document) -> Document:
    """The document with today's node alone, since no section shows the others, and its texts without control
    characters."""
    return {key: _clean(value[:1] if key == "nodes" else value) for key, value in document.items()}


def _clean(value: object) -> object:
    if isinstance(value, str):
        return clean(" ".join(value.split()))
    if isinstance(value, dict):
        return {clean(key): _clean(item) for key, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, list) else value
