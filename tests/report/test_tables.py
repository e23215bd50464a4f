import numpy as np
import pandas as pd
import pytest

from optimizer.planning import Plan
from optimizer.report.tables import tables_of
from optimizer.report.tables_state import MONTHLY
from optimizer.valuation import weighted_quantile


def test_cash_carries_from_node_to_node_by_the_columns_of_the_table(small: Plan) -> None:
    nodes = tables_of(small)["nodes"]
    came = ["sale_usd", "resale_usd", "drawn_usd", "liquidation_surplus_usd"]
    went = ["sale_fee_usd", "power_usd", "overhead_usd", "liabilities_usd", "capex_usd", "loan_fees_usd"]
    flow = nodes[came].sum(axis=1) - nodes[[*went, "interest_usd", "repaid_usd"]].sum(axis=1)
    before = nodes["cash_usd"].to_numpy()[np.maximum(nodes["parent"], 0)]
    before[0] = small.scenario.treasury.cash_usd
    np.testing.assert_allclose(nodes["cash_usd"], before + flow, rtol=1e-9, atol=0.05)


def test_btc_carries_and_is_free_or_pledged(small: Plan) -> None:
    nodes = tables_of(small)["nodes"]
    before = nodes["btc"].to_numpy()[np.maximum(nodes["parent"], 0)]
    before[0] = small.scenario.treasury.btc
    flow = nodes["mined_btc"] - nodes["sold_btc"] + nodes["bought_btc"] - nodes["seized_btc"]
    np.testing.assert_allclose(nodes["btc"], before + flow, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(nodes["btc"], nodes["free_btc"] + nodes["pledged_btc"], atol=1e-6)


def test_a_drawn_loan_stands_where_its_contract_says(borrow_or_sell: Plan) -> None:
    # $1M at 50% of $100,000 pledges 20 BTC; a call at 70% comes at 1M / (20 * 0.7), liquidation at 80%.
    draw = tables_of(borrow_or_sell)["draws"].iloc[0]
    assert draw["amount_usd"] == pytest.approx(1e6)
    assert draw["pledged_btc"] == pytest.approx(20)
    assert draw["ltv"] == pytest.approx(0.5)
    assert draw["call_price_usd"] == pytest.approx(1e6 / 14)
    assert draw["liquidation_price_usd"] == pytest.approx(62_500)
    assert draw["fall_to_call_share"] == pytest.approx(2 / 7)
    assert draw["fall_to_liquidation_share"] == pytest.approx(0.375)
    assert draw["matures_date"] == pd.Timestamp("2027-10-03")


def test_an_order_costs_what_the_quote_says(small: Plan) -> None:
    order = tables_of(small)["orders"].iloc[0]
    # $1,600 each, 40% down; the rest, 10% duty and $50 of installation at delivery, two months on.
    assert order["now_usd"] == pytest.approx(order["units"] * 640)
    assert order["on_delivery_usd"] == pytest.approx(order["units"] * (960 + 160 + 50))
    assert (order["arrival_month"], order["power_mw"]) == (2, pytest.approx(order["units"] * 0.0035))


def test_orders_and_capex_agree(small: Plan) -> None:
    tables = tables_of(small)
    today = tables["orders"].query("node == 0")
    assert tables["nodes"]["capex_usd"][0] == pytest.approx(today["now_usd"].sum())
    assert tables["nodes"]["payable_usd"][0] == pytest.approx(today["on_delivery_usd"].sum())


def test_a_machine_to_be_resold_is_expected_to_fetch_the_mean_of_the_branches(small: Plan) -> None:
    row = tables_of(small)["retirements"].query("node == 0").iloc[0]
    tree = small.tree
    there = (tree.month == row["retired_month"]) & (tree.probability > 0)
    factor = tree.probability[there] @ tree.asic_price_factor[there]
    assert row["resale_usd_per_unit"] == pytest.approx(300 * factor)


def test_months_are_the_mean_over_branches(small: Plan) -> None:
    tables = tables_of(small)
    nodes, tree = tables["nodes"], small.tree
    for month in (0, 1, 18):
        here = (tree.month == month) & (tree.probability > 0)
        row = tables["months"].set_index("month").loc[month]
        for name in MONTHLY:
            values = nodes[name].to_numpy(dtype=float)[here]
            assert row[f"{name}_mean"] == pytest.approx(tree.probability[here] @ values)
            assert values.min() <= row[f"{name}_p10"] <= row[f"{name}_p90"] <= values.max()


def test_quantiles_count_probability_not_nodes() -> None:
    values, chance = np.array([3.0, 1.0, 2.0]), np.array([0.05, 0.15, 0.8])
    assert [weighted_quantile(values, chance, q) for q in (0.1, 0.15, 0.16, 0.95, 0.99)] == [1, 1, 2, 2, 3]


def test_a_machine_breaks_even_where_its_power_costs_what_it_mines(one_machine: Plan) -> None:
    row = tables_of(one_machine)["machines"].iloc[0]
    # 16.5 J/TH at $50: 0.024 * 16.5 * 50 = $19.80 per PH and day; $45 pays for $113.64 per MWh.
    assert row["breakeven_usd_per_ph_day"] == pytest.approx(19.8)
    assert row["breakeven_usd_per_mwh"] == pytest.approx(45 / (0.024 * 16.5))
    assert row["margin_usd_per_unit_day"] == pytest.approx(5.4432)


def test_weights_of_outcomes_make_the_value(small: Plan) -> None:
    outcomes = tables_of(small)["outcomes"]
    assert outcomes["weight"].sum() == pytest.approx(1)
    assert outcomes["weight"] @ outcomes["net_btc"] == pytest.approx(small.value.value)


def test_tables_without_rows_keep_their_columns(one_machine: Plan) -> None:
    tables = tables_of(one_machine)
    for name in ("draws", "repayments", "pledges", "debts", "retirements", "liquidations", "loan_ties"):
        assert tables[name].empty
        assert len(tables[name].columns) > 5


def test_a_liquidation_shows_what_was_seized_and_what_it_met(liquidated: Plan) -> None:
    row = tables_of(liquidated)["liquidations"].iloc[0]
    assert row["seized_usd"] == pytest.approx(8 * 63_000)
    assert row["fee_usd"] == pytest.approx(8 * 63_000 * 0.02)
    assert row["principal_usd"] == pytest.approx(8 * 63_000 * 0.98)


def test_rounding_of_the_solver_is_not_shown(small: Plan) -> None:
    tables = tables_of(small)
    del tables["market"]  # is not the solver's
    for table in tables.values():
        for name in table.columns:
            if table[name].dtype == "float64" and name.endswith(("_usd", "_btc")):
                sizes = table[name].abs()
                assert not ((sizes > 0) & (sizes < 1e-8)).any(), name
