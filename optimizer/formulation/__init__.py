"""The optimization model in Pyomo, one file per family of rows; `build` is its table of contents."""

from __future__ import annotations

import sys

import pyomo.core  # noqa: F401  (whose hook the next import goes past)
from pyomo.common.dependencies import DeferredImportCallbackFinder

# With Pyomo there, whoever imports a part of SciPy is made to import its statistics too, which takes a worker longer
# than all else that it loads. What Pyomo needs of SciPy it still imports when it comes to that.
_finders = sys.meta_path
sys.meta_path = [finder for finder in _finders if not isinstance(finder, DeferredImportCallbackFinder)]
try:
    import scipy.sparse  # noqa: F401
finally:
    sys.meta_path = _finders
