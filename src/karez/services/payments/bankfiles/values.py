"""Amounts, days and names as bank files write them, read exactly or refused with their place."""

import re
from datetime import date
from decimal import Decimal

from karez.core.money import AMOUNT_MAX_MINOR, currency_exponent
from karez.core.outcomes import Rejected
from karez.services.payments.bankfiles.places import malformed, shown

_AMOUNT = re.compile(r"([0-9]{1,19})(?:[.,]([0-9]{0,17}))?", re.ASCII)
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)
_FILLERS = frozenset({"NOTPROVIDED", "NOT PROVIDED", "NONREF", "NOREF", "NONE"})


def decimal_amount(amount_minor: int, currency: str) -> Decimal:
    """Return an amount in whole units with the currency's decimals: 1230 CNY is 12.30, 500 JPY is 500."""
    return Decimal(amount_minor).scaleb(-currency_exponent(currency))


def read_amount(text: str, currency: str, place: str, written: str = "") -> int:
    """Read an amount without a sign, with a point or a comma before its decimals.

    Args:
        text: The amount.
        currency: ISO 4217 letters.
        place: Where it stands.
        written: As the file has it, with a sign, if that differs.

    Rejections: ``bank_file_malformed``.
    """
    exponent = _exponent(currency, place)
    written = written or text
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise malformed(place, f"amount {shown(written)} is not an amount")
    decimals = (match[2] or "").rstrip("0")
    if len(decimals) > exponent:
        raise malformed(place, f"amount {shown(written)} has more decimals than {currency} has")
    amount_minor = int(match[1] + decimals.ljust(exponent, "0"))
    if amount_minor > AMOUNT_MAX_MINOR:
        raise malformed(place, f"amount {shown(written)} is larger than any that can be booked")
    return amount_minor


def read_day(text: str, place: str) -> date:
    """Read a day such as ``2026-03-01``.

    Args:
        text: As the file has it.
        place: Where it stands.

    Rejections: ``bank_file_malformed``.
    """
    match = _DAY.fullmatch(text.strip())
    if match is None:
        raise malformed(place, f"{shown(text)} is not a day like 2026-03-01")
    return make_day(int(match[1]), int(match[2]), int(match[3]), text, place)


def make_day(year: int, month: int, day: int, text: str, place: str) -> date:
    """Return a day of the calendar.

    Args:
        year: All four digits.
        month: 1 to 12.
        day: 1 to 31.
        text: As the file has it.
        place: Where it stands.

    Rejections: ``bank_file_malformed``.
    """
    try:
        return date(year, month, day)
    except ValueError:
        raise malformed(place, f"{shown(text)} is not a day of the calendar") from None


def real_references(names: list[str]) -> tuple[str, ...]:
    """Return references once each, in their order, without the words that banks fill the field with."""
    stripped = (name.strip() for name in names)
    return tuple(dict.fromkeys(name for name in stripped if name and name.upper() not in _FILLERS))


def _exponent(currency: str, place: str) -> int:
    try:
        return currency_exponent(currency)
    except Rejected:
        raise malformed(place, f"currency {shown(currency)} is not known") from None
