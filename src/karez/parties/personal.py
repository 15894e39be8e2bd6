"""Personal data and the one form to which each kind of it is brought before it is sealed and looked up.

``"+86 138-0013 8000"`` and ``"008613800138000"`` are one phone; only because both become ``"+8613800138000"``
does a look-up find the person who registered with the other spelling.

Sources: ITU-T E.164 (at most 15 digits, country code first), RFC 5321 section 4.5.3.1 (an address has at most
254 bytes), ISO 3166-1 (two letters for the country that issued a document).
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from karez.core.outcomes import Rejected

Field = Literal["name", "phone", "email", "document"]
KnownBy = Literal["phone", "email", "document"]

FIELDS: tuple[Field, ...] = ("name", "phone", "email", "document")
KNOWN_BY: tuple[KnownBy, ...] = ("phone", "email", "document")

_NAME_LENGTH_MAX = 200
_EMAIL_SIZE_MAX_BYTES = 254
_PHONE_PUNCTUATION = str.maketrans("", "", " -.()\t")
_DOCUMENT_PUNCTUATION = str.maketrans("", "", " -./\t")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")
_DOCUMENT = re.compile(r"[A-Z]{2}:[0-9A-Z]{4,40}")


@dataclass(frozen=True, slots=True, repr=False)
class PersonalData:
    """What is known of a person or a shop; it does not show itself in logs.

    Attributes:
        name: As the person writes it, or the shop's registered name.
        phone: An international number.
        email: An address.
        document: Issuing country and number of an identity document or a trade registration,
            ``CN:11010519491231002X``.
    """

    name: str | None = None
    phone: str | None = None
    email: str | None = None
    document: str | None = None

    def normalised(self) -> "PersonalData":
        """Return the same data with each field in its one form.

        Rejections: ``name_malformed``, ``phone_malformed``, ``email_malformed``, ``document_malformed``.
        """
        return PersonalData(**{field: normalise(field, text) for field, text in self.given()})

    def given(self) -> Iterator[tuple[Field, str]]:
        """Return the fields that have a value, with it."""
        for field in FIELDS:
            value: str | None = getattr(self, field)
            if value is not None:
                yield field, value

    def __repr__(self) -> str:
        return f"PersonalData({', '.join(field + '=...' for field, _ in self.given())})"


def normalise(field: Field, text: str) -> str:
    """Bring a text to the one form of its field.

    Args:
        field: What the text is.
        text: As somebody typed it.

    Rejections: the field's name with ``_malformed``; the sentence does not repeat the text.
    """
    return _NORMALISERS[field](unicodedata.normalize("NFKC", text).strip())


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not 0 < len(name) <= _NAME_LENGTH_MAX or not name.isprintable():
        raise Rejected(
            "name_malformed", f"A name has 1 to {_NAME_LENGTH_MAX} printable characters; shorten it."
        )
    return name


def _phone(text: str) -> str:
    phone = text.translate(_PHONE_PUNCTUATION)
    phone = "+" + phone[2:] if phone.startswith("00") else phone
    if not _PHONE.fullmatch(phone):
        raise Rejected(
            "phone_malformed", "The phone number is not international; write it like +86 138 0013 8000."
        )
    return phone


def _email(text: str) -> str:
    email = text.lower()
    if not _EMAIL.fullmatch(email) or len(email.encode()) > _EMAIL_SIZE_MAX_BYTES or not email.isprintable():
        raise Rejected("email_malformed", "The email address is not complete; write it like ana@example.org.")
    return email


def _document(text: str) -> str:
    document = text.translate(_DOCUMENT_PUNCTUATION).upper()
    if not _DOCUMENT.fullmatch(document):
        raise Rejected(
            "document_malformed",
            "The document number needs its issuing country; write it like CN:11010519491231002X.",
        )
    return document


_NORMALISERS: dict[Field, Callable[[str], str]] = {
    "name": _name,
    "phone": _phone,
    "email": _email,
    "document": _document,
}
