"""How cells look: number formats by kind of figure, and the finance reader's colours."""

from __future__ import annotations

from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook

# As in a budget on paper: a negative amount is red, nothing is a dash.
NUMBER_FORMATS = {
    "usd": '#,##0;[Red]-#,##0;"-"',
    "usd_cents": '#,##0.00;[Red]-#,##0.00;"-"',
    "btc": '#,##0.0000;[Red]-#,##0.0000;"-"',
    "share": "0.0%;[Red]-0.0%",
    "units": '#,##0.0;[Red]-#,##0.0;"-"',
    "whole": '#,##0;[Red]-#,##0;"-"',
    "month": "0",
    "tiny": "0.00####",
    "day": "yyyy-mm-dd",
    "text": "General",
}

TYPED = "#1F3FBF"  # typed figures are blue, formulas black
HEADING = "#1F2A44"
RULE = "#9AA3B5"
STYLES: dict[str, dict[str, object]] = {
    "typed": {"font_color": TYPED},
    "formula": {},
    "plain": {},
    "wrapped": {"text_wrap": True, "valign": "top"},
    "note": {"italic": True, "font_color": "#555555"},
    "title": {"bold": True, "font_size": 16, "font_color": HEADING},
    "section": {"bold": True, "font_size": 12, "font_color": HEADING, "bottom": 1, "bottom_color": RULE},
    "header": {"bold": True, "font_color": "#FFFFFF", "bg_color": HEADING, "text_wrap": True, "valign": "vcenter"},
    "months": {"bold": True, "font_color": "#FFFFFF", "bg_color": HEADING, "valign": "vcenter"},
    "total": {"bold": True, "top": 1, "top_color": RULE},
    "good": {"bold": True, "font_color": "#1B7F3B"},
    "failed": {"bold": True, "font_color": "#FFFFFF", "bg_color": "#B3261E"},
}

ALIGNMENT = {"text": "left", "day": "center"}


class Formats:
    """The formats of one workbook, each made once."""

    def __init__(self, workbook: Workbook) -> None:
        self._workbook = workbook
        self._made: dict[tuple[str, str], Format] = {}

    def of(self, kind: str, style: str) -> Format:
        """The format of a kind of figure in a style."""
        key = kind, style
        if key not in self._made:
            properties: dict[str, object] = {"num_format": NUMBER_FORMATS[kind], **STYLES[style]}
            if kind == "day" or style == "header":
                properties["align"] = ALIGNMENT.get(kind, "right")
            if style == "months":
                properties["align"] = "right"
            self._made[key] = self._workbook.add_format(properties)
        return self._made[key]
