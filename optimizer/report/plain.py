"""Plain data: what JSON and CSV files are made of. Floats have twelve significant digits."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

import numpy as np
import pandas as pd

from optimizer.report.frames import rows

DIGITS = 12

Document = dict[str, Any]


def plain(value: object) -> object:
    """``value`` in JSON's own types. Raises `TypeError` on what it does not know."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or value is pd.NaT:
        return None
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        # Adding 0.0 turns -0.0 into 0.0.
        return float(f"{float(value):.{DIGITS}g}") + 0.0 if np.isfinite(value) else None
    if isinstance(value, date):  # a pandas timestamp is one too
        return value.strftime("%Y-%m-%d")
    if isinstance(value, str):
        return value
    raise TypeError(f"{type(value).__name__} has no place in a plan document")


def records(table: pd.DataFrame) -> list[Document]:
    """A table's rows as plain dicts."""
    return [cast(Document, plain(row)) for row in rows(table)]
