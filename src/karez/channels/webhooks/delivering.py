"""The loop of the worker that sends messages: many endpoints at once, a few messages of each."""

import asyncio
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from karez.channels.webhooks import endpoints
from karez.channels.webhooks.lanes import Due, Lane, Settled, release_lane, take_lanes
from karez.channels.webhooks.schedule import Verdict, health_after, verdict_on
from karez.channels.webhooks.sender import CALL_LIMIT_S, Line, Sender
from karez.channels.webhooks.signatures import signed_headers
from karez.core.clock import Clock
from karez.core.outcomes import Unavailable
from karez.core.sealing import Sealer

LANES_MAX = 128
CALLS_MAX = 8
MESSAGES_MAX = 64
LEASE_S = 60.0

_CONNECTIONS = 4
_CONNECTION_LIMIT_S = 5.0
_SHORTEST_PAUSE_S = 0.01
_GRACE_S = 5.0
# With the last calls that began in time, a lane is served for less than its lease.
_SERVED_S = CALL_LIMIT_S
_NANOSECONDS = 1_000_000_000

Chance = Callable[[], float]
Pool = AsyncConnectionPool[psycopg.AsyncConnection[Any]]

_logger = logging.getLogger(__name__)


def deliver_webhooks(
    conninfo: str,
    secret_key: bytes,
    clock: Clock,
    stop: threading.Event,
    sender: Sender,
    *,
    chance: Chance = random.random,
    longest_pause_s: float = 0.5,
) -> None:
    """Send messages that are due, until told to stop; any number of workers may do it at once.

    Args:
        conninfo: Connection string of the worker's login role.
        secret_key: ``Database.secret_key``.
        clock: Tells what is due.
        stop: Set it to end the loop. What is being sent has some seconds to end; what has not ended then is sent
            again by the next worker.
        sender: Posts messages; it is closed at the end.
        chance: Gives a new number from 0 up to 1 at each call, to spread out retries.
        longest_pause_s: How long a message that is due may wait for an idle worker to look.
    """
    work = _Deliverer(endpoints.sealer(secret_key), clock, stop, sender, chance, longest_pause_s)
    try:
        asyncio.run(work.run(conninfo))
    finally:
        sender.close()


class _Deliverer:
    def __init__(
        self,
        sealer: Sealer,
        clock: Clock,
        stop: threading.Event,
        sender: Sender,
        chance: Chance,
        longest_pause_s: float,
    ) -> None:
        self._sealer = sealer
        self._clock = clock
        self._stop = stop
        self._sender = sender
        self._chance = chance
        self._longest_pause_s = longest_pause_s
        self._serving: set[asyncio.Task[None]] = set()

    async def run(self, conninfo: str) -> None:
        pool: Pool = AsyncConnectionPool(
            conninfo,
            min_size=1,
            max_size=_CONNECTIONS,
            timeout=_CONNECTION_LIMIT_S,
            open=False,
            name="karez-webhooks",
            kwargs={"autocommit": True},
        )
        async with pool:
            pause_s = _SHORTEST_PAUSE_S
            while not self._stop.is_set():
                lanes = await self._take(pool)
                self._serving |= {asyncio.create_task(self._serve(pool, lane)) for lane in lanes}
                pause_s = _SHORTEST_PAUSE_S if lanes else min(pause_s * 2, self._longest_pause_s)
                await self._rest(pause_s)
            await self._end()

    async def _take(self, pool: Pool) -> list[Lane]:
        free = LANES_MAX - len(self._serving)
        if free == 0:
            return []
        now_ns = self._clock.now_ns()
        until_ns = now_ns + round(LEASE_S * _NANOSECONDS)
        try:
            async with pool.connection() as conn:
                return await take_lanes(conn, now_ns, until_ns, free, MESSAGES_MAX)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            _logger.warning("Sending messages is interrupted and will be taken up again: %s", error)
            return []

    async def _rest(self, pause_s: float) -> None:
        """Wait for a lane to be done, or for a moment."""
        if not self._serving:
            await asyncio.sleep(pause_s)
            return
        done, self._serving = await asyncio.wait(
            self._serving, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            task.result()  # lets an error out

    async def _end(self) -> None:
        if self._serving:
            _, late = await asyncio.wait(self._serving, timeout=_GRACE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _serve(self, pool: Pool, lane: Lane) -> None:
        """Send a lane's messages and record what came of them; whatever interrupts it, the lease runs out."""
        try:
            settled = await self._send_all(lane) if lane.is_open else _given_up(lane)
            answers = [each.answer for each in settled if each.answer is not None]
            now_ns = self._clock.now_ns()
            health = health_after(answers, lane.failing_since_ns, now_ns) if answers else None
            async with pool.connection() as conn:
                await release_lane(conn, lane, settled, health, now_ns)
        except (psycopg.OperationalError, psycopg.InterfaceError, Unavailable) as error:
            _logger.warning("Messages of the endpoint %s will be sent again: %s", lane.endpoint, error)

    async def _send_all(self, lane: Lane) -> list[Settled]:
        """Send a lane's messages, some at a time, until the first that fails; the others stay as they are."""
        secrets = [self._sealer.open(each.sealed, endpoints.place_of(each.id)) for each in lane.secrets]
        waiting, settled = deque(lane.due), list[Settled]()
        until_s = time.monotonic() + _SERVED_S

        async def send_in_turn(line: Line) -> None:
            while waiting:
                sent = await self._send(line, lane.url, secrets, waiting.popleft())
                settled.append(sent)
                if sent.verdict.state != "delivered" or time.monotonic() > until_s:
                    waiting.clear()

        async with self._sender.line(CALLS_MAX) as line:
            await asyncio.gather(*(send_in_turn(line) for _ in range(min(CALLS_MAX, len(waiting)))))
        return settled

    async def _send(self, line: Line, url: str, secrets: list[str], due: Due) -> Settled:
        at_ns = self._clock.now_ns()
        body = due.body.encode()
        headers = signed_headers(secrets, due.message, at_ns // _NANOSECONDS, body)
        answer = await line.post(url, headers, body)
        verdict = verdict_on(answer, due.tries + 1, self._clock.now_ns(), self._chance())
        return Settled(due, verdict, answer, at_ns)


def _given_up(lane: Lane) -> list[Settled]:
    return [Settled(due, Verdict("failed")) for due in lane.due]
