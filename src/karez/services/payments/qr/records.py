"""Reading shopfronts, shops' codes and pay codes."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.core.outcomes import Rejected
from karez.services.payments.qr.emv import Shopfront


@dataclass(frozen=True, slots=True)
class ShownFront:
    """A shopfront as it is kept.

    Attributes:
        shop: Whose.
        front: What it shows.
        changed_ns: When it was changed last.
    """

    shop: UUID
    front: Shopfront
    changed_ns: int


@dataclass(frozen=True, slots=True)
class ShopCode:
    """A sticker on which the payer types the amount.

    Attributes:
        id: What it says.
        shop: Whose.
        currency: ISO 4217 letters.
        label: Where it hangs.
        state: ``open`` or ``withdrawn``.
        made_ns: When it was made.
    """

    id: UUID
    shop: UUID
    currency: str
    label: str
    state: str
    made_ns: int


@dataclass(frozen=True, slots=True)
class PayCode:
    """A payer's one-time code.

    Attributes:
        fingerprint: By what it is found.
        payer: Who pays.
        state: ``open`` or ``used``.
        expires_ns: From when on it is refused.
        trade: What was paid with it.
    """

    fingerprint: bytes
    payer: UUID
    state: str
    expires_ns: int
    trade: UUID | None


_LATEST_NS = 2**63 - 1
_FRONT_COLUMNS = ", ".join(Shopfront.__dataclass_fields__)
_FRONT = f"SELECT changed_ns, {_FRONT_COLUMNS} FROM shopfront WHERE shop = %s"  # noqa: S608 - our own columns
_SHOP_CODES = f"SELECT {', '.join(ShopCode.__dataclass_fields__)} FROM shop_qr"  # noqa: S608
_PAY_CODES = f"SELECT {', '.join(PayCode.__dataclass_fields__)} FROM pay_code"  # noqa: S608
# What is used between the choice and the deletion stays, whoever deletes.
_FORGET = """
DELETE FROM pay_code WHERE state = 'open' AND fingerprint IN (
    SELECT fingerprint FROM pay_code WHERE state = 'open' AND expires_ns < %s ORDER BY expires_ns LIMIT %s
)
"""


def find_front(conn: psycopg.Connection[Any], shop: UUID) -> ShownFront | None:
    """Return what a shop shows of itself, or none if it has not said yet."""
    row = conn.execute(_FRONT, (shop,)).fetchone()
    return None if row is None else ShownFront(shop, Shopfront(*row[1:]), row[0])


def needed_front(conn: psycopg.Connection[Any], shop: UUID) -> ShownFront:
    """Return what a shop shows of itself.

    Rejections: ``shopfront_missing``.
    """
    found = find_front(conn, shop)
    if found is None:
        raise Rejected(
            "shopfront_missing", f"The shop {shop} has not said what its codes tell about it; say so first."
        )
    return found


def find_shop_code(conn: psycopg.Connection[Any], code: UUID) -> ShopCode:
    """Return a shop's code.

    Rejections: ``shop_code_unknown``.
    """
    with conn.cursor(row_factory=class_row(ShopCode), binary=True) as cursor:
        found = cursor.execute(f"{_SHOP_CODES} WHERE id = %s", (code,)).fetchone()
    if found is None:
        raise Rejected("shop_code_unknown", f"There is no shop's code {code}; ask the shop for a new one.")
    return found


def find_own_code(conn: psycopg.Connection[Any], code: UUID, shop: UUID) -> ShopCode:
    """Return a code of a shop's own.

    Rejections: ``shop_code_unknown``, the same for another shop's code and for none.
    """
    with conn.cursor(row_factory=class_row(ShopCode), binary=True) as cursor:
        found = cursor.execute(f"{_SHOP_CODES} WHERE id = %s AND shop = %s", (code, shop)).fetchone()
    if found is None:
        raise not_your_code(code)
    return found


def not_your_code(code: UUID) -> Rejected:
    """Return the refusal of a code that a shop does not have."""
    return Rejected("shop_code_unknown", f"You have no code {code}; list your codes.")


def shop_codes(
    conn: psycopg.Connection[Any], shop: UUID, before_ns: int | None, limit: int
) -> list[ShopCode]:
    """Return a shop's codes, the latest first.

    Args:
        conn: In a transaction of the shop.
        shop: Whose.
        before_ns: Made before this moment.
        limit: How many at most.
    """
    with conn.cursor(row_factory=class_row(ShopCode), binary=True) as cursor:
        return cursor.execute(
            f"{_SHOP_CODES} WHERE shop = %s AND made_ns < %s ORDER BY made_ns DESC LIMIT %s",
            (shop, _LATEST_NS if before_ns is None else before_ns, limit),
        ).fetchall()


def find_pay_code(conn: psycopg.Connection[Any], fingerprints: list[bytes]) -> PayCode:
    """Return the pay code that a shop was shown.

    Args:
        conn: In a transaction of the operator, because a shop may not look into a payer's codes; or of the payer.
        fingerprints: Of the code, under every key.

    Rejections: ``pay_code_unknown``.
    """
    with conn.cursor(row_factory=class_row(PayCode), binary=True) as cursor:
        found = cursor.execute(f"{_PAY_CODES} WHERE fingerprint = ANY(%s)", (fingerprints,)).fetchone()
    if found is None:
        raise Rejected(
            "pay_code_unknown",
            "There is no such pay code; ask the payer to show a new one and scan it again.",
        )
    return found


def forget_unused(conn: psycopg.Connection[Any], before_ns: int, limit: int) -> int:
    """Delete pay codes that were never used, and return how many.

    Args:
        conn: Of a worker.
        before_ns: Those that had expired by then.
        limit: How many at most.
    """
    return conn.execute(_FORGET, (before_ns, limit)).rowcount
