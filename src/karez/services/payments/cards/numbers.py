"""Card numbers: how they are checked, and what of them may be told.

Worked example: ``4111 1111 1111 1111`` is a Visa number whose check digit fits; all that leaves the vault of it is
``visa`` and ``1111``.

Sources: ISO/IEC 7812-1 (length, check digit in annex B), and the ranges that the schemes publish for their issuers.
PCI DSS 4.0, requirement 3.4, which lets the first six and the last four digits at most be shown.
"""

import calendar
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from karez.core.outcomes import Rejected

Scheme = Literal["visa", "mastercard", "unionpay", "amex", "jcb", "discover", "diners", "other"]

_NANOSECONDS = 1_000_000_000
_SEPARATORS = re.compile(r"[ -]")
_DIGITS = re.compile(r"[0-9]{12,19}")
_EXPIRY = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
# The first range that a number is in decides: prefixes of as many digits as the range's ends have.
_RANGES: tuple[tuple[str, str, Scheme], ...] = (
    ("34", "34", "amex"),
    ("37", "37", "amex"),
    ("3528", "3589", "jcb"),
    ("300", "305", "diners"),
    ("36", "36", "diners"),
    ("38", "39", "diners"),
    ("4", "4", "visa"),
    ("51", "55", "mastercard"),
    ("2221", "2720", "mastercard"),
    ("6011", "6011", "discover"),
    ("644", "659", "discover"),
    ("62", "62", "unionpay"),
    ("81", "81", "unionpay"),
)


@dataclass(frozen=True, slots=True)
class CardNumber:
    """A card number whose check digit fits; it is not shown where the value is printed.

    Attributes:
        digits: All of them, without separators.
    """

    digits: str = field(repr=False)

    @property
    def scheme(self) -> Scheme:
        """Return whose rules the card follows."""
        for first, last, scheme in _RANGES:
            if first <= self.digits[: len(first)] <= last:
                return scheme
        return "other"

    @property
    def ending(self) -> str:
        """Return the last four digits, by which people know their cards apart."""
        return self.digits[-4:]


def read_number(text: str) -> CardNumber:
    """Read a card number as people type it, with spaces or hyphens or without.

    Rejections: ``card_number_wrong``, which does not repeat it.
    """
    digits = _SEPARATORS.sub("", text)
    if not _DIGITS.fullmatch(digits) or not is_check_digit_right(digits):
        raise Rejected(
            "card_number_wrong",
            "This is no card number; copy all of its 12 to 19 digits from the card again.",
        )
    return CardNumber(digits)


def is_check_digit_right(digits: str) -> bool:
    """Tell whether the last digit fits to the others by the formula of Luhn."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


def numbers_in(text: str) -> set[str]:
    """Return everything in a text that may be a card number, however it is spaced and whatever stands around it."""
    plain = _SEPARATORS.sub("", text)
    return {
        run[start : start + length]
        for run in re.findall(r"[0-9]{12,}", plain)
        for length in range(12, 20)
        for start in range(len(run) - length + 1)
        if is_check_digit_right(run[start : start + length])
    }


def expires_ns(expiry: str) -> int:
    """Return the moment at which a card ends: the first one after its last month, in UTC.

    Args:
        expiry: Year and month, such as ``2029-08``.

    Rejections: ``card_expiry_malformed``.
    """
    match = _EXPIRY.fullmatch(expiry)
    if match is None:
        raise Rejected(
            "card_expiry_malformed", f"{expiry[:10]!r} is no year and month; write them like 2029-08."
        )
    year, month = int(match[1]), int(match[2])
    days = calendar.monthrange(year, month)[1]
    return (round(datetime(year, month, days, tzinfo=UTC).timestamp()) + 86_400) * _NANOSECONDS


def check_expiry(expiry: str, now_ns: int) -> None:
    """Refuse a card that has ended.

    Rejections: ``card_expired``, ``card_expiry_malformed``.
    """
    if expires_ns(expiry) <= now_ns:
        raise Rejected(
            "card_expired", f"This card was good until the end of {expiry}; use the one that has replaced it."
        )
