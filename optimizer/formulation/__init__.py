"""The optimization model in Pyomo, one file per family of rows; `build` is its table of contents."""

from __future__ import annotations

import sys

import numpy as np  # noqa: F401  (before Pyomo, which then knows its numbers)
import pyomo.core  # noqa: F401  (whose hook the next import goes past)
from pyomo.common.dependencies import DeferredImportCallbackFinder

# With Pyomo there, whoever imports a part of SciPy is made to import its statistics too, which nobody here uses
# and which take long. What Pyomo needs of SciPy it still imports when it comes to that.
_hooks = [finder for finder in sys.meta_path if isinstance(finder, DeferredImportCallbackFinder)]
for _hook in _hooks:
    sys.meta_path.remove(_hook)
try:
    import scipy.sparse  # noqa: F401
finally:
    for _hook in _hooks:
        sys.meta_path.insert(0, _hook)
