"""Transfers per second and CPU per transfer, against PostgreSQL's own limits.

Five designs take turns, round by round, on one server:

- ``copy``: plain binary COPY of the same rows into a table with a primary key, one transaction a batch. No
  ledger can be faster and have its rows visible.
- ``karez``: the bookkeeper, from arrays to durable statuses.
- ``for_update``: the same rules with SELECT FOR UPDATE on the batch's accounts: look for repeated ids, lock,
  decide, update, COPY.
- ``single``: the same for one transfer a transaction.

*Uniform* batches spread over all accounts; *hot* ones credit a single account. Nine of ten accounts may not be
overdrawn.
"""

import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import psycopg
from numpy.typing import NDArray

from karez.bench.cpu import own_cpu_s, process_cpu_s
from karez.core.clock import Clock, SystemClock
from karez.core.config import Settings
from karez.core.ids import new_id
from karez.ledger.bookkeeper import Bookkeeper
from karez.ledger.copy_rows import COPY_TRANSFERS, HEADER, TRAILER, blank_transfers
from karez.ledger.group import TransferOutcome, TransferSubmission
from karez.ledger.known_transfers import ids_to_uuids
from karez.ledger.model import TRANSFER_DTYPE, AccountFlags, NewAccount, Status
from karez.ledger.operations import Operation, Outcome
from karez.storage.database import connect, open_database

ACCOUNTS = 100_000
BATCH = 8_000
_ACCOUNTS_PER_OPERATION = 10_000
_FUNDS = 1_000_000_000
_SHAPES = ("uniform", "hot")
_DEBITS_LIMITED = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
_CREDITS_LIMITED = int(AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS)
_PLAIN_TABLES = """
CREATE TABLE copy_{shape} (LIKE transfer, PRIMARY KEY (id));
CREATE TABLE locked_transfer_{shape} (LIKE transfer, PRIMARY KEY (id));
"""
_LOCKED_ACCOUNTS = """
CREATE TABLE locked_account (
    id uuid PRIMARY KEY, ledger integer NOT NULL, flags integer NOT NULL, debits_pending bigint NOT NULL,
    debits_posted bigint NOT NULL, credits_pending bigint NOT NULL, credits_posted bigint NOT NULL
) WITH (fillfactor = 50)
"""
_FILL_LOCKED_ACCOUNTS = """
INSERT INTO locked_account SELECT id, ledger, flags, 0, 0, 0, 1000000000 FROM account ORDER BY id
"""
_REPEATED = "SELECT id FROM locked_transfer_{shape} WHERE id = ANY(%s)"
_LOCK = """
SELECT id, ledger, flags, debits_pending, debits_posted, credits_pending, credits_posted
FROM locked_account WHERE id = ANY(%s) ORDER BY id FOR UPDATE
"""
_UPDATE_LOCKED = """
UPDATE locked_account a SET debits_posted = u.debits_posted, credits_posted = u.credits_posted
FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[]) u (id, debits_posted, credits_posted) WHERE a.id = u.id
"""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One design in one round."""

    transfers_per_s: float
    cpu_us: float


@dataclass(slots=True)
class Bench:
    """What the designs share."""

    book: Bookkeeper
    book_pid: int
    plain: psycopg.Connection
    clock: Clock
    hi: NDArray[np.uint64]
    lo: NDArray[np.uint64]
    rng: np.random.Generator

    def batch(self, shape: str, count: int = BATCH) -> NDArray[np.void]:
        """Make transfers with new rising ids, all of which pass."""
        transfers = np.zeros(count, TRANSFER_DTYPE)
        first = new_id(self.clock.now_ns()).int
        transfers["id_hi"] = first >> 64
        transfers["id_lo"] = (first & (1 << 62) - 1) + np.arange(count, dtype=np.uint64)
        debit = self.rng.integers(1, ACCOUNTS, count)
        credit = (
            np.zeros(count, int)
            if shape == "hot"
            else (debit + self.rng.integers(1, ACCOUNTS, count)) % ACCOUNTS
        )
        transfers["debit_hi"], transfers["debit_lo"] = self.hi[debit], self.lo[debit]
        transfers["credit_hi"], transfers["credit_lo"] = self.hi[credit], self.lo[credit]
        transfers["amount"] = self.rng.integers(1, 100, count)
        transfers["ledger"] = transfers["code"] = 1
        return transfers


def run(
    rounds: int = 5, batches: int = 30, progress: Callable[[str], None] = lambda _: None
) -> dict[str, object]:
    """Measure all designs in interleaved rounds.

    Args:
        rounds: How many; the result gives medians over them.
        batches: Batches of 8,000 for each design in each round.
        progress: Told what is being done.

    Returns:
        Rates in transfers a second, CPU in microseconds a transfer (client and PostgreSQL backend together),
        and ratios, each the median of those within a round: ``ratio_to_copy`` and ``ratio_to_copy_cpu`` for
        uniform and hot, ``ratio_to_for_update`` and ``ratio_to_single``.
    """
    figures: dict[str, list[Measurement]] = defaultdict(list)
    with (
        tempfile.TemporaryDirectory(prefix="karez-bench-") as folder,
        opened(Path(folder), progress) as bench,
    ):
        for round_ in range(rounds):
            progress(f"round {round_ + 1} of {rounds}")
            for shape in _SHAPES:
                figures[f"copy_{shape}"].append(_measure(bench, _copy, shape, batches))
                figures[f"karez_{shape}"].append(_measure(bench, _karez, shape, batches))
            figures["for_update_uniform"].append(_measure(bench, _for_update, "uniform", 3))
            figures["for_update_hot"].append(_measure(bench, _for_update, "hot", 3))
            figures["single_uniform"].append(_measure(bench, _for_update, "uniform", 200, 1))
    return _report(figures)


@contextmanager
def opened(folder: Path, progress: Callable[[str], None]) -> Iterator[Bench]:
    """Start an embedded database in a folder, with a book of funded accounts."""
    clock = SystemClock()
    with open_database(Settings(data_dir=folder)) as database, connect(database.owner) as plain:
        _furnish(plain)
        with Bookkeeper(database.book, clock) as book:
            progress(f"opening {ACCOUNTS:,} accounts")
            _open_accounts(book, clock)
            bench = Bench(
                book,
                _bookkeeper_pid(plain),
                plain,
                clock,
                book.columns.index.hi.copy(),
                book.columns.index.lo.copy(),
                np.random.default_rng(1),
            )
            _fund(bench)
            plain.execute(_FILL_LOCKED_ACCOUNTS)
            plain.execute("VACUUM ANALYZE locked_account")
            yield bench


def _furnish(plain: psycopg.Connection) -> None:
    plain.execute("INSERT INTO institution VALUES (1, 'bench', 'Bench', 'bank', 'active', 0)")
    plain.execute("INSERT INTO unit VALUES (1, 'CNY', 2, 'Yuan', 0)")
    plain.execute(_LOCKED_ACCOUNTS)
    for shape in _SHAPES:
        plain.execute(_PLAIN_TABLES.format(shape=shape))


def _bookkeeper_pid(plain: psycopg.Connection) -> int:
    row = plain.execute(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'karez bookkeeper'"
    ).fetchone()
    assert row is not None
    return int(row[0])


def _open_accounts(book: Bookkeeper, clock: Clock) -> None:
    limited = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
    for first in range(0, ACCOUNTS, _ACCOUNTS_PER_OPERATION):
        accounts = tuple(
            NewAccount(
                id=new_id(clock.now_ns()),
                ledger=1,
                code=1,
                institution=1,
                flags=limited if number % 10 else 0,
            )
            for number in range(first, first + _ACCOUNTS_PER_OPERATION)
        )
        (outcome,) = book.commit(
            [
                Operation(
                    id=new_id(clock.now_ns()),
                    kind="bench",
                    actor="bench",
                    fingerprint=b"",
                    reply=msgspec.Raw(b"null"),
                    accounts=accounts,
                )
            ]
        )
        assert isinstance(outcome, Outcome)
        assert outcome.accepted, outcome


def _fund(bench: Bench) -> None:
    """Give every account the same funds from account 0, which has no limit."""
    for first in range(0, ACCOUNTS, BATCH):
        credit = np.arange(max(first, 1), min(first + BATCH, ACCOUNTS))
        transfers = bench.batch("uniform", len(credit))
        transfers["debit_hi"], transfers["debit_lo"] = bench.hi[0], bench.lo[0]
        transfers["credit_hi"], transfers["credit_lo"] = bench.hi[credit], bench.lo[credit]
        transfers["amount"] = _FUNDS
        commit(bench, transfers)


def commit(bench: Bench, transfers: NDArray[np.void]) -> None:
    """Commit one batch, all of which must pass."""
    count = len(transfers)
    submission = TransferSubmission(transfers, np.zeros(count, np.int32), np.zeros(count, bool))
    (outcome,) = bench.book.commit([submission])
    assert isinstance(outcome, TransferOutcome)
    assert (outcome.status == Status.CREATED).all()


Design = Callable[[Bench, str, NDArray[np.void]], None]


def _measure(bench: Bench, design: Design, shape: str, batches: int, size: int = BATCH) -> Measurement:
    work = [bench.batch(shape, size) for _ in range(batches)]
    pid = bench.book_pid if design is _karez else bench.plain.info.backend_pid
    cpu_s = own_cpu_s() + process_cpu_s(pid)
    started = time.perf_counter()
    for transfers in work:
        design(bench, shape, transfers)
    elapsed_s = time.perf_counter() - started
    cpu_s = own_cpu_s() + process_cpu_s(pid) - cpu_s
    count = batches * size
    return Measurement(count / elapsed_s, cpu_s / count * 1e6)


def _karez(bench: Bench, _shape: str, transfers: NDArray[np.void]) -> None:
    commit(bench, transfers)


def _copy(bench: Bench, shape: str, transfers: NDArray[np.void]) -> None:
    _copy_into(bench.plain, f"copy_{shape}", transfers)


def _copy_into(connection: psycopg.Connection, table: str, transfers: NDArray[np.void]) -> None:
    rows = blank_transfers(len(transfers), slim=True)
    for name in ("id_hi", "id_lo", "amount", "ledger", "code", "flags"):
        rows[name] = transfers[name]
    for side in ("debit", "credit"):
        rows[side + "_account_hi"], rows[side + "_account_lo"] = (
            transfers[side + "_hi"],
            transfers[side + "_lo"],
        )
        rows[side + "_institution"] = 1
    rows["timestamp_ns"] = time.time_ns() + np.arange(len(rows))
    statement = COPY_TRANSFERS.replace("transfer_rows", table)
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.write(HEADER + rows.tobytes() + TRAILER)


def _for_update(bench: Bench, shape: str, transfers: NDArray[np.void]) -> None:
    """Look for repeated ids, lock, decide in the order of the batch, update, insert.

    It keeps the same rules for plain transfers: repeated ids, equal units, limits on all four totals.
    """
    ids = ids_to_uuids(transfers["id_hi"], transfers["id_lo"])
    debit = ids_to_uuids(transfers["debit_hi"], transfers["debit_lo"])
    credit = ids_to_uuids(transfers["credit_hi"], transfers["credit_lo"])
    with bench.plain.transaction():
        repeated = bench.plain.execute(_REPEATED.format(shape=shape).encode(), (ids,)).fetchall()
        assert not repeated
        rows = bench.plain.execute(_LOCK, (list({*debit, *credit}),)).fetchall()
        accounts = {row[0]: list(row[1:]) for row in rows}
        numbers = zip(transfers["amount"].tolist(), transfers["ledger"].tolist(), strict=True)
        for payer, payee, (amount, ledger) in zip(debit, credit, numbers, strict=True):
            from_, to = accounts[payer], accounts[payee]
            assert from_[0] == to[0] == ledger
            assert not from_[1] & _DEBITS_LIMITED or from_[2] + from_[3] + amount <= from_[5]
            assert not to[1] & _CREDITS_LIMITED or to[4] + to[5] + amount <= to[3]
            from_[3] += amount
            to[5] += amount
        totals = [[account[total] for account in accounts.values()] for total in (3, 5)]
        bench.plain.execute(_UPDATE_LOCKED, (list(accounts), *totals))
        _copy_into(bench.plain, f"locked_transfer_{shape}", transfers)


def _report(figures: dict[str, list[Measurement]]) -> dict[str, object]:
    rate = {name: [each.transfers_per_s for each in rounds] for name, rounds in figures.items()}
    cpu = {name: [each.cpu_us for each in rounds] for name, rounds in figures.items()}
    return {
        "batch": BATCH,
        "accounts": ACCOUNTS,
        "rounds": len(figures["karez_uniform"]),
        "transfers_per_s": {name: round(statistics.median(values)) for name, values in rate.items()},
        "cpu_us": {name: round(statistics.median(values), 2) for name, values in cpu.items()},
        "ratio_to_copy": {
            shape: round(_ratio(rate[f"karez_{shape}"], rate[f"copy_{shape}"]), 3) for shape in _SHAPES
        },
        "ratio_to_copy_cpu": {
            shape: round(_ratio(cpu[f"copy_{shape}"], cpu[f"karez_{shape}"]), 3) for shape in _SHAPES
        },
        "ratio_to_for_update": {
            shape: round(_ratio(rate[f"karez_{shape}"], rate[f"for_update_{shape}"]), 1) for shape in _SHAPES
        },
        "ratio_to_single": round(_ratio(rate["karez_uniform"], rate["single_uniform"]), 1),
    }


def _ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median of the ratios within each round: what else the machine does changes from round to round."""
    return statistics.median(our / their for our, their in zip(ours, theirs, strict=True))
