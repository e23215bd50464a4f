"""The teaching scenarios give exactly what scenarios/README.md works out by hand."""

from __future__ import annotations

import pytest

from optimizer import plan
from optimizer.errors import InfeasibleError
from optimizer.planning import Plan
from tests.scenarios.test_shipped import SCENARIOS, assert_is_sound

README = (SCENARIOS / "README.md").read_text(encoding="utf-8")


def planned(name: str, *sets: str) -> Plan:
    """The plan of a teaching scenario, proven to be the best."""
    made = plan(SCENARIOS / f"teach_{name}.yaml", sets=sets, compare=False)
    assert_is_sound(made)
    assert made.solver.gap <= 1e-6
    return made


def ordered(made: Plan) -> dict[str, float]:
    """Machines ordered today, by model."""
    return {order.model: order.units for order in made.decisions.orders if order.node == 0}


def pledged_later(made: Plan) -> dict[int, float]:
    """BTC topped up, by month."""
    return {int(made.tree.month[p.node]): p.top_up_btc for p in made.decisions.pledges if p.top_up_btc > 0}


def in_readme(text: str) -> None:
    """The README states this figure; a changed scenario must change it too."""
    assert text in README, f"scenarios/README.md no longer says {text}"


def test_one_machine() -> None:
    made = planned("one_machine")
    margin_usd = 365 * (0.216 * 45 - 3.564 * 24 * 0.050)
    assert made.value.value == pytest.approx(10 + 400_000 / 100_000 + 100 * (margin_usd - 1_398) / 100_000)
    assert made.value.value == pytest.approx(14.5888, abs=5e-5)
    assert ordered(made) == {"antminer_s21_plus_216t": 100}
    in_readme("**14.5888 BTC**")


@pytest.mark.parametrize(("months", "best"), [(22, "antminer_s21_plus_216t"), (23, "antminer_s21_xp_270t")])
def test_the_better_machine_wins_after_22_months(months: int, best: str) -> None:
    assert ordered(planned("one_machine", f"horizon_months={months}")) == {best: 100}
    in_readme("**673.9 days**")


def test_borrow() -> None:
    made = planned("borrow_or_sell")
    assert made.value.value == pytest.approx(40 - 1_100_000 / 115_000, abs=1e-6)
    [draw] = made.decisions.draws
    assert draw.node == 0
    assert draw.amount_usd == pytest.approx(1_000_000, abs=0.01)
    assert made.books.pledged_btc[0, 0] == pytest.approx(20, abs=1e-6)
    assert made.decisions.sell_btc[0] == pytest.approx(0, abs=1e-6)
    in_readme("**30.4348 BTC**")


@pytest.mark.parametrize("price_usd", [109_000, 109_900, 110_100, 111_000])
def test_borrowing_and_selling_tie_at_the_rate_of_the_loan(price_usd: int) -> None:
    made = planned("borrow_or_sell", f"market.price.cases[0].price[0].usd={price_usd}")
    borrows = price_usd > 110_000
    assert made.value.value == pytest.approx(40 - 1_100_000 / price_usd if borrows else 30, abs=1e-6)
    assert made.decisions.sell_btc[0] == pytest.approx(0 if borrows else 10, abs=1e-6)
    in_readme("$110,000: growth equal to the loan's rate")


def test_top_up() -> None:
    made = planned("top_up")
    assert made.value.value == pytest.approx(22, abs=1e-6)
    low_usd = {2: 0.9 * 100_000 * 0.7 ** (61 / 92), 3: 0.9 * 70_000}
    needed_btc = {month: 800_000 / (0.65 * low) for month, low in low_usd.items()}
    for close_usd in made.tree.price_usd[1:5]:
        in_readme(f"${close_usd:,.0f}")
    expected = {2: needed_btc[2] - 16, 3: needed_btc[3] - needed_btc[2]}
    assert pledged_later(made) == pytest.approx(expected, abs=1e-6)
    assert {month: round(btc, 3) for month, btc in expected.items()} == {2: 1.324, 3: 2.212}
    in_readme("**3.536 BTC**")
    in_readme("**22 BTC**")


def test_too_little_to_top_up_with() -> None:
    with pytest.raises(InfeasibleError, match="margin calls met at the month's low, loan: short by 21,950 USD"):
        planned("top_up", "treasury.btc_lots[0].btc=19")
    # 800,000 / (0.65 * 63,000) = 19.536: with 19.53 there is none, with 19.54 there just is one.
    with pytest.raises(InfeasibleError):
        planned("top_up", "treasury.btc_lots[0].btc=19.53")
    assert planned("top_up", "treasury.btc_lots[0].btc=19.54").value.value == pytest.approx(11.54, abs=1e-6)
    in_readme("With 19.54 BTC there just is one.")
