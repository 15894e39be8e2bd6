"""Which messages a worker may send now, and the record of what came of it.

Messages are taken endpoint by endpoint: an endpoint with due messages is a lane, which one worker has to itself for
the length of a lease. Behind a receiver that is slow or dead its own messages wait and nobody else's, and a lane that
was served goes to the end of the line. No transaction is open while messages are sent; when the worker dies, the
lease runs out and the messages are sent again, with the same ids and the same bytes.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg

from karez.channels.webhooks.schedule import Health, Verdict
from karez.channels.webhooks.sender import Answer

Connection = psycopg.AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Due:
    """A message that is due.

    Attributes:
        message: Its id.
        body: What is sent.
        attempts: How many attempts there were.
        tries: How many of them since it was queued or sent again by hand.
    """

    message: UUID
    body: str
    attempts: int
    tries: int


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A secret that is valid."""

    id: UUID
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Lane:
    """An endpoint that is this worker's until a moment.

    Attributes:
        endpoint: Its id.
        url: Where its messages are posted to.
        is_open: Whether it takes messages: it is enabled and its institution is not suspended.
        failing_since_ns: Since when nothing came from it but failures, if that is so.
        taken_until_ns: From then on others may take it.
        secrets: Those that are valid, the newest first.
        due: Its messages that are due, the earliest first, no more than are sent in one go.
    """

    endpoint: UUID
    url: str
    is_open: bool
    failing_since_ns: int | None
    taken_until_ns: int
    secrets: list[SealedSecret]
    due: list[Due]


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a message.

    Attributes:
        due: The message.
        verdict: What becomes of it.
        answer: What came of the attempt; ``None`` if none was made.
        at_ns: When the attempt began.
    """

    due: Due
    verdict: Verdict
    answer: Answer | None = None
    at_ns: int = 0


_TAKE = """
UPDATE webhook_endpoint e SET taken_until_ns = %(until_ns)s
WHERE id = ANY(ARRAY(
    SELECT id FROM webhook_endpoint WHERE due_ns <= %(now_ns)s AND taken_until_ns <= %(now_ns)s
    ORDER BY due_ns LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
))
RETURNING id, url, failing_since_ns, state = 'enabled' AND NOT EXISTS (
    SELECT FROM institution i WHERE i.number = e.institution AND i.state = 'suspended'
)
"""
_SECRETS = """
SELECT endpoint, id, sealed FROM webhook_secret
WHERE endpoint = ANY(%s) AND (expires_ns IS NULL OR expires_ns > %s) ORDER BY created_ns DESC, id DESC
"""
_DUE = """
SELECT lane.endpoint, d.message, d.body, d.attempts, d.tries
FROM unnest(%s::uuid[]) lane (endpoint)
CROSS JOIN LATERAL (
    SELECT message, body, attempts, tries FROM webhook_delivery
    WHERE webhook_delivery.endpoint = lane.endpoint AND due_ns <= %s
    ORDER BY due_ns, created_ns, message LIMIT %s
) d
"""
_HOLD = "SELECT FROM webhook_endpoint WHERE id = %s AND taken_until_ns = %s FOR NO KEY UPDATE"
_SETTLE = """
UPDATE webhook_delivery d SET
    state = settled.state, due_ns = settled.due_ns,
    attempts = d.attempts + settled.made, tries = d.tries + settled.made
FROM unnest(%s::uuid[], %s::text[], %s::bigint[], %s::integer[]) settled (message, state, due_ns, made)
WHERE d.endpoint = %s AND d.message = settled.message
"""
_LOG = """
INSERT INTO webhook_attempt (endpoint, message, number, at_ns, duration_ms, status, error, answer, next_ns)
SELECT %s, * FROM unnest(
    %s::uuid[], %s::integer[], %s::bigint[], %s::integer[], %s::integer[], %s::text[], %s::text[], %s::bigint[]
)
"""
# A statement of its own, whose snapshot is taken after the endpoint was locked: so it sees whatever was queued
# before, and whoever queues something later sees the endpoint as this leaves it. (greatest() would pass over a null.)
_RELEASE = """
UPDATE webhook_endpoint e SET
    taken_until_ns = 0,
    due_ns = (
        SELECT CASE WHEN d.due_ns < %(now_ns)s THEN %(now_ns)s ELSE d.due_ns END FROM webhook_delivery d
        WHERE d.endpoint = e.id AND d.due_ns IS NOT NULL ORDER BY d.due_ns LIMIT 1
    )
WHERE id = %(endpoint)s
"""
_NOTE_HEALTH = """
UPDATE webhook_endpoint SET failing_since_ns = %s WHERE id = %s AND failing_since_ns IS DISTINCT FROM %s
"""
_DISABLE = """
UPDATE webhook_endpoint SET state = 'disabled', disabled_because = %s, announce_ns = %s
WHERE id = %s AND state = 'enabled'
"""


async def take_lanes(
    conn: Connection, now_ns: int, until_ns: int, lanes_max: int, messages_max: int
) -> list[Lane]:
    """Take endpoints with due messages, and commit that they are taken.

    Args:
        conn: As a worker, outside any transaction.
        now_ns: The present moment.
        until_ns: Until when they are this worker's.
        lanes_max: How many at most.
        messages_max: How many messages of each.
    """
    parameters = {"now_ns": now_ns, "until_ns": until_ns, "limit": lanes_max}
    async with conn.transaction():
        taken = await (await conn.execute(_TAKE, parameters)).fetchall()
        if not taken:
            return []
        ids = [id_ for id_, *_ in taken]
        secrets: dict[UUID, list[SealedSecret]] = defaultdict(list)
        async for endpoint, id_, sealed in await conn.execute(_SECRETS, (ids, now_ns)):
            secrets[endpoint].append(SealedSecret(id_, sealed))
        due: dict[UUID, list[Due]] = defaultdict(list)
        async for endpoint, *message in await conn.execute(_DUE, (ids, now_ns, messages_max)):
            due[endpoint].append(Due(*message))
    return [
        Lane(id_, url, is_open, failing_since_ns, until_ns, secrets[id_], due[id_])
        for id_, url, failing_since_ns, is_open in taken
    ]


async def release_lane(
    conn: Connection, lane: Lane, settled: Sequence[Settled], health: Health | None, now_ns: int
) -> bool:
    """Record what came of a lane's messages, and let others have it.

    Args:
        conn: As a worker, outside any transaction.
        lane: As it was taken.
        settled: What became of its messages.
        health: How the endpoint is now; ``None`` if nothing was sent.
        now_ns: The present moment.

    Returns:
        Whether the lane still was this worker's; if not, nothing is written.
    """
    async with conn.transaction():
        held = await conn.execute(_HOLD, (lane.endpoint, lane.taken_until_ns))
        if held.rowcount == 0:
            return False
        if settled:
            await conn.execute(_SETTLE, _settlement(lane, settled))
            await conn.execute(_LOG, _attempts(lane, settled))
        await conn.execute(_RELEASE, {"now_ns": now_ns, "endpoint": lane.endpoint})
        if health is not None and health.failing_since_ns != lane.failing_since_ns:
            since_ns = health.failing_since_ns
            await conn.execute(_NOTE_HEALTH, (since_ns, lane.endpoint, since_ns))
        if health is not None and health.disabling is not None:
            await conn.execute(_DISABLE, (health.disabling, now_ns, lane.endpoint))
    return True


def _settlement(lane: Lane, settled: Sequence[Settled]) -> tuple[object, ...]:
    return (
        [each.due.message for each in settled],
        [each.verdict.state for each in settled],
        [each.verdict.due_ns for each in settled],
        [0 if each.answer is None else 1 for each in settled],
        lane.endpoint,
    )


def _attempts(lane: Lane, settled: Sequence[Settled]) -> tuple[object, ...]:
    made = [(each, each.answer) for each in settled if each.answer is not None]
    return (
        lane.endpoint,
        [each.due.message for each, _ in made],
        [each.due.attempts + 1 for each, _ in made],
        [each.at_ns for each, _ in made],
        [answer.duration_ms for _, answer in made],
        [answer.status for _, answer in made],
        [answer.error for _, answer in made],
        [answer.text for _, answer in made],
        [each.verdict.due_ns for each, _ in made],
    )
