from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.market.average import mean_path
from optimizer.market.build_tree import build_tree

STRESS = {
    "name": "crash",
    "price": [{"month": 1, "change": -0.6}],
    "low_below_close_share": 0.2,
    "frozen_lenders": ["Ledn"],
}


def test_same_seed_same_tree_other_seed_other_tree(make):
    one, again = build_tree(make())[0], build_tree(make())[0]
    for field in fields(one):
        first, second = getattr(one, field.name), getattr(again, field.name)
        assert np.array_equal(first, second) if isinstance(first, np.ndarray) else first == second
    other = build_tree(make(market__fan={"paths": 1000, "seed": 8}))[0]
    assert not np.array_equal(one.price_usd, other.price_usd)


def test_mean_path_is_what_the_tree_is_on_average(make, well_formed):
    tree, kept = build_tree(make(market__stress=[STRESS]))
    path = mean_path(tree)
    well_formed(path)
    assert path.stress_names == () and len(path) == 13
    assert path.price_usd == pytest.approx(80_000)
    assert path.btc_per_ph == pytest.approx(kept.table["tree_mean_btc_per_ph"])
    at = (tree.month == 5) & (tree.stress < 0)
    ratio = tree.probability[at] @ (tree.low_usd[at] / tree.price_usd[at])
    assert path.low_usd[5] == pytest.approx(80_000 * ratio)
    assert path.power_usd_per_mwh[5, 0] == pytest.approx(50.0)
    dollars = mean_path(tree, "usd")
    assert dollars.price_usd == pytest.approx(kept.table["tree_mean_price_usd"])


def test_mean_path_of_a_falling_price_keeps_the_low_below_its_opening(make):
    cases = {
        "process": "cases",
        "cases": [{"name": "a", "probability": 1.0, "price": [{"month": 1, "usd": 160_000.0}]}],
        "low_below_close_share": 0.0,
    }
    path = mean_path(build_tree(make(market__price=cases))[0])
    assert path.low_usd[:3] == pytest.approx([80_000, 80_000, 160_000])


views = st.one_of(
    st.sampled_from(["btc_neutral", "usd_neutral"]),
    st.fixed_dictionaries({"median_growth_pa": st.floats(-0.6, 2.0)}),
)
processes = st.one_of(
    st.fixed_dictionaries({"process": st.just("gbm"), "view": views, "volatility_pa": st.floats(0.0, 1.5)}),
    st.fixed_dictionaries(
        {
            "process": st.just("jump_diffusion"),
            "view": views,
            "volatility_pa": st.floats(0.0, 1.0),
            "jumps_pa": st.floats(0.0, 20.0),
            "jump_mean_log": st.floats(-0.2, 0.2),
            "jump_sd_log": st.floats(0.0, 0.3),
        }
    ),
)
markets = st.fixed_dictionaries(
    {
        "horizon_months": st.integers(1, 9),
        "numeraire": st.sampled_from(["btc", "usd"]),
        "market__block_height": st.sampled_from([950_000, 1_050_000 - 144 * 45, 6_930_000]),
        "market__price": processes,
        "market__fees": st.fixed_dictionaries({"share": st.floats(0, 0.5), "volatility_pa": st.floats(0, 2)}),
        "market__power_prices": st.fixed_dictionaries(
            {"volatility_pa": st.floats(0, 1), "btc_correlation": st.floats(-1, 1)}
        ),
        "market__network": st.fixed_dictionaries(
            {
                "hashrate_ehs": st.just(960.0),
                "growth_pa": st.floats(-0.5, 2),
                "response": st.floats(0, 20),
                "fair_hashprice_usd_per_ph_day": st.floats(5, 100),
                "efficiency_gain_pa": st.floats(0, 1),
            }
        ),
        "market__fan": st.fixed_dictionaries({"paths": st.integers(10, 80), "seed": st.integers(0, 99)}),
        "market__stress": st.sampled_from([[], [STRESS], [STRESS, {**STRESS, "until_month": 2}]]),
        "market__tree": st.builds(
            lambda children, low: {
                "branching": [{"month": m, "children": c} for m, c in children.items()],
                "low_quantile": low,
            },
            st.dictionaries(st.integers(1, 12), st.integers(1, 6), max_size=4),
            st.floats(0.001, 0.5),
        ),
    }
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(changes=markets)
def test_any_market_gives_a_well_formed_tree_that_keeps_its_view(make, well_formed, changes):
    tree, kept = build_tree(make(**changes))
    well_formed(tree)
    level = {"btc": "difference_mean_inverse_price", "usd": "difference_mean_price_usd"}[changes["numeraire"]]
    assert kept.table[level].abs().max() < 1e-9
    assert kept.table["difference_mean_btc_per_ph"].abs().max() < 1e-9
    view = (changes["market__price"]["view"], changes["numeraire"])
    likely = tree.stress < 0
    for node in np.flatnonzero(likely):
        children = [c for c in tree.children[node] if likely[c]]
        if not children:
            continue
        share = tree.probability[children] / tree.probability[node]
        ratio = tree.price_usd[children] / tree.price_usd[node]
        if view == ("btc_neutral", "btc"):
            assert share @ (1 / ratio) == pytest.approx(1.0, abs=1e-11)
        if view == ("usd_neutral", "usd"):
            assert share @ ratio == pytest.approx(1.0, abs=1e-11)
