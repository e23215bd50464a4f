import math

import pytest

from optimizer.report import words


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0.0, "$0"),
        (-0.2, "$0"),
        (8_471.4, "$8,471"),
        (9_999.6, "$10k"),
        (84_714, "$85k"),
        (999_400, "$999k"),
        (999_600, "$1.00M"),
        (-84_714_000, "-$84.71M"),
        (1.234e9, "$1.23B"),
        (math.nan, "-"),
    ],
)
def test_dollars_keep_three_or_four_digits(amount: float, said: str) -> None:
    assert words.usd(amount) == said


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0.0, "0.00"),
        (-0.0, "0.00"),
        (-1e-12, "0.0000"),
        (0.0843, "0.0843"),
        (9.4123, "9.41"),
        (99.999, "100.0"),
        (12_345.6, "12,346"),
    ],
)
def test_btc_keeps_about_four_digits(amount: float, said: str) -> None:
    assert words.btc(amount) == said


def test_worth_has_the_digits_of_what_it_stands_beside() -> None:
    assert words.worth(30.434782, "btc") == "30.4348 BTC"
    assert words.worth(79.5384, "btc", beside=116.7) == "79.54 BTC"
    assert words.worth(2_500_000, "usd") == "$2.50M"


def test_a_small_negative_share_is_zero_and_no_number_is_a_dash() -> None:
    assert words.share(-1e-9, 1) == "0.0%"
    assert words.share(math.nan) == "-"
    assert words.months(math.inf) == "endless"


def test_counts_have_their_plural() -> None:
    assert words.count(1, "branch") == "1 branch"
    assert words.count(1_200, "branch") == "1,200 branches"
    assert words.count(2, "node") == "2 nodes"


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert words.clean("a\x1b[31mred\r\n\u202ebc é") == "a?[31mred???bc é"
