"""A sweep's summary as one HTML page that needs no network and no script."""

from __future__ import annotations

from optimizer import __version__
from optimizer.report.folder import REPORT
from optimizer.report.plain_page import clean_lines, template
from optimizer.report.sweep_charts import charts
from optimizer.report.sweep_names import short_name, short_paths
from optimizer.report.sweep_view import parts, title_of
from optimizer.sweep.store import POINTS
from optimizer.sweep.swept import Swept


def sweep_html(swept: Swept) -> str:
    """The page; everything put into it is escaped but the charts, in which text stays text."""
    return clean_lines(
        template("sweep.html.j2").render(
            title=title_of(swept),
            version=__version__,
            sections=list(parts(swept)),
            charts=list(charts(swept)),
            reports=_reports(swept),
        )
    )


def _reports(swept: Swept) -> list[tuple[str, str]]:
    """Each point's short name and where its report lies, as seen from the page."""
    paths = short_paths(swept)
    return [
        (short_name(row.point.wanted, paths), f"{POINTS}/{row.point.key}/{REPORT}") for row in swept.rows if row.result
    ]
