"""Failures of lenders drawn for sampled paths: by their contracts' chances, more of them where price has fallen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optimizer.market.paths import Paths
from optimizer.scenario.schema import Scenario


def draw_failures(scenario: Scenario, paths: Paths, seed: np.random.SeedSequence) -> Paths:
    """The paths with the month in which each lender fails, if it does; the same paths where none can.

    A lender that has lasted fails in a month with chance min(1, failure_pa / 12 * (price / today's) ^ -beta), by the
    price at the month's end, for all its contracts at once. What is recovered comes back in that month.
    """
    contracts = (*scenario.loans, *scenario.facilities)
    if not any(contract.failure_pa > 0 for contract in contracts):
        return paths
    rng, moved = np.random.default_rng(seed), paths.price_usd[:, 1:] / paths.price_usd[:, :1]
    failed = np.zeros((len(paths), len(contracts)), dtype=np.int64)
    for lender in dict.fromkeys(contract.lender for contract in contracts):
        mine = [f for f, contract in enumerate(contracts) if contract.lender == lender]
        terms = contracts[mine[0]]
        chance = terms.failure_pa / 12 * moved**-terms.failure_price_beta
        fails = rng.random(moved.shape) < chance
        failed[:, mine] = np.where(fails.any(axis=1), fails.argmax(axis=1) + 1, 0)[:, None]
    shares = np.array([contract.failure_recovery_share for contract in contracts])
    return replace(
        paths, failed_month=failed, recovery_month=failed, recovery_share=np.broadcast_to(shares, failed.shape)
    )
