"""What a price costs in another currency: exact, rounded once in the bank's and in the margin's favour."""

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karez.core.ids import NIL
from karez.core.outcomes import Rejected
from karez.services.payments.exchange.rates import Cost, Rate, best_rate, check_rate, cost_of, given_back
from karez.services.payments.house import Currency

CNY, USD = Currency("CNY", 2, 1, 2, 3), Currency("USD", 2, 4, 5, 6)
JPY, KWD = Currency("JPY", 0, 7, 8, 9), Currency("KWD", 3, 10, 11, 12)
CURRENCIES = st.sampled_from([CNY, USD, JPY, KWD])
PRICES = st.integers(1, 10**12)


def rate(base: str, counter: str, bid: int, ask: int, scale: int = 4, bank: int = 2) -> Rate:
    return Rate(NIL, bank, base, counter, bid, ask, scale, 2**62)


@st.composite
def trades(draw: st.DrawFn) -> tuple[Rate, int, Currency, Currency, int]:
    priced, paid = draw(st.lists(CURRENCIES, min_size=2, max_size=2, unique_by=lambda each: each.code))
    base, counter = draw(st.permutations([priced.code, paid.code]))
    bid = draw(st.integers(1, 10**9))
    ask = bid + draw(st.integers(0, 10**6))
    given_rate = rate(base, counter, bid, ask, draw(st.integers(0, 12)))
    return given_rate, draw(PRICES), priced, paid, draw(st.integers(0, 2_000))


def exact(given_rate: Rate, price_minor: int, priced: Currency, paid: Currency) -> Fraction:
    scale = Fraction(10) ** given_rate.scale
    one = given_rate.ask / scale if given_rate.base == priced.code else scale / given_rate.bid
    return price_minor * one * Fraction(10) ** (paid.exponent - priced.exponent)


def test_the_bank_and_the_margin_are_rounded_up() -> None:
    cost = cost_of(rate("USD", "CNY", 71_134, 71_234), 1_000, USD, CNY, 100)
    assert (cost.bank_minor, cost.margin_minor, cost.paid_minor) == (7_124, 71, 7_195)


def test_who_pays_with_the_base_gets_the_bid() -> None:
    assert cost_of(rate("USD", "CNY", 70_000, 80_000), 7_000, CNY, USD, 0).bank_minor == 1_000


def test_currencies_without_decimals_are_whole() -> None:
    assert cost_of(rate("USD", "JPY", 15_000, 15_000, 2), 100, USD, JPY, 0).bank_minor == 150
    assert cost_of(rate("USD", "JPY", 15_000, 15_000, 2), 1, USD, JPY, 0).bank_minor == 2


@given(trade=trades())
def test_a_cost_is_the_exact_one_rounded_up(trade: tuple[Rate, int, Currency, Currency, int]) -> None:
    given_rate, price_minor, priced, paid, margin_bps = trade
    cost, true = cost_of(*trade), exact(given_rate, price_minor, priced, paid)
    assert cost.bank_minor == ceil(true)
    assert cost.paid_minor == ceil(true * (10_000 + margin_bps) / 10_000)


@given(trade=trades())
def test_the_margin_is_never_negative(trade: tuple[Rate, int, Currency, Currency, int]) -> None:
    assert cost_of(*trade).margin_minor >= 0


@given(trade=trades(), shares=st.lists(st.integers(1, 100), min_size=1, max_size=8))
def test_in_however_many_parts_all_of_it_goes_back_it_is_exactly_what_was_paid(
    trade: tuple[Rate, int, Currency, Currency, int], shares: list[int]
) -> None:
    _, price_minor, *_ = trade
    cost, before_minor, back = cost_of(*trade), 0, list[Cost]()
    ends = [price_minor * sum(shares[:count]) // sum(shares) for count in range(1, len(shares) + 1)]
    for end_minor in ends:
        back.append(given_back(cost, price_minor, before_minor, end_minor - before_minor))
        before_minor = end_minor
        share = Fraction(before_minor, price_minor)
        assert sum(each.bank_minor for each in back) <= cost.bank_minor * share
        assert sum(each.margin_minor for each in back) <= cost.margin_minor * share
    assert all(each.bank_minor >= 0 <= each.margin_minor for each in back)
    assert Cost(sum(each.bank_minor for each in back), sum(each.margin_minor for each in back)) == cost


def test_the_payer_gets_the_cheapest_rate() -> None:
    dear, cheap = rate("USD", "CNY", 70_000, 72_000, bank=2), rate("USD", "CNY", 70_000, 71_000, bank=3)
    inverse = rate("CNY", "USD", 1_420, 1_500, bank=4)
    assert best_rate([dear, cheap, inverse], 1_000, USD, CNY) is inverse
    assert best_rate([dear, cheap], 1_000, USD, CNY) is cheap
    with pytest.raises(Rejected, match="No bank gives a rate"):
        best_rate([], 1_000, USD, CNY)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (rate("USD", "USD", 1, 1), "exchange_rate_out_of_range"),
        (rate("USD", "CNY", 2, 1), "exchange_rate_out_of_range"),
        (rate("USD", "CNY", 0, 1), "exchange_rate_out_of_range"),
        (rate("USD", "CNY", 1, 1, 13), "exchange_rate_out_of_range"),
        (Rate(NIL, 2, "USD", "CNY", 1, 1, 4, 5), "exchange_rate_expired"),
    ],
)
def test_a_rate_that_cannot_be_is_refused(wrong: Rate, code: str) -> None:
    with pytest.raises(Rejected) as refused:
        check_rate(wrong, 5)
    assert refused.value.code == code
