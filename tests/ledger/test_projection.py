"""Each transfer becomes two entries, once, whatever happens to the projectors and the server."""

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from karez.core.clock import SimulatedClock
from karez.core.ids import new_id
from karez.ledger import projection
from karez.ledger.bookkeeper import Bookkeeper
from karez.ledger.invariants.money import entries_agree_with_transfers
from karez.ledger.model import Status
from karez.ledger.projection import EntryProjector, project_entries, run_projector
from karez.storage.database import Database, connect
from tests.ledger.histories import History
from tests.ledger.making import START_NS, statuses, transfer

Connection = psycopg.Connection[Any]

_PROJECT_ALL = """
import sys
from karez.ledger.projection import EntryProjector
from karez.storage.database import connect
with connect(sys.argv[1]) as connection:
    projector = EntryProjector()
    while projector.project(connection, 20):
        pass
"""
_PROGRESS = """
SELECT (SELECT count(*) FROM account_entry), p.watermark_ns, w.last_timestamp_ns FROM projection p, book_writer w
"""
_CUT_OFF = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"
_PATIENCE_S = 60.0


@pytest.fixture
def worker(furnished: Database) -> Iterator[Connection]:
    with connect(furnished.worker) as connection:
        yield connection


@pytest.fixture
def owner(furnished: Database) -> Iterator[Connection]:
    with connect(furnished.owner) as connection:
        yield connection


@pytest.fixture
def history(book: Bookkeeper, furnished: Database, clock: SimulatedClock) -> Iterator[History]:
    with History(book, furnished, clock) as history:
        yield history


def progress(owner: Connection) -> tuple[int, int, int]:
    row = owner.execute(_PROGRESS).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.005)


def watch(owner: Connection) -> Callable[[], bool]:
    """Tell whether the projection has moved since now."""
    before = progress(owner)
    return lambda: progress(owner) != before


def assert_projected(owner: Connection, history: History) -> None:
    """Every transfer has its entries, with the right totals, and nothing else has any."""
    count, watermark_ns, last_ns = progress(owner)
    assert count == sum(len(lines) for lines in history.plain.lines.values())
    assert watermark_ns == last_ns
    assert entries_agree_with_transfers(owner) == []


@pytest.mark.parametrize("limit", [1, 7, 100_000])
def test_slices_of_any_size_make_the_same_entries(
    history: History, worker: Connection, owner: Connection, limit: int
) -> None:
    history.go_on(6)
    projected = []
    projector = EntryProjector()
    while count := projector.project(worker, limit):
        projected.append(count)
    assert max(projected) <= limit
    assert 2 * sum(projected) == progress(owner)[0]
    assert_projected(owner, history)
    assert projector.project(worker, limit) == 0


def test_projectors_that_take_turns_do_not_trust_what_they_remember(
    history: History, worker: Connection, owner: Connection
) -> None:
    projectors = [EntryProjector(), EntryProjector()]
    for turn in range(12):
        history.go_on(2)
        projectors[turn % 2].project(worker, 1_000)
        projectors[turn // 2 % 2].project(worker, 1_000)
    assert_projected(owner, history)


def test_two_projectors_at_once_share_the_work(
    history: History, furnished: Database, owner: Connection
) -> None:
    history.go_on(40)

    def project_all(_: int) -> int:
        total = 0
        projector = EntryProjector()
        with connect(furnished.worker) as connection:
            while count := projector.project(connection, 20):
                total += count
        return total

    with ThreadPoolExecutor(2) as threads:
        counts = list(threads.map(project_all, range(2)))
    assert 2 * sum(counts) == progress(owner)[0]
    assert_projected(owner, history)


def test_a_slice_that_fails_is_projected_anew(
    history: History, worker: Connection, owner: Connection
) -> None:
    projector = EntryProjector()
    history.go_on(5)
    projector.project(worker, 1_000)
    history.go_on(5)
    # A row that should not be there is in the way of one entry.
    account = next(each for each in history.accounts if history.plain.lines[each])
    blocked = history.plain.lines[account][-1].timestamp_ns
    owner.execute(
        "INSERT INTO account_entry SELECT account, %s, institution, party, transfer_id, operation_id, counterparty,"
        " side, amount, flags, code, 0, 0, 0, 0 FROM account_entry WHERE account = %s LIMIT 1",
        (blocked, account),
    )
    before = progress(owner)
    with pytest.raises(psycopg.errors.UniqueViolation):
        projector.project(worker, 1_000)
    assert progress(owner) == before
    owner.execute("DELETE FROM account_entry WHERE account = %s AND timestamp_ns = %s", (account, blocked))
    projector.project(worker, 1_000)
    assert_projected(owner, history)


def test_a_projector_forgets_accounts_when_they_become_too_many(
    history: History, worker: Connection, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "_KNOWN_ACCOUNTS_MAX", 5)
    projector = EntryProjector()
    history.go_on(10)
    while projector.project(worker, 30):
        pass
    assert_projected(owner, history)


def test_refused_transfers_leave_nothing_behind(
    book: Bookkeeper, history: History, worker: Connection, owner: Connection
) -> None:
    refused = transfer(new_id(START_NS), history.accounts[0], 1)
    assert statuses(book, refused) == [Status.DEBIT_ACCOUNT_NOT_FOUND]
    assert project_entries(worker, 10) == 0
    assert_projected(owner, history)


def test_a_projector_killed_at_any_moment_neither_doubles_nor_loses_an_entry(
    history: History, furnished: Database, owner: Connection
) -> None:
    history.go_on(80)
    rng = random.Random(1)
    killed_at_work = 0
    for _ in range(5):
        has_moved = watch(owner)
        process = subprocess.Popen([sys.executable, "-c", _PROJECT_ALL, furnished.worker])
        try:
            wait_until(has_moved)
            time.sleep(rng.random() / 50)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        _, watermark_ns, last_ns = progress(owner)
        killed_at_work += watermark_ns < last_ns
    assert killed_at_work
    history.go_on(4)
    subprocess.run([sys.executable, "-c", _PROJECT_ALL, furnished.worker], check=True)
    assert_projected(owner, history)


def test_the_worker_goes_on_when_it_has_lost_the_server(
    history: History, furnished: Database, owner: Connection
) -> None:
    stop = threading.Event()
    role = psycopg.conninfo.conninfo_to_dict(furnished.worker)["user"]
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(run_projector, furnished.worker, stop, 25)
        try:
            for _ in range(4):
                history.go_on(6)
                wait_until(lambda: bool(owner.execute(_CUT_OFF, (role,)).fetchall()))
            history.go_on(6)
            wait_until(lambda: progress(owner)[1] == progress(owner)[2])
        finally:
            stop.set()
        running.result(_PATIENCE_S)
    assert_projected(owner, history)
