"""A signature holds for one request, one answer and one return, and for nothing else."""

from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from karez.services.payments.banks.signatures import (
    NONCE,
    SIGNATURE,
    answer_signature,
    is_answer_signed,
    is_request_signed,
    is_return_signed,
    return_address,
    signed_request,
)

SECRET = "what both sides hold"


@given(st.binary(), st.text(max_size=40))
def test_what_was_signed_is_accepted_and_nothing_else(body: bytes, other: str) -> None:
    headers = signed_request(SECRET, "POST", "/instructions", body)
    assert is_request_signed(SECRET, "POST", "/instructions", body, headers)
    assert not is_request_signed(SECRET, "PUT", "/instructions", body, headers)
    assert not is_request_signed(SECRET, "POST", "/instructions/", body, headers)
    assert not is_request_signed(SECRET, "POST", "/instructions", body + b" ", headers)
    assert not is_request_signed(f"{SECRET}.", "POST", "/instructions", body, headers)
    for name in (NONCE, SIGNATURE):
        assert not is_request_signed(SECRET, "POST", "/instructions", body, {**headers, name: other})
        without = {key: value for key, value in headers.items() if key != name}
        assert not is_request_signed(SECRET, "POST", "/instructions", body, without)


def test_no_part_can_lend_its_letters_to_another() -> None:
    headers = signed_request(SECRET, "POST", "/a", b"bc")
    assert not is_request_signed(SECRET, "POST", "/ab", b"c", headers)


def test_an_answer_belongs_to_its_request_and_status() -> None:
    signature = answer_signature(SECRET, "r1", 404, b"{}")
    assert is_answer_signed(SECRET, "r1", 404, b"{}", signature)
    assert not is_answer_signed(SECRET, "r2", 404, b"{}", signature)
    assert not is_answer_signed(SECRET, "r1", 200, b"{}", signature)
    assert not is_answer_signed(SECRET, "r1", 404, b"{ }", signature)
    assert not is_answer_signed(SECRET, "r1", 404, b"{}", "")


def test_a_returning_browser_cannot_change_the_result() -> None:
    id_ = uuid4()
    address = return_address(SECRET, "https://karez.example/back", id_, "declined")
    signature = address.rsplit("=", 1)[1]
    assert address.startswith(f"https://karez.example/back?instruction={id_}&state=declined&signature=")
    assert is_return_signed(SECRET, str(id_), "declined", signature)
    assert not is_return_signed(SECRET, str(id_), "succeeded", signature)
    assert not is_return_signed(SECRET, str(uuid4()), "declined", signature)
    assert not is_return_signed(SECRET, str(id_), "declined", "é")
