"""Statements of a shop's or person's account for a day, as its bank would give one: ``camt.053``.

Only what was booked is in it; a reservation is when it is posted. The opening balance is what the last entry before
the day left, the closing balance what the last entry of the day left.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import psycopg

from karez.core.calendars import Calendar, local_moment_ns
from karez.core.outcomes import Rejected
from karez.ledger.model import TransferFlags
from karez.ledger.questions import ask
from karez.ledger.statements import PAGE_ENTRIES_MAX, Entry, statement_page
from karez.services.payments.accounts import TransferCode
from karez.services.payments.bankfiles.statement_writing import write_statement
from karez.services.payments.bankfiles.statements import Balance, BankEntry, BankStatement, Direction

ENTRIES_MAX = 20_000

_NOT_BOOKED = int(TransferFlags.PENDING | TransferFlags.VOID)
_CODES = {int(code): code.name.replace("_", " ").capitalize() for code in TransferCode}


def written_statement(
    conn: psycopg.Connection[Any], account: UUID, currency: str, calendar: Calendar, day: date, now_ns: int
) -> bytes:
    """Return the statement of an account that the caller may see.

    Args:
        conn: In a transaction of whoever may read the account.
        account: Which.
        currency: Its currency.
        calendar: Tells when the day begins and ends.
        day: Of which day.
        now_ns: The present moment; the day must be over.

    Rejections: ``statement_day_open``, ``statement_too_long``.
    """
    first_ns, end_ns = local_moment_ns(calendar, day), local_moment_ns(calendar, day + timedelta(days=1))
    if end_ns > now_ns:
        raise Rejected(
            "statement_day_open", f"The day {day} is not over at {calendar.zone}; ask for an earlier one."
        )
    before = ask(conn, statement_page(account, limit=1, last_ns=first_ns - 1)).entries
    opening_minor = _balance_minor(before[0]) if before else 0
    entries = tuple(_entries(conn, account, currency, day, first_ns, end_ns - 1))
    closing_minor = opening_minor + sum(entry.signed_minor for entry in entries)
    statement = BankStatement(
        identification=f"{day:%Y%m%d}-{account.hex[-16:]}",
        account=account.hex,
        entries=entries,
        until_day=day,
        opening=Balance(opening_minor, currency, day),
        closing=Balance(closing_minor, currency, day),
    )
    return write_statement(statement, f"{day:%Y%m%d}-{account.hex[-16:]}", end_ns)


def _entries(
    conn: psycopg.Connection[Any], account: UUID, currency: str, day: date, first_ns: int, last_ns: int
) -> Iterator[BankEntry]:
    cursor: str | None = None
    count = 0
    while True:
        page = ask(
            conn,
            statement_page(
                account,
                newest_first=False,
                cursor=cursor,
                limit=PAGE_ENTRIES_MAX,
                first_ns=first_ns,
                last_ns=last_ns,
            ),
        )
        count += len(page.entries)
        if count > ENTRIES_MAX:
            raise Rejected(
                "statement_too_long",
                f"The day {day} has more than {ENTRIES_MAX:,} entries; read them in pages at /v1/accounts instead.",
            )
        yield from (_entry(each, currency, day) for each in page.entries if not each.flags & _NOT_BOOKED)
        cursor = page.next_cursor
        if cursor is None:
            return


def _entry(entry: Entry, currency: str, day: date) -> BankEntry:
    return BankEntry(
        booking_day=day,
        value_day=day,
        amount_minor=entry.amount,
        currency=currency,
        direction=Direction.CREDIT if entry.side == "credit" else Direction.DEBIT,
        references=(entry.transfer_id.hex,),
        bank_reference=entry.transfer_id.hex,
        text=_CODES.get(entry.code, "Transfer"),
    )


def _balance_minor(entry: Entry) -> int:
    return entry.balance_after.credits_posted - entry.balance_after.debits_posted
