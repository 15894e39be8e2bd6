"""Announces the endpoints that Karez has disabled, so that their owners and the operator learn of it.

Such an event goes the way of all others: as a message to the other endpoints of the same owner, and to whoever
else reads the outbox.
"""

from typing import Any
from uuid import UUID

import msgspec
import psycopg

from karez.core.clock import to_datetime
from karez.ledger.operations import Operation, RowUpdate
from karez.services.asking import Asking
from karez.services.sweeps import Due, Sweep

DISABLED_TOPIC = "webhook.endpoint_disabled"

_FIND = """
SELECT id, institution, party, description, disabled_because, failing_since_ns, announce_ns FROM webhook_endpoint
WHERE announce_ns IS NOT NULL ORDER BY announce_ns LIMIT %s
"""


def _find(conn: psycopg.Connection[Any], _now_ns: int, limit: int) -> list[Due]:
    rows = conn.execute(_FIND, (limit,)).fetchall()
    return [_due(*row) for row in rows]


def _due(
    endpoint: UUID,
    institution: int | None,
    party: UUID | None,
    description: str,
    because: str | None,
    failing_since_ns: int | None,
    announce_ns: int,
) -> Due:
    def decide(asking: Asking) -> Operation:
        payload = {
            "endpoint": endpoint,
            "description": description,
            "disabled_because": because,
            "failing_since": None if failing_since_ns is None else to_datetime(failing_since_ns).isoformat(),
        }
        operation = asking.operation(
            "webhook.announce_disabled",
            {"endpoint": endpoint},
            rows=(
                RowUpdate(
                    table="webhook_endpoint",
                    key={"id": str(endpoint)},
                    expected={"announce_ns": announce_ns},
                    changes={"announce_ns": None},
                ),
            ),
            events=(asking.event(DISABLED_TOPIC, () if party is None else (party,), payload),),
        )
        # An operation's events belong to the institution for which it is carried out.
        return msgspec.structs.replace(operation, institution=institution or 0)

    return Due(endpoint, announce_ns, decide)


SWEEPS = (Sweep("webhook.announce_disabled", _find),)
