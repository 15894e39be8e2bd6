"""A bookkeeper on a workbench: started, held at a point of its work, killed or replaced there, and asked again."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec

from karez.core.clock import SystemClock
from karez.core.ids import new_id
from karez.ledger.bookkeeper import Bookkeeper
from karez.ledger.client import BookClient
from karez.ledger.model import AccountFlags, NewAccount, Status, Transfer, transfers_to_array
from karez.ledger.operations import Operation, Outcome, RowInsert
from karez.storage.database import Database, connect
from tests.faults.lone_bookkeeper import LoneBookkeeper, Orders

BANK, CNY = 7, 1
FIRST_MONEY = 100

_POLL_S = 0.01

Ask = Callable[[BookClient], Coroutine[Any, Any, Any]]


@dataclass
class Bench:
    """A database with one limited account, and bookkeepers on it.

    Attributes:
        database: Where the book is.
        place: Directory of the sockets.
        source: Account without a limit.
        wallet: Account that was given ``FIRST_MONEY`` and must not be overdrawn.
        started: All bookkeepers so far.
    """

    database: Database
    place: Path
    source: UUID = field(default_factory=uuid4)
    wallet: UUID = field(default_factory=uuid4)
    started: list[LoneBookkeeper] = field(default_factory=list)

    def start(
        self, name: str, *, without_lock: bool = False, hold: tuple[str, str] | None = None
    ) -> LoneBookkeeper:
        """Start a bookkeeper without waiting for it.

        Args:
            name: Of its socket.
            without_lock: Start although another one holds the lock.
            hold: ``before`` or ``after`` a statement that begins so: where ``held`` will find it.
        """
        moment, statement = hold or ("", "")
        orders = Orders(
            database=self.database.book,
            socket=str(self.place / name),
            without_lock=without_lock,
            pause_before=statement if moment == "before" else None,
            pause_after=statement if moment == "after" else None,
            armed=str(self.place / "armed"),
            paused=str(self.place / "paused"),
        )
        self.started.append(LoneBookkeeper(orders))
        return self.started[-1]

    def start_ready(
        self, name: str, *, without_lock: bool = False, hold: tuple[str, str] | None = None
    ) -> LoneBookkeeper:
        """Start a bookkeeper that serves on return."""
        bookkeeper = self.start(name, without_lock=without_lock, hold=hold)
        assert bookkeeper.wait_until_ready()
        return bookkeeper

    @contextmanager
    def held(self, bookkeeper: LoneBookkeeper, question: Ask) -> Iterator["Future[Any]"]:
        """Ask a bookkeeper something and yield when it stands still in its work on that; at the end it goes on."""
        armed, paused = self.place / "armed", self.place / "paused"
        armed.touch()
        with ThreadPoolExecutor(1) as thread:
            answer = thread.submit(ask, bookkeeper, question)
            try:
                while not paused.exists():
                    time.sleep(_POLL_S)
                yield answer
            finally:
                armed.unlink()

    def furnish(self) -> None:
        """Open the accounts and fill the wallet."""
        limited = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
        accounts = tuple(
            NewAccount(id=id_, ledger=CNY, code=1, institution=BANK, flags=flags)
            for id_, flags in ((self.source, 0), (self.wallet, limited))
        )
        found_bank(self.database)
        filling = operation(uuid4(), transfer(self.source, self.wallet, FIRST_MONEY), accounts=accounts)
        with Bookkeeper(self.database.book, SystemClock()) as book:
            (outcome,) = book.commit([filling])
        assert isinstance(outcome, Outcome)
        assert outcome.accepted, outcome

    def spending(self, amount: int) -> Transfer:
        """Make a payment from the wallet with a new id."""
        return transfer(self.wallet, self.source, amount)

    def transfer_count(self) -> int:
        """Return how many transfers are stored besides the one that filled the wallet."""
        return self._count("SELECT count(*) - 1 FROM transfer")

    def effect_count(self, operation_id: UUID) -> int:
        """Return how many rows an operation has left."""
        return self._count("SELECT count(*) FROM effect WHERE operation_id = %s", operation_id)

    def _count(self, query: str, *parameters: object) -> int:
        with connect(self.database.owner) as conn:
            row = conn.execute(query.encode(), parameters).fetchone()
            assert row is not None
            return int(row[0])


def found_bank(database: Database) -> None:
    """Store a bank, a unit, and a table for operations to write to."""
    with connect(database.owner) as conn:
        conn.execute("INSERT INTO institution VALUES (%s, 'bank-7', 'Bank', 'bank', 'open', 0)", (BANK,))
        conn.execute("INSERT INTO unit VALUES (%s, 'CNY', 2, 'Yuan', 0)", (CNY,))
        conn.execute("CREATE TABLE effect (id uuid PRIMARY KEY, operation_id uuid)")
        conn.execute("GRANT SELECT, INSERT ON effect TO karez_bookkeeper")


def transfer(debit: UUID, credit: UUID, amount: int) -> Transfer:
    """Make a transfer with a new id."""
    id_ = new_id(SystemClock().now_ns())
    return Transfer(
        id=id_, debit_account_id=debit, credit_account_id=credit, amount=amount, ledger=CNY, code=1
    )


def operation(id_: UUID, *transfers: Transfer, accounts: tuple[NewAccount, ...] = ()) -> Operation:
    """Make an operation that leaves a row, and whose reply names its transfers."""
    return Operation(
        id=id_,
        kind="test",
        actor="tester",
        fingerprint=b"f",
        reply=msgspec.Raw(msgspec.json.encode([each.id for each in transfers])),
        accounts=accounts,
        transfers=transfers,
        rows=(RowInsert(table="effect", key={"id": str(uuid4())}, values={"operation_id": str(id_)}),),
    )


def ask(bookkeeper: LoneBookkeeper, question: Ask) -> Any:
    """Put one question to a bookkeeper."""

    async def ask_() -> Any:
        client = BookClient(bookkeeper.socket)
        try:
            return await question(client)
        finally:
            client.close()

    return asyncio.run(ask_())


def making(asked: Transfer) -> Ask:
    """Return the question to make a transfer."""
    record = transfers_to_array([asked]).tobytes()
    return lambda client: client.transfer(record, BANK)


def status_of(bookkeeper: LoneBookkeeper, asked: Transfer) -> Status:
    """Have a transfer made and return what became of it."""
    status: Status = ask(bookkeeper, making(asked))[0]
    return status


def outcome_of(bookkeeper: LoneBookkeeper, asked: Operation) -> Outcome:
    """Have an operation carried out and return what became of it."""
    outcome: Outcome = ask(bookkeeper, lambda client: client.submit(asked))
    return outcome


def money_in(bookkeeper: LoneBookkeeper, account: UUID) -> int:
    """Return what a bookkeeper believes an account to hold."""
    (balance,) = ask(bookkeeper, lambda client: client.balances([account]))
    return int(balance.credits_posted - balance.debits_posted)
