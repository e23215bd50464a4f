"""Taxes on many paths, ``[path]``: what was earned month by month, what is due on it, what bears tax at the end.

It reads what the month wrote down of its flows, so that nothing leaves or comes that is not taxed.
"""

from __future__ import annotations

import numpy as np

from optimizer.ledger.company import Company, Setting, machines_usd, owed_usd
from optimizer.ledger.fleet_month import FleetMonth
from optimizer.ledger.intents import LotIntents
from optimizer.ledger.lots_on_paths import Lots, tax_years
from optimizer.ledger.record import Record
from optimizer.ledger.source import OnPaths, worth_usd
from optimizer.market.tree import Floats
from optimizer.scenario.taxes import Taxes

# What lenders get, in cash or otherwise: with what they are owed afterwards it is what debts cost.
TO_LENDERS = (
    "debt_service_usd",
    "repaid_early_usd",
    "repaid_usd",
    "met_usd",
    "forgiven_usd",
    "billed_usd",
    "shortfall_usd",
    "origination_fee_usd",
)


class TaxAccount:
    """The company's taxes so far. income_usd: taxable, from today on; paid_usd: tax; machines_left_usd: paid for
    machines and not deducted yet, where machines are depreciated."""

    def __init__(self, s: Setting, taxes: Taxes, c: Company) -> None:
        self._s, self._taxes = s, taxes
        self._years = tax_years(s.scenario, taxes, s.paths.months)
        self.lots = Lots(s, taxes)
        nothing = np.zeros(len(s.paths))
        self.income_usd, self.paid_usd, self.machines_left_usd = nothing, nothing, nothing
        self._seen: dict[str, Floats] = {}
        self._owed_usd, self._worth_usd = owed_usd(s, c, 0).sum(axis=1), nothing
        self._claims_usd = c.recovery_usd.sum(axis=1)

    def fall_due(self, month: int, r: Record) -> Floats:
        """Tax of the year that has ended, paid at the first month's end of the next; USD."""
        if month == 0 or self._years[month] == self._years[month - 1]:
            return np.zeros(len(self.paid_usd))
        return self._pay(np.maximum(self._due_on(self.income_usd), 0.0), r)

    def pay_ahead(self, meant: LotIntents | None, to_spare_usd: Floats, r: Record) -> Floats:
        """Pay beyond what is due as a plan does, as far as cash is to spare; USD. It counts against later years."""
        if meant is None:
            return np.zeros(len(self.paid_usd))
        return self._pay(np.minimum(meant.tax_ahead_usd, np.maximum(to_spare_usd, 0.0)), r)

    def close(
        self,
        c: Company,
        month: int,
        meant: LotIntents | None,
        fleet: FleetMonth,
        r: Record,
        sources: tuple[OnPaths, ...],
    ) -> None:
        """Move lots and add the month's income, once everything of the month is done."""
        s, taxes = self._s, self._taxes
        new = {name: r.total(name) - self._seen.get(name, 0.0) for name in r.names}
        self._seen = {name: r.total(name) for name in r.names}

        def moved(*names: str) -> Floats:
            return sum((new.get(name, np.zeros(len(s.paths))) for name in names), np.zeros(len(s.paths)))

        lost, given, price = moved("expected_failure_btc"), moved("given_btc"), s.price_usd[:, month]
        brought = moved("mined_btc", "sources_btc") - lost
        taken = self._taken(month, meant, brought, given + lost)
        earned = brought + taken
        self.lots.come(month, earned, moved("bought_btc"))
        out = moved("sold_btc", "seized_btc", "set_off_btc") + taken
        claims = c.recovery_usd.sum(axis=1)
        # Coins that a lender keeps are sold for the debt that they meet, and for what it will still pay.
        income = moved("sale_usd", "met_usd", "forgiven_usd") - moved("sale_fee_usd") + claims - self._claims_usd
        income = income - self.lots.go(out, meant.lot_btc if meant else None)
        income = income - fleet.power_usd - s.fixed_usd_per_month * (month > 0)
        if taxes.mined_income:
            income = income + earned * price
        owed, worth = owed_usd(s, c, month).sum(axis=1), worth_usd(s, sources, month)
        if taxes.interest_deductible:
            cost = moved(*TO_LENDERS) - moved("drawn_usd") + owed - self._owed_usd
            income = income - cost + moved("sources_usd") + worth - self._worth_usd
        else:
            income = income + given * price
        if taxes.depreciation != "none":
            deducted = self._deducted(c, month)
            self.machines_left_usd = self.machines_left_usd + moved("ordered_usd") + fleet.due_usd - deducted
            income = income + moved("resale_usd") - deducted
        self.income_usd = self.income_usd + income
        self._owed_usd, self._worth_usd, self._claims_usd = owed, worth, claims

    def owed_usd(self, c: Company, month: int) -> Floats:
        """Tax on all so far that is not paid, with deferred tax where it counts; USD."""
        base, taxes = self.income_usd, self._taxes
        if taxes.count_deferred:
            unrealised = self.lots.left_btc * (self._s.price_usd[:, [month]] - self.lots.cost_usd)
            base = base + unrealised.sum(axis=1)
            if taxes.depreciation != "none":
                base = base + machines_usd(self._s, c, month) - self.machines_left_usd
        return np.maximum(self._due_on(base), 0.0)

    def _due_on(self, income_usd: Floats) -> Floats:
        return self._taxes.rate * (income_usd - self._taxes.carry_forward_usd) - self.paid_usd

    def _pay(self, usd: Floats, r: Record) -> Floats:
        self.paid_usd = self.paid_usd + usd
        r.flow("tax_usd", usd)
        return usd

    def _taken(self, month: int, meant: LotIntents | None, brought: Floats, given: Floats) -> Floats:
        """Out of other lots for what sources of money and failing lenders took: as planned, at most what they took, and
        at least what the year's lot lacks."""
        lacks = np.maximum(-(self.lots.mined_in(month) + brought), 0.0)
        planned = np.minimum(meant.taken_btc, given) if meant else np.zeros_like(lacks)
        return np.maximum(planned, lacks)

    def _deducted(self, c: Company, month: int) -> Floats:
        """What is deducted of machines delivered: all of it at once, or evenly over the months that follow."""
        months = self._taxes.months_of_depreciation
        if months == 0:
            return c.placed_usd[:, month]
        return np.asarray(c.placed_usd[:, max(month - months, 0) : month].sum(axis=1) / months)


def open_taxes(s: Setting, c: Company) -> TaxAccount | None:
    """The account of a company as it stands before today's decisions; None without taxes."""
    return TaxAccount(s, s.scenario.taxes, c) if s.scenario.taxes else None
