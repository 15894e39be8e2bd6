"""The one-time code that a payer shows and a shop scans: 18 digits, good for 60 seconds and one payment.

It begins with 28, by which tills already know that a wallet of this kind is shown. The other 16 digits derive from
the request's id under Karez's secret: nobody can guess them, and a repeated request gets the same code although only
a keyed fingerprint of it is kept. Whoever reads the database, or the stored replies, cannot pay with what is there.

Worked example: of 1,000,000 codes that are open at once, a guess hits one in 10,000,000,000 tries.

Source of the form: Alipay+ Code Format Specification, table 1, which has 18 digits that begin with 28, and its
period of validity of one minute.
"""

import re
from uuid import UUID

from karez.core.outcomes import Rejected
from karez.core.sealing import Sealer
from karez.services.payments.qr.consumer_emv import is_consumer_presented

LIFETIME_S = 60

_PREFIX = "28"
_SECRET_DIGITS = 16
_FORM = re.compile(f"{_PREFIX}[0-9]{{{_SECRET_DIGITS}}}")


def sealer(secret_key: bytes) -> Sealer:
    """Return what makes the codes of a database, and their fingerprints.

    Args:
        secret_key: ``Database.secret_key``.
    """
    return Sealer({1: secret_key}, "pay code")


def pay_code(sealer: Sealer, request: UUID) -> str:
    """Return the code that a request gets.

    Args:
        sealer: Of pay codes.
        request: Id of its operation; another one gets another code.
    """
    random = int.from_bytes(sealer.blind_indexes("request", str(request))[0], "big")
    return f"{_PREFIX}{random % 10**_SECRET_DIGITS:0{_SECRET_DIGITS}}"


def fingerprints(sealer: Sealer, code: str) -> list[bytes]:
    """Return by what a code is found, the newest key's first."""
    return sealer.blind_indexes("code", code)


def is_pay_code(text: str) -> bool:
    """Tell whether a text has the form of a pay code."""
    return _FORM.fullmatch(text) is not None


def read_pay_code(text: str) -> str:
    """Return the code that a shop has scanned or typed, without the spaces that people read it by.

    Rejections: ``pay_code_malformed``.
    """
    code = text.replace(" ", "")
    if is_pay_code(code):
        return code
    what = "a payer's code of another scheme" if is_consumer_presented(text) else "no pay code of Karez"
    raise Rejected(
        "pay_code_malformed",
        f"This is {what}, which has {len(_PREFIX) + _SECRET_DIGITS} digits and begins with {_PREFIX}; "
        "ask the payer to show the code of Karez.",
    )
