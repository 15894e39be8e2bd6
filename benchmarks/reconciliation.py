"""Claim: a day of 100,000 payments with 200 planted breaks is compared in 5 s, all are found, and none is false.

Beside it: a plain look-up of each entry's reference, which finds no batch, no part, no sum and no reason; reading the
bank's file, beside parsing it only; and the whole way through the database (statement in, items read,
matches and breaks written by the bookkeeper), beside a plain COPY of the same entries.
"""

import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from lxml import etree

from karez.bench.bank_day import COVERED_UNTIL, TOLERANCES, BankDay, make_bank_day, planted_form
from karez.core.clock import SimulatedClock
from karez.core.ids import new_id
from karez.core.sealing import Sealer
from karez.ledger.bookkeeper import Bookkeeper
from karez.ledger.operations import Operation, Outcome
from karez.services.asking import Asking
from karez.services.payments.bankfiles.reading import read_bank_file
from karez.services.payments.bankfiles.statements import BankEntry, BankStatement, Direction
from karez.services.payments.bankfiles.values import decimal_amount
from karez.services.payments.reconciliation.doors import Expectation, expect_movement
from karez.services.payments.reconciliation.entry_ids import booked_entries
from karez.services.payments.reconciliation.imports import StatementFile, import_statements
from karez.services.payments.reconciliation.matching.items import Entry, Movement, name_of
from karez.services.payments.reconciliation.matching.reconciling import reconcile
from karez.services.payments.reconciliation.parts import in_parts
from karez.services.payments.reconciliation.runs import compare, run_operations, settling_rows
from karez.services.payments.reconciliation.sealing import sealer_for_entries
from karez.storage.database import Database, connect, prepare_database
from karez.storage.embedded import EmbeddedPostgres

PAYMENTS = 100_000
BREAKS_OF_EACH_KIND = 25
ROUNDS = 5
BANK = 5
NOW_NS = 1_772_496_000_000_000_000
SECRET_KEY = b"a key for a benchmark, 32 bytes.."


def tell(text: str) -> None:
    """Show how far the measurement is."""
    print(text, file=sys.stderr)


def seconds(act: Callable[[], object]) -> float:
    """How long something takes."""
    started_s = time.perf_counter()
    act()
    return time.perf_counter() - started_s


def cpu_seconds(act: Callable[[], object]) -> float:
    """How long something keeps a processor busy, which other programs disturb least."""
    started_s = time.process_time()
    act()
    return time.process_time() - started_s


def look_up(movements: Sequence[Movement], entries: Sequence[Entry]) -> int:
    """The least that a comparison can be: which entry has the reference and the amount of a movement."""
    expected = {name_of(movement.reference): movement for movement in movements}
    found = 0
    for entry in entries:
        for name in entry.references:
            movement = expected.get(name_of(name))
            found += movement is not None and movement.amount_minor == entry.amount_minor
    return found


def measure_comparison(day: BankDay) -> dict[str, object]:
    """Compare the day in memory, in turn with the plain look-up."""
    found = reconcile(day.movements, day.entries, COVERED_UNTIL, TOLERANCES, day.settled_before)
    forms = {planted_form(each) for each in found.breaks}
    compared, looked_up = [], []
    for round_ in range(ROUNDS):
        tell(f"comparison: round {round_ + 1} of {ROUNDS}")
        looked_up.append(cpu_seconds(lambda: look_up(day.movements, day.entries)))
        compared.append(
            cpu_seconds(
                lambda: reconcile(day.movements, day.entries, COVERED_UNTIL, TOLERANCES, day.settled_before)
            )
        )
    return {
        "payments": len(day.movements),
        "entries": len(day.entries),
        "planted": len(day.planted),
        "missed": len(day.planted - forms),
        "false": len(forms - day.planted),
        "one_entry_for_several": sum(len(match.movements) > 1 for match in found.matches),
        "several_entries_for_one": sum(len(match.entries) > 1 for match in found.matches),
        "reconcile_cpu_s": round(statistics.median(compared), 2),
        "look_up_cpu_s": round(statistics.median(looked_up), 2),
        "times_the_look_up": round(statistics.median(map(_ratio, compared, looked_up)), 1),
    }


def _ratio(first: float, second: float) -> float:
    return first / second


def as_statement(day: BankDay) -> BankStatement:
    """Return the bank's entries as the statement that they come in."""
    entries = tuple(
        BankEntry(
            booking_day=entry.day,
            value_day=entry.day,
            amount_minor=abs(entry.amount_minor),
            currency=entry.currency,
            direction=Direction.CREDIT if entry.amount_minor > 0 else Direction.DEBIT,
            references=tuple(map(str.strip, entry.references)),
            bank_reference=f"B{number:08}",
            counterparty=entry.counterparty,
            text=entry.text,
        )
        for number, entry in enumerate(day.entries)
    )
    return BankStatement(identification="S-1", account="123", entries=entries, until_day=COVERED_UNTIL)


_HEAD = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>M-1</MsgId>
<CreDtTm>2026-03-16T00:00:00Z</CreDtTm></GrpHdr><Stmt><Id>S-1</Id><Acct><Id><Othr><Id>123</Id></Othr></Id></Acct>
"""
_ENTRY = """<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{way}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt>
<Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt><AcctSvcrRef>{name}</AcctSvcrRef><BkTxCd><Prtry><Cd>NTRF</Cd>
</Prtry></BkTxCd><NtryDtls>{parts}</NtryDtls></Ntry>
"""
_PART = """<TxDtls><Refs><EndToEndId>{reference}</EndToEndId></Refs><RltdPties><{role}><Id><Othr><Id>{side}</Id>
</Othr></Id></{role}></RltdPties><RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>
"""
_TAIL = "</Stmt></BkToCstmrStmt></Document>"


def as_file(statement: BankStatement) -> bytes:
    """Write a statement as a bank does."""
    entries = []
    for entry in statement.entries:
        way, role = ("CRDT", "DbtrAcct") if entry.direction is Direction.CREDIT else ("DBIT", "CdtrAcct")
        parts = [
            _PART.format(reference=reference, role=role, side=entry.counterparty, text=entry.text)
            for reference in entry.references or ("NOTPROVIDED",)
        ]
        entries.append(
            _ENTRY.format(
                currency=entry.currency,
                amount=decimal_amount(entry.amount_minor, entry.currency),
                way=way,
                day=entry.booking_day,
                name=entry.bank_reference,
                parts="".join(parts),
            )
        )
    return "".join([_HEAD, *entries, _TAIL]).encode()


def measure_file(statement: BankStatement) -> dict[str, object]:
    """Read the day's file, in turn with parsing it only."""
    data = as_file(statement)
    (read,) = read_bank_file(data)
    assert read.entries == statement.entries
    read_s, parsed_s = [], []
    for round_ in range(ROUNDS):
        tell(f"file: round {round_ + 1} of {ROUNDS}")
        parsed_s.append(cpu_seconds(lambda: etree.fromstring(data)))
        read_s.append(cpu_seconds(lambda: read_bank_file(data)))
    return {
        "size_bytes": len(data),
        "read_cpu_s": round(statistics.median(read_s), 2),
        "parse_cpu_s": round(statistics.median(parsed_s), 2),
        "times_parsing": round(statistics.median(map(_ratio, read_s, parsed_s)), 1),
    }


def carry_out(book: Bookkeeper, operations: Sequence[Operation]) -> None:
    """Let the bookkeeper write operations, one after the other."""
    for operation in operations:
        (outcome,) = book.commit([operation])
        assert isinstance(outcome, Outcome)
        assert outcome.accepted, outcome


def measure_database(database: Database, day: BankDay, statement: BankStatement) -> dict[str, object]:
    """Take the day's statement in, compare and write down, all in the database."""
    sealer = sealer_for_entries(SECRET_KEY)
    with connect(database.owner) as conn:
        conn.execute("INSERT INTO institution VALUES (%s, 'harbour', 'Harbour', 'bank', 'open', 0)", (BANK,))
    with Bookkeeper(database.book, SimulatedClock(NOW_NS)) as book:
        tell("database: what is expected")
        expect(book, sealer, day)
        tell("database: the statement")
        booked = booked_entries(BANK, (statement,))
        file = StatementFile(BANK, sha256(b"a file").digest(), (statement,), booked)
        import_s = seconds(
            lambda: carry_out(book, list(import_statements(new_asking(), sealer, file, frozenset[UUID]())))
        )
        tell("database: the run")
        started_s = time.perf_counter()
        with connect(database.worker) as conn, conn.transaction():
            compared = compare(conn, sealer, BANK, TOLERANCES)
        compare_s = time.perf_counter() - started_s
        parts = list(run_operations(new_asking(), compared))
        parts_s = [seconds(partial(carry_out, book, [part])) for part in parts]
    copy_s = copy_plainly(database)
    planted = Counter(kind for kind, _, _ in day.planted)
    return {
        "breaks_as_planted": Counter(each.kind for each in compared.found.breaks) == planted,
        "import_s": round(import_s, 2),
        "read_and_compare_s": round(compare_s, 2),
        "write_run_s": round(sum(parts_s), 2),
        "write_part_ms_median": round(1_000 * statistics.median(parts_s), 1),
        "write_part_ms_max": round(1_000 * max(parts_s), 1),
        "copy_of_entries_s": round(copy_s, 2),
        "import_times_copy": round(import_s / copy_s, 1),
        "all_times_copy": round((import_s + compare_s + sum(parts_s)) / copy_s, 1),
    }


def expect(book: Bookkeeper, sealer: Sealer, day: BankDay) -> None:
    """Let the day's movements be expected, and those of earlier days be settled."""
    for part in in_parts([*day.movements, *day.settled_before]):
        asking = new_asking()
        rows = tuple(expect_movement(asking, sealer, Expectation(BANK, each)) for each in part)
        carry_out(book, [asking.operation("benchmark.expect", None, rows=rows)])
    asking = new_asking()
    settled = settling_rows(BANK, asking.id, "reference", NOW_NS, day.settled_before, ())
    carry_out(book, [asking.operation("benchmark.settle", None, rows=settled)])


def new_asking() -> Asking:
    """A request of its own."""
    return Asking(new_id(NOW_NS), "benchmark", b"", NOW_NS)


def copy_plainly(database: Database) -> float:
    """Copy the entries as they are into a table like theirs, durably."""
    with connect(database.owner) as conn:
        rows: list[tuple[Any, ...]] = conn.execute("SELECT * FROM bank_entry").fetchall()
        conn.execute("CREATE TABLE plain (LIKE bank_entry INCLUDING INDEXES)")
        started_s = time.perf_counter()
        with conn.transaction(), conn.cursor().copy("COPY plain FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return time.perf_counter() - started_s


def main() -> None:
    """Measure and print one JSON object."""
    day = make_bank_day(PAYMENTS, BREAKS_OF_EACH_KIND, seed=1)
    statement = as_statement(day)
    report = {"comparison": measure_comparison(day), "file": measure_file(statement)}
    parent = Path(tempfile.mkdtemp(prefix="karez-bench-"))
    try:
        with EmbeddedPostgres(parent / "data") as server:
            database = prepare_database(server.conninfo(), SECRET_KEY, NOW_NS)
            report["database"] = measure_database(database, day, statement)
    finally:
        shutil.rmtree(parent)
    print(msgspec.json.format(msgspec.json.encode(report)).decode())


if __name__ == "__main__":
    main()
