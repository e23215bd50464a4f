"""Sources of money beside selling BTC and borrowing against it; one file a kind, told apart by ``kind``.

Adding one: docs/how-to/add-a-source.md.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from optimizer.scenario.sources.btc_lending import BtcLending
from optimizer.scenario.sources.note import Note

Source = Annotated[Note | BtcLending, Field(discriminator="kind")]

__all__ = ["BtcLending", "Note", "Source"]
