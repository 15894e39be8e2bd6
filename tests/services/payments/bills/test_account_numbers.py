"""The forms of account numbers: what a biller may write, and that no number can make them slow."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karez.core.outcomes import Rejected
from karez.services.payments.bills.account_numbers import LENGTH_MAX, check_form, check_number

PARTS = st.sampled_from(["[0-9]", "[A-Z]", "[a-z]", "[A-Z0-9]", "[0-9A-Za-z]", "-", "C", "7"])
FORMS = st.lists(st.tuples(PARTS, st.none() | st.integers(0, 99)), min_size=1, max_size=20).map(
    lambda parts: "".join(part if count is None else f"{part}{{{count}}}" for part, count in parts)
)


def code(check: object, *arguments: str) -> str | None:
    try:
        check(*arguments)  # type: ignore[operator]
    except Rejected as refusal:
        return refusal.code
    return None


@pytest.mark.parametrize(
    "form", ["[0-9]{10}", "CN-[0-9]{10}", "[A-Z]{2}[0-9]{8,12}", "[0-9]", "7", "[A-Za-z0-9]{5}"]
)
def test_a_form_is_a_row_of_parts(form: str) -> None:
    assert code(check_form, form) is None


@pytest.mark.parametrize(
    "form",
    [
        "",
        "([0-9]+)+",
        "[0-9]+",
        "[0-9]*",
        ".*",
        "[^0-9]",
        "[0-9]{1,2}[0-9]{1,2}",
        "[0-9]{8,4}",
        "[0-9]{100}",
        "[0-9]{2}{3}",
        "[0-9]|x",
        "^7$",
        "[0-9",
        "[0-9]{,5}",
        "7" * 21,
        "[٠-٩]",
    ],
)
def test_what_could_be_slow_or_has_no_meaning_is_refused(form: str) -> None:
    assert code(check_form, form) == "account_form_invalid"


@given(FORMS)
def test_every_row_of_parts_passes(form: str) -> None:
    assert code(check_form, form) is None


@settings(deadline=1_000)
@given(FORMS, st.text(alphabet="A0-", max_size=LENGTH_MAX))
def test_every_number_is_judged_at_once(form: str, number: str) -> None:
    assert code(check_number, form + "{0,40}" if form[-1] == "]" else form, number) in (
        None,
        "account_number_malformed",
    )


def test_a_number_has_the_whole_form() -> None:
    assert code(check_number, "CN-[0-9]{10}", "CN-0012345678") is None
    for wrong in ("CN-001234567", "CN-00123456789", "cn-0012345678", "CN-0012345678\n", "CN-00123٤5678", ""):
        assert code(check_number, "CN-[0-9]{10}", wrong) == "account_number_malformed"
    assert code(check_number, "[0-9]{41}", "7" * 41) == "account_number_malformed"
