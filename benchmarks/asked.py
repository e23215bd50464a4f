"""What is to be measured."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Asked:
    """``nodes``: keys of `benchmarks.trees.SHAPES`, ascending; ``whole_up_to``: the most that are also solved whole;
    ``repeat``: how often each measurement is taken, its median shown, None for what suits it; ``tell``: of progress."""

    nodes: tuple[int, ...]
    whole_up_to: int
    repeat: int | None
    tell: Tell

    @property
    def whole(self) -> tuple[int, ...]:
        """The trees that are solved whole."""
        return tuple(nodes for nodes in self.nodes if nodes <= self.whole_up_to)

    def times(self, usual: int) -> int:
        """How often to measure what is usually measured so often."""
        return self.repeat or usual


def medians(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    """The median of every figure over the runs."""
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}
