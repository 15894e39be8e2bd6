"""Reading many ids at once is the same as reading them one by one."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karez.channels.api.id_columns import id_halves
from karez.core.outcomes import Rejected


def read(texts: list[str]) -> list[UUID]:
    hi, lo = id_halves(texts, "id[{}]")
    return [UUID(int=high << 64 | low) for high, low in zip(hi.tolist(), lo.tolist(), strict=True)]


def spellings(id_: UUID) -> st.SearchStrategy[str]:
    return st.sampled_from([str(id_), id_.hex, str(id_).upper(), id_.hex.upper()])


@given(st.lists(st.uuids(allow_nil=True).flatmap(spellings), min_size=1))
def test_every_spelling_of_an_id_is_read(texts: list[str]) -> None:
    assert read(texts) == [UUID(text) for text in texts]


GOOD = "01997f3e-6c10-7000-8000-000000000001"


@pytest.mark.parametrize(
    "bad",
    [
        "",
        GOOD[:-1],
        GOOD[:-1] + "g",
        GOOD.replace("-", " "),
        GOOD.replace("0", "０"),
        "01997f3e6-c10-7000-8000-000000000001",
        "01997f3e--c10-7000-8000-000000000001",
        "{" + GOOD[1:-1] + "}",
        " " * 32,
        "0" * 30 + "  ",
        "+" + "0" * 31,
        "0x" + "0" * 30,
    ],
)
@pytest.mark.parametrize("company", [[], [GOOD], [GOOD.replace("-", "")], ["0" * 34 + "--"]])
def test_the_first_text_that_is_no_id_is_named(bad: str, company: list[str]) -> None:
    with pytest.raises(Rejected) as refusal:
        id_halves([GOOD, bad, *company], "id[{}]")
    assert refusal.value.facts == {"field": "id[1]"}


def test_digits_that_slipped_from_one_id_into_the_next_are_noticed() -> None:
    slipped = ["0" * 33 + "---", "0" * 31 + "-----"]
    with pytest.raises(Rejected):
        id_halves(slipped, "id[{}]")
