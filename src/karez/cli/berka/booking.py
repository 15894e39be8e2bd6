"""Puts the bank's rows on the book: through the bookkeeper, in batches, each of which is safe to repeat."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar
from uuid import UUID

import msgspec

from karez.cli.berka.bank_rows import BankRow
from karez.cli.berka.book_names import (
    counterpart_account,
    customer_account,
    opening_id,
    transfers_of,
)
from karez.cli.berka.postings import Posting
from karez.cli.berka.words import Counterpart
from karez.core.outcomes import Rejected, Unavailable
from karez.ledger.client import BookClient
from karez.ledger.model import NewAccount, Status, Transfer, transfers_to_array
from karez.ledger.operations import Operation

BATCH_TRANSFERS = 8_000
_OPENINGS_AT_ONCE = 1_000
_BUSY_PAUSE_S = 0.2

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class BankBook:
    """The place of one bank in the book.

    Attributes:
        bank: Its short name.
        institution: Its number.
        ledger: The number of the unit CZK.
    """

    bank: str
    institution: int
    ledger: int


@dataclass(slots=True)
class Booked:
    """What became of the rows.

    Attributes:
        transfers_new: Transfers that were not on the book before.
        refused: Rows of which a transfer was refused, and why.
    """

    transfers_new: int = 0
    refused: list[tuple[BankRow, Status]] = field(default_factory=list)


async def open_accounts(client: BookClient, book: BankBook, accounts: Iterable[int]) -> list[UUID]:
    """Open the bank's own accounts and its customers', as far as they are not open yet.

    Args:
        client: The bookkeeper.
        book: The bank.
        accounts: The bank's numbers of its customers' accounts.

    Returns:
        The ids of the customers' accounts.

    Rejections: those of opening an account.
    """
    own = [counterpart_account(book.bank, each, book.ledger, book.institution) for each in Counterpart]
    customers = [
        customer_account(book.bank, each, book.ledger, book.institution) for each in sorted(accounts)
    ]
    every = own + customers
    for first in range(0, len(every), _OPENINGS_AT_ONCE):
        await asyncio.gather(*(_open(client, each) for each in every[first : first + _OPENINGS_AT_ONCE]))
    return [account.id for account in customers]


async def book_rows(
    client: BookClient, book: BankBook, postings: Sequence[Posting], advance: Callable[[int], None]
) -> Booked:
    """Have all postings carried out, in order; one batch waits for the one before.

    Args:
        client: The bookkeeper.
        book: The bank, whose accounts are open.
        postings: In the order in which they shall stand on the book.
        advance: Told how many postings are done.

    Raises:
        Unavailable: The bookkeeper went away; on a repetition the rows that stand on the book are left alone.
    """
    booked = Booked()
    done = 0
    for rows, transfers in _batches(book, postings):
        array = transfers_to_array(transfers)
        outcome = await _patiently(partial(client.transfers, array, book.institution))
        for row, status in zip(rows, map(Status, outcome.status.tolist()), strict=True):
            if status == Status.CREATED:
                booked.transfers_new += 1
            elif status != Status.EXISTS:
                booked.refused.append((row, status))
        done += len({row.transaction for row in rows})
        advance(done)
    return booked


def _batches(book: BankBook, postings: Sequence[Posting]) -> Iterator[tuple[list[BankRow], list[Transfer]]]:
    """Cut the transfers into batches, a row's rounding in the batch of the row; with each transfer its row."""
    rows: list[BankRow] = []
    transfers: list[Transfer] = []
    for posting in postings:
        parts = transfers_of(book.bank, posting, book.ledger)
        if len(transfers) + len(parts) > BATCH_TRANSFERS:
            yield rows, transfers
            rows, transfers = [], []
        rows += [posting.row] * len(parts)
        transfers += parts
    if transfers:
        yield rows, transfers


async def _open(client: BookClient, account: NewAccount) -> None:
    request = msgspec.json.encode(account)
    operation = Operation(
        id=opening_id(account.id),
        kind="account.open",
        actor="karez replay",
        fingerprint=hashlib.sha256(request).digest(),
        reply=msgspec.Raw(request),
        institution=account.institution,
        accounts=(account,),
    )
    outcome = await _patiently(partial(client.submit, operation))
    if not outcome.accepted:
        raise Rejected(outcome.code, outcome.sentence)


async def _patiently(ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """Ask again while the bookkeeper has too much to do."""
    while True:
        try:
            return await ask()
        except Unavailable as trouble:
            if trouble.code != "bookkeeper_busy":
                raise
            await asyncio.sleep(trouble.retry_after_s or _BUSY_PAUSE_S)
