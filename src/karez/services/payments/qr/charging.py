"""What a charge by a pay code is decided by; the payer's code and wallet are nothing that the shop itself may see."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from karez.core.outcomes import Rejected
from karez.services.payments.qr.records import PayCode, find_pay_code
from karez.services.payments.trades.direct import is_reference_used
from karez.services.payments.wallets.records import Wallet, find_wallet


@dataclass(frozen=True, slots=True)
class Shown:
    """What a payer has shown.

    Attributes:
        code: The pay code.
        wallet: The payer's, in the currency of what is sold.
    """

    code: PayCode
    wallet: Wallet


def read_shown(conn: psycopg.Connection[Any], fingerprints: list[bytes], currency: str) -> Shown:
    """Read a payer's code with the wallet that it pays from.

    Args:
        conn: In a transaction of the operator.
        fingerprints: Of the code, under every key.
        currency: ISO 4217 letters.

    Rejections: ``pay_code_unknown``, ``pay_code_without_wallet``.
    """
    code = find_pay_code(conn, fingerprints)
    try:
        return Shown(code, find_wallet(conn, code.payer, currency))
    except Rejected:
        raise Rejected(
            "pay_code_without_wallet", f"The payer has no wallet in {currency}; charge in another currency."
        ) from None


def read_charge(
    conn: psycopg.Connection[Any], fingerprints: list[bytes], currency: str, shop: UUID, reference: str
) -> tuple[Shown, bool]:
    """Read what a new sale is decided by: what was shown, and whether the shop has used its reference before.

    Rejections: as of ``read_shown``.
    """
    return read_shown(conn, fingerprints, currency), is_reference_used(conn, shop, reference)
