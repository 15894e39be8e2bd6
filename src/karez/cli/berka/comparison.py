"""The bank's balances against the book's, which are read back from the database when everything is booked.

Nothing that was computed for the booking is used: the database adds up, account by account and in the order of the
book, what its transfers did, and tells the running balance after each of the bank's transactions. Then the
bookkeeper is asked what each account holds now, and must say the same as the last of them.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple
from uuid import UUID

import msgspec

from karez.cli.berka.bank_rows import BankRow
from karez.cli.berka.book_names import CUSTOMER_CODE, customer_account_id
from karez.cli.berka.day_order import ROUNDING_MAX_MINOR
from karez.ledger.client import BookClient
from karez.storage.database import Database, connect
from karez.storage.tenant import as_institution

_RUNNING_BALANCES = """
WITH change AS (
    SELECT credit_account AS account, timestamp_ns, amount AS change_minor, user_data FROM transfer
    UNION ALL
    SELECT debit_account, timestamp_ns, -amount, user_data FROM transfer
), running AS (
    SELECT account.user_data AS account, change.user_data AS transaction, change.timestamp_ns,
        sum(change_minor) OVER (PARTITION BY account.id ORDER BY change.timestamp_ns) AS balance_minor
    FROM change JOIN account ON account.id = change.account
    WHERE account.institution = %(institution)s AND account.code = %(customer_code)s
)
SELECT DISTINCT ON (account, transaction) account, transaction, balance_minor::bigint, timestamp_ns
FROM running
ORDER BY account, transaction, timestamp_ns DESC
"""


class Held(NamedTuple):
    """What an account held after one of the bank's transactions, rounding included.

    Attributes:
        balance_minor: According to the database.
        timestamp_ns: Of the last transfer of the transaction.
    """

    balance_minor: int
    timestamp_ns: int


RunningBalances = dict[tuple[int, int], Held]
"""By the bank's numbers of account and transaction."""


class FailingDay(msgspec.Struct, frozen=True):
    """A day of an account on which the book does not hold what the bank says.

    Attributes:
        bank: The bank's short name.
        account: The bank's number of the account.
        date: The day.
        rows: How many of its rows differ by more than the rounding, or are not on the book.
        largest_difference_minor: The book's balance less the bank's, where it is largest; ``None`` if a row is
            not on the book at all.
        file: Where the rows stand.
        lines: Their lines there.
    """

    bank: str
    account: int
    date: date
    rows: int
    largest_difference_minor: int | None
    file: str
    lines: list[int]


def read_running_balances(database: Database, institution: int) -> RunningBalances:
    """Return the balance of every customer's account after every transaction, as the institution sees them.

    Args:
        database: The database.
        institution: The bank's number.
    """
    parameters = {"institution": institution, "customer_code": CUSTOMER_CODE}
    with connect(database.web) as conn, as_institution(conn, institution):
        rows = conn.execute(_RUNNING_BALANCES, parameters)
        return {(account, transaction): Held(*held) for account, transaction, *held in rows}


def failing_days(
    bank: str, file: str, rows: Iterable[BankRow], balances: RunningBalances
) -> list[FailingDay]:
    """Return the days on which the book and the bank differ, the earliest first.

    Args:
        bank: The bank's short name.
        file: Where the rows stand.
        rows: The bank's rows.
        balances: What the database says.
    """
    failing: dict[tuple[date, int], list[BankRow]] = defaultdict(list)
    for row in rows:
        held = balances.get((row.account, row.transaction))
        if held is None or abs(held.balance_minor - row.balance_minor) > ROUNDING_MAX_MINOR:
            failing[row.day, row.account].append(row)
    return [
        FailingDay(
            bank,
            account,
            day,
            len(day_rows),
            _largest_difference(day_rows, balances),
            file,
            sorted(row.line for row in day_rows),
        )
        for (day, account), day_rows in sorted(failing.items())
    ]


def _largest_difference(rows: Iterable[BankRow], balances: RunningBalances) -> int | None:
    differences = []
    for row in rows:
        held = balances.get((row.account, row.transaction))
        if held is None:
            return None
        differences.append(held.balance_minor - row.balance_minor)
    return max(differences, key=abs)


async def accounts_otherwise(client: BookClient, bank: str, balances: RunningBalances) -> list[int]:
    """Return the accounts of which the bookkeeper says something else than the database.

    Args:
        client: The bookkeeper.
        bank: The bank's short name.
        balances: What the database says.
    """
    last: dict[int, Held] = {}
    for (account, _), held in balances.items():
        if account not in last or held.timestamp_ns > last[account].timestamp_ns:
            last[account] = held
    ids: list[UUID] = [customer_account_id(bank, account) for account in last]
    answers = await client.balances(ids)
    return [
        account
        for (account, held), answer in zip(last.items(), answers, strict=True)
        if answer is None or answer.credits_posted - answer.debits_posted != held.balance_minor
    ]
