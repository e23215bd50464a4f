"""What machines earn, what orders cost, and which machines come and go when."""

import numpy as np
import pytest

from optimizer.planning import Plan
from optimizer.report.tables import tables_of

# Watts * 24 h at $50 per MWh; $45 per PH/s and day.
S21_PLUS_MARGIN = 0.216 * 45 - 0.003564 * 24 * 50
S21_XP_MARGIN = 0.270 * 45 - 0.003645 * 24 * 50


def test_margins_by_hand(one_machine: Plan) -> None:
    margins = tables_of(one_machine)["margins"]
    assert margins["month"].tolist() == list(range(1, 13))
    expected = {"antminer_s21_plus_216t": S21_PLUS_MARGIN, "antminer_s21_xp_270t": S21_XP_MARGIN}
    for row in margins.itertuples():
        assert row.margin_usd_per_unit_day_mean == pytest.approx(expected[row.model])
    assert (margins["off_share"] == 0).all()
    assert margins["racked_units_mean"].to_list() == pytest.approx([100] * 12)


def test_order_costs_by_hand(one_machine: Plan) -> None:
    [order] = tables_of(one_machine)["order_costs"].itertuples()
    cost, ths, margin = {
        "antminer_s21_plus_216t": (1398, 216, S21_PLUS_MARGIN),
        "antminer_s21_xp_270t": (2970, 270, S21_XP_MARGIN),
    }[order.model]
    assert (order.units, order.cost_usd_per_unit) == (pytest.approx(100), pytest.approx(cost))
    assert order.cost_usd == pytest.approx(100 * cost)
    assert order.cost_usd_per_th == pytest.approx(cost / ths)
    assert order.payback_months == pytest.approx(cost / margin / 30.4375)


def test_the_one_machine_that_is_racked_is_off_where_the_ledger_says_that_nothing_hashes(small: Plan) -> None:
    tables = tables_of(small)
    [owned] = small.scenario.machines.owned
    nodes = tables["nodes"].query("probability > 0 and month == 1")
    idle = nodes.loc[nodes["running_ph"] == 0, "probability"].sum()
    first = tables["margins"].query("month == 1").set_index("model").loc[[owned.model]]
    assert 0 < idle < 1
    assert first["off_share"].tolist() == [pytest.approx(idle)]


def test_the_schedule_adds_up_to_the_decisions(small: Plan) -> None:
    tables = tables_of(small)
    schedule = tables["fleet_schedule"]
    for what, name in (("arrives", "orders"), ("leaves", "retirements")):
        decided = tables[name]
        moved = schedule[schedule["what"] == what]
        assert len(moved) > 0
        assert moved["units_mean"].sum() == pytest.approx(np.dot(decided["units"], decided["probability"]))
        assert moved["power_mw_mean"].sum() == pytest.approx(np.dot(decided["power_mw"], decided["probability"]))
        today = decided.query("node == 0")
        assert moved.query("decided_month == 0")["units_mean"].sum() == pytest.approx(today["units"].sum())
    assert (schedule["month"] >= schedule["decided_month"]).all()
    assert schedule["chance_share"].between(0, 1 + 1e-9).all()
    assert (schedule.query("decided_month == 0")["chance_share"] == 1).all()
