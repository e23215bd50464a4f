"""The trees that are measured: the flagship's, smaller and larger, by about how many nodes they have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SCENARIOS = Path(__file__).parents[1] / "scenarios"
FLAGSHIP, FULL_MENU = SCENARIOS / "fleet_refresh.yaml", SCENARIOS / "full_menu.yaml"
BRANCHING_MONTHS = (1, 4, 7, 13, 19)


@dataclass(frozen=True)
class Shape:
    """``children`` of a node at each of `BRANCHING_MONTHS`, and of how many ``paths`` the tree is made."""

    children: tuple[int, ...]
    paths: int

    @property
    def sets(self) -> tuple[str, ...]:
        """What to ``--set`` for it."""
        months = zip(BRANCHING_MONTHS, self.children, strict=False)
        branching = ", ".join(f"{{month: {month}, children: {children}}}" for month, children in months)
        return f"market.tree.branching=[{branching}]", f"market.fan.paths={self.paths}"

    @property
    def options(self) -> tuple[str, ...]:
        """The same as the command takes it."""
        return tuple(f"--set={text}" for text in self.sets)


# At least twenty paths a leaf; most branches where decisions are taken soon. 500 is the flagship as shipped; those
# below are there for sweeps and to try the command.
SHAPES = {
    50: Shape((2,), 400),
    100: Shape((2, 2), 400),
    500: Shape((3, 2, 2, 2, 2), 4_000),
    1_000: Shape((6, 2, 2, 2, 2), 4_000),
    2_250: Shape((6, 3, 2, 3, 2), 8_000),
    5_000: Shape((6, 5, 4, 2, 2), 10_000),
    10_000: Shape((9, 6, 3, 3, 2), 20_000),
    20_000: Shape((11, 6, 5, 3, 2), 40_000),
}
