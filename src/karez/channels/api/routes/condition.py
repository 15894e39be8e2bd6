"""How this process is: alive, ready, its figures."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec
from litestar import Response, get

from karez.channels.api.caller_database import Connection
from karez.channels.api.context import Services
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.injected import TheServices
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.core.outcomes import Unavailable

_ANSWER_LIMIT_S = 2.0
_METRICS_TYPE = "text/plain; version=0.0.4"


class Condition(msgspec.Struct, frozen=True):
    """How it is."""

    status: str


@get(
    "/healthz",
    opt={
        KEY: Documentation(
            name="readHealth",
            topic="Condition",
            summary="Tell whether this process is alive",
            access="public",
            answers={200: Answer("It is", Condition, {"status": "live"})},
        )
    },
)
async def read_health() -> Response[bytes]:
    """Answer at once."""
    return json_reply(Condition("live"))


@get(
    "/readyz",
    opt={
        KEY: Documentation(
            name="readReadiness",
            topic="Condition",
            summary="Tell whether the database and the bookkeeper answer",
            access="public",
            answers={200: Answer("Both do", Condition, {"status": "ready"})},
            refusals=("not_ready",),
        )
    },
)
async def read_readiness(services: TheServices) -> Response[bytes]:
    """Ask both."""
    await _answering("bookkeeper", services.book.statistics())
    await _answering("database", services.database.as_entrance(_greet))
    return json_reply(Condition("ready"))


@get(
    "/metrics",
    opt={
        KEY: Documentation(
            name="readMetrics",
            topic="Condition",
            summary="Read this process's figures and the bookkeeper's, for Prometheus",
            access="public",
            answers={200: Answer("The figures", str, None, (), _METRICS_TYPE)},
        )
    },
)
async def read_metrics(services: TheServices) -> Response[bytes]:
    """Return the figures as text."""
    text = services.metrics.text(await _bookkeeper_figures(services))
    return to_response(Reply(200, text.encode(), (), _METRICS_TYPE.encode()))


async def _bookkeeper_figures(services: Services) -> dict[str, int] | None:
    try:
        return await asyncio.wait_for(services.book.statistics(), _ANSWER_LIMIT_S)
    except (Unavailable, TimeoutError):
        return None


async def _answering(part: str, question: Coroutine[Any, Any, object]) -> None:
    try:
        await asyncio.wait_for(question, _ANSWER_LIMIT_S)
    except (Unavailable, TimeoutError) as error:
        raise Unavailable("not_ready", f"The {part} does not answer.", retry_after_s=1) from error


def _greet(conn: Connection) -> None:
    conn.execute("SELECT 1")


HANDLERS = (read_health, read_readiness, read_metrics)
