"""hashlever: which ASICs to buy and how to pay for them.

The Python API behind the command: ``load_scenario`` reads a scenario file, ``plan`` makes a plan of it whose
``tables`` are pandas data frames, ``read_plan`` reads a saved one back, ``real_cost`` says what financing adds to a
machine's price. Names are imported when they are used, so that the command starts fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optimizer.financing import Financed, RealCost, real_cost
    from optimizer.planning import Plan, plan
    from optimizer.replay.saved import SavedPlan, read_plan
    from optimizer.scenario.load import LoadedScenario, load_scenario

__version__ = "0.1.0"
__all__ = [
    "Financed",
    "LoadedScenario",
    "Plan",
    "RealCost",
    "SavedPlan",
    "load_scenario",
    "plan",
    "read_plan",
    "real_cost",
]

_HOMES = {
    "Financed": "optimizer.financing",
    "RealCost": "optimizer.financing",
    "real_cost": "optimizer.financing",
    "SavedPlan": "optimizer.replay.saved",
    "read_plan": "optimizer.replay.saved",
    "LoadedScenario": "optimizer.scenario.load",
    "Plan": "optimizer.planning",
    "load_scenario": "optimizer.scenario.load",
    "plan": "optimizer.planning",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'optimizer' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
