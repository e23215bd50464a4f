"""What every source of money says of itself."""

from __future__ import annotations

from optimizer.scenario.base import Month, Name, Strict


class SourceTerms(Strict):
    """``name``: what reports call it. ``counterparty``: who pays and is owed. It can be used at decision months from
    ``from_month`` to ``until_month``. ``product``: the catalogue's entry that fills what is not written.

    ``kind``: what kind of source of money this is. ``as_of``: when the terms were last looked up. ``source``: where
    they are from. ``notes``: anything else worth knowing.
    """

    name: Name
    counterparty: Name
    product: str | None = None
    from_month: Month = 0
    until_month: Month = 0
    as_of: str | None = None
    source: str | None = None
    notes: str | None = None
