"""One transfer as JSON, and the 96 bytes that the bookkeeper takes."""

import struct

import msgspec
from msgspec import UNSET, UnsetType

from karez.channels.api.bodies import Body
from karez.channels.api.fields import (
    EXAMPLE_IDS,
    EXAMPLE_MOMENT,
    AccountId,
    Amount,
    Code,
    Moment,
    NewId,
    TimeoutSeconds,
    TransferFlagBits,
    TransferId,
    UnitNumber,
    UserData,
)
from karez.core.outcomes import Rejected
from karez.ledger.model import AMOUNT_MAX, TRANSFER_DTYPE, TransferFlags

_RECORD = struct.Struct("<8Q2q4i")
assert _RECORD.size == TRANSFER_DTYPE.itemsize

_LOW_64 = 2**64 - 1
_POST = int(TransferFlags.POST)
_VOID = int(TransferFlags.VOID)


class NewTransfer(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, gc=False, omit_defaults=True):
    """A transfer to make.

    Attributes:
        id: Your own new id; the same id is carried out once, however often it is sent.
        debit_account_id: Account whose debits grow, one of your own; may be left out for a post or void.
        credit_account_id: Account whose credits grow, anybody's; may be left out for a post or void.
        amount: Left out of a post or void, it is the whole reserved amount.
        ledger: May be left out for a post or void.
        code: May be left out for a post or void.
        pending_id: The pending transfer that a post or void settles.
    """

    id: NewId
    debit_account_id: AccountId | UnsetType = UNSET
    credit_account_id: AccountId | UnsetType = UNSET
    amount: Amount | UnsetType = UNSET
    ledger: UnitNumber | UnsetType = UNSET
    code: Code | UnsetType = UNSET
    flags: TransferFlagBits = 0
    pending_id: TransferId | UnsetType = UNSET
    timeout_s: TimeoutSeconds = 0
    user_data: UserData = 0


class TransferReceipt(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """A transfer that was made, by this request or an earlier one with its id.

    Attributes:
        id: Its id.
        status: ``created``.
        timestamp: When it was committed; no two transfers have the same one.
    """

    id: TransferId
    status: str
    timestamp: Moment


EXAMPLE_TRANSFER = {
    "id": EXAMPLE_IDS[1],
    "debit_account_id": EXAMPLE_IDS[2],
    "credit_account_id": EXAMPLE_IDS[3],
    "amount": 1250,
    "ledger": 1,
    "code": 10,
}
EXAMPLE_RECEIPT = {"id": EXAMPLE_IDS[1], "status": "created", "timestamp": EXAMPLE_MOMENT}

NEW_TRANSFER: Body[NewTransfer] = Body(NewTransfer, EXAMPLE_TRANSFER)


def record_of(transfer: NewTransfer) -> bytes:
    """Pack a transfer as one ``TRANSFER_DTYPE``; an id that is left out is zero.

    Rejections: ``field_missing`` if the amount of neither a post nor a void is left out.
    """
    id_ = transfer.id.int
    debit = 0 if transfer.debit_account_id is UNSET else transfer.debit_account_id.int
    credit = 0 if transfer.credit_account_id is UNSET else transfer.credit_account_id.int
    pending = 0 if transfer.pending_id is UNSET else transfer.pending_id.int
    return _RECORD.pack(
        id_ >> 64,
        id_ & _LOW_64,
        debit >> 64,
        debit & _LOW_64,
        credit >> 64,
        credit & _LOW_64,
        pending >> 64,
        pending & _LOW_64,
        whole_amount(transfer.flags, "amount") if transfer.amount is UNSET else transfer.amount,
        transfer.user_data,
        0 if transfer.ledger is UNSET else transfer.ledger,
        0 if transfer.code is UNSET else transfer.code,
        transfer.flags,
        transfer.timeout_s,
    )


def whole_amount(flags: int, field: str) -> int:
    """Return how the book is told to settle a whole reservation.

    Args:
        flags: The transfer's flags.
        field: Name of the amount that was left out.

    Rejections: ``field_missing``.
    """
    if flags & _POST:
        return AMOUNT_MAX
    if flags & _VOID:
        return 0
    raise Rejected(
        "field_missing",
        f"The field {field!r} was not accepted: it is missing; only a post or a void may leave it out.",
        field=field,
    )
