"""What a payer is shown of a name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karez.services.payments.transfers.masking import masked_name


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("Ana 王小红", "A** *红"),
        ("王小红", "*红"),
        ("王", "*"),
        ("J", "*"),
        ("Ana Maria Lima Costa", "A** M** L**"),
        ("Öz", "Ö**"),
    ],
)
def test_a_name_keeps_one_character_a_word(name: str, masked: str) -> None:
    assert masked_name(name) == masked


@given(st.text(min_size=1))
def test_no_more_than_one_character_of_a_word_is_ever_shown(name: str) -> None:
    words = masked_name(name).split(" ")
    assert all(len(word.replace("*", "")) <= 1 for word in words)


@given(st.text(alphabet="王小红明李", min_size=2), st.text(alphabet="王小红明李", min_size=2))
def test_the_length_of_a_name_is_not_shown(one: str, other: str) -> None:
    assert len(masked_name(one)) == len(masked_name(other))
