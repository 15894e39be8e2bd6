"""A bookkeeper that dies, or is replaced, exactly between two steps of a commit."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from karez.core.outcomes import Unavailable
from karez.ledger.model import Status
from karez.storage.database import Database
from tests.faults.workbench import FIRST_MONEY, Bench, ask, making, money_in, operation, outcome_of, status_of

AFTER_COMMIT = ("after", "COMMIT")
CRASH_POINTS = [
    ("after", "BEGIN"),
    ("before", "UPDATE book_writer SET last_timestamp_ns"),
    ("before", "COMMIT"),
    AFTER_COMMIT,
]


@pytest.fixture
def bench(database: Database, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(database, tmp_path)
    bench.furnish()
    yield bench
    for bookkeeper in bench.started:
        bookkeeper.kill()


@pytest.mark.parametrize("point", CRASH_POINTS, ids=" ".join)
def test_a_retry_makes_the_transfer_of_a_dead_bookkeeper_once(bench: Bench, point: tuple[str, str]) -> None:
    first = bench.start_ready("first", hold=point)
    payment = bench.spending(60)
    with bench.held(first, making(payment)) as answer:
        first.kill()
        with pytest.raises(Unavailable, match="outcome_unknown"):
            answer.result()
    was_committed = point == AFTER_COMMIT
    assert bench.transfer_count() == was_committed
    second = bench.start_ready("second")
    assert status_of(second, payment) == (Status.EXISTS if was_committed else Status.CREATED)
    assert status_of(second, payment) == Status.EXISTS
    assert bench.transfer_count() == 1
    assert money_in(second, bench.wallet) == FIRST_MONEY - 60


@pytest.mark.parametrize("point", CRASH_POINTS, ids=" ".join)
def test_a_retry_carries_the_operation_of_a_dead_bookkeeper_out_once(
    bench: Bench, point: tuple[str, str]
) -> None:
    first = bench.start_ready("first", hold=point)
    id_ = uuid4()
    attempts = [operation(id_, bench.spending(30)) for _ in range(3)]
    with bench.held(first, lambda client: client.submit(attempts[0])) as answer:
        first.kill()
        with pytest.raises(Unavailable, match="outcome_unknown"):
            answer.result()
    was_committed = point == AFTER_COMMIT
    second = bench.start_ready("second")
    retried, repeated = (outcome_of(second, attempt) for attempt in attempts[1:])
    assert (retried.accepted, retried.repeated) == (True, was_committed)
    assert (repeated.accepted, repeated.repeated) == (True, True)
    carried_out = attempts[0 if was_committed else 1]
    assert bytes(retried.reply) == bytes(repeated.reply) == bytes(carried_out.reply)
    assert bench.effect_count(id_) == bench.transfer_count() == 1
    assert money_in(second, bench.wallet) == FIRST_MONEY - 30


def test_a_refused_id_stays_refused_after_the_bookkeeper_died(bench: Bench) -> None:
    first = bench.start_ready("first", hold=AFTER_COMMIT)
    payment = bench.spending(FIRST_MONEY + 1)
    with bench.held(first, making(payment)):
        first.kill()
    second = bench.start_ready("second")
    assert status_of(second, payment) == Status.ID_ALREADY_FAILED


def test_a_bookkeeper_that_was_replaced_before_its_fence_commits_nothing(bench: Bench) -> None:
    first = bench.start_ready("first", hold=("before", "UPDATE book_writer SET last_timestamp_ns"))
    late = bench.spending(60)
    with bench.held(first, making(late)) as answer:
        second = bench.start_ready("second", without_lock=True)
        assert status_of(second, bench.spending(70)) == Status.CREATED
    with pytest.raises(Unavailable, match="outcome_unknown"):
        answer.result()
    assert first.wait_until_ended(60)
    assert bench.transfer_count() == 1
    assert status_of(second, late) == Status.EXCEEDS_CREDITS
    assert money_in(second, bench.wallet) == FIRST_MONEY - 70


def test_a_successor_waits_for_a_commit_that_has_passed_the_fence_and_counts_it(bench: Bench) -> None:
    first = bench.start_ready("first", hold=("before", "COMMIT"))
    payment = bench.spending(60)
    with bench.held(first, making(payment)) as answer:
        second = bench.start("second", without_lock=True)
        assert not second.wait_until_ended(1)
    assert answer.result()[0] == Status.CREATED
    assert second.wait_until_ready()
    assert money_in(second, bench.wallet) == FIRST_MONEY - 60
    with pytest.raises(Unavailable, match="outcome_unknown"):
        ask(first, making(bench.spending(1)))
    assert first.wait_until_ended(60)


def test_a_bookkeeper_that_dies_while_taking_over_leaves_the_book_to_the_next(bench: Bench) -> None:
    (bench.place / "armed").touch()
    first = bench.start("first", hold=("after", "UPDATE book_writer SET epoch"))
    while not (bench.place / "paused").exists():
        assert not first.wait_until_ended(0.01)
    first.kill()
    (bench.place / "armed").unlink()
    second = bench.start_ready("second")
    assert money_in(second, bench.wallet) == FIRST_MONEY
    assert status_of(second, bench.spending(FIRST_MONEY)) == Status.CREATED
