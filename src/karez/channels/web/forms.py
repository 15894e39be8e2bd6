"""What somebody typed into a form, and what is wrong with it, field by field."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

FIELDS_MAX = 50


@dataclass(frozen=True)
class Form:
    """The fields of a form.

    Attributes:
        values: As they were typed.
        errors: A sentence for each field that is wrong; under the empty name one about the whole form.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return a field in one form of its characters (full-width digits become plain ones), trimmed."""
        return unicodedata.normalize("NFKC", self.values.get(name, "")).strip()

    def wrong(self, **errors: str) -> "Form":
        """Return the form with sentences about its fields."""
        return Form(self.values, {**self.errors, **errors})

    def wrong_as_a_whole(self, sentence: str) -> "Form":
        """Return the form with a sentence about all of it."""
        return Form(self.values, {**self.errors, "": sentence})


def read_form(body: bytes) -> Form:
    """Read a form.

    Args:
        body: ``application/x-www-form-urlencoded``; of a field that comes twice the last one counts.

    Raises:
        ValueError: It has more than 50 fields, is no UTF-8, or has a zero byte, which the database cannot keep.
    """
    pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    if any("\0" in text for _, text in pairs):
        raise ValueError("a zero byte is in no text that people type")
    return Form(dict(pairs))
