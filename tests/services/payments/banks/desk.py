"""A desk at which Karez instructs a bank: a real book and database, the simulator bank, and time that is moved."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from karez.core.clock import SimulatedClock
from karez.core.ids import new_id
from karez.ledger.client import BookClient
from karez.ledger.operations import Operation, Outcome
from karez.parties import institutions
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.banks.instructing import NewInstruction, instruct
from karez.services.payments.banks.links import NewLink, link_bank, read_link, sealer
from karez.services.payments.banks.records import (
    BankChoice,
    Connection,
    Direction,
    Instruction,
    find_instruction,
)
from karez.services.payments.banks.serving import LEASE_S, serve_instructions
from karez.services.payments.banks.settlers import Effects, Ending, Settler, Settlers, collected
from karez.services.payments.banks.states import OPEN
from karez.services.payments.house import House, accounts_of, ensure_house, read_house, units_of
from karez.services.payments.wallets.operations import deposit, open_clearing, open_wallet
from karez.storage.database import Database, connect
from karez.storage.tenant import as_operator
from tests.simulators.bank_process import SECRET, BankProcess

START_NS = 1_800_000_000_000_000_000
CALL_LIMIT_S = 5.0
SHORT_CALL_LIMIT_S = 0.5
"""Where a test waits for a call that gets no answer."""

_PATIENCE_S = 60.0
_POLL_S = 0.005
_LEASE_NS = round(LEASE_S * 1_000_000_000)


def nothing_known(_conn: Connection, _instruction: Instruction) -> None:
    """What a settler reads that needs no facts."""


def plainly(asking: Asking, house: House, instruction: Instruction, ending: Ending, _: None) -> Effects:
    """Bring what was collected to the instruction's account, and tell the party how it ended."""
    is_in = ending.succeeded and instruction.direction == "collect"
    told = {"instruction": instruction.id, "code": ending.code}
    topic = f"{instruction.purpose}.{'succeeded' if ending.succeeded else 'failed'}"
    return Effects(
        transfers=(collected(asking, house, instruction),) if is_in else (),
        events=(asking.event(topic, (instruction.party,), told),),
    )


SETTLERS: Settlers = {
    "top_up": Settler(nothing_known, plainly),
    "withdrawal": Settler(nothing_known, plainly),
}


@dataclass(frozen=True)
class Office:
    """A database with a payment house that is open for CNY, and its bookkeeper.

    Attributes:
        database: Where everything is kept.
        book_socket: Where the bookkeeper listens.
        house: The payment house.
        source: A bank whose clearing account gives people their first money.
    """

    database: Database
    book_socket: Path
    house: House
    source: int

    def submit(self, *operations: Operation) -> list[Outcome]:
        """Have operations carried out, all at the same time."""

        async def run() -> list[Outcome]:
            book = BookClient(self.book_socket)
            try:
                return await asyncio.gather(*map(book.submit, operations))
            finally:
                book.close()

        return asyncio.run(run())

    def done(self, operation: Operation) -> dict[str, Any]:
        """Have one operation carried out, which must pass; return its reply."""
        (outcome,) = self.submit(operation)
        assert outcome.accepted, outcome
        return dict(msgspec.json.decode(outcome.reply))


def asking(now_ns: int = START_NS) -> Asking:
    """Return a new request."""
    return Asking(new_id(now_ns), "tester", b"", now_ns)


def open_office(database: Database, book_socket: Path) -> Office:
    """Open the payment house for CNY."""
    with connect(database.web) as conn, as_operator(conn):
        ensure_house(conn, START_NS)
        source = institutions.register(conn, "harbour", "Harbour Bank", "bank", START_NS).number
    office = Office(database, book_socket, House(0, {}), source)
    office.done(units_of(asking(), "CNY", None))
    with connect(database.web) as conn, as_operator(conn):
        office = replace(office, house=read_house(conn))
    office.done(accounts_of(asking(), office.house, "CNY"))
    office.done(open_clearing(asking(), office.house, source, "CNY"))
    return office


@dataclass
class Desk:
    """One test's own bank institution, linked to the simulator, with a time of its own.

    Attributes:
        office: Where all desks are.
        bank: The simulator.
        number: The bank's institution number.
        clock: The test's time.
        settlers: What decisions mean.
    """

    office: Office
    bank: BankProcess
    number: int
    clock: SimulatedClock = field(default_factory=lambda: SimulatedClock(START_NS))
    settlers: Settlers = field(default_factory=lambda: SETTLERS)

    def asking(self) -> Asking:
        """Return a new request at the test's time."""
        return asking(self.clock.now_ns())

    def link(self, *, is_open: bool = True, url: str | None = None) -> None:
        """Let Karez instruct the bank, or not any more."""
        new = NewLink(
            bank=self.number,
            base_url=url or self.bank.url,
            notify_url=None,
            secret=SECRET,
            currencies=("CNY",),
            is_open=is_open,
        )
        sealing = sealer(self.office.database.secret_key)
        with connect(self.office.database.web) as conn, as_operator(conn):
            facts = read_link(conn, new)
        self.clock.advance(1e-9)
        self.office.done(link_bank(self.asking(), self.office.house, facts, new, sealing))

    @property
    def choice(self) -> BankChoice:
        """The bank as people may choose it."""
        return BankChoice(self.number, ["CNY"], "open")

    def person(self, balance_minor: int = 0) -> UUID:
        """Open a wallet for somebody new, with money in it."""
        made = self.asking()
        self.office.done(open_wallet(made, self.office.house, made.id, "person", "CNY", "full"))
        if balance_minor:
            given = deposit(
                self.asking(), self.office.house, self.office.source, made.id, "CNY", balance_minor
            )
            self.office.done(given)
        return made.id

    def instructing(
        self, direction: Direction, party: UUID, reference: str, amount_minor: int, **fields: Any
    ) -> Operation:
        """Return the operation that instructs the bank for somebody."""
        given = {
            "party": party,
            "direction": direction,
            "purpose": "top_up" if direction == "collect" else "withdrawal",
            "subject": party,
            "currency": "CNY",
            "amount_minor": amount_minor,
            "account": accounts.wallet(party, "CNY"),
            "reference": reference,
            "remark": "Karez",
        }
        made = self.asking()
        effects = instruct(made, self.office.house, self.choice, NewInstruction(**given | fields))
        reply = {"id": made.made_id("bank instruction")}
        return made.operation("test.instruct", reply, transfers=effects.transfers, rows=effects.rows)

    def instruct(
        self, direction: Direction, party: UUID, reference: str, amount_minor: int = 1_000, **fields: Any
    ) -> UUID:
        """Instruct the bank, and return the instruction's id."""
        made = self.instructing(direction, party, reference, amount_minor, **fields)
        return UUID(self.office.done(made)["id"])

    @staticmethod
    def instruction_of(operation: Operation) -> UUID:
        """Return the instruction that an operation makes."""
        return UUID(msgspec.json.decode(operation.reply)["id"])

    def read(self, instruction: UUID) -> Instruction:
        """Return an instruction as it is now."""
        with connect(self.office.database.owner) as conn:
            return find_instruction(conn, instruction)

    def balances(self, *ids: UUID) -> list[int]:
        """Return what Karez owes by accounts: credits less debits."""

        async def run() -> list[int]:
            book = BookClient(self.office.book_socket)
            try:
                found = await book.balances(list(ids))
            finally:
                book.close()
            return [0 if each is None else each.credits_posted - each.debits_posted for each in found]

        return asyncio.run(run())

    def wallet(self, party: UUID) -> int:
        """Return what is in somebody's wallet, what is reserved included."""
        return self.balances(accounts.wallet(party, "CNY"))[0]

    def held(self) -> int:
        """Return what the bank holds for Karez by the book."""
        return -self.balances(accounts.clearing(self.number, "CNY"))[0]

    def events(self, instruction: UUID) -> list[str]:
        """Return the topics that tell of an instruction, in their order."""
        with connect(self.office.database.owner) as conn:
            rows = conn.execute(
                "SELECT topic FROM outbox_event WHERE payload::jsonb ->> 'instruction' = %s"
                " ORDER BY created_ns, topic",
                (str(instruction),),
            )
            return [topic for (topic,) in rows]

    @contextmanager
    def worker(self, **more: Any) -> Iterator[None]:
        """Run the loop in a thread."""
        stop = threading.Event()
        troubles: list[BaseException] = []
        given = {"call_limit_s": CALL_LIMIT_S, "longest_pause_s": 0.02, "chance": lambda: 0.0, **more}

        def run() -> None:
            try:
                serve_instructions(
                    self.office.database.worker,
                    self.office.book_socket,
                    self.office.database.secret_key,
                    self.clock,
                    stop,
                    self.settlers,
                    **given,
                )
            except BaseException as trouble:
                troubles.append(trouble)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        assert not troubles, troubles

    def until(self, reached: Callable[[], bool], what: str) -> None:
        """Wait for something that happens by itself."""
        deadline = time.monotonic() + _PATIENCE_S
        while not reached():
            assert time.monotonic() < deadline, f"{what} has not happened"
            time.sleep(_POLL_S)

    def until_waiting(self, instruction: UUID) -> Instruction:
        """Wait until nobody is at an instruction: it is ended, or due later."""
        found: list[Instruction] = []

        def is_waiting() -> bool:
            found[:] = [self.read(instruction)]
            return not self._is_in_work(found[0])

        self.until(is_waiting, f"the end of the work at {instruction}")
        return found[0]

    def carry_through(self, *instructions: UUID) -> list[Instruction]:
        """Move the time forward whenever instructions wait for it, until all are ended; a worker runs."""
        ended = []
        for instruction in instructions:
            while self.until_waiting(instruction).standing in OPEN:
                self.to_next_call(instruction)
            ended.append(self.read(instruction))
        return ended

    def to_next_call(self, instruction: UUID) -> None:
        """Move the time forward to the moment at which the bank is called next."""
        due_ns = self.until_waiting(instruction).due_ns
        assert due_ns is not None
        self.clock.advance(max(0, due_ns - self.clock.now_ns()) / 1e9 + 1e-6)

    def _is_in_work(self, instruction: Instruction) -> bool:
        if instruction.due_ns is None:
            return False
        now_ns = self.clock.now_ns()
        # No pause of the schedule is as long as a lease.
        return instruction.due_ns <= now_ns or instruction.due_ns == now_ns + _LEASE_NS


def payload(conn: psycopg.Connection[Any], topic: str, instruction: UUID) -> Mapping[str, Any]:
    """Return what an event tells of an instruction."""
    row = conn.execute(
        "SELECT payload FROM outbox_event WHERE topic = %s AND payload::jsonb ->> 'instruction' = %s",
        (topic, str(instruction)),
    ).fetchone()
    assert row is not None
    return dict(row[0])
