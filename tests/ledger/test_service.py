"""Many callers, one bookkeeper process: what the socket promises."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from karez.core.clock import SystemClock
from karez.core.ids import new_id
from karez.core.outcomes import Unavailable
from karez.ledger import service, wire
from karez.ledger.client import BookClient
from karez.ledger.model import NewAccount, Status, transfers_to_array
from karez.ledger.operations import RowInsert
from karez.storage.database import Database, connect
from tests.ledger.making import BANK, CNY, START_NS, operation, transfer


def _run(conninfo: str, path: Path, ready: "multiprocessing.synchronize.Event") -> None:
    asyncio.run(service.serve(conninfo, path, SystemClock(), ready.set))


@pytest.fixture
def start(furnished: Database, tmp_path: Path) -> Iterator[Callable[[], multiprocessing.process.BaseProcess]]:
    """Start bookkeeper processes on one socket; all are ended after the test."""
    context = multiprocessing.get_context("spawn")
    started: list[multiprocessing.process.BaseProcess] = []

    def start_() -> multiprocessing.process.BaseProcess:
        ready = context.Event()
        process = context.Process(target=_run, args=(furnished.book, tmp_path / "book", ready))
        process.start()
        started.append(process)
        assert ready.wait(60)
        return process

    yield start_
    for process in started:
        if process.is_alive():
            process.kill()
        process.join()


@asynccontextmanager
async def client_at(path: Path) -> AsyncIterator[BookClient]:
    client = BookClient(path)
    yield client
    client.close()


async def open_two(client: BookClient) -> tuple[UUID, UUID]:
    accounts = tuple(
        NewAccount(id=new_id(START_NS), ledger=CNY, code=1, institution=BANK, flags=flags) for flags in (0, 2)
    )
    outcome = await client.submit(operation(accounts=accounts))
    assert outcome.accepted
    return accounts[0].id, accounts[1].id


def run_with_client(path: Path, work: Callable[[BookClient], Awaitable[None]]) -> None:
    async def main() -> None:
        async with client_at(path) as client:
            await work(client)

    asyncio.run(main())


Start = Callable[[], multiprocessing.process.BaseProcess]


def test_single_transfers_of_many_callers_each_get_their_own_answer(start: Start, tmp_path: Path) -> None:
    start()

    async def work(client: BookClient) -> None:
        source, shop = await open_two(client)
        answers = await asyncio.gather(
            *(
                client.transfer(transfers_to_array([transfer(source, shop, 1)]).tobytes(), BANK)
                for _ in range(300)
            ),
            client.transfer(transfers_to_array([transfer(shop, source, 1_000)]).tobytes(), BANK),
        )
        assert [status for status, _ in answers[:300]] == [Status.CREATED] * 300
        assert answers[300][0] == Status.EXCEEDS_CREDITS
        assert len({timestamp for _, timestamp in answers}) == 301
        totals = await client.balances([shop, new_id(START_NS)])
        assert totals[0] is not None
        assert totals[0].credits_posted == 300
        assert totals[1] is None

    run_with_client(tmp_path / "book", work)


def test_operations_on_one_row_are_settled_in_the_order_of_arrival(
    start: Start, tmp_path: Path, furnished: Database
) -> None:
    with connect(furnished.owner) as connection:
        connection.execute("CREATE TABLE parcel (id integer PRIMARY KEY, state text)")
        connection.execute("GRANT SELECT, INSERT, UPDATE ON parcel TO karez_bookkeeper")
    start()

    async def work(client: BookClient) -> None:
        row = RowInsert(table="parcel", key={"id": 1}, values={"state": "x"})
        outcomes = await asyncio.gather(*(client.submit(operation(rows=(row,))) for _ in range(20)))
        assert sorted(outcome.code for outcome in outcomes) == [""] + ["row_exists"] * 19
        same = operation(rows=(RowInsert(table="parcel", key={"id": 2}, values={"state": "x"}),))
        replies = await asyncio.gather(*(client.submit(same) for _ in range(20)))
        assert {(reply.accepted, bytes(reply.reply)) for reply in replies} == {(True, b'{"done":true}')}
        assert sum(reply.repeated for reply in replies) == 19

    run_with_client(tmp_path / "book", work)


def test_operations_sent_together_are_each_accepted_or_refused_by_themselves(
    start: Start, tmp_path: Path
) -> None:
    start()

    async def work(client: BookClient) -> None:
        assert await client.submit_many([]) == []
        source, shop = await open_two(client)
        good = [operation(transfers=(transfer(source, shop, 1),)) for _ in range(300)]
        bad = operation(transfers=(transfer(shop, source, 1_000),))
        together = [*good[:150], bad, *good[150:]]
        outcomes = await client.submit_many(together)
        assert [index for index, outcome in enumerate(outcomes) if not outcome.accepted] == [150]
        assert outcomes[150].code == "exceeds_credits"
        again = await client.submit_many([*good, *good])
        assert all(outcome.accepted and outcome.repeated for outcome in again)
        assert [bytes(outcome.reply) for outcome in again] == [bytes(each.reply) for each in [*good, *good]]
        balance = (await client.balances([shop]))[0]
        assert balance is not None
        assert balance.credits_posted == 300

    run_with_client(tmp_path / "book", work)


def test_operations_on_their_way_learn_that_the_bookkeeper_died(start: Start, tmp_path: Path) -> None:
    process = start()

    async def work(client: BookClient) -> None:
        source, shop = await open_two(client)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)
        together = [operation(transfers=(transfer(source, shop, 1),)) for _ in range(50)]
        asked = asyncio.ensure_future(client.submit_many(together))
        await asyncio.sleep(0.05)
        process.kill()
        with pytest.raises(Unavailable, match="repeat the request") as raised:
            await asked
        assert raised.value.code == "outcome_unknown"

    run_with_client(tmp_path / "book", work)


def test_an_answer_survives_the_death_of_the_bookkeeper(start: Start, tmp_path: Path) -> None:
    first = start()

    async def work(client: BookClient) -> None:
        source, shop = await open_two(client)
        paid = transfer(source, shop, 7)
        record = transfers_to_array([paid]).tobytes()
        assert (await client.transfer(record, BANK))[0] == Status.CREATED
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)
        first.join()
        with pytest.raises(Unavailable) as lost:
            await client.transfer(record, BANK)
        assert lost.value.code in ("outcome_unknown", "bookkeeper_unreachable")
        await asyncio.get_running_loop().run_in_executor(None, start)
        assert (await client.transfer(record, BANK))[0] == Status.EXISTS
        (totals,) = await client.balances([shop])
        assert totals is not None
        assert totals.credits_posted == 7

    run_with_client(tmp_path / "book", work)


def test_a_full_queue_says_busy_and_loses_nothing(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start()

    async def work(client: BookClient) -> None:
        source, shop = await open_two(client)
        batch = transfers_to_array([transfer(source, shop, 1) for _ in range(8_000)])
        batches = [batch.copy() for _ in range(40)]
        for number, each in enumerate(batches):
            each["id_hi"] += number << 16  # later by so many milliseconds
        results = await asyncio.gather(
            *(client.transfers(each, BANK) for each in batches), return_exceptions=True
        )
        busy = [result for result in results if isinstance(result, Unavailable)]
        served = [result for result in results if not isinstance(result, BaseException)]
        assert {result.code for result in busy} == {"bookkeeper_busy"}
        assert all((result.status == Status.CREATED).all() for result in served)
        (totals,) = await client.balances([shop])
        assert totals is not None
        assert totals.credits_posted == 8_000 * len(served)

    run_with_client(tmp_path / "book", work)


def test_a_caller_that_speaks_nonsense_is_dropped_and_the_book_goes_on(start: Start, tmp_path: Path) -> None:
    start()

    async def work(client: BookClient) -> None:
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "book"))
        writer.write(b"GET / HTTP/1.1\r\nHost: karez\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
        source, shop = await open_two(client)
        outcome = await client.transfers(transfers_to_array([transfer(source, shop, 1)]), BANK)
        np.testing.assert_array_equal(outcome.status, [Status.CREATED])

    run_with_client(tmp_path / "book", work)


def test_a_stopped_bookkeeper_leaves_nothing_to_replay(
    start: Start, tmp_path: Path, furnished: Database
) -> None:
    process = start()

    async def work(client: BookClient) -> None:
        source, shop = await open_two(client)
        await client.transfers(transfers_to_array([transfer(source, shop, 1)]), BANK)

    run_with_client(tmp_path / "book", work)
    process.terminate()
    process.join()
    assert process.exitcode == 0
    with connect(furnished.owner) as connection:
        row = connection.execute("SELECT last_timestamp_ns - replay_from_ns FROM book_writer").fetchone()
        assert row == (0,)


def test_a_row_that_everybody_wants_holds_up_nobody_else(
    start: Start, tmp_path: Path, furnished: Database
) -> None:
    with connect(furnished.owner) as connection:
        connection.execute("CREATE TABLE parcel (id integer PRIMARY KEY, state text)")
        connection.execute("GRANT SELECT, INSERT, UPDATE ON parcel TO karez_bookkeeper")
    start()

    async def work(client: BookClient) -> None:
        source, shop = await open_two(client)
        row = RowInsert(table="parcel", key={"id": 1}, values={"state": "x"})
        crowd = [asyncio.ensure_future(client.submit(operation(rows=(row,)))) for _ in range(3_000)]
        await asyncio.sleep(0)
        record = transfers_to_array([transfer(source, shop, 1)]).tobytes()
        assert (await client.transfer(record, BANK))[0] == Status.CREATED
        outcomes = await asyncio.gather(*crowd)
        assert [outcome.code for outcome in outcomes if not outcome.accepted] == ["row_exists"] * 2_999

    run_with_client(tmp_path / "book", work)


def test_a_malformed_single_is_refused_before_it_joins_others(start: Start, tmp_path: Path) -> None:
    start()

    async def work(client: BookClient) -> None:
        source, shop = await open_two(client)
        record = transfers_to_array([transfer(source, shop, 1)]).tobytes()
        good, bad = await asyncio.gather(
            client.transfer(record, BANK), client.transfer(record[:-1], BANK), return_exceptions=True
        )
        assert isinstance(bad, ValueError)
        assert not isinstance(good, BaseException)
        assert good[0] == Status.CREATED

    run_with_client(tmp_path / "book", work)


def test_a_caller_that_reads_no_answers_may_not_ask_for_ever(start: Start, tmp_path: Path) -> None:
    start()

    async def work(client: BookClient) -> None:
        source, shop = await open_two(client)
        _, writer = await asyncio.open_unix_connection(str(tmp_path / "book"), limit=1)
        question = wire.pack(wire.Kind.BALANCES, 1, wire.pack_ids(*(np.zeros(8_000, np.uint64),) * 2))

        async def ask_without_reading() -> None:
            for _ in range(400):
                writer.write(question)
                await writer.drain()

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask_without_reading(), 2)
        writer.transport.abort()
        outcome = await client.transfers(transfers_to_array([transfer(source, shop, 1)]), BANK)
        np.testing.assert_array_equal(outcome.status, [Status.CREATED])

    run_with_client(tmp_path / "book", work)
