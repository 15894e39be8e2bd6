"""What may stand in the fields of a bank file."""

import re

from karez.core.outcomes import Rejected

REFERENCE_LENGTH_MAX = 35
"""Characters of a reference in ISO 20022 (``Max35Text``)."""

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", re.ASCII)
_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?", re.ASCII)
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def check_text(what: str, text: str, length_max: int) -> str:
    """Return a text that a field can hold, and refuse any other.

    Args:
        what: The field, for the sentence.
        text: Its value.
        length_max: Characters that the schema allows; at least one is needed.

    Rejections: ``bank_field_refused``.
    """
    if not 0 < len(text) <= length_max or text.strip() != text or _FORBIDDEN.search(text):
        raise Rejected(
            "bank_field_refused",
            f"{what} {text[:40]!r} cannot be written into a bank file; use 1 to {length_max} printable characters "
            "without a space at either end.",
        )
    return text


def is_iban(account: str) -> bool:
    """Tell whether an account number is an IBAN with its right check digits (ISO 13616, ISO 7064 MOD 97-10)."""
    if _IBAN.fullmatch(account) is None:
        return False
    return int("".join(str(int(sign, 36)) for sign in account[4:] + account[:4])) % 97 == 1


def is_bic(bank: str) -> bool:
    """Tell whether a bank's name has the form of a BIC (ISO 9362)."""
    return _BIC.fullmatch(bank) is not None
