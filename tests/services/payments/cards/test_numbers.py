"""What is a card number, whose it is, and that it does not show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karez.core.outcomes import Rejected
from karez.services.payments.cards.numbers import (
    CardNumber,
    check_expiry,
    expires_ns,
    is_check_digit_right,
    numbers_in,
    read_number,
)

DAY_NS = 86_400_000_000_000


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("4111 1111 1111 1111", "visa"),
        ("5555-5555-5555-4444", "mastercard"),
        ("2223003122003222", "mastercard"),
        ("6200000000000005", "unionpay"),
        ("378282246310005", "amex"),
        ("3530111333300000", "jcb"),
        ("6011111111111117", "discover"),
        ("30569309025904", "diners"),
        ("9999000000000012", "other"),
    ],
)
def test_a_number_tells_its_scheme_and_its_last_digits(text: str, scheme: str) -> None:
    number = read_number(text)
    assert (number.scheme, number.ending) == (scheme, text[-4:])


@pytest.mark.parametrize(
    "text", ["", "4111 1111 1111 1112", "41111111111", "4111 1111 1111 111x", "4" * 20, "４111111111111111"]
)
def test_what_is_no_number_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(Rejected) as refused:
        read_number(text)
    assert refused.value.code == "card_number_wrong"
    assert not text or text not in str(refused.value)


def test_a_number_does_not_show_where_it_is_printed() -> None:
    assert "4111" not in f"{CardNumber('4111111111111111')!r} {CardNumber('4111111111111111')}"


@given(st.text("0123456789", min_size=11, max_size=18), st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_is_always_seen(digits: str, place: int, more: int) -> None:
    (right,) = [f"{digits}{last}" for last in range(10) if is_check_digit_right(f"{digits}{last}")]
    at = place % len(right)
    wrong = right[:at] + str((int(right[at]) + more) % 10) + right[at + 1 :]
    assert not is_check_digit_right(wrong)


@given(st.text("ab -:0123456789", max_size=20), st.text("ab -:0123456789", max_size=20))
def test_a_number_is_found_whatever_stands_around_it(before: str, after: str) -> None:
    assert "4111111111111111" in numbers_in(f"{before}4111 1111-11111111{after}")


def test_a_card_is_good_until_its_last_month_is_over() -> None:
    end_ns = expires_ns("2028-02")
    check_expiry("2028-02", end_ns - 1)
    with pytest.raises(Rejected) as refused:
        check_expiry("2028-02", end_ns)
    assert refused.value.code == "card_expired"
    assert expires_ns("2028-03") - end_ns == 31 * DAY_NS
    for malformed in ("2028-13", "28-02", "02/28"):
        with pytest.raises(Rejected) as refused:
            expires_ns(malformed)
        assert refused.value.code == "card_expiry_malformed"
