"""Measures what a single transfer costs the web process, without bookkeeper and database behind it.

    python -m tests.channels.api.measuring

Three servers answer the same requests in turn, each a process of its own with uvicorn, httptools and uvloop: one
that answers a constant (what uvicorn itself costs), the fast lane, and the framework's handler of the same
route. The processor time is that of the server's process, read from /proc before and after.
"""

import asyncio
import gc
import multiprocessing
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from karez.bench.load import LoadResult, http_post, load
from karez.channels.api.app import make_app
from karez.channels.api.asgi import Application, Receive, Scope, Send
from karez.channels.api.caller import Caller
from karez.channels.api.context import ApiContext, Services
from karez.channels.api.rate_limits import Allowance, RateLimits
from karez.core.clock import SystemClock
from karez.core.ids import new_id
from karez.ledger.client import BookClient
from karez.ledger.model import Status
from karez.parties.tokens import Credential, hash_of, new_token

CONNECTIONS = 64
SECONDS = 4.0
ROUNDS = 3
SERVERS = ("constant", "framework", "fast lane")

_TOKEN = str(new_token(0))


class InstantBook(BookClient):
    """Makes every transfer at once."""

    async def transfer(self, record: bytes, institution: int) -> tuple[Status, int]:
        """Answer as the bookkeeper does to a new transfer."""
        del record, institution
        return Status.CREATED, time.time_ns()


async def _constant(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    await receive()
    await send({"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"120")]})
    await send({"type": "http.response.body", "body": b"x" * 120})


def _application(name: str) -> Application:
    if name == "constant":
        return _constant
    log = os.open("/dev/null", os.O_WRONLY)
    context = ApiContext(
        book=InstantBook(Path("/nowhere")),
        database_web="",
        secret_key=bytes(32),
        clock=SystemClock(),
        write_log=lambda lines: os.write(log, lines),
    )
    Services.open = lambda _: None  # type: ignore[method-assign]
    _let_in(context)
    return make_app(context, fast_lane=name == "fast lane")


def _let_in(context: ApiContext) -> None:
    """Have every process know the token, as after its first request, and for longer than the measurement."""
    from karez.channels.api.authentication import Authentication

    now_ns = context.clock.now_ns()
    credential = Credential(
        id=new_id(now_ns),
        institution=2,
        party=None,
        label="measuring",
        scopes=["ledger:write"],
        secret_hash=hash_of("0"),
        created_ns=0,
        expires_ns=2**62,
        revoked_ns=None,
        replaced_by=None,
        suspended=False,
    )
    caller = Caller(credential, Allowance(RateLimits(), time.monotonic()))
    made = Authentication.__init__

    def make(self: Authentication, *arguments: Any) -> None:
        made(self, *arguments)
        self._kept[sha256(f"Bearer {_TOKEN}".encode()).digest()] = (float("inf"), caller)

    Authentication.__init__ = make  # type: ignore[method-assign, assignment]


def _serve(name: str, token: str, listening: socket.socket) -> None:
    global _TOKEN
    _TOKEN = token
    application = _application(name)
    gc.collect()
    gc.freeze()  # as run_web() does
    config = uvicorn.Config(
        application,
        http="httptools",
        loop="uvloop",
        ws="none",
        lifespan="off" if name == "constant" else "on",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
    )
    uvicorn.Server(config).run(sockets=[listening])


@contextmanager
def _server(name: str) -> Iterator[tuple[int, int]]:
    """Run one server and yield its process id and port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1_024)
        process = multiprocessing.get_context("spawn").Process(target=_serve, args=(name, _TOKEN, listening))
        process.start()
        try:
            assert process.pid is not None
            yield process.pid, listening.getsockname()[1]
        finally:
            process.terminate()
            process.join()


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _make_request() -> Callable[[], bytes]:
    accounts = [str(new_id(time.time_ns())) for _ in range(2)]
    sides = f'"debit_account_id":"{accounts[0]}","credit_account_id":"{accounts[1]}"'
    tail = f'",{sides},"amount":1,"ledger":1,"code":1}}'

    def make() -> bytes:
        body = '{"id":"' + str(new_id(time.time_ns())) + tail
        return http_post("/v1/transfers", "127.0.0.1", body.encode(), _TOKEN)

    return make


def _load(port: int, seconds: float) -> LoadResult:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(load("127.0.0.1", port, CONNECTIONS, _make_request(), seconds))


def _measure(name: str) -> tuple[float, float, float]:
    """Return microseconds of processor time a request, requests a second, and the median latency."""
    with _server(name) as (pid, port):
        _load(port, 1.0)
        before_s = _processor_s(pid)
        result = _load(port, SECONDS)
        used_s = _processor_s(pid) - before_s
        assert result.failures() == 0, result.statuses
        return used_s / len(result.latencies_s) * 1e6, result.per_second(), result.percentile_ms(50)


def main() -> None:
    """Print one line for each server and round."""
    for _ in range(ROUNDS):
        for name in SERVERS:
            processor_us, per_s, median_ms = _measure(name)
            print(
                f"{name:10} {processor_us:6.1f} us of processor a request  {per_s:8.0f}/s  p50 {median_ms:.2f} ms"
            )


if __name__ == "__main__":
    main()
