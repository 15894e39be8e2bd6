"""A token is checked without the database, and a wrong one learns nothing."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karez.core.outcomes import Rejected
from karez.parties.tokens import Credential, Owner, Token, check, hash_of, new_token, parse_token
from tests.parties.making import HARBOUR_BANK, NOW_NS, refused

TOKEN = new_token(NOW_NS)
CREDENTIAL = Credential(
    id=TOKEN.id,
    institution=HARBOUR_BANK,
    party=None,
    label="cash desk",
    scopes=["ledger:read"],
    secret_hash=hash_of(TOKEN.secret),
    created_ns=NOW_NS,
    expires_ns=NOW_NS + 100,
    revoked_ns=None,
    replaced_by=None,
    suspended=False,
)


def test_a_token_reads_back_as_itself_and_proves_its_credential() -> None:
    text = str(TOKEN)
    assert text == f"kz_{TOKEN.id.hex}_{TOKEN.secret}"
    assert parse_token(text) == TOKEN
    assert check(CREDENTIAL, parse_token(text), NOW_NS) == CREDENTIAL


def test_every_secret_has_256_bits_of_its_own() -> None:
    secrets = {new_token(NOW_NS).secret for _ in range(100)}
    assert len(secrets) == 100
    assert {len(bytes.fromhex(secret)) for secret in secrets} == {32}


@given(st.integers(0, 63), st.sampled_from("0123456789abcdef"))
def test_a_secret_with_another_digit_is_invalid(place: int, digit: str) -> None:
    secret = TOKEN.secret[:place] + digit + TOKEN.secret[place + 1 :]
    if secret != TOKEN.secret:
        with refused("credential_invalid"):
            check(CREDENTIAL, Token(TOKEN.id, secret), NOW_NS)


@given(
    st.text()
    | st.sampled_from(
        [str(TOKEN).upper(), f" {TOKEN}", f"{TOKEN}\n", str(TOKEN)[:-1], f"{TOKEN}0", f"x{TOKEN}"]
    )
)
def test_what_is_not_a_whole_token_is_invalid(text: str) -> None:
    with refused("credential_invalid"):
        parse_token(text)


def test_an_unknown_credential_and_a_wrong_secret_are_refused_in_the_same_words() -> None:
    wrong = Token(TOKEN.id, "0" * 64)
    sentences = set()
    for credential in (
        None,
        CREDENTIAL,
        replace(CREDENTIAL, id=UUID(int=1)),
        replace(CREDENTIAL, revoked_ns=1),
    ):
        with pytest.raises(Rejected) as rejection:
            check(credential, wrong, NOW_NS)
        sentences.add(str(rejection.value))
    assert len(sentences) == 1
    with refused("credential_invalid"):
        check(replace(CREDENTIAL, id=UUID(int=1)), TOKEN, NOW_NS)


def test_the_holder_of_the_right_secret_is_told_why_it_no_longer_works() -> None:
    check(CREDENTIAL, TOKEN, NOW_NS + 99)
    with refused("credential_expired"):
        check(CREDENTIAL, TOKEN, NOW_NS + 100)
    with refused("credential_revoked"):
        check(replace(CREDENTIAL, revoked_ns=NOW_NS), TOKEN, NOW_NS)
    with refused("institution_suspended"):
        check(replace(CREDENTIAL, suspended=True), TOKEN, NOW_NS)


def test_neither_secret_nor_hash_is_shown_when_they_are_printed() -> None:
    assert TOKEN.secret not in repr(TOKEN)
    assert str(CREDENTIAL.secret_hash) not in repr(CREDENTIAL)


def test_a_credential_has_one_owner() -> None:
    with pytest.raises(ValueError, match="institution or for a party"):
        Owner()
    with pytest.raises(ValueError, match="institution or for a party"):
        Owner(institution=HARBOUR_BANK, party=UUID(int=1))
