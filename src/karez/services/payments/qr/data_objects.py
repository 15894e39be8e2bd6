"""Data objects, of which a payment code is a row: two digits of tag, two of length, and so many characters.

``5903ABC`` is the object 59 with the value ``ABC``. The value of a template is itself a row of data objects.

Source: EMV QR Code Specification for Payment Systems, Merchant-Presented Mode 1.1, section 4.2.
"""

from collections.abc import Iterable
from typing import NamedTuple

from karez.core.outcomes import Rejected

VALUE_LENGTH_MAX = 99

_HEAD_LENGTH = 4


class DataObject(NamedTuple):
    """One object: its tag of two digits, and its value of 1 to 99 characters."""

    tag: str
    value: str


def parse_objects(text: str, place: str = "the code") -> tuple[DataObject, ...]:
    """Take a row of data objects apart.

    Args:
        text: The row.
        place: Where it stands, for the sentences.

    Rejections: ``qr_truncated``, ``qr_malformed``, ``qr_field_repeated``.
    """
    objects: list[DataObject] = []
    position = 0
    while position < len(text):
        head = text[position : position + _HEAD_LENGTH]
        if len(head) < _HEAD_LENGTH:
            raise _truncated(place, head)
        if not (head.isascii() and head.isdigit()) or head[2:] == "00":
            raise Rejected(
                "qr_malformed",
                f"At character {position + 1} of {place} stands {head!r} instead of a tag and a length; "
                "ask the shop for a correct code.",
            )
        tag, length = head[:2], int(head[2:])
        value = text[position + _HEAD_LENGTH : position + _HEAD_LENGTH + length]
        if len(value) < length:
            raise _truncated(place, tag)
        objects.append(DataObject(tag, value))
        position += _HEAD_LENGTH + length
    check_unrepeated(objects, place)
    return tuple(objects)


def check_unrepeated(objects: Iterable[DataObject], place: str = "the code") -> None:
    """Refuse a tag that occurs twice, because readers would differ in which one counts.

    Rejections: ``qr_field_repeated``.
    """
    seen: set[str] = set()
    for tag, _ in objects:
        if tag in seen:
            raise Rejected(
                "qr_field_repeated",
                f"The field {tag} stands twice in {place}; ask the shop for a correct code.",
                tag=tag,
            )
        seen.add(tag)


def write_objects(objects: Iterable[DataObject]) -> str:
    """Put data objects together in their order.

    Rejections: ``qr_too_long``.
    """
    parts: list[str] = []
    for tag, value in objects:
        assert value, f"the object {tag} has a value"
        if len(value) > VALUE_LENGTH_MAX:
            raise too_long(tag, VALUE_LENGTH_MAX, len(value))
        parts.append(f"{tag}{len(value):02}{value}")
    return "".join(parts)


def too_long(tag: str, most: int, length: int) -> Rejected:
    """Return the refusal of a field that has too many characters."""
    return Rejected(
        "qr_too_long",
        f"The field {tag} has {length} characters and may have {most}; shorten it.",
        tag=tag,
    )


def _truncated(place: str, tag: str) -> Rejected:
    return Rejected(
        "qr_truncated",
        f"The field {tag!r} of {place} goes on beyond its end; scan the whole code again.",
        tag=tag,
    )
