"""The report in a real browser: offline, on a desk and on a phone, drawn as its figures say, and on paper."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from optimizer.planning import Plan
from optimizer.report.plan_json import plan_document
from optimizer.report.write import write_plan

sync_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright, to try the report in a browser")

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Nothing of the browser's own may go out either.
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
WIDTHS = [1280, 390]
MOST_PAGES = 12


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
        try:
            chromium = playwright.chromium.launch(executable_path=found, args=QUIET)
        except sync_api.Error:
            pytest.skip("no Chromium: `apt-get install chromium` or `playwright install chromium`")
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def written(small: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("browser") / "plan"
    write_plan(small, out)
    return out / "report.html"


def opened(browser: Any, written: Path, width: int = 1280, scheme: str = "light") -> tuple[Any, list[str]]:
    """The page in a browser without a network, and what it asked for or complained of so far."""
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if request.url != written.as_uri() else None)
    page.goto(written.as_uri())
    return page, said


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_loads_alone_and_nothing_overflows(browser: Any, written: Path, width: int, scheme: str) -> None:
    page, said = opened(browser, written, width, scheme)
    page.wait_for_load_state("networkidle")
    assert said == []
    for closed in page.locator("details").all():
        closed.evaluate("details => { details.open = true }")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Only a wide table may be wider than its place, which then scrolls.
    beyond = """[...document.querySelectorAll('body *')].filter(e => !e.closest('.wide table') && !e.closest('svg')
        && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))"""
    assert page.evaluate(beyond) == []
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = max(int(part) for part in re.findall(r"\d+", ground)[:3]) < 100
    assert dark == (scheme == "dark")
    page.context.close()


def test_what_to_do_today_and_why_stand_on_the_first_screen(browser: Any, written: Path) -> None:
    page, _ = opened(browser, written)
    for title in ("Do today", "What it costs", "What it gains over the alternatives", "What would change the advice"):
        assert page.get_by_role("heading", name=title).bounding_box()["y"] < 800
    assert page.get_by_role("heading", name="The worst that was looked at").bounding_box()["y"] < 800
    assert page.get_by_role("heading", name="If BTC falls by 40%").bounding_box()["y"] < 800
    page.context.close()


def test_every_chart_is_drawn_and_fills_its_place(browser: Any, written: Path) -> None:
    page, _ = opened(browser, written)
    figures = page.locator("figure").all()
    assert len(figures) >= 15
    for figure in figures:
        box = figure.locator(".chart svg").bounding_box()
        assert box["width"] > 300, figure.get_attribute("id")
        assert box["height"] > 60, figure.get_attribute("id")
        assert figure.locator("table tbody tr").count() > 0
    page.context.close()


# Pixels of an axis' labels with the numbers that they say: [[pixel, number]...]; x or y.
TICKS = """(figure, axis) => [...document.querySelectorAll(`#figure-${figure} .role-axis-label text`)].map(text => {
    const size = {k: 1e3, M: 1e6, B: 1e9}, said = text.textContent.replace('\\u2212', '-').replace(/[$,]/g, '')
    const number = parseFloat(said) * (size[said.slice(-1)] || 1) / (said.endsWith('%') ? 100 : 1)
    const box = text.getBoundingClientRect()
    const middle = axis === 'x' ? box.x + box.width / 2 : box.y + box.height / 2
    return [middle, /^-?[\\d.]+[kMB%]?$/.test(said) ? number : NaN]
}).filter(pair => !isNaN(pair[1]))"""
# The corners of the lines that a figure draws, in pixels: one list for each line.
LINES = """figure => [...document.querySelectorAll(`#figure-${figure} .mark-line path`)].map(path => {
    const to = path.getScreenCTM()
    return path.getAttribute('d').slice(1).split('L').map(pair => {
        const [x, y] = pair.split(',').map(Number)
        return [to.a * x + to.e, to.d * y + to.f]
    })
})"""


def scale(ticks: list[list[float]]) -> tuple[float, float]:
    """What a pixel is worth, and the number at pixel 0, from two ticks of a straight axis."""
    (first, low), (last, high) = min(ticks, key=lambda tick: tick[1]), max(ticks, key=lambda tick: tick[1])
    each = (high - low) / (last - first)
    return each, low - each * first


@pytest.mark.parametrize(
    ("figure", "columns"),
    [
        ("held", ["btc_mean", "pledged_btc_mean"]),
        ("cash", ["cash_usd_mean"]),
        ("running", ["running_ph_mean"]),
        ("hashprice", ["hashprice_usd_per_ph_day_mean"]),
        ("owed", ["owed_usd_mean"]),
    ],
)
def test_lines_read_back_are_plan_json_s(
    browser: Any, written: Path, small: Plan, figure: str, columns: list[str]
) -> None:
    page, _ = opened(browser, written)
    each, at_zero = scale(page.evaluate(f"({TICKS})('{figure}', 'y')"))
    lines = page.evaluate(f"({LINES})('{figure}')")
    months = plan_document(small)["months"]
    months = months[1:] if figure == "running" else months
    assert len(lines) == len(columns)
    for line, column in zip(lines, columns, strict=True):
        read = [each * y + at_zero for _, y in line]
        # A pixel's rounding, of the labels and of the line.
        assert read == pytest.approx([row[column] for row in months], abs=abs(each) * 3)
    page.context.close()


def test_bars_read_back_are_plan_json_s(browser: Any, written: Path, small: Plan) -> None:
    page, _ = opened(browser, written)
    each, _ = scale(page.evaluate(f"({TICKS})('survival', 'x')"))
    bars = page.locator("#figure-survival .mark-rect path").all()
    rows = plan_document(small)["survival"]
    drawn = sorted(abs(each) * bar.bounding_box()["width"] for bar in bars)
    assert drawn == pytest.approx(sorted(abs(row["net_end_btc"]) for row in rows), abs=abs(each) * 3)
    page.context.close()


def test_a_waterfall_s_bars_read_back_are_plan_json_s(browser: Any, written: Path, small: Plan) -> None:
    page, _ = opened(browser, written)
    each, at_zero = scale(page.evaluate(f"({TICKS})('causes-sell_only', 'x')"))
    boxes = [bar.bounding_box() for bar in page.locator("#figure-causes-sell_only .mark-rect path").all()]
    rows = plan_document(small)["reasons"]["causes"]
    amounts = [row["loses_btc"] for row in rows if row["alternative"] == "sell_only"]
    total = sum(amounts)
    amounts = [amount for amount in amounts if abs(amount) > 1e-3 * abs(total)]
    read = [(each * box["x"] + at_zero, each * (box["x"] + box["width"]) + at_zero) for box in boxes]
    assert [high - low for low, high in read] == pytest.approx([abs(x) for x in [*amounts, total]], abs=each * 3)
    # Each begins where the last ended, but for the small ones between them that are left out.
    assert read[-1] == pytest.approx((min(total, 0.0), max(total, 0.0)), abs=each * 3)
    page.context.close()


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_prints_on_a_few_pages(browser: Any, written: Path, paper: str) -> None:
    page, _ = opened(browser, written, scheme="dark")
    pdf = page.pdf(format=paper)
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert 4 <= pages <= MOST_PAGES
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.context.close()
