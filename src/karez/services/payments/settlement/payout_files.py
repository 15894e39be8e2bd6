"""Files of payouts for banks: which payouts are in one, and the file itself as ``pain.001``.

The bytes are not stored: numbers of bank accounts lie sealed in the database, and the same file is written from the
same rows whenever somebody fetches it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.core.calendars import Calendar, next_business_day
from karez.core.outcomes import Rejected
from karez.core.sealing import Sealer
from karez.ledger.operations import Operation, RowInsert, RowUpdate, Scalar
from karez.services.asking import Asking
from karez.services.payments.bankfiles import payouts as pain
from karez.services.payments.reconciliation.doors import Expectation, expect_movement
from karez.services.payments.reconciliation.matching.items import Movement
from karez.services.payments.settlement.bank_accounts import bank_accounts_by_id, opened
from karez.services.payments.settlement.payout_banks import (
    PayoutBank,
    file_due_ns,
    find_payout_bank,
    payout_file_id,
)
from karez.services.payments.settlement.payouts import Payout, end_to_end_id

PAYOUTS_MAX = 1_000
"""In one file: they are put there in one operation, and no payment waits long for it."""

_INITIATOR = "Karez"


@dataclass(frozen=True, slots=True)
class PayoutFile:
    """A file of payouts.

    Attributes:
        id: Derived from the bank, the currency, the day and the number; its 32 digits name the message.
        bank: Who pays.
        currency: ISO 4217 letters.
        day: On which the bank is to pay.
        number: Which of the day's.
        payouts: How many are in it.
        total_minor: Their sum.
        made_ns: When it was made.
    """

    id: UUID
    bank: int
    currency: str
    day: date
    number: int
    payouts: int
    total_minor: int
    made_ns: int


@dataclass(frozen=True, slots=True)
class DueFile:
    """A file that is to be made.

    Attributes:
        bank: The bank's account, as it was read.
        calendar: Its calendar.
        waiting: Id and amount of the payouts that wait, at most ``PAYOUTS_MAX``.
    """

    bank: PayoutBank
    calendar: Calendar
    waiting: Sequence[tuple[UUID, int]]


_WAITING = """
SELECT id, amount_minor FROM payout
WHERE bank = %s AND currency = %s AND state = 'waiting' AND created_ns <= %s
ORDER BY created_ns, id LIMIT %s
"""
_FILE_COLUMNS = ", ".join(PayoutFile.__dataclass_fields__)
_PAYOUT_COLUMNS = ", ".join(Payout.__dataclass_fields__)
_FILE = f"SELECT {_FILE_COLUMNS} FROM payout_file WHERE id = %s"  # noqa: S608 - names of our own columns
_FILES = f"""
SELECT {_FILE_COLUMNS} FROM payout_file WHERE day >= %s ORDER BY day DESC, number DESC, id LIMIT %s
"""  # noqa: S608 - names of our own columns
_IN_FILE = f"SELECT {_PAYOUT_COLUMNS} FROM payout WHERE file = %s ORDER BY id"  # noqa: S608 - names of our own columns


def waiting_payouts(conn: psycopg.Connection[Any], bank: PayoutBank, now_ns: int) -> list[tuple[UUID, int]]:
    """Return id and amount of the payouts for a bank's next file, those that wait longest first."""
    return [
        (id_, amount_minor)
        for id_, amount_minor in conn.execute(_WAITING, (bank.bank, bank.currency, now_ns, PAYOUTS_MAX))
    ]


def make_file(asking: Asking, due: DueFile) -> Operation:
    """Put the payouts that wait into a file; the bank's next one is the day's next if there may be more.

    Args:
        asking: The clock's request.
        due: What is to be made.
    """
    bank, waiting = due.bank, due.waiting
    id_ = payout_file_id(bank)
    changes: dict[str, Scalar] = {"number": bank.number + 1}
    if len(waiting) < PAYOUTS_MAX:
        day = next_business_day(due.calendar, bank.day)
        changes = {"day": day.isoformat(), "number": 0, "due_ns": file_due_ns(due.calendar, day)}
    moved = RowUpdate(
        table="payout_bank",
        key={"bank": bank.bank, "currency": bank.currency},
        expected={"due_ns": bank.due_ns, "number": bank.number},
        changes=changes,
    )
    if not waiting:
        return asking.operation("payout.skip_file", {"day": bank.day}, rows=(moved,))
    file = RowInsert(
        table="payout_file",
        key={"id": str(id_)},
        values={
            "bank": bank.bank,
            "currency": bank.currency,
            "day": bank.day.isoformat(),
            "number": bank.number + 1,
            "payouts": len(waiting),
            "total_minor": sum(amount_minor for _, amount_minor in waiting),
            "made_ns": asking.now_ns,
        },
    )
    return asking.operation(
        "payout.make_file",
        {"file": id_, "payouts": len(waiting)},
        rows=(file, moved, *(row for each in waiting for row in _put_in(asking, bank, id_, *each))),
        events=(asking.event("payout.file_made", (), {"file": id_, "day": bank.day}, (bank.bank,)),),
    )


def _put_in(
    asking: Asking, bank: PayoutBank, file: UUID, payout: UUID, amount_minor: int
) -> tuple[RowUpdate, RowInsert]:
    """Return the rows of a payout that goes into a file: from then on the bank's statement is expected to have it."""
    put = RowUpdate(
        table="payout",
        key={"id": str(payout)},
        expected={"state": "waiting"},
        changes={"state": "in_file", "file": str(file), "changed_ns": asking.now_ns},
    )
    movement = Movement(
        payout, end_to_end_id(payout), file.hex, -amount_minor, bank.currency, bank.day, counterparty=""
    )
    return put, expect_movement(asking, None, Expectation(bank.bank, movement))


def files_since(conn: psycopg.Connection[Any], first_day: date, limit: int) -> list[PayoutFile]:
    """Return files that the caller may see, the latest first."""
    with conn.cursor(row_factory=class_row(PayoutFile), binary=True) as cursor:
        return cursor.execute(_FILES, (first_day, limit)).fetchall()


def written_file(conn: psycopg.Connection[Any], sealer: Sealer, file: UUID) -> bytes:
    """Return a file as the bank gets it.

    Args:
        conn: In a transaction of the operator or of the bank.
        sealer: Opens the numbers of the accounts.
        file: Which.

    Rejections: ``payout_file_not_found``.
    """
    with conn.cursor(row_factory=class_row(PayoutFile), binary=True) as cursor:
        found = cursor.execute(_FILE, (file,)).fetchone()
    if found is None:
        raise Rejected(
            "payout_file_not_found", f"There is no payout file {file} that you may see; list them first."
        )
    with conn.cursor(row_factory=class_row(Payout), binary=True) as cursor:
        payouts = cursor.execute(_IN_FILE, (file,)).fetchall()
    bank = find_payout_bank(conn, found.bank, found.currency)
    return pain.write_payouts(
        pain.PayoutBatch(
            reference=found.id.hex,
            created_ns=found.made_ns,
            day=found.day,
            initiator=_INITIATOR,
            debtor=pain.BankAccount(name=bank.holder, account=bank.account, bank=bank.bic),
            payouts=_transfers(conn, sealer, payouts),
        )
    )


def _transfers(conn: psycopg.Connection[Any], sealer: Sealer, payouts: Sequence[Payout]) -> list[pain.Payout]:
    known = bank_accounts_by_id(conn, list({payout.bank_account for payout in payouts}))
    made = []
    for payout in payouts:
        account = known[payout.bank_account]
        holder, number = opened(sealer, account)
        made.append(
            pain.Payout(
                end_to_end_id=end_to_end_id(payout.id),
                creditor=pain.BankAccount(name=holder, account=number, bank=account.bic),
                amount_minor=payout.amount_minor,
                currency=payout.currency,
            )
        )
    return made
