"""Sources of money beside selling BTC and borrowing against it; one file a kind, told apart by ``kind``.

Adding one: docs/how-to/add-a-source.md.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from optimizer.scenario.sources.btc_lending import BtcLending
from optimizer.scenario.sources.btc_put import BtcPut
from optimizer.scenario.sources.credit_line import CreditLine
from optimizer.scenario.sources.hashprice_hedge import HashpriceHedge
from optimizer.scenario.sources.hashrate_forward import HashrateForward
from optimizer.scenario.sources.hashrate_loan import HashrateLoan
from optimizer.scenario.sources.machine_loan import MachineLoan
from optimizer.scenario.sources.note import Note
from optimizer.scenario.sources.vendor_deferral import VendorDeferral
from optimizer.scenario.sources.vendor_pledge import VendorPledge

Source = Annotated[
    Note
    | HashrateForward
    | HashrateLoan
    | HashpriceHedge
    | BtcLending
    | MachineLoan
    | BtcPut
    | CreditLine
    | VendorDeferral
    | VendorPledge,
    Field(discriminator="kind"),
]

__all__ = [
    "BtcLending",
    "BtcPut",
    "CreditLine",
    "HashpriceHedge",
    "HashrateForward",
    "HashrateLoan",
    "MachineLoan",
    "Note",
    "Source",
    "VendorDeferral",
    "VendorPledge",
]
