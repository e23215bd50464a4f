"""What a replay writes down as it goes, month by month."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from optimizer.ledger.company import Company, Setting, machines_usd, owed_usd
from optimizer.ledger.outcome import Outcome
from optimizer.ledger.source import OnPaths, worth_usd
from optimizer.market.tree import Floats, Ints


class Record:
    """Events and balances, ``[path, month]`` and ``[path, month, facility]``, and totals of flows by name.

    Events are added to by whoever plays a part of the month; `balances` is called once at each month's end.
    """

    def __init__(self, s: Setting) -> None:
        by_month = (len(s.paths), s.paths.months + 1)
        by_facility = (*by_month, s.facilities)
        self._s = s
        self.ltv_high = np.full(by_facility, np.nan)
        self.calls: Ints = np.zeros(by_facility, dtype=np.int64)
        self.liquidations: Ints = np.zeros(by_facility, dtype=np.int64)
        self.topped_up_btc, self.seized_btc, self.lost_btc = (np.zeros(by_facility) for _ in range(3))
        self.pledged_btc, self.debt_usd = np.zeros(by_facility), np.zeros(by_facility)
        self.sold_btc, self.seized_units = np.zeros(by_month), np.zeros(by_month)
        self.defaults: Ints = np.zeros(by_month, dtype=np.int64)
        self._balances = {
            name: np.zeros(by_month)
            for name in (
                "net_btc",
                "btc",
                "free_btc",
                "cash_usd",
                "machines_usd",
                "unpaid_usd",
                "receivable_usd",
                "sources_usd",
                "tax_owed_usd",
            )
        }
        self._flows: defaultdict[str, Floats] = defaultdict(lambda: np.zeros(len(s.paths)))

    def flow(self, name: str, amount: Floats, where: Ints | slice = slice(None)) -> None:
        """Add to a path's total of what flows in or out; names end in their unit."""
        self._flows[name][where] += amount

    @property
    def names(self) -> tuple[str, ...]:
        """The flows that there have been."""
        return tuple(self._flows)

    def total(self, name: str) -> Floats:
        """A path's total of a flow so far."""
        return np.array(self._flows[name])

    def balances(
        self, c: Company, month: int, sources: tuple[OnPaths, ...] = (), tax_owed_usd: Floats | None = None
    ) -> None:
        """Write down what the company has and owes at the month's end."""
        s, price = self._s, self._s.price_usd[:, month]
        self.pledged_btc[:, month] = c.pledged_btc
        self.debt_usd[:, month] = owed_usd(s, c, month)
        now = {
            "btc": c.free_btc + c.pledged_btc.sum(axis=1) + c.tied_btc,
            "free_btc": c.free_btc,
            "cash_usd": c.cash_usd,
            "machines_usd": machines_usd(s, c, month),
            "unpaid_usd": c.unpaid_usd,
            "receivable_usd": c.recovery_usd[:, month + 1 :].sum(axis=1),
            "sources_usd": worth_usd(s, sources, month),
            "tax_owed_usd": np.zeros(len(s.paths)) if tax_owed_usd is None else tax_owed_usd,
        }
        dollars = now["cash_usd"] + now["machines_usd"] + now["receivable_usd"] + now["sources_usd"]
        dollars = dollars - self.debt_usd[:, month].sum(axis=1) - now["unpaid_usd"] - now["tax_owed_usd"]
        for name, values in {**now, "net_btc": now["btc"] + dollars / price}.items():
            self._balances[name][:, month] = values

    def outcome(self) -> Outcome:
        """All of it."""
        with np.errstate(invalid="ignore"):
            warned = self.ltv_high > self._s.contracts.warning_ltv
        return Outcome(
            price_usd=self._s.price_usd,
            **self._balances,
            owed_usd=self.debt_usd.sum(axis=2),
            sold_btc=self.sold_btc,
            seized_units=self.seized_units,
            ltv_high=self.ltv_high,
            pledged_btc=self.pledged_btc,
            debt_usd=self.debt_usd,
            warnings=warned.astype(np.int64),
            calls=self.calls,
            liquidations=self.liquidations,
            defaults=self.defaults,
            topped_up_btc=self.topped_up_btc,
            seized_btc=self.seized_btc,
            lost_btc=self.lost_btc,
            flows=dict(self._flows),
        )
