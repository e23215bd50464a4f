"""The base of every scenario object and the number types they share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Strict(BaseModel):
    """Frozen, refuses unknown keys, refuses NaN and infinity, never turns text into numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


# A share of something, 0..1.
Share = Annotated[float, Field(ge=0, le=1)]
# A loan-to-value ratio: debt over collateral value. 0.97 is the highest call LTV seen in a real contract.
Ltv = Annotated[float, Field(gt=0, lt=1)]
# A yearly rate, 0..1 (1 = 100%).
Rate = Annotated[float, Field(ge=0, le=1)]
# A yearly growth rate of a quantity; -0.9 = falls by 90% in a year.
Growth = Annotated[float, Field(gt=-1, le=10)]
# Dollars; one trillion is more than any miner has.
Usd = Annotated[float, Field(ge=0, le=1e12)]
PositiveUsd = Annotated[float, Field(gt=0, le=1e12)]
# Bitcoin; there are never more than 21 million.
Btc = Annotated[float, Field(ge=0, le=21e6)]
# Months from today.
Month = Annotated[int, Field(ge=0, le=120)]
# A name used as a key in reports and rows of the model.
Name = Annotated[str, Field(min_length=1, max_length=80)]
