"""One call to a receiver: bounded in time and size, to an allowed address, without following where it points.

Whatever a receiver does is an outcome of the call, never an error of the worker's.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httpcore

from karez.channels.webhooks.guarded_network import GuardedNetwork, Resolve, SystemResolver
from karez.channels.webhooks.targets import Target, TargetRefused, TargetRules, parse_url
from karez.core.outcomes import Rejected

CALL_LIMIT_S = 15.0
ANSWER_KEPT_SIZE_BYTES = 1_024

# A body that ends within this size lets the connection be used again.
_ANSWER_READ_SIZE_BYTES = 16 * 1_024
_RESOLVER_THREADS = 256


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call.

    Attributes:
        status: HTTP status, if there was an answer.
        error: Why there was none: ``timed_out``, ``name_unknown``, ``target_refused``, ``not_connected``,
            ``tls_failed`` or ``connection_broken``.
        text: The beginning of the answer, or more about the error.
        duration_ms: How long it took.
    """

    status: int | None
    error: str | None
    text: str
    duration_ms: int

    @property
    def is_success(self) -> bool:
        """Tell whether the receiver has taken the message."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """Tell whether the receiver wants no more messages (410)."""
        return self.status == 410


class Sender:
    """Opens lines to receivers.

    Args:
        rules: What may be called.
        resolve: Finds addresses; by default the machine does.
        tls: Which certificates are trusted; by default those of the machine and of ``certifi``.
        limit_s: How long a call may take, from the name's look-up to the answer's end.
    """

    def __init__(
        self,
        rules: TargetRules,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
        limit_s: float = CALL_LIMIT_S,
    ) -> None:
        self._resolver = SystemResolver(_RESOLVER_THREADS)
        self._network = GuardedNetwork(rules, resolve or self._resolver)
        self._tls = tls or httpcore.default_ssl_context()
        self._limit_s = limit_s

    def line(self, calls_max: int = 1) -> "Line":
        """Return a line to one receiver.

        Args:
            calls_max: How many calls there may be at once.
        """
        # Unlike clients of a higher level it asks no environment for proxies, which would resolve names themselves.
        connections = httpcore.AsyncConnectionPool(
            ssl_context=self._tls, max_connections=calls_max, network_backend=self._network
        )
        return Line(connections, self._limit_s)

    def close(self) -> None:
        """Let go of what it holds; lines are closed before."""
        self._resolver.close()


class Line:
    """The connections to one receiver, used again from call to call.

    Args:
        connections: As many as there are calls at once.
        limit_s: How long a call may take.
    """

    def __init__(self, connections: httpcore.AsyncConnectionPool, limit_s: float) -> None:
        self._connections = connections
        self._limit_s = limit_s

    async def __aenter__(self) -> "Line":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connections.aclose()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post a body and return what came of it.

        Args:
            url: Where to.
            headers: Besides those of every message.
            body: JSON.
        """
        started_s = time.monotonic()
        status: int | None = None
        reason: str | None = None
        try:
            async with asyncio.timeout(self._limit_s):
                status, text = await self._post(parse_url(url), headers, body)
        except TimeoutError:
            reason, text = "timed_out", f"There was no whole answer within {self._limit_s:g} s."
        except Exception as error:
            reason, text = _explained(error)
        return Answer(status, reason, text, round((time.monotonic() - started_s) * 1_000))

    async def _post(self, target: Target, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        url = httpcore.URL(
            scheme=target.scheme.encode(),
            host=target.host.encode(),
            port=target.port,
            target=target.path.encode(),
        )
        fields = {
            "host": _host_header(target),
            "content-type": "application/json",
            "accept-encoding": "identity",
            "user-agent": "Karez-Webhooks",
            **headers,
        }
        async with self._connections.stream(
            "POST", url, headers=list(fields.items()), content=body
        ) as response:
            read = b""
            async for part in response.aiter_stream():
                read += part
                if len(read) > _ANSWER_READ_SIZE_BYTES:
                    break
            return response.status, _shown(read)


def _host_header(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    is_default = (target.scheme, target.port) in (("https", 443), ("http", 80))
    return host if is_default else f"{host}:{target.port}"


def _shown(read: bytes) -> str:
    return read[:ANSWER_KEPT_SIZE_BYTES].decode("utf-8", "replace").replace("\x00", "\ufffd")


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _explained(error: Exception) -> tuple[str, str]:
    """Name what went wrong; nothing of it comes from inside, as the owner of the endpoint reads it."""
    if isinstance(error, TargetRefused):
        return "target_refused", f"Nothing was sent: {error}."
    if isinstance(error, Rejected):
        return "target_refused", error.sentence
    if isinstance(error, socket.gaierror | UnicodeError):
        return "name_unknown", "The host's name leads to no address."
    if any(isinstance(cause, ssl.SSLError) for cause in _causes(error)):
        return "tls_failed", "The TLS handshake failed: look at the certificate and the name that it is for."
    if isinstance(error, httpcore.ConnectError | httpcore.ConnectTimeout | OSError):
        return "not_connected", "Nobody answers at the host's addresses."
    return "connection_broken", f"The connection gave no whole answer ({type(error).__name__})."
