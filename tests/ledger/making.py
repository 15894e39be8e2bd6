"""Short ways to make and submit what the ledger's tests need."""

from uuid import UUID

import msgspec
import numpy as np

from karez.core.ids import new_id
from karez.ledger.bookkeeper import Bookkeeper
from karez.ledger.group import TransferOutcome, TransferSubmission
from karez.ledger.model import Balance, NewAccount, Status, Transfer, TransferFlags, transfers_to_array
from karez.ledger.operations import Operation, RowInsert, RowUpdate

START_NS = 1_700_000_000_000_000_000
BANK, SHOP = 7, 8
CNY, COUPON = 1, 2


def operation(
    id_: UUID | None = None,
    accounts: tuple[NewAccount, ...] = (),
    transfers: tuple[Transfer, ...] = (),
    rows: tuple[RowInsert | RowUpdate, ...] = (),
    fingerprint: bytes = b"f",
    reply: bytes = b'{"done":true}',
    institution: int = 0,
) -> Operation:
    """An operation with everything that a test does not care about filled in."""
    return Operation(
        id=id_ or new_id(START_NS),
        kind="test",
        actor="tester",
        fingerprint=fingerprint,
        reply=msgspec.Raw(reply),
        institution=institution,
        accounts=accounts,
        transfers=transfers,
        rows=rows,
    )


def transfer(
    debit: UUID,
    credit: UUID,
    amount: int,
    flags: int = 0,
    id_: UUID | None = None,
    timeout_s: int = 0,
    ledger: int = CNY,
) -> Transfer:
    """A transfer with a new id unless one is given."""
    return Transfer(
        id=id_ or new_id(START_NS),
        debit_account_id=debit,
        credit_account_id=credit,
        amount=amount,
        ledger=ledger,
        code=1,
        flags=flags,
        timeout_s=timeout_s,
    )


def settle(pending: UUID, flags: TransferFlags, amount: int, id_: UUID | None = None) -> Transfer:
    """A post or void of a pending transfer."""
    return Transfer(id=id_ or new_id(START_NS), pending_id=pending, flags=int(flags), amount=amount)


def submission(*transfers: Transfer, institution: int = 0) -> TransferSubmission:
    """Transfers as one caller's batch."""
    count = len(transfers)
    return TransferSubmission(
        transfers_to_array(list(transfers)),
        np.full(count, institution, np.int32),
        np.arange(count) == count - 1,
    )


def statuses(book: Bookkeeper, *transfers: Transfer, institution: int = 0) -> list[Status]:
    """Commit one batch of transfers and return its statuses."""
    (outcome,) = book.commit([submission(*transfers, institution=institution)])
    assert isinstance(outcome, TransferOutcome)
    return [Status(value) for value in outcome.status.tolist()]


def balance(book: Bookkeeper, account: UUID) -> Balance:
    """The totals of one account."""
    slot = book.columns.index.find(
        np.array([account.int >> 64], np.uint64), np.array([account.int & 2**64 - 1], np.uint64)
    )
    return book.columns.balance(int(slot[0]))
