"""Many transfers in one body, as a list of objects or as columns, and the array that the bookkeeper takes."""

from operator import attrgetter
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import UNSET, Meta, UnsetType
from numpy.typing import NDArray

from karez.channels.api.bodies import LARGE_SIZE_MAX_BYTES, Body, invalid_field
from karez.channels.api.fields import (
    EXAMPLE_IDS,
    Amount,
    Code,
    TimeoutSeconds,
    TransferFlagBits,
    UnitNumber,
    UserData,
)
from karez.channels.api.id_columns import id_halves
from karez.channels.api.transfer_body import EXAMPLE_TRANSFER, whole_amount
from karez.core.outcomes import Rejected
from karez.ledger.model import AMOUNT_MAX, BATCH_MAX, TRANSFER_DTYPE, TransferFlags

IdText = Annotated[str, Meta(min_length=32, max_length=36, extra_json_schema={"format": "uuid"})]

_Column = Meta(min_length=1, max_length=BATCH_MAX)
IdColumn = Annotated[list[IdText], _Column]
AmountColumn = Annotated[list[Amount], _Column]
UnitColumn = Annotated[list[UnitNumber], _Column]
CodeColumn = Annotated[list[Code], _Column]
FlagColumn = Annotated[list[TransferFlagBits], _Column]
TimeoutColumn = Annotated[list[TimeoutSeconds], _Column]
UserDataColumn = Annotated[list[UserData], _Column]


class BatchTransfer(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One transfer of a batch; the fields are those of a single transfer.

    Attributes:
        id: Your own new id; the same id is carried out once, however often it is sent.
        amount: Left out of a post or void, it is the whole reserved amount.
    """

    id: IdText
    debit_account_id: IdText | UnsetType = UNSET
    credit_account_id: IdText | UnsetType = UNSET
    amount: Amount | UnsetType = UNSET
    ledger: UnitNumber | UnsetType = UNSET
    code: Code | UnsetType = UNSET
    flags: TransferFlagBits = 0
    pending_id: IdText | UnsetType = UNSET
    timeout_s: TimeoutSeconds = 0
    user_data: UserData = 0


class TransferColumns(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Transfers with all values of one field together; a single value instead of a list is that of all transfers.

    Attributes:
        id: One for each transfer.
        amount: Left out, every transfer is a post or void of the whole reserved amount.
    """

    id: IdColumn
    debit_account_id: IdColumn | IdText | UnsetType = UNSET
    credit_account_id: IdColumn | IdText | UnsetType = UNSET
    amount: AmountColumn | Amount | UnsetType = UNSET
    ledger: UnitColumn | UnitNumber | UnsetType = UNSET
    code: CodeColumn | Code | UnsetType = UNSET
    flags: FlagColumn | TransferFlagBits = 0
    pending_id: IdColumn | IdText | UnsetType = UNSET
    timeout_s: TimeoutColumn | TimeoutSeconds = 0
    user_data: UserDataColumn | UserData = 0


class ColumnBatch(msgspec.Struct, forbid_unknown_fields=True):
    """A batch in columns, the quickest form."""

    columns: TransferColumns


Batch = Annotated[list[BatchTransfer], Meta(min_length=1, max_length=BATCH_MAX)] | ColumnBatch

EXAMPLE_COLUMNS = {
    "columns": {
        "id": [EXAMPLE_IDS[1], EXAMPLE_IDS[4]],
        "debit_account_id": EXAMPLE_IDS[2],
        "credit_account_id": [EXAMPLE_IDS[3], EXAMPLE_IDS[5]],
        "amount": [1250, 80],
        "ledger": 1,
        "code": 10,
    }
}

TRANSFER_BATCH: Body[list[BatchTransfer] | ColumnBatch] = Body(
    Batch, [EXAMPLE_TRANSFER], LARGE_SIZE_MAX_BYTES
)

_NIL = "0" * 32
_NUMBERS = ("user_data", "ledger", "code", "flags", "timeout_s")
_IDS = (
    ("id", "id"),
    ("debit_account_id", "debit"),
    ("credit_account_id", "credit"),
    ("pending_id", "pending"),
)
_SETTLING = int(TransferFlags.POST | TransferFlags.VOID)
_POST = int(TransferFlags.POST)


def batch_array(batch: list[BatchTransfer] | ColumnBatch) -> NDArray[np.void]:
    """Return a batch as an array of ``TRANSFER_DTYPE``.

    Args:
        batch: What ``TRANSFER_BATCH`` has read.

    Rejections: ``field_invalid``, ``field_missing``, ``columns_uneven``.
    """
    if isinstance(batch, ColumnBatch):
        return _from_columns(batch.columns)
    return _from_list(batch)


def _from_list(transfers: list[BatchTransfer]) -> NDArray[np.void]:
    array = np.zeros(len(transfers), TRANSFER_DTYPE)
    for field, name in _IDS:
        texts = [_NIL if text is UNSET else text for text in map(attrgetter(field), transfers)]
        array[name + "_hi"], array[name + "_lo"] = id_halves(texts, f"[{{}}].{field}")
    for field in _NUMBERS:
        array[field] = [0 if number is UNSET else number for number in map(attrgetter(field), transfers)]
    array["amount"] = [
        whole_amount(transfer.flags, f"[{index}].amount") if transfer.amount is UNSET else transfer.amount
        for index, transfer in enumerate(transfers)
    ]
    return array


def _from_columns(columns: TransferColumns) -> NDArray[np.void]:
    count = len(columns.id)
    array = np.zeros(count, TRANSFER_DTYPE)
    for field, name in _IDS:
        value = getattr(columns, field)
        if value is not UNSET:
            texts = _fitting(field, value, count)
            array[name + "_hi"], array[name + "_lo"] = id_halves(texts, f"columns.{field}[{{}}]")
    for field in (*_NUMBERS, "amount"):
        value = getattr(columns, field)
        if value is not UNSET:
            array[field] = _fitting(field, value, count)
    if columns.amount is UNSET:
        flags = array["flags"]
        if (flags & _SETTLING == 0).any():
            raise invalid_field("columns.amount", "it is missing; only posts and voids may leave it out")
        array["amount"] = np.where(flags & _POST != 0, AMOUNT_MAX, 0)
    return array


def _fitting(field: str, value: Any, count: int) -> Any:
    """Refuse a list of another length than that of the ids; a single id is read as a list of one."""
    if isinstance(value, list) and len(value) != count:
        raise Rejected(
            "columns_uneven",
            f"The column {field!r} has {len(value)} values for {count} ids; give one for each, or a single value "
            "for all.",
            field=f"columns.{field}",
        )
    return [value] if isinstance(value, str) else value
