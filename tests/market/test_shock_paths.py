import json

import numpy as np
import pytest

from optimizer.market.calendar import month_end_days
from optimizer.market.shock_paths import shock_paths, survival_paths
from optimizer.market.stress import stress_branch
from optimizer.scenario.shocks import Shock, find_shocks

TERMS = {
    "term_months": 24,
    "interest": "monthly",
    "repayment": "bullet",
    "call_ltv": 0.7,
    "cure_target_ltv": 0.6,
    "liquidation_ltv": 0.8,
    "liquidation_fee_share": 0.02,
}
LOAN = {**TERMS, "balance_usd": 1e6, "pledged_btc": 30.0, "apr": 0.1, "matures_month": 20}
LOANS = [{**LOAN, "name": "old", "lender": "Ledn"}]
FACILITIES = [
    {**TERMS, "name": name, "lender": lender, "tiers": [{"max_ltv": 0.5, "apr": 0.1}], "limit_usd": 1e6,
     "origination_fee_share": 0.0}
    for name, lender in (("line", "Strike"), ("more", "Ledn"))
]  # fmt: skip
STRESS = {
    "name": "bad year",
    "price": [{"month": 2, "change": -0.5}, {"month": 5, "change": -0.3}],
    "hashprice_usd": [{"month": 3, "change": -0.6}],
    "low_below_close_share": 0.15,
    "delivery_delay_months": 2,
    "power_price_factor": 1.4,
    "frozen_lenders": ["Ledn"],
    "frozen_from_month": 3,
    "frozen_until_month": 7,
}
CRASH = {"name": "crash", "price": [{"month": 1, "change": -0.4}], "low_below_close_share": 0.1}


@pytest.fixture(scope="module")
def company(make):
    return make(loans=LOANS, facilities=FACILITIES, market__stress=[STRESS, {**CRASH, "until_month": 4}])


def shock(**fields):
    return Shock.model_validate_json(json.dumps({"name": "x", "low_below_close_share": 0, **fields}))


@pytest.mark.parametrize("index", [0, 1])
def test_a_scenarios_own_stress_is_its_branch(company, index):
    stress = company.market.stress[index]
    (own,) = find_shocks(stress.name, company)
    paths, branch = shock_paths(company, own), stress_branch(company, stress)
    months = len(branch)
    assert paths.months == 12 and len(paths) == 1
    assert paths.price_usd[0, :months] == pytest.approx(branch.price_usd, rel=1e-12)
    for field in ("btc_per_ph", "revenue_usd_per_ph", "hashprice_usd_per_ph_day", "network_ehs", "asic_price_factor"):
        assert getattr(paths, field)[0, :months] == pytest.approx(getattr(branch, field), rel=1e-12), field
    assert paths.power_usd_per_mwh[0, :months] == pytest.approx(branch.power_usd_per_mwh, rel=1e-12)
    ends = paths.month_end
    low = [paths.low_usd[0, ends[m - 1] + 1 : ends[m] + 1].min() for m in range(1, months)]
    assert low == pytest.approx(branch.low_usd[1:], rel=1e-12)
    frozen = [[lender in names for lender in ("Ledn", "Strike", "Ledn")] for names in branch.frozen]
    assert paths.frozen[0, :months].tolist() == frozen
    assert paths.delivery_delay_months.tolist() == [branch.delivery_delay_months[-1]]
    assert not paths.failed_month.any()


def test_after_its_end_a_shock_leaves_prices_where_they_are(make):
    spec = {**STRESS, "price": [{"month": 6, "change": -0.5}], "until_month": 4, "frozen_until_month": 120}
    company = make(loans=LOANS, market__stress=[spec])
    paths = shock_paths(company, find_shocks("bad year", company)[0])
    end = paths.month_end[4]
    assert (paths.close_usd[0, end:] == paths.close_usd[0, end]).all() and paths.close_usd[0, end] > 40_000
    assert paths.hashprice_usd_per_ph_day[0, 4:] == pytest.approx(paths.hashprice_usd_per_ph_day[0, 4])
    assert paths.power_usd_per_mwh[0, :, 0] == pytest.approx([50] + [70] * 4 + [50] * 8)
    assert paths.frozen[0, :, 0].tolist() == [False] * 3 + [True] * 2 + [False] * 8


def test_steps_are_days_and_interest_runs_to_the_days_end(company):
    paths = shock_paths(company, shock())
    assert paths.month_end.tolist() == month_end_days(company.as_of, 12).tolist()
    assert paths.elapsed_share[:3] == pytest.approx([0, 1 / 30, 2 / 30])
    assert paths.elapsed_share[paths.month_end[1:]] == pytest.approx(1.0)
    assert paths.close_usd.shape == paths.low_usd.shape == (1, paths.month_end[-1] + 1)
    assert paths.close_usd == pytest.approx(80_000) and (paths.low_usd == paths.close_usd).all()


def test_the_months_low_is_met_on_the_day_that_closes_lowest(company):
    paths = shock_paths(
        company,
        shock(
            price=[{"month": 1, "change": -0.5}, {"month": 2, "change": -0.2}, {"month": 3, "change": -0.2}],
            low=[{"month": 1, "change": -0.6}, {"month": 2, "change": -0.55}, {"month": 4, "change": -0.1}],
        ),
    )
    ends, dips = paths.month_end, np.flatnonzero(paths.low_usd[0] < paths.close_usd[0])
    # Falling: the last day. Rising: the first. A low above the closes is no low.
    assert dips.tolist() == [ends[1], ends[1] + 1]
    assert paths.low_usd[0, dips] == pytest.approx([32_000, 36_000])


def test_months_without_a_low_of_their_own_have_the_usual_one(company):
    paths = shock_paths(company, shock(low=[{"month": 1, "change": -0.3}], low_below_close_share=0.1))
    assert paths.low_usd[0, 1] == pytest.approx(56_000)
    # Of a flat month the first day.
    firsts = paths.month_end[:-1] + 1
    assert paths.low_usd[0, firsts[1:]] == pytest.approx(72_000)
    assert np.delete(paths.low_usd[0], firsts) == pytest.approx(80_000)


def test_machine_prices_are_stated_or_follow_hashprice(company):
    points = [{"month": 2, "change": -0.64}]
    stated = shock_paths(company, shock(machine_price=points)).asic_price_factor[0]
    ends = month_end_days(company.as_of, 12)
    assert stated[0] == 1 and stated[2:] == pytest.approx(0.36)
    assert stated[1] == pytest.approx(0.36 ** (ends[1] / ends[2]))
    followed = shock_paths(company, shock(hashprice_usd=points)).asic_price_factor[0]
    assert followed[2:] == pytest.approx(0.36 * 0.85 ** (np.arange(2, 13) / 12))


def failing(lender, month=3, **more):
    failure = {"lender": lender, "month": month, "recovery_share": 0.6, "recovered_after_months": 4}
    return shock(failures=[failure], **more)


def test_a_failed_lender_is_frozen_until_it_has_paid(company):
    paths = shock_paths(company, failing("Ledn"))
    assert paths.failed_month.tolist() == [[3, 0, 3]]
    assert paths.recovery_month.tolist() == [[7, 0, 7]]
    assert paths.recovery_share.tolist() == [[0.6, 0, 0.6]]
    assert paths.frozen[0, :, 0].tolist() == [False] * 3 + [True] * 4 + [False] * 6
    assert not paths.frozen[0, :, 1].any()
    late = shock_paths(company, failing("Ledn", month=13))
    assert not late.failed_month.any() and not late.recovery_month.any() and not late.frozen.any()


@pytest.mark.parametrize(
    ("pledged_btc", "fails"),
    [([30, 40, 0], [0, 3, 0]), ([30, 40, 15], [3, 0, 3]), ([0, 0, 0], [0, 0, 0]), (None, [0, 0, 0])],
)
def test_largest_holds_most_of_the_pledges(company, pledged_btc, fails):
    pledged = None if pledged_btc is None else np.array(pledged_btc, dtype=float)
    paths = shock_paths(company, failing("largest", frozen_lenders=["largest"], frozen_until_month=2), pledged)
    assert paths.failed_month[0].tolist() == fails
    assert paths.frozen[0, 1].tolist() == [month > 0 for month in fails]


def test_all_is_every_lender(company):
    paths = shock_paths(company, failing("all", frozen_lenders=["all"], frozen_until_month=1))
    assert paths.failed_month.tolist() == [[3, 3, 3]]
    assert paths.frozen[0, :4].tolist() == [[False] * 3, [True] * 3, [False] * 3, [True] * 3]


def test_one_replay_tells_of_all_shocks(company):
    shocks = (*find_shocks("all", company), *find_shocks("grid", company))
    pledged = np.array([30.0, 0.0, 0.0])
    paths = survival_paths(company, shocks, pledged)
    assert len(paths) == len(shocks) == 6 + 2 + 72
    for index in (0, 3, 7, 79):
        alone, among = shock_paths(company, shocks[index], pledged), paths.take(np.array([index]))
        for name, values in vars(alone).items():
            assert np.array_equal(values, getattr(among, name)), name
    assert (paths.low_usd <= paths.close_usd).all() and (paths.low_usd > 0).all()


def test_a_horizon_shorter_than_the_shock_sees_its_beginning(make):
    short, long = make(horizon_months=3), make()
    (bear,) = find_shocks("bear market 2022", short)
    brief, whole = shock_paths(short, bear), shock_paths(long, bear)
    assert brief.price_usd[0] == pytest.approx(whole.price_usd[0, :4], rel=1e-12)
    assert brief.price_usd[0, 1:] == pytest.approx(80_000 * np.array([1 - 0.2523, 1 - 0.3811, 1 - 0.3461]))
