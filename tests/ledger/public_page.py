"""The page of public replays: our rows in it are written by the tests, from the figures that they check."""

from __future__ import annotations

from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "explanation" / "public-replays.md").read_text(encoding="utf-8")


def told(*cells: str) -> None:
    """The page has a row of these cells."""
    assert f"| {' | '.join(cells)} |" in PAGE


def millions(usd: float) -> str:
    return f"${usd / 1e6:.1f}m"
