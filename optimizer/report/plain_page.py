"""Pages of sections, tables and charts that need no network and no script: what compare and sweep write."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from optimizer.report.words import clean


@cache
def template(name: str) -> Template:
    """A page's template; everything put into it is escaped, but for what this package wrote itself (`Markup`)."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=PackageLoader("optimizer", "report"),
    )
    return environment.get_template(name)


def clean_lines(text: str) -> str:
    """Text without control characters but for ends of lines."""
    return "\n".join(clean(line) for line in text.split("\n"))
