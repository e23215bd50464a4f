"""The ladder, falls overnight, named shocks, alternatives future by future."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from optimizer.planning import Plan
from optimizer.replay.replayed import on_stress
from optimizer.replay.saved import SavedPlan, read_plan
from optimizer.report.falls import at_fall
from optimizer.report.html.page import report_html
from optimizer.report.plan_json import plan_document
from optimizer.report.pledged_debts import Lines
from optimizer.report.tables import tables_of
from optimizer.report.tables_replay import paths
from optimizer.report.tables_survival import COLUMNS
from optimizer.report.terminal import print_plan
from optimizer.report.write import write_plan
from optimizer.valuation import weighted_quantile
from tests.report.conftest import printed


def test_the_ladder_s_first_rung_by_hand(borrow_or_sell: Plan) -> None:
    # $1M on 20 BTC: a call at 70% is at 1M / (20 * 0.7), liquidation at 80% at $62,500; there 16 BTC bring $1M.
    rung = tables_of(borrow_or_sell)["ladder"].iloc[0]
    assert (rung["month"], rung["owes_share"]) == (0, 1.0)
    assert rung["call_price_usd_mean"] == pytest.approx(1e6 / 14)
    assert rung["liquidation_price_usd_p10"] == pytest.approx(62_500)
    assert rung["fall_to_call_share_p90"] == pytest.approx(2 / 7)
    assert rung["seized_btc_mean"] == pytest.approx(16)
    assert rung["lost_btc_mean"] == 0


def test_what_a_lender_does_when_price_falls_overnight_by_hand(borrow_or_sell: Plan) -> None:
    falls = tables_of(borrow_or_sell)["price_falls"].set_index("fall_share")
    assert falls["does"].tolist() == ["nothing"] * 3 + ["calls"] + ["sells"] * 4
    # At $70,000 the 20 BTC are worth $1.4M: to 50% by $600,000 of BTC more, or $300,000 repaid.
    called = falls.loc[0.3]
    assert called["ltv"] == pytest.approx(1 / 1.4)
    assert called["cure_btc"] == pytest.approx(600_000 / 70_000)
    assert called["cure_usd"] == pytest.approx(300_000)
    assert called["free_btc"] == pytest.approx(20)
    # At $60,000 (83%) the lender sells a million's worth; at $40,000 all 20 BTC do not bring it.
    assert falls.loc[0.4, "seized_btc"] == pytest.approx(1e6 / 60_000)
    assert falls.loc[0.6, "seized_btc"] == pytest.approx(20)


def test_a_fall_of_two_fifths_in_a_sentence(borrow_or_sell: Plan) -> None:
    """The first screen and the terminal say who sells, who calls and who waits; 40% is the fall that lenders ask of."""
    falls = tables_of(borrow_or_sell)["price_falls"].to_dict("records")
    start = "At -40% overnight (BTC at $60,000): "
    sells = f"{start}lender (LTV 83%) sells 16.67 BTC of the pledge (0.00 of them lost to fees)."
    assert at_fall(falls, 0.4) == sells
    assert at_fall(falls, 0.3).endswith(": lender (LTV 71%) calls for 8.57 BTC more, of 20.00 free.")
    assert at_fall(falls, 0.1).endswith(": lender (LTV 56%) does nothing.")
    page = report_html(plan_document(borrow_or_sell))
    assert sells in page.split("Figures behind it")[0]
    assert start in printed(lambda console: print_plan(borrow_or_sell, console))


def test_a_credit_line_stands_in_the_ladder_by_hand(with_a_line: Plan) -> None:
    """$1M on a line in two tiers, 20% and 50%: a call at 70%, liquidation at 80%, sold down to 50% without a fee."""
    tables = tables_of(with_a_line)
    rung, used = tables["ladder"].iloc[0], tables["uses"]
    owed = used.loc[(used["node"] == 0) & used["what"].str.startswith("draw"), "amount"].sum()
    assert (rung["facility"], rung["lender"], rung["month"]) == ("revolver", "made up", 0)
    assert rung["owed_usd_mean"] == pytest.approx(owed)
    assert rung["ltv_mean"] == pytest.approx(owed / (rung["pledged_btc_mean"] * 100_000))
    assert rung["call_price_usd_mean"] == pytest.approx(owed / (0.7 * rung["pledged_btc_mean"]))
    # At 80%: s = (D - 0.5 C) / (1 - 0.5) of C = D / 0.8.
    assert rung["seized_btc_mean"] == pytest.approx((0.8 - 0.5) / 0.5 * rung["pledged_btc_mean"])
    said = printed(lambda console: print_plan(with_a_line, console))
    assert "revolver" in said.split("Debt after that")[1].splitlines()[1]
    assert "At -40% overnight (BTC at $60,000): revolver" in said
    deep = tables["price_falls"].set_index("fall_share").loc[0.7]
    assert deep["ltv"] == pytest.approx(rung["ltv_mean"] / 0.3)


def test_a_lender_with_a_target_sells_less() -> None:
    # 85% to 60% with a fee of 0.99%: s = (0.85 - 0.6) / (1 - 0.0099 - 0.6) of the collateral.
    lines = Lines(0.7, 0.5, 0.85, target_ltv=0.6, cost_share=0.0099)
    assert lines.sold_btc(850.0, 850.0, 1.0, 1_000.0) == pytest.approx(0.25 / 0.3901)
    # Where the LTV counts a tenth more than is owed, a target of 60% counted is one of 6/11 of what is owed.
    assert lines.sold_btc(850.0, 935.0, 1.0, 1_000.0) == pytest.approx((0.85 - 0.6 / 1.1) / (0.9901 - 0.6 / 1.1))


def test_the_ladder_s_means_are_those_of_the_branches_that_owe(small: Plan) -> None:
    tables = tables_of(small)
    ladder, debts = tables["ladder"], tables["debts"]
    for rung in ladder.itertuples():
        here = debts.query("facility == @rung.facility and month == @rung.month and probability > 0")
        here = here[(here["owed_usd"] > 0.01) & (here["pledged_btc"] > 1e-6)]
        assert rung.owes_share == pytest.approx(here["probability"].sum())
        assert rung.ltv_mean == pytest.approx(np.average(here["ltv"], weights=here["probability"]))
        falls, chance = here["fall_to_call_share"].to_numpy(), here["probability"].to_numpy()
        assert rung.fall_to_call_share_p10 == pytest.approx(weighted_quantile(falls, chance, 0.1))


def test_survival_is_what_a_replay_on_all_shocks_says(small: Plan, saved: SavedPlan) -> None:
    found, replayed = tables_of(small)["survival"], paths(on_stress(saved, "all"))[COLUMNS]
    assert len(found) > len(small.tree.stress_names)
    for name in COLUMNS:
        if replayed[name].dtype == "float64":
            np.testing.assert_allclose(found[name], replayed[name], rtol=1e-6, atol=1e-6)
        else:
            assert found[name].tolist() == replayed[name].tolist()


def test_a_company_with_taxes_meets_the_shocks_too(taxed: Plan, tmp_path: Path) -> None:
    write_plan(taxed, tmp_path / "plan")
    found, replayed = tables_of(taxed)["survival"], paths(on_stress(read_plan(tmp_path / "plan"), "all"))
    assert len(found) > 0
    np.testing.assert_allclose(found["net_end_btc"], replayed["net_end_btc"], rtol=1e-6, atol=1e-6)


def test_alternatives_future_by_future_add_up_to_their_summary(small: Plan) -> None:
    tables = tables_of(small)
    outcomes, comparators = tables["outcomes"], tables["comparators"].query("feasible").set_index("name")
    assert len(comparators) > 2
    for name, row in comparators.iterrows():
        theirs, chance = outcomes[f"{name}_btc"], outcomes["probability"]
        assert row["expected_btc"] == pytest.approx(theirs @ chance)
        assert row["worst_btc"] == pytest.approx(theirs.min())
        assert row["p25_btc"] == pytest.approx(weighted_quantile(theirs.to_numpy(), chance.to_numpy(), 0.25))
        ahead = chance[outcomes["net_btc"] > theirs + 1e-6].sum()
        assert row["plan_ahead_share"] == pytest.approx(ahead)
    assert comparators["plan_ahead_share"].min() > 0


def test_an_alternative_without_a_plan_has_no_outcomes(top_up: Plan) -> None:
    tables = tables_of(top_up)
    missing = tables["comparators"].query("not feasible")
    assert len(missing) > 0
    assert missing[["p05_btc", "plan_ahead_share"]].isna().all(axis=None)
    assert not {f"{name}_btc" for name in missing["name"]} & set(tables["outcomes"].columns)


def test_assumptions_carry_the_sources_of_the_scenario(small: Plan, one_machine: Plan) -> None:
    market = tables_of(one_machine)["assumptions"].set_index("name").loc["BTC price"]
    assert (market["value"], market["source"]) == ("$100,000", one_machine.scenario.market.source)
    table = tables_of(small)["assumptions"].set_index(["subject", "name"])
    assert any(lender.source for lender in small.scenario.facilities)
    for lender in small.scenario.facilities:
        row = table.loc[("lender's offer", f"{lender.name} ({lender.lender})")]
        assert [None if pd.isna(said) else said for said in row[["source", "as_of"]]] == [lender.source, lender.as_of]
    [quote] = small.scenario.machines.candidates
    name = small.scenario.machines.specs[quote.model].name
    # A price of the scenario's own has no source.
    assert quote.price_usd is not None
    assert pd.isna(table.loc[("machine on offer", name), "source"])
    assert pd.isna(table.loc[("company", "overhead"), "source"])
