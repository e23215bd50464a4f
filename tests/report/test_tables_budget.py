"""The budget and its schedules: they carry from month to month, and agree with the tables of nodes and months."""

from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from optimizer.planning import Plan
from optimizer.report.outlooks import outlooks_of
from optimizer.report.tables_budget import BALANCES, FLOWS
from optimizer.report.tables_state import MONTHLY


def table(plan: Plan, name: str) -> pd.DataFrame:
    return cast(pd.DataFrame, plan.tables[name])


def by_outlook(frame: pd.DataFrame, *keys: str) -> list[pd.DataFrame]:
    return [rows.reset_index(drop=True) for _, rows in frame.groupby(["outlook", *keys], sort=False)]


@pytest.fixture(params=["small", "top_up", "with_a_note", "taxed", "liquidated", "one_machine"])
def any_plan(request: pytest.FixtureRequest) -> Plan:
    return cast(Plan, request.getfixturevalue(request.param))


def test_the_branches_stand_at_the_edges_of_the_tenths(small: Plan) -> None:
    found = {row["outlook"]: row for row in table(small, "outlooks").to_dict("records")}
    outcomes, chance = small.value.outcomes, small.tree.probability[list(small.value.leaves)]
    for name, share in (("good", 0.9), ("bad", 0.1)):
        net = found[name]["net_btc"]
        assert net == outcomes[small.value.leaves.index(found[name]["node"])]
        assert chance[outcomes <= net].sum() >= share - 1e-9
        assert chance[outcomes < net].sum() < share
    assert found["bad"]["net_btc"] < found["mean"]["net_btc"] < found["good"]["net_btc"]
    assert found["mean"]["net_btc"] == small.value.expected


def test_a_branch_is_a_way_through_the_tree(small: Plan) -> None:
    mean, *branches = outlooks_of(small)
    for branch in branches:
        way = [int(nodes[0]) for nodes in branch.nodes]
        assert way[0] == 0 and way[-1] == branch.leaf
        assert [int(small.tree.parent[node]) for node in way[1:]] == way[:-1]
    assert [weights.sum() for weights in mean.weights] == pytest.approx([1.0] * len(mean.weights))
    assert np.isnan(mean.of_one_branch(small.tree.price_usd)).all()


def test_btc_and_cash_carry(any_plan: Plan) -> None:
    for rows in by_outlook(table(any_plan, "budget")):
        btc = rows.mined_btc + rows.bought_btc + rows.sources_btc - rows.sold_btc - rows.seized_btc - rows.failure_btc
        assert np.allclose(rows.before_btc + btc, rows.btc, atol=1e-6)
        cash = rows.sale_usd + rows.resale_usd + rows.drawn_usd + rows.liquidation_surplus_usd + rows.sources_cash_usd
        cash -= rows.sale_fee_usd + rows.power_usd + rows.overhead_usd + rows.liabilities_usd + rows.capex_usd
        cash -= rows.loan_fees_usd + rows.interest_usd + rows.repaid_usd + rows.tax_usd
        assert np.allclose(rows.before_cash_usd + cash, rows.cash_usd, atol=0.1)
        assert np.allclose(rows.before_cash_usd[1:], rows.cash_usd[:-1], atol=0.02)
        assert np.allclose(rows.before_btc[1:], rows.btc[:-1], atol=1e-7)
        assert rows.before_btc[0] == any_plan.scenario.treasury.btc


def test_it_agrees_with_the_tables_of_nodes_and_of_months(any_plan: Plan) -> None:
    mean, good, bad = by_outlook(table(any_plan, "budget"))
    months, nodes = table(any_plan, "months"), table(any_plan, "nodes")
    for name in set(MONTHLY) & {*FLOWS, *BALANCES}:
        assert np.allclose(mean[name], months[f"{name}_mean"]), name
    for rows, outlook in zip((good, bad), outlooks_of(any_plan)[1:], strict=True):
        way = nodes.iloc[[int(n[0]) for n in outlook.nodes]]
        for name in (*FLOWS, *BALANCES, "runway_months"):
            assert rows[name].to_numpy() == pytest.approx(way[name].to_numpy()), name


def test_principal_carries_and_debts_add_up(any_plan: Plan) -> None:
    debts, budget = table(any_plan, "debt_months"), table(any_plan, "budget")
    for rows in by_outlook(debts, "facility"):
        moved = rows.drawn_usd - rows.repaid_usd - rows.liquidated_usd
        assert np.allclose(rows.before_usd + moved, rows.principal_usd, atol=0.02)
        secured = rows.ltv.notna() & (rows.pledged_btc > 0)
        assert np.allclose(rows.ltv[secured], (rows.counted_usd / (rows.pledged_btc * rows.price_usd))[secured])
    names = {"drawn_usd", "repaid_usd", "interest_usd", "owed_usd", "counted_usd", "pledged_btc", "loan_fees_usd"}
    sums = debts.groupby(["outlook", "month"], sort=False)[sorted(names)].sum().reset_index()
    if len(debts):
        merged = budget.merge(sums, on=["outlook", "month"], suffixes=("", "_of_debts"))
        assert len(merged) == len(budget)
        for name in names:
            assert np.allclose(merged[name], merged[f"{name}_of_debts"], atol=0.02), name


def test_sources_add_up_to_what_the_books_have(with_a_note: Plan) -> None:
    sources, budget = table(with_a_note, "source_months"), table(with_a_note, "budget")
    merged = budget.merge(sources, on=["outlook", "month"], suffixes=("", "_of"))
    assert len(merged) == len(budget) and merged.cash_usd_of.abs().max() > 0
    assert np.allclose(merged.sources_cash_usd, merged.cash_usd_of, atol=0.02)
    assert np.allclose(merged.sources_worth_usd, merged.asset_usd - merged.owed_usd_of, atol=0.02)
    assert np.allclose(merged.sources_btc, merged.btc_of)


def test_racks_carry_and_what_hashes_is_what_ran(any_plan: Plan) -> None:
    machines, fleet = table(any_plan, "machine_months"), any_plan.books.fleet
    nameplate = {(p.model, any_plan.scenario.sites[p.site].name): p.nameplate_ph for p in fleet.pairs}
    ran: dict[tuple[Any, ...], float] = {}
    for rows in by_outlook(machines, "model", "site"):
        moved = rows.delivered_units - rows.retired_units
        assert np.allclose(rows.before_units + moved, rows.racked_units, atol=1e-5)
        assert np.allclose(rows.before_units[1:], rows.racked_units[:-1], atol=1e-5)
        assert (rows[["ordered_units", "delivered_units", "retired_units"]] >= 0).all().all()
        for row in rows.to_dict("records"):
            key = row["outlook"], row["month"]
            ran[key] = ran.get(key, 0.0) + row["hashing_units"] * nameplate[row["model"], row["site"]]
    # These scenarios know no firmware mode but the nameplate's.
    assert not any_plan.scenario.machines.use_firmware_modes or all(len(p.modes) == 1 for p in fleet.pairs)
    for row in table(any_plan, "budget").to_dict("records"):
        assert ran.get((row["outlook"], row["month"]), 0.0) == pytest.approx(row["running_ph"], abs=1e-6)


def test_what_is_ordered_is_delivered_a_lead_later(small: Plan) -> None:
    machines = table(small, "machine_months")
    for order in table(small, "orders").query("node == 0").to_dict("records"):
        rows = machines.query("model == @order['model'] and site == @order['site'] and outlook == 'bad'")
        assert rows.ordered_units.iloc[0] == order["units"]
        assert rows.delivered_units.iloc[order["arrival_month"]] >= order["units"]
