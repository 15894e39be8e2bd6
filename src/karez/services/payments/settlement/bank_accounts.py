"""The bank accounts of shops and billers: their numbers are sealed, and shown by their last four digits only.

The id of a shop's account derives from the shop and the fingerprint of the number, so the same account is registered
once; with a biller one is agreed on anew each time. What is registered is never changed: a payout points to the
account as it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import class_row

from karez.core.ids import derived_id
from karez.core.outcomes import Rejected
from karez.core.sealing import Place, Sealer
from karez.ledger.operations import Operation, RowInsert, Scalar
from karez.services.asking import Asking
from karez.services.payments.bankfiles.fields import check_text, is_bic, is_iban
from karez.services.payments.bankfiles.payouts import NAME_LENGTH_MAX
from karez.services.payments.settlement.payout_banks import no_payout_bank

NUMBER_LENGTH_MAX = 34

_SHOWN = 4
_NUMBER_LENGTH_MIN = 6


@dataclass(frozen=True, slots=True)
class BankAccount:
    """An account at a bank, with what is sealed.

    Attributes:
        id: A shop's derives from the shop and the fingerprint of the number.
        shop: Whose; ``None`` if it is a biller's.
        bank: The institution through which it is paid.
        holder: Sealed name of its holder.
        number: Sealed IBAN or number.
        number_end: The last digits, which may be shown.
        bic: Of the bank that keeps it; empty if the paying bank keeps it itself.
        created_ns: When it was registered.
    """

    id: UUID
    shop: UUID | None
    bank: int
    holder: bytes
    number: bytes
    number_end: str
    bic: str
    created_ns: int


@dataclass(frozen=True, slots=True, repr=False)
class NewBankAccount:
    """An account to register; it does not show itself in logs.

    Attributes:
        bank: The institution through which it is paid.
        holder: Name of its holder.
        number: IBAN, or the number that the bank uses, with or without spaces.
        bic: Of the bank that keeps it; may be empty.
    """

    bank: int
    holder: str
    number: str
    bic: str


class BankAccountReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A bank account as it may be shown."""

    id: UUID
    bank: int
    number: str
    bic: str


_COLUMNS = ", ".join(BankAccount.__dataclass_fields__)
_BY_SHOP = f"SELECT {_COLUMNS} FROM bank_account WHERE shop = %s ORDER BY created_ns DESC"  # noqa: S608 - names of our own columns
_BY_ID = f"SELECT {_COLUMNS} FROM bank_account WHERE id = ANY(%s)"  # noqa: S608 - names of our own columns


def normalise_number(text: str) -> str:
    """Bring an account number to its one form.

    Rejections: ``bank_account_malformed``; the sentence does not repeat the number.
    """
    number = "".join(text.split()).replace("-", "").upper()
    looks_like_iban = number[:2].isalpha() and number[2:4].isdigit()
    usable = number.isascii() and number.isalnum() and _NUMBER_LENGTH_MIN <= len(number) <= NUMBER_LENGTH_MAX
    if not usable or (looks_like_iban and not is_iban(number)):
        raise Rejected(
            "bank_account_malformed",
            f"The account number is no IBAN with right check digits and no number of {_NUMBER_LENGTH_MIN} to "
            f"{NUMBER_LENGTH_MAX} letters and digits; copy it from a bank statement.",
        )
    return number


def bank_account_id(sealer: Sealer, shop: UUID, number: str) -> UUID:
    """Return the id of a shop's account with a number in its one form."""
    return derived_id(shop, "bank account", _fingerprint(sealer, number).hex())


def register(
    asking: Asking, sealer: Sealer, shop: UUID, new: NewBankAccount, *, is_payout_bank: bool, is_known: bool
) -> Operation:
    """Register a bank account of a shop.

    Args:
        asking: The shop's request.
        sealer: Seals what is personal.
        shop: Whose it is.
        new: The account.
        is_payout_bank: Whether payouts are made through this institution.
        is_known: Whether the shop has registered this number before.

    Rejections: ``bank_account_malformed``, ``bank_field_refused``, ``payout_bank_not_found``,
        ``bank_account_exists``.
    """
    number = checked_number(new)
    if not is_payout_bank:
        raise no_payout_bank(new.bank)
    if is_known:
        raise Rejected(
            "bank_account_exists",
            "You have registered this account already; list your accounts to find its id.",
        )
    id_ = bank_account_id(sealer, shop, number)
    row = sealed_row(asking, sealer, id_, {"shop": str(shop)}, new, number)
    reply = BankAccountReceipt(id=id_, bank=new.bank, number=masked(number), bic=new.bic)
    return asking.operation("bank_account.register", reply, rows=(row,))


def checked_number(new: NewBankAccount) -> str:
    """Return the number of an account in its one form, once all of it can be written into a bank file.

    Rejections: ``bank_account_malformed``, ``bank_field_refused``.
    """
    number = normalise_number(new.number)
    check_text("Holder", new.holder, NAME_LENGTH_MAX)
    if new.bic and not is_bic(new.bic):
        raise Rejected("bank_account_malformed", "The BIC is not one; it has 8 or 11 letters and digits.")
    return number


def sealed_row(
    asking: Asking, sealer: Sealer, id_: UUID, owner: Mapping[str, Scalar], new: NewBankAccount, number: str
) -> RowInsert:
    """Return the row of an account.

    Args:
        asking: The request that registers it.
        sealer: Seals what is personal.
        id_: The account's.
        owner: Whose it is: ``shop`` or ``biller``.
        new: The account.
        number: As of ``checked_number``.
    """
    return RowInsert(
        table="bank_account",
        key={"id": str(id_)},
        values={
            **owner,
            "bank": new.bank,
            "holder": _bytea(sealer.seal(new.holder, _place("holder", id_))),
            "number": _bytea(sealer.seal(number, _place("number", id_))),
            "number_end": number[-_SHOWN:],
            "bic": new.bic,
            "blind_index": _bytea(_fingerprint(sealer, number)),
            "created_ns": asking.now_ns,
        },
    )


def masked(number: str) -> str:
    """Return an account number, or its end, as it may be shown."""
    return f"**** {number[-_SHOWN:]}"


def opened(sealer: Sealer, account: BankAccount) -> tuple[str, str]:
    """Return the holder and the number of an account in clear, for a bank file."""
    return (
        sealer.open(account.holder, _place("holder", account.id)),
        sealer.open(account.number, _place("number", account.id)),
    )


def bank_accounts_of(conn: psycopg.Connection[Any], shop: UUID) -> list[BankAccount]:
    """Return the accounts of a shop, the latest first."""
    with conn.cursor(row_factory=class_row(BankAccount), binary=True) as cursor:
        return cursor.execute(_BY_SHOP, (shop,)).fetchall()


def bank_accounts_by_id(conn: psycopg.Connection[Any], ids: list[UUID]) -> dict[UUID, BankAccount]:
    """Return accounts that the caller may see by their ids."""
    with conn.cursor(row_factory=class_row(BankAccount), binary=True) as cursor:
        return {account.id: account for account in cursor.execute(_BY_ID, (ids,))}


def find_bank_account(conn: psycopg.Connection[Any], shop: UUID, id_: UUID) -> BankAccount:
    """Return an account of a shop.

    Rejections: ``bank_account_not_found``.
    """
    found = bank_accounts_by_id(conn, [id_]).get(id_)
    if found is None or found.shop != shop:
        raise Rejected(
            "bank_account_not_found", f"You have no bank account {id_}; list your accounts to find its id."
        )
    return found


def _fingerprint(sealer: Sealer, number: str) -> bytes:
    return sealer.blind_indexes("bank account", number)[0]


def _place(column: str, account: UUID) -> Place:
    return Place("bank_account", column, account)


def _bytea(content: bytes) -> str:
    return "\\x" + content.hex()
