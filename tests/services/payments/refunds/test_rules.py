"""What becomes of a shop's fee when its sale is refunded."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from karez.services.payments.refunds.rules import fee_return_minor
from tests.services.payments.buying import Market
from tests.services.payments.memory_karez import refused


def test_three_thirds_bring_a_third_of_the_fee_each() -> None:
    assert [fee_return_minor("proportional", 99, 3_300, before, 1_100) for before in (0, 1_100, 2_200)] == [
        33,
        33,
        33,
    ]


@given(
    price=st.integers(1, 10**12),
    rate=st.integers(0, 1_000),
    cuts=st.lists(st.floats(0, 1), max_size=8),
)
def test_all_refunds_together_bring_the_whole_fee_and_never_more(
    price: int, rate: int, cuts: list[float]
) -> None:
    fee = price * rate // 10_000
    marks = sorted({0, price, *(int(price * cut) for cut in cuts)})
    parts = [
        fee_return_minor("proportional", fee, price, before, after - before)
        for before, after in itertools.pairwise(marks)
    ]
    assert min(parts) >= 0
    assert sum(parts) == fee


@given(price=st.integers(1, 10**12), fee=st.integers(0, 10**9))
def test_a_kept_fee_does_not_come_back(price: int, fee: int) -> None:
    assert fee_return_minor("keep", fee, price, 0, price) == 0


def test_the_last_fen_is_refunded_and_not_one_more() -> None:
    market = Market()
    id_ = market.finished(1_000)
    market.refund(id_, 999)
    with refused("refund_exceeds_payment"):
        market.refund(id_, 2)
    market.refund(id_, 1)
    with refused("refund_exceeds_payment"):
        market.refund(id_, 1)


def test_where_several_sources_paid_the_trade_itself_knows_what_is_left() -> None:
    market = Market()
    id_ = market.finished(1_000, market.coupon(300), None)
    market.refund(id_, 600)
    assert market.trade(id_).legs_refunded_minor == 600
    with refused("refund_exceeds_payment"):
        market.refund(id_, 401)
    market.refund(id_, 400)
