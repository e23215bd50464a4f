"""A saved plan on each kind of market, under each policy."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from optimizer.errors import ReplayError, ScenarioError
from optimizer.planning import plan
from optimizer.replay.replayed import MOST_REPLANNED_PATHS, on_history, on_monte_carlo, on_stress
from optimizer.replay.saved import SavedPlan, read_plan
from optimizer.report.write import write_plan
from tests.builders import write_scenario
from tests.report.conftest import SCENARIOS, company


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    """A history of 400 days in which price and hashprice fall to a half."""
    days = [(date(2021, 11, 1) + timedelta(days=k), 0.5 ** (k / 400)) for k in range(430)]
    text = "\n".join(f"{day},{60_000 * share:.2f},{300 * share:.4f}" for day, share in days)
    csv = tmp_path / "prices.csv"
    csv.write_text("date,price_usd,hashprice_usd_per_ph_day\n" + text)
    return csv


def test_monte_carlo_has_a_summary_and_no_names(saved: SavedPlan) -> None:
    done = on_monte_carlo(saved, 30)
    assert (done.kind, done.names, done.start) == ("monte_carlo", (), saved.scenario.as_of)
    assert done.asked == {"paths": 30, "seed": saved.scenario.market.fan.seed}
    assert done.summary is not None
    assert (done.summary.paths, done.summary.policy, len(done.fates.worth)) == (30, "nearest_node", 30)
    assert done.summary.sample.expected == pytest.approx(done.fates.worth.mean())


def test_the_plan_s_own_replay_is_that_of_its_file(tmp_path: Path) -> None:
    made = plan(write_scenario(tmp_path, company()), compare=False, monte_carlo=300)
    write_plan(made, tmp_path / "plan")
    again = on_monte_carlo(read_plan(tmp_path / "plan"), 300).summary
    assert again is not None
    assert made.out_of_sample is not None
    assert again.sample.expected == pytest.approx(made.out_of_sample.sample.expected, rel=1e-4)
    assert again.tree.value == pytest.approx(made.value.value, rel=1e-9)


def test_policies_differ_after_today_and_not_before(saved: SavedPlan) -> None:
    planned, selling = (on_monte_carlo(saved, 30, policy=policy) for policy in ("nearest_node", "sell_only"))
    np.testing.assert_array_equal(planned.outcome.cash_usd[:, 0], selling.outcome.cash_usd[:, 0])
    assert not np.allclose(planned.outcome.net_btc[:, -1], selling.outcome.net_btc[:, -1])


def test_history_is_followed_to_its_end(saved: SavedPlan, prices: Path) -> None:
    done = on_history(saved, prices, date(2022, 1, 3))
    # A history to 2023-01-04 has twelve whole months; the plan has eighteen.
    assert (done.outcome.months, done.start, done.summary) == (12, date(2022, 1, 3), None)
    assert done.names == ("prices.csv from 2022-01-03",)
    np.testing.assert_allclose(done.outcome.price_usd[0, 12], 84_714 * 0.5 ** (365 / 400), rtol=1e-4)


def test_every_shock_is_a_path(saved: SavedPlan) -> None:
    done = on_stress(saved, "all")
    assert len(done.outcome) == len(done.names) == len(done.sources) > 4
    assert "crash" in done.names  # the scenario's own
    assert done.outcome.months == saved.scenario.horizon_months
    assert on_stress(saved, "crash").names == ("crash",)


def test_planning_anew_is_for_few_paths(saved: SavedPlan) -> None:
    with pytest.raises(ReplayError, match="at most 50 Monte Carlo paths, not 51"):
        on_monte_carlo(saved, MOST_REPLANNED_PATHS + 1, policy="replan")


def test_planning_anew_counts_its_plans(saved: SavedPlan) -> None:
    done = on_stress(saved, "crash", policy="replan")
    assert done.outcome.flows["replans"].tolist() == [len(saved.scenario.decision_months) - 1]


def test_what_cannot_be_replayed_says_why(saved: SavedPlan, prices: Path, tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match="Start between"):
        on_history(saved, prices, date(2024, 1, 1))
    with pytest.raises(ScenarioError, match="neither a shock of this name"):
        on_stress(saved, "nothing of the kind")
    write_plan(plan(SCENARIOS / "teach_top_up.yaml", compare=False), tmp_path / "cases")
    with pytest.raises(ReplayError, match="named cases"):
        on_monte_carlo(read_plan(tmp_path / "cases"), 10)
