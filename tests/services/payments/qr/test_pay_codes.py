"""One-time codes of payers: their form, and that nobody can guess or read them."""

import pytest

from karez.core.ids import new_id
from karez.services.payments.qr.pay_codes import fingerprints, is_pay_code, pay_code, read_pay_code, sealer
from tests.conftest import SECRET_KEY
from tests.parties.making import NOW_NS, refused
from tests.services.payments.qr.payloads import ANNEX, SHOWN_BY_A_PAYER

CODES = sealer(SECRET_KEY)


def test_a_code_has_18_digits_that_begin_as_tills_expect() -> None:
    codes = {pay_code(CODES, new_id(NOW_NS)) for _ in range(1_000)}
    assert len(codes) == 1_000
    assert all(len(code) == 18 and code.isdigit() and code.startswith("28") for code in codes)
    assert all(map(is_pay_code, codes))


def test_every_digit_after_the_beginning_takes_every_value() -> None:
    codes = [pay_code(CODES, new_id(NOW_NS)) for _ in range(1_000)]
    assert all({code[place] for code in codes} == set("0123456789") for place in range(2, 18))


def test_the_same_request_gets_the_same_code_and_another_secret_another_one() -> None:
    request = new_id(NOW_NS)
    assert pay_code(CODES, request) == pay_code(sealer(SECRET_KEY), request)
    assert pay_code(CODES, request) != pay_code(sealer(SECRET_KEY[::-1]), request)


def test_what_is_kept_of_a_code_does_not_tell_it_without_the_secret() -> None:
    code = pay_code(CODES, new_id(NOW_NS))
    assert fingerprints(CODES, code) != fingerprints(sealer(SECRET_KEY[::-1]), code)
    assert fingerprints(CODES, code) != CODES.blind_indexes("request", code)


def test_a_code_is_read_with_the_spaces_that_people_see_in_it() -> None:
    assert read_pay_code("2812 3456 7890 1234 56") == "281234567890123456"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "28",
        "28123456789012345",
        "2812345678901234567",
        "291234567890123456",
        "28123456789012345x",
        "２８１２３４５６７８９０１２３４５６",
        "281234567890123456\n",
        ANNEX,
        SHOWN_BY_A_PAYER,
    ],
)
def test_what_is_no_pay_code_is_refused(text: str) -> None:
    with refused("pay_code_malformed"):
        read_pay_code(text)
