"""Machine-backed loans: money lent on machines as they are ordered, repaid in level instalments."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from optimizer.scenario.base import Name, PositiveUsd, Rate, Share
from optimizer.scenario.sources.terms import SourceTerms


class MachineLoan(SourceTerms):
    """A loan of ``advance_share`` of the ex-works price of machines, drawn when they are ordered; ``models`` names the
    candidates that the lender takes, blank: all. At most ``limit_usd`` is drawn in all; ``origination_fee_share`` is
    kept back.

    ``apr`` on what is owed is paid each month, with principal so that ``term_months`` payments are level; the first
    falls due a month after the draw. ``early_repayment``: more may be repaid at any month's end, without a fee; it
    counts for the instalments that come next.

    ``covenant_ltv``: the most that may be owed over what the financed machines would fetch, at every month's end;
    blank: none.

    ``recourse``: ``full``, what the machines do not cover the company owes all the same; ``limited``, at a decision
    month the company may walk away from a draw, or a part of it: the lender takes the machines that it paid for, and
    nothing more is owed on it. Such a loan is on one model and has no early repayment, so that it is clear which
    machines stand for what.
    """

    kind: Literal["machine_loan"]
    apr: Rate
    term_months: Annotated[int, Field(ge=1, le=120)]
    advance_share: Annotated[float, Field(gt=0, le=1)]
    limit_usd: PositiveUsd
    models: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    origination_fee_share: Share = 0.0
    early_repayment: bool = True
    covenant_ltv: Annotated[float, Field(gt=0, le=10)] | None = None
    recourse: Literal["full", "limited"] = "full"

    def takes(self, model: str) -> bool:
        """Whether machines of a model can be financed."""
        return self.models is None or model in self.models

    def within(self, other: MachineLoan) -> bool:
        """Whether all that this lender takes the other takes too."""
        return other.models is None or (self.models is not None and set(self.models) <= set(other.models))
