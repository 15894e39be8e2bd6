"""A sealed field opens only with its key and in its place, and is found again by its fingerprint."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karez.core.outcomes import Unavailable
from karez.core.sealing import Place, Sealer

OLD, NEW = b"an old root secret of 32 bytes...", b"a new root secret of 32 bytes...."
HERE = Place("party", "phone", UUID(int=1))
SEALER = Sealer({1: OLD}, "party")


def code_of_opening(sealer: Sealer, sealed: bytes, place: Place) -> str:
    with pytest.raises(Unavailable) as failure:
        sealer.open(sealed, place)
    return failure.value.code


@given(st.text())
def test_what_was_sealed_opens_in_its_place(clear: str) -> None:
    sealed = SEALER.seal(clear, HERE)
    assert SEALER.open(sealed, HERE) == clear
    assert sealed != SEALER.seal(clear, HERE)


@pytest.mark.parametrize(
    "elsewhere",
    [
        Place("party", "phone", UUID(int=2)),
        Place("party", "email", UUID(int=1)),
        Place("staff", "phone", UUID(int=1)),
        Place("part", "yphone", UUID(int=1)),
    ],
)
def test_a_sealed_field_does_not_open_anywhere_else(elsewhere: Place) -> None:
    assert code_of_opening(SEALER, SEALER.seal("+8613800138000", HERE), elsewhere) == "seal_broken"


@given(st.data())
def test_any_changed_bit_is_noticed(data: st.DataObject) -> None:
    sealed = bytearray(SEALER.seal("+8613800138000", HERE))
    bit = data.draw(st.integers(8, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    assert code_of_opening(SEALER, bytes(sealed), HERE) == "seal_broken"


@given(st.binary(max_size=60).filter(lambda sealed: sealed[:1] != b"\1"))
def test_what_was_never_sealed_does_not_open(sealed: bytes) -> None:
    assert code_of_opening(SEALER, sealed, HERE) in {"seal_broken", "seal_key_missing"}


def test_another_secret_or_purpose_does_not_open_it() -> None:
    sealed = SEALER.seal("Ana", HERE)
    assert code_of_opening(Sealer({1: NEW}, "party"), sealed, HERE) == "seal_broken"
    assert code_of_opening(Sealer({1: OLD}, "webhook"), sealed, HERE) == "seal_broken"


def test_after_a_change_of_the_secret_old_fields_open_and_new_ones_need_the_new_key() -> None:
    both = Sealer({1: OLD, 2: NEW}, "party")
    assert both.open(SEALER.seal("Ana", HERE), HERE) == "Ana"
    renewed = both.seal("Ana", HERE)
    assert Sealer({2: NEW}, "party").open(renewed, HERE) == "Ana"
    assert code_of_opening(SEALER, renewed, HERE) == "seal_key_missing"


def test_a_relabelled_key_version_is_noticed() -> None:
    same_secret_twice = Sealer({1: OLD, 2: OLD}, "party")
    sealed = same_secret_twice.seal("Ana", HERE)
    assert code_of_opening(same_secret_twice, b"\1" + sealed[1:], HERE) == "seal_broken"


def test_a_fingerprint_depends_on_the_text_its_kind_the_purpose_and_the_secret() -> None:
    fingerprints = [
        sealer.blind_indexes(kind, text)[0]
        for sealer in (SEALER, Sealer({1: NEW}, "party"), Sealer({1: OLD}, "webhook"))
        for kind in ("phone", "email")
        for text in ("+8613800138000", "+8613800138001")
    ]
    assert len(set(fingerprints)) == len(fingerprints)
    assert {len(fingerprint) for fingerprint in fingerprints} == {16}
    assert SEALER.blind_indexes("phone", "+8613800138000") == fingerprints[:1]


def test_while_two_secrets_are_held_old_and_new_fingerprints_are_both_known() -> None:
    both = Sealer({1: OLD, 2: NEW}, "party")
    newest, oldest = both.blind_indexes("phone", "+8613800138000")
    assert [oldest] == SEALER.blind_indexes("phone", "+8613800138000")
    assert [newest] == Sealer({2: NEW}, "party").blind_indexes("phone", "+8613800138000")


@pytest.mark.parametrize("secrets", [{}, {0: OLD}, {256: OLD}, {1: OLD[:31]}])
def test_a_sealer_without_proper_secrets_is_not_made(secrets: dict[int, bytes]) -> None:
    with pytest.raises(ValueError, match=r"key version|root secret"):
        Sealer(secrets, "party")


def test_the_format_of_sealed_fields_stays_readable_by_later_releases() -> None:
    sealed = bytes.fromhex(
        "01000102030405060708090a0b0c2d8c2338da9fc9e2b9c8157698f76e7b9eff179ec8d8a9d24d1dd2356a"
    )
    assert SEALER.open(sealed, HERE) == "+8613800138000"
    assert SEALER.blind_indexes("phone", "+8613800138000") == [
        bytes.fromhex("de09a49e4e5a72191c55aeca9ea06d77")
    ]
