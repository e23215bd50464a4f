"""What every source of money says of itself."""

from __future__ import annotations

from optimizer.scenario.base import Month, Name, Strict


class SourceTerms(Strict):
    """``name`` is the scenario's own, ``counterparty`` who pays and is owed. It can be used at decision months from
    ``from_month`` to ``until_month``. ``product``: the catalogue's entry that fills what is not written."""

    name: Name
    counterparty: Name
    product: str | None = None
    from_month: Month = 0
    until_month: Month = 0
    as_of: str | None = None
    source: str | None = None
    notes: str | None = None
