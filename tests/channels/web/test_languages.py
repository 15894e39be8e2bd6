"""Two languages, each complete, and numbers as its people write them."""

from importlib.resources import files
from io import StringIO

import pytest
from babel.messages.pofile import read_po

from karez.channels.web.languages import CHINESE, ENGLISH, choose, translations
from tests.channels.web.catalogues import texts

NOON_NS = 1_700_000_000_000_000_000


def test_every_text_is_translated_and_nothing_else_is_in_the_catalogue() -> None:
    place = files("karez.channels.web") / "locale/zh_Hans_CN/LC_MESSAGES/karez.po"
    catalogue = read_po(StringIO(place.read_text("utf-8")))
    translated = {message.id for message in catalogue if message.id and message.string and not message.fuzzy}
    assert translated == set(texts())


def test_a_translation_names_the_same_values_as_the_text() -> None:
    chinese = translations("zh")
    for text in texts():
        if "%(" in text:
            names = {part.split(")")[0] for part in text.split("%(")[1:]}
            assert names == {part.split(")")[0] for part in chinese.gettext(text).split("%(")[1:]}


@pytest.mark.parametrize(
    ("kept", "accepted", "language"),
    [
        (None, None, ENGLISH),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", CHINESE),
        (None, "de, en;q=0.5, zh;q=0.7", CHINESE),
        (None, "zh;q=0", ENGLISH),
        (None, "zh;q=many", ENGLISH),
        ("en", "zh", ENGLISH),
        ("zh", "en", CHINESE),
        ("../../etc", "zh", CHINESE),
    ],
)
def test_the_choice_counts_more_than_what_the_browser_prefers(
    kept: str | None, accepted: str | None, language: object
) -> None:
    assert choose(kept, accepted) is language


def test_amounts_are_exact_and_written_as_their_readers_write_them() -> None:
    assert ENGLISH.money(123_456_789, "CNY") == "CN¥1,234,567.89"
    assert CHINESE.money(-980, "JPY") == "-JP¥980"
    assert CHINESE.money(9_007_199_254_740_993, "CNY") == "¥90,071,992,547,409.93"


def test_moments_are_written_in_the_time_of_the_place() -> None:
    assert ENGLISH.moment(NOON_NS) == "15 Nov 2023, 06:13"
    assert CHINESE.moment(NOON_NS) == "2023年11月15日 06:13"
