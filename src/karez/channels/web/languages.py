"""The languages of the pages, and numbers, money and moments as people of each language read them.

Catalogues are the ``.po`` files of the package, read when they are first needed. English is the language of the
templates, so it has none.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from io import BytesIO, StringIO
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal
from babel.support import NullTranslations, Translations

from karez.core.clock import to_datetime
from karez.core.money import currency_exponent

TIME_ZONE = ZoneInfo("Asia/Shanghai")
"""In which days begin and moments are shown."""


@dataclass(frozen=True)
class Language:
    """One language.

    Attributes:
        code: As it is asked for and kept in the cookie.
        tag: BCP 47, for the ``lang`` of a page.
        name: In the language itself.
        locale: Of the Unicode CLDR, which tells how numbers and dates are written.
    """

    code: str
    tag: str
    name: str
    locale: Locale

    def money(self, amount_minor: int, currency: str) -> str:
        """Write an amount: 123450 of CNY is ``CN¥1,234.50`` in English and ``¥1,234.50`` in Chinese."""
        amount = Decimal(amount_minor).scaleb(-currency_exponent(currency))
        return format_currency(amount, currency, locale=self.locale)

    def number(self, value: int) -> str:
        """Write a whole number."""
        return format_decimal(value, locale=self.locale)

    def moment(self, moment_ns: int) -> str:
        """Write a moment to the minute."""
        pattern = "y年M月d日 HH:mm" if self.code == "zh" else "d MMM y, HH:mm"
        return format_datetime(to_datetime(moment_ns), pattern, TIME_ZONE, self.locale)

    def day(self, moment_ns: int) -> str:
        """Write the day of a moment, without its year."""
        pattern = "M月d日" if self.code == "zh" else "d MMM"
        return format_date(to_datetime(moment_ns).astimezone(TIME_ZONE), pattern, self.locale)


ENGLISH = Language("en", "en", "English", Locale("en"))
CHINESE = Language("zh", "zh-CN", "简体中文", Locale("zh", "CN", "Hans"))
LANGUAGES = {each.code: each for each in (ENGLISH, CHINESE)}


@cache
def translations(code: str) -> NullTranslations:
    """Return the catalogue of a language, read from its ``.po`` file."""
    if code == ENGLISH.code:
        return NullTranslations()
    place = files(__package__) / "locale" / str(LANGUAGES[code].locale) / "LC_MESSAGES" / "karez.po"
    machine = BytesIO()
    write_mo(machine, read_po(StringIO(place.read_text("utf-8"))))
    machine.seek(0)
    return Translations(machine)


def choose(kept: str | None, accepted: str | None) -> Language:
    """Return the language of a visitor.

    Args:
        kept: What was chosen before, from the cookie.
        accepted: ``Accept-Language`` (RFC 9110 section 12.5.4), if it was sent.
    """
    if kept in LANGUAGES:
        return LANGUAGES[kept]
    wanted = [_weighed(part) for part in (accepted or "").split(",")[:20]]
    for _, tag in sorted((each for each in wanted if each[0] > 0), key=lambda each: -each[0]):
        found = LANGUAGES.get(tag.split("-")[0].lower())
        if found is not None:
            return found
    return ENGLISH


def _weighed(part: str) -> tuple[float, str]:
    tag, _, weight = part.strip().partition(";q=")
    try:
        return (float(weight) if weight else 1.0), tag.strip()
    except ValueError:
        return 0.0, tag
