"""Money is exact, refuses to mix currencies, and reads back what it wrote."""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karez.core.money import (
    AMOUNT_MAX_MINOR,
    Money,
    currency_digits,
    currency_exponent,
    currency_of_digits,
    format_minor,
    parse_amount,
)
from karez.core.outcomes import Rejected

AMOUNTS_MINOR = st.integers(-AMOUNT_MAX_MINOR, AMOUNT_MAX_MINOR)
EXPONENTS = st.integers(0, 4)


@given(AMOUNTS_MINOR, EXPONENTS)
def test_a_written_amount_reads_back_as_itself(amount_minor: int, exponent: int) -> None:
    written = format_minor(amount_minor, exponent)
    assert parse_amount(written, exponent) == amount_minor
    assert parse_amount(written.replace(",", ""), exponent) == amount_minor


@given(st.integers(), EXPONENTS)
def test_a_written_amount_has_the_value_of_its_minor_units_however_large(
    amount_minor: int, exponent: int
) -> None:
    written = format_minor(amount_minor, exponent)
    assert Decimal(written.replace(",", "")).as_tuple() == Decimal(
        f"{amount_minor}e-{exponent}"
    ).as_tuple() or (amount_minor == 0)


@pytest.mark.parametrize(
    ("text", "exponent", "amount_minor"),
    [
        ("12.3", 2, 1230),
        (" +1,234.50 ", 2, 123450),
        ("-12,345.67", 2, -1234567),
        ("500", 0, 500),
        ("0.005", 3, 5),
        ("-0.00", 2, 0),
        ("0000000000000000000000000001.00", 2, 100),
        ("92,233,720,368,547,758.07", 2, AMOUNT_MAX_MINOR),
    ],
)
def test_an_amount_is_read_as_people_write_it(text: str, exponent: int, amount_minor: int) -> None:
    assert parse_amount(text, exponent) == amount_minor


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "-", "ten", "1e3", "1_000", "0x10", "NaN", "Infinity", "１２", "١٢", "1 000", "--1", "1.",
        ".5", "1,2", ",1", "1,", "1,,000", "12,34", "1,0000", "1234,567", "1.5,000", "1\n2", "$1",
    ],
)  # fmt: skip
def test_what_is_not_plainly_an_amount_is_refused(text: str) -> None:
    with pytest.raises(Rejected) as rejection:
        parse_amount(text, 2)
    assert rejection.value.code == "amount_malformed"


@pytest.mark.parametrize(
    ("text", "exponent"),
    [("1.005", 2), ("1.000", 2), ("0.5", 0), ("1.00000000000000000000000000000000001", 2)],
)
def test_an_amount_with_too_many_decimals_is_refused_not_rounded(text: str, exponent: int) -> None:
    with pytest.raises(Rejected) as rejection:
        parse_amount(text, exponent)
    assert rejection.value.code == "amount_too_precise"


@pytest.mark.parametrize("text", ["92233720368547758.08", "-92233720368547758.08", "9" * 10_000])
def test_an_amount_that_no_account_can_hold_is_refused(text: str) -> None:
    with pytest.raises(Rejected) as rejection:
        parse_amount(text, 2)
    assert rejection.value.code == "amount_too_large"


@given(st.text())
def test_any_text_is_an_amount_or_a_rejection(text: str) -> None:
    with suppress(Rejected):
        assert abs(parse_amount(text, 2)) <= AMOUNT_MAX_MINOR


@given(AMOUNTS_MINOR, AMOUNTS_MINOR)
def test_sums_differences_and_comparisons_are_those_of_the_minor_units(left: int, right: int) -> None:
    yuan, other = Money(left, "CNY"), Money(right, "CNY")
    if abs(left + right) <= AMOUNT_MAX_MINOR:
        assert yuan + other == Money(left + right, "CNY")
    if abs(left - right) <= AMOUNT_MAX_MINOR:
        assert yuan - other == Money(left - right, "CNY")
    assert (yuan < other, yuan <= other, yuan > other, yuan >= other) == (
        left < right,
        left <= right,
        left > right,
        left >= right,
    )


def test_two_currencies_cannot_be_combined_or_compared() -> None:
    yuan, dollars = Money(100, "CNY"), Money(100, "USD")
    assert yuan != dollars
    for combine in (
        lambda: yuan + dollars,
        lambda: yuan - dollars,
        lambda: yuan < dollars,
        lambda: yuan >= dollars,
        lambda: max(yuan, dollars),
    ):
        with pytest.raises(Rejected) as rejection:
            combine()
        assert rejection.value.code == "currency_mismatch"


def test_a_sum_beyond_the_largest_amount_is_refused() -> None:
    with pytest.raises(Rejected) as rejection:
        Money(AMOUNT_MAX_MINOR, "CNY") + Money(1, "CNY")
    assert rejection.value.code == "amount_too_large"


def test_an_amount_is_shown_with_the_decimals_of_its_currency() -> None:
    assert str(Money(-1234567, "CNY")) == "-12,345.67 CNY"
    assert str(Money(1234567, "JPY")) == "1,234,567 JPY"
    assert str(Money(5, "KWD")) == "0.005 KWD"


def test_an_unknown_currency_is_refused_by_name() -> None:
    with pytest.raises(Rejected, match="'cny'"):
        currency_exponent("cny")


@pytest.mark.parametrize(
    ("currency", "digits"), [("CNY", "156"), ("USD", "840"), ("EUR", "978"), ("JPY", "392"), ("AUD", "036")]
)
def test_a_currency_has_letters_for_people_and_digits_for_machines(currency: str, digits: str) -> None:
    assert currency_digits(currency) == digits
    assert currency_of_digits(digits) == currency


@pytest.mark.parametrize("digits", ["999", "36", "CNY", "", "１５６"])
def test_digits_of_no_currency_are_refused(digits: str) -> None:
    with pytest.raises(Rejected) as rejection:
        currency_of_digits(digits)
    assert rejection.value.code == "currency_unknown"
