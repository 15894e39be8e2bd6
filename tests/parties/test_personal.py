"""All spellings of one phone, email or document become one, and personal data is not shown by accident."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karez.parties.personal import Field, PersonalData, normalise
from tests.parties.making import ANA, refused


@pytest.mark.parametrize(
    "spelling",
    [
        "+8613800138000",
        "+86 138-0013-8000",
        "0086 (138) 0013.8000",
        " +86\t138 00138000 ",
        "＋８６１３８００１３８０００",
    ],
)
def test_all_spellings_of_a_phone_are_one(spelling: str) -> None:
    assert normalise("phone", spelling) == "+8613800138000"


@given(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True), st.data())
def test_punctuation_never_makes_another_phone(digits: str, data: st.DataObject) -> None:
    gaps = data.draw(
        st.lists(st.sampled_from(["", " ", "-", "."]), min_size=len(digits), max_size=len(digits))
    )
    spelled = "".join(gap + digit for gap, digit in zip(gaps, digits, strict=True))
    assert normalise("phone", "+" + spelled) == normalise("phone", "00" + spelled) == "+" + digits


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("phone", "13800138000"), ("phone", "+0138001380"), ("phone", "+861"),
        ("phone", "+86138001380001234"), ("phone", "+86 138 call me"), ("phone", ""),
        ("email", "ana"), ("email", "ana@localhost"), ("email", "ana@@example.org"),
        ("email", "a na@example.org"), ("email", "ana@example..org"),
        ("email", "ana@example.org\0"), ("email", "a" * 250 + "@b.org"),
        ("document", "11010519491231002X"), ("document", "CHN:11010519491231002X"), ("document", "CN:"),
        ("document", "CN:1101_0519"),
        ("name", ""), ("name", "  "), ("name", "A" * 201), ("name", "Ana\x1b[2J"), ("name", "\ud800"),
    ],
)  # fmt: skip
def test_what_cannot_be_personal_data_is_refused_without_repeating_it(field: Field, text: str) -> None:
    with refused(f"{field}_malformed"):
        PersonalData(**{field: text}).normalised()


@given(st.sampled_from(["name", "phone", "email", "document"]), st.text(max_size=30))
def test_no_text_of_the_world_breaks_the_reading(field: Field, text: str) -> None:
    try:
        once = normalise(field, text)
    except Exception as refusal:
        assert type(refusal).__name__ == "Rejected"  # noqa: PT017
    else:
        assert normalise(field, once) == once
        assert unicodedata.is_normalized("NFKC", once)


def test_an_email_and_a_document_are_one_in_upper_and_lower_case() -> None:
    assert normalise("email", "Ana.Wang@Example.ORG") == "ana.wang@example.org"
    assert normalise("document", "cn: 110105-19491231-002x") == "CN:11010519491231002X"


def test_personal_data_is_not_shown_when_it_is_printed() -> None:
    assert repr(ANA) == str(ANA) == "PersonalData(name=..., phone=..., email=..., document=...)"
