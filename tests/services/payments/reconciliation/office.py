"""The desk where bank statements are compared, on a real book: a payment house, a bank, and who works there."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from karez.core.clock import SimulatedClock
from karez.core.ids import new_id
from karez.core.sealing import Sealer
from karez.ledger.bookkeeper import Bookkeeper
from karez.ledger.operations import Operation, Outcome
from karez.parties import institutions
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.house import House, accounts_of, ensure_house, read_house, units_of
from karez.services.payments.reconciliation import records
from karez.services.payments.reconciliation.doors import Expectation, expect_movement
from karez.services.payments.reconciliation.imports import (
    StatementFile,
    import_statements,
    read_statement_file,
)
from karez.services.payments.reconciliation.matching.breaks import Action
from karez.services.payments.reconciliation.matching.items import Entry, Movement
from karez.services.payments.reconciliation.records import BreakRecord
from karez.services.payments.reconciliation.resolutions import approve, decline, propose
from karez.services.payments.reconciliation.runs import Comparison, compare, run_operations
from karez.services.payments.reconciliation.sealing import sealer_for_entries
from karez.services.payments.wallets.operations import open_clearing
from karez.storage.database import Database, connect
from karez.storage.tenant import as_operator
from tests.ledger.making import balance

DAY = date(2026, 3, 2)


@dataclass
class Office:
    """Who compares what.

    Attributes:
        database: Where everything is kept.
        book: The one writer.
        clock: Its time.
        house: The payment house, open for CNY.
        bank: Where money lies.
        other_bank: Another one.
        sealer: Seals what is personal.
    """

    database: Database
    book: Bookkeeper
    clock: SimulatedClock
    house: House = field(init=False)
    bank: int = field(init=False)
    other_bank: int = field(init=False)
    sealer: Sealer = field(init=False)

    def __post_init__(self) -> None:
        now_ns = self.clock.now_ns()
        self.sealer = sealer_for_entries(self.database.secret_key)
        with connect(self.database.web) as conn:
            with as_operator(conn):
                ensure_house(conn, now_ns)
                self.bank = institutions.register(conn, "harbour", "Harbour Bank", "bank", now_ns).number
                self.other_bank = institutions.register(conn, "hill", "Hill Bank", "bank", now_ns).number
            self.done(units_of(self.asking(), "CNY", None))
            with as_operator(conn):
                self.house = read_house(conn)
        self.done(accounts_of(self.asking(), self.house, "CNY"))
        self.done(open_clearing(self.asking(), self.house, self.bank, "CNY"))

    def asking(self, actor: str = "ana") -> Asking:
        """A new request."""
        now_ns = self.clock.now_ns()
        return Asking(new_id(now_ns), actor, b"", now_ns)

    def submit(self, operation: Operation) -> Outcome:
        """Try to carry one operation out."""
        (outcome,) = self.book.commit([operation])
        assert isinstance(outcome, Outcome)
        return outcome

    def done(self, *operations: Operation) -> Outcome:
        """Carry operations out one after the other, which must pass, and return the last outcome."""
        for operation in operations:
            outcome = self.submit(operation)
            assert outcome.accepted, outcome
        return outcome

    def expect(self, *movements: Movement) -> None:
        """Let movements be expected at the bank."""
        asking = self.asking()
        rows = tuple(expect_movement(asking, self.sealer, Expectation(self.bank, each)) for each in movements)
        self.done(asking.operation("test.expect", None, rows=rows))

    def read_file(self, data: bytes, bank: int | None = None) -> tuple[StatementFile, set[UUID]]:
        """Read a bank's file, and what of it is known."""
        file = read_statement_file(bank or self.bank, data)
        ids = [each.id for booked in file.booked for each in booked]
        with connect(self.database.web) as conn, as_operator(conn):
            return file, records.known_entries(conn, file.bank, ids)

    def import_operations(self, data: bytes, bank: int | None = None) -> list[Operation]:
        """What takes a file in."""
        file, known = self.read_file(data, bank)
        return list(import_statements(self.asking(), self.sealer, file, known))

    def take_in(self, data: bytes, bank: int | None = None) -> Outcome:
        """Take a bank's file in."""
        return self.done(*self.import_operations(data, bank))

    def say(self, *rows: str, day: date = DAY) -> None:
        """Take in what the bank says, such as ``2026-03-02 100.00 PO-1``, and that a day is over."""
        lines = ["account,booking_date,amount,currency,reference", f"123,{day},0,CNY,"]
        for row in rows:
            booked, amount, reference = row.split()
            lines.append(f"123,{booked},{amount},CNY,{reference}")
        self.take_in("\n".join(lines).encode())

    def compared(self) -> Comparison:
        """What the worker reads and finds."""
        with connect(self.database.worker) as conn, conn.transaction():
            return compare(conn, self.sealer, self.bank)

    def run(self) -> Comparison:
        """Compare and write down."""
        compared = self.compared()
        self.done(*run_operations(self.asking(), compared))
        return compared

    def queue(self) -> list[BreakRecord]:
        """The breaks that are not done with."""
        with connect(self.database.web) as conn, as_operator(conn):
            return records.queue_page(conn, self.bank, 0, UUID(int=0), 100)

    def find_break(self, id_: UUID) -> BreakRecord:
        """One break."""
        with connect(self.database.web) as conn, as_operator(conn):
            return records.find_break(conn, self.bank, id_)

    def items(self, break_: BreakRecord) -> tuple[list[Movement], list[Entry]]:
        """What is in a break."""
        with connect(self.database.web) as conn, as_operator(conn):
            return records.break_items(conn, self.sealer, break_)

    def propose(self, break_: BreakRecord, action: Action, actor: str = "ana") -> BreakRecord:
        """Propose an action."""
        self.done(propose(self.asking(actor), break_, *self.items(break_), action, "looks right"))
        return self.find_break(break_.id)

    def approve(self, break_: BreakRecord, actor: str = "ben") -> Operation:
        """The approval of a second person."""
        return approve(self.asking(actor), self.house, break_, *self.items(break_))

    def decline(self, break_: BreakRecord, actor: str = "ben") -> BreakRecord:
        """Decline what was proposed."""
        self.done(decline(self.asking(actor), break_))
        return self.find_break(break_.id)

    def balances(self) -> dict[str, int]:
        """Credits less debits of the accounts that reconciliation moves money between."""
        ids = {
            "clearing": accounts.clearing(self.bank, "CNY"),
            "suspense": accounts.suspense("CNY"),
            "fees": accounts.fees("CNY"),
        }
        held = {name: balance(self.book, id_) for name, id_ in ids.items()}
        return {name: each.credits_posted - each.debits_posted for name, each in held.items()}

    def count(self, table: str, where: str = "true") -> int:
        """How many rows of a table there are."""
        with connect(self.database.owner) as conn:
            row = conn.execute(f"SELECT count(*) FROM {table} WHERE {where}".encode()).fetchone()
        assert row is not None
        return int(row[0])


def kinds(queue: Iterable[BreakRecord]) -> list[str]:
    """The kinds of breaks, sorted."""
    return sorted(each.kind for each in queue)
