"""What one recovery leaves for the next: a crash soon after a crash must not cost anything."""

from uuid import UUID

import pytest

from karez.core.clock import SystemClock
from karez.core.ids import new_id
from karez.ledger import slices
from karez.ledger.bookkeeper import Bookkeeper
from karez.ledger.model import NewAccount, Status
from karez.storage.database import Database
from tests.faults.workbench import BANK, CNY, found_bank
from tests.ledger.making import balance, operation, statuses, transfer


def open_accounts(book: Bookkeeper, count: int) -> list[UUID]:
    now_ns = SystemClock().now_ns()
    accounts = tuple(
        NewAccount(id=new_id(now_ns), ledger=CNY, code=1, institution=BANK) for _ in range(count)
    )
    book.commit([operation(accounts=accounts)])
    return [account.id for account in accounts]


def test_balances_survive_a_crash_soon_after_a_crash(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "_TRANSFERS_PER_SLICE_MAX", 2)
    found_bank(database)
    with Bookkeeper(database.book, SystemClock()) as book:
        mint, *_, shop, other = open_accounts(book, slices.SLICE_ACCOUNTS + 2)
        assert statuses(book, transfer(mint, shop, 10)) == [Status.CREATED]
        # With this one the slice of the mint is written, that of the shops stays behind.
        assert statuses(book, transfer(mint, other, 10)) == [Status.CREATED]
        assert statuses(book, transfer(shop, other, 1)) == [Status.CREATED]
    for _ in range(3):
        with Bookkeeper(database.book, SystemClock()) as book:
            assert balance(book, shop).credits_posted == 10
            assert balance(book, other).credits_posted == 11
            assert statuses(book, transfer(mint, other, 0)) == [Status.CREATED]
