"""What a plan of a sweep came to: the figures of its plan.json that plans are told apart by."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from optimizer import __version__

_Number = Annotated[float, Field(ge=-1e15, le=1e15)]


@dataclass(frozen=True)
class Result:
    """``value`` (what the plan maximises), ``mean``, ``tail`` (the mean of the worst futures) and ``worst`` of net
    worth at the end, in ``numeraire``. ``gap``: proven distance to the best, relative. Then what is done today:
    ``ordered_usd`` is the machines' whole price ex works, ``p_liquidation`` the share of other paths on which a lender
    liquidates, None where the plan was not replayed on any."""

    numeraire: Literal["btc", "usd"]
    value: float
    mean: float
    tail: float
    worst: float
    ordered_units: float
    ordered_usd: float
    sold_btc: float
    bought_btc: float
    borrowed_usd: float
    p_liquidation: float | None
    gap: float | None
    hit_limit: bool


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


class _Scenario(_Part):
    sha256: str


class _Solver(_Part):
    gap: _Number | None
    hit_limit: bool


class _Objective(_Part):
    numeraire: Literal["btc", "usd"]
    value: _Number = Field(validation_alias=AliasChoices("value_btc", "value_usd"))
    mean: _Number = Field(validation_alias=AliasChoices("expected_net_btc", "expected_net_usd"))
    tail: _Number = Field(validation_alias=AliasChoices("cvar_net_btc", "cvar_net_usd"))
    worst: _Number = Field(validation_alias=AliasChoices("worst_net_btc", "worst_net_usd"))


class _Order(_Part):
    units: _Number
    now_usd: _Number
    on_delivery_usd: _Number


class _Draw(_Part):
    amount_usd: _Number


class _Today(_Part):
    orders: list[_Order]
    draws: list[_Draw]
    sell_btc: _Number
    buy_btc: _Number


class _Figure(_Part):
    figure: str
    out_of_sample: _Number | None


class _Sample(_Part):
    figures: list[_Figure]


class _Document(_Part):
    version: str
    scenario: _Scenario
    solver: _Solver
    objective: _Objective
    today: _Today
    out_of_sample: _Sample | None


def read_result(file: Path, sha256: str) -> Result | None:
    """What stands in a plan.json; None unless it is whole, of this version and of the scenario with this hash."""
    try:
        found = _Document.model_validate(json.loads(file.read_bytes()))
    except (OSError, ValueError, RecursionError, ValidationError):
        return None
    if found.version != __version__ or found.scenario.sha256 != sha256:
        return None
    figures = found.out_of_sample.figures if found.out_of_sample else []
    today, worth = found.today, found.objective
    return Result(
        numeraire=worth.numeraire,
        value=worth.value,
        mean=worth.mean,
        tail=worth.tail,
        worst=worth.worst,
        ordered_units=sum((order.units for order in today.orders), 0.0),
        ordered_usd=sum((order.now_usd + order.on_delivery_usd for order in today.orders), 0.0),
        sold_btc=today.sell_btc,
        bought_btc=today.buy_btc,
        borrowed_usd=sum((draw.amount_usd for draw in today.draws), 0.0),
        p_liquidation=next((f.out_of_sample for f in figures if f.figure == "p_liquidation"), None),
        gap=found.solver.gap,
        hit_limit=found.solver.hit_limit,
    )
