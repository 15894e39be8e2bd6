"""A Karez in memory: carries operations out on the real ledger rules, with tables of dictionaries.

What the bookkeeper promises holds here too: an operation happens as a whole or not at all.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import numpy as np
import pytest

from karez.core.ids import new_id
from karez.core.outcomes import Rejected
from karez.ledger.memory_book import MemoryBook
from karez.ledger.model import Balance, Status, TransferFlags, transfers_to_array
from karez.ledger.operations import Operation, Outcome, RowInsert, RowUpdate
from karez.parties.people import Kind
from karez.services.asking import Asking
from karez.services.payments import house as houses
from karez.services.payments.house import Currency, House
from karez.services.payments.refusals import explain
from karez.services.payments.wallets import operations as wallets
from karez.services.payments.wallets.records import Wallet

T = TypeVar("T")

CNY = Currency("CNY", 2, 1, 2, 3)
HOUSE = House(9, {"CNY": CNY})
BANK = 5

Row = dict[str, Any]


class MemoryKarez:
    """Carries operations out.

    Attributes:
        now_ns: The present moment, which tests move.
        operations: What was carried out.
    """

    def __init__(self) -> None:
        self.now_ns = 1_800_000_000_000_000_000
        self.operations: list[Operation] = []
        self._tables: dict[str, dict[tuple[object, ...], Row]] = defaultdict(dict)
        self._book = MemoryBook()
        self._booked_ns = 0
        self._count = 0
        self.carry(houses.accounts_of(self.asking(), HOUSE, "CNY"))
        self.carry(wallets.open_clearing(self.asking(), HOUSE, BANK, "CNY"))

    def asking(self) -> Asking:
        """Return a new request."""
        self._count += 1
        return Asking(new_id(self.now_ns + self._count * 1_000_000), "test", b"", self.now_ns)

    def carry(self, operation: Operation) -> dict[str, Any]:
        """Carry an operation out and return its reply; a refusal is raised in the words of the business."""
        outcome = self.submit(operation)
        if not outcome.accepted:
            raise explain(operation, outcome)
        return dict(msgspec.json.decode(operation.reply))

    def submit(self, operation: Operation) -> Outcome:
        """Carry an operation out as a whole or not at all."""
        for item, row in enumerate(operation.rows):
            code = self._problem(row)
            if code:
                return Outcome(accepted=False, code=code, sentence=f"{code}.", item=item)
        for item, account in enumerate(operation.accounts):
            if self._slot(account.id) >= 0:
                return Outcome(accepted=False, code="account_exists", sentence="account_exists.", item=item)
        self._book.open(list(operation.accounts))
        status = self._transfer(operation)
        if status is not None:
            self._book.columns.close_last(len(operation.accounts))
            return Outcome(accepted=False, code=status[1].code, sentence=f"{status[1].code}.", item=status[0])
        for row in operation.rows:
            if isinstance(row, RowInsert):
                self._tables[row.table][_key(row)] = {**row.key, **row.values}
            else:
                self._tables[row.table][_key(row)].update(row.changes)
        self.operations.append(operation)
        return Outcome(accepted=True, reply=operation.reply)

    def rows(self, table: str, type_: type[T], **where: object) -> list[T]:
        """Return rows of a table as their dataclass."""
        return [
            msgspec.convert(row, type_)
            for row in self._tables[table].values()
            if all(str(row[name]) == str(value) for name, value in where.items())
        ]

    def row(self, table: str, type_: type[T], **where: object) -> T:
        """Return the one such row."""
        (found,) = self.rows(table, type_, **where)
        return found

    def balance(self, account: UUID) -> Balance:
        """Return the totals of an account."""
        return self._book.columns.balance(self._slot(account))

    def owed(self, account: UUID) -> int:
        """Return what Karez owes by an account: credits less debits."""
        balance = self.balance(account)
        return balance.credits_posted - balance.debits_posted

    def free(self, account: UUID) -> int:
        """Return what can be spent of an account."""
        return self.owed(account) - self.balance(account).debits_pending

    def party(self, kind: Kind, balance_minor: int = 0) -> UUID:
        """Open a wallet without limits for somebody new, with money in it."""
        id_ = self.asking().id
        self.carry(wallets.open_wallet(self.asking(), HOUSE, id_, kind, "CNY"))
        self.carry(wallets.change_level(self.asking(), HOUSE, self.wallet(id_), "full"))
        if balance_minor:
            self.carry(wallets.deposit(self.asking(), HOUSE, BANK, id_, "CNY", balance_minor))
        return id_

    def wallet(self, party: UUID) -> Wallet:
        """Return somebody's wallet."""
        return self.row("wallet", Wallet, party=party)

    def _slot(self, account: UUID) -> int:
        upper, lower = (np.array([half], np.uint64) for half in divmod(account.int, 2**64))
        return int(self._book.columns.index.find(upper, lower)[0])

    def _problem(self, row: RowInsert | RowUpdate) -> str:
        found = self._tables[row.table].get(_key(row))
        if isinstance(row, RowInsert):
            return "" if found is None else "row_exists"
        expected = row.expected.items()
        same = found is not None and all(found[name] == value for name, value in expected)
        return "" if same else "row_state_changed"

    def _transfer(self, operation: Operation) -> tuple[int, Status] | None:
        if not operation.transfers:
            return None
        array = transfers_to_array(list(operation.transfers))
        array["flags"][:-1] |= int(TransferFlags.LINKED)
        later_ns, self._booked_ns = self.now_ns - self._booked_ns, self.now_ns
        for item, status in enumerate(self._book.submit(array, later_ns)):
            if status not in (Status.CREATED, Status.LINKED_EVENT_FAILED):
                return item, status
        return None


@contextmanager
def refused(code: str) -> Iterator[None]:
    """Expect a refusal by this code."""
    with pytest.raises(Rejected) as refusal:
        yield
    assert refusal.value.code == code, refusal.value


def _key(row: RowInsert | RowUpdate) -> tuple[object, ...]:
    return tuple(value for _, value in sorted(row.key.items()))
