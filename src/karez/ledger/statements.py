"""The statement of an account: its entries with the balance after each, page by page.

Worked example: account A is debited 40 as a reservation, of which 25 is posted later. Its statement, newest
first: *post 25* (debits pending 0, posted 25), *reserve 40* (debits pending 40, posted 0).
"""

import base64
from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

import msgspec

from karez.core.outcomes import Rejected
from karez.ledger.model import Balance
from karez.ledger.questions import Question

PAGE_ENTRIES_MAX = 500
_LAST_NS = 2**63 - 1
_CURSOR_SIZE_BYTES = 24

_STATEMENT = """
WITH opening AS (
    SELECT debits_pending, debits_posted, credits_pending, credits_posted
    FROM account_entry WHERE account = %(account)s AND timestamp_ns <= %(watermark_ns)s
    ORDER BY timestamp_ns DESC LIMIT 1
), tail AS (
    SELECT timestamp_ns, transfer_id, operation_id, counterparty, side, amount, flags, code,
        (coalesce((SELECT debits_pending FROM opening), 0) + sum(debits_pending) OVER w)::bigint,
        (coalesce((SELECT debits_posted FROM opening), 0) + sum(debits_posted) OVER w)::bigint,
        (coalesce((SELECT credits_pending FROM opening), 0) + sum(credits_pending) OVER w)::bigint,
        (coalesce((SELECT credits_posted FROM opening), 0) + sum(credits_posted) OVER w)::bigint
    FROM transfer_leg
    WHERE (debit_account = %(account)s OR credit_account = %(account)s) AND account = %(account)s
        AND timestamp_ns > %(watermark_ns)s AND timestamp_ns <= %(last_ns)s
    WINDOW w AS (ORDER BY timestamp_ns)
), page AS (
    (
        SELECT timestamp_ns, transfer_id, operation_id, counterparty, side, amount, flags, code,
            debits_pending, debits_posted, credits_pending, credits_posted
        FROM account_entry
        WHERE account = %(account)s AND timestamp_ns >= %(first_ns)s
            AND timestamp_ns <= least(%(last_ns)s::bigint, %(watermark_ns)s::bigint)
        ORDER BY timestamp_ns {direction} LIMIT %(limit)s
    )
    UNION ALL
    (SELECT * FROM tail WHERE timestamp_ns >= %(first_ns)s ORDER BY timestamp_ns {direction} LIMIT %(limit)s)
)
SELECT * FROM page
-- Transfers are seen from both their ends, but a statement only by those who see the account.
WHERE EXISTS (SELECT FROM account WHERE id = %(account)s)
ORDER BY timestamp_ns {direction} LIMIT %(limit)s
"""
_OLDEST_FIRST = _STATEMENT.format(direction="ASC")
_NEWEST_FIRST = _STATEMENT.format(direction="DESC")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a statement.

    Attributes:
        timestamp_ns: When the transfer was committed; unique in the whole book.
        transfer_id: The transfer.
        operation_id: The operation it is part of, if it is.
        counterparty: The account on the other side.
        side: Which side of this account the transfer is on.
        amount: In minor units: moved, reserved, posted of a reservation, or released by a void.
        flags: ``TransferFlags`` added together, which tell these four apart.
        code: The caller's reason code.
        balance_after: The totals right after the transfer.
    """

    timestamp_ns: int
    transfer_id: UUID
    operation_id: UUID | None
    counterparty: UUID
    side: Literal["debit", "credit"]
    amount: int
    flags: int
    code: int
    balance_after: Balance


class StatementPage(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a statement.

    Attributes:
        entries: In the order asked for.
        next_cursor: Where the next page begins; ``None`` if there is nothing beyond this one now.
    """

    entries: tuple[Entry, ...]
    next_cursor: str | None


def statement_page(
    account: UUID,
    *,
    newest_first: bool = True,
    cursor: str | None = None,
    limit: int = 50,
    first_ns: int = 0,
    last_ns: int = _LAST_NS,
) -> Question[StatementPage]:
    """Ask for one page of an account's statement; empty for an account that the asker may not see.

    Transfers that arrive between two pages move nothing: each entry comes once, and none is left out.

    Args:
        account: The account.
        newest_first: The order.
        cursor: ``next_cursor`` of the page before.
        limit: Entries on the page, 1 to ``PAGE_ENTRIES_MAX``.
        first_ns: Leave out what is earlier.
        last_ns: Leave out what is later.

    Rejections: ``cursor_invalid``, ``limit_out_of_range``.
    """
    if not 1 <= limit <= PAGE_ENTRIES_MAX:
        raise Rejected(
            "limit_out_of_range",
            f"A page has 1 to {PAGE_ENTRIES_MAX} entries, not {limit}; correct the limit.",
        )
    if cursor is not None:
        reached_ns = _read_cursor(cursor, account)
        if newest_first:
            last_ns = min(last_ns, reached_ns - 1)
        else:
            first_ns = max(first_ns, reached_ns + 1)
    parameters = {"account": account, "first_ns": first_ns, "last_ns": last_ns, "limit": limit + 1}

    def read(rows: Sequence[tuple[Any, ...]]) -> StatementPage:
        entries = tuple(_read_entry(row) for row in rows[:limit])
        more = len(rows) > limit
        return StatementPage(
            entries=entries, next_cursor=_write_cursor(account, entries[-1].timestamp_ns) if more else None
        )

    return Question(_NEWEST_FIRST if newest_first else _OLDEST_FIRST, parameters, read)


def _read_entry(row: tuple[Any, ...]) -> Entry:
    timestamp_ns, transfer_id, operation_id, counterparty, side, amount, flags, code, *totals = row
    debits_pending, debits_posted, credits_pending, credits_posted = totals
    return Entry(
        timestamp_ns=timestamp_ns,
        transfer_id=transfer_id,
        operation_id=operation_id,
        counterparty=counterparty,
        side="debit" if side == 1 else "credit",
        amount=amount,
        flags=flags,
        code=code,
        balance_after=Balance(
            debits_pending=debits_pending,
            debits_posted=debits_posted,
            credits_pending=credits_pending,
            credits_posted=credits_posted,
        ),
    )


def _write_cursor(account: UUID, timestamp_ns: int) -> str:
    return base64.urlsafe_b64encode(account.bytes + timestamp_ns.to_bytes(8, "big")).decode("ascii")


def _read_cursor(cursor: str, account: UUID) -> int:
    try:
        data = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
    except ValueError:
        data = b""
    if len(data) != _CURSOR_SIZE_BYTES or data[:16] != account.bytes or data[16] >= 0x80:
        raise Rejected(
            "cursor_invalid",
            f"The cursor does not belong to the statement of account {account}; start again without a cursor.",
        )
    return int.from_bytes(data[16:], "big")
