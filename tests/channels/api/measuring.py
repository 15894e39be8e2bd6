"""Measures what a single transfer costs the web process, without bookkeeper and database behind it.

    python -m tests.channels.api.measuring

Three servers run side by side, each a process of its own with uvicorn, httptools and uvloop: one that answers a
constant (what uvicorn itself costs), the fast lane, and the framework's handler of the same route. They are loaded
in turn, in many short rounds, and the processor time of each process is read from /proc before and after. Other
work on the machine makes rounds dearer, never cheaper, so the least round says most.
"""

import asyncio
import gc
import multiprocessing
import os
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import uvicorn
import uvloop

from karez.bench.cpu import process_cpu_s
from karez.bench.load import LoadResult, http_post, load
from karez.channels.api.asgi import Application, Receive, Scope, Send
from karez.channels.api.caller import Caller
from karez.channels.api.context import ApiContext, Services
from karez.channels.api.fast_lane import FastLane
from karez.channels.api.framework import framework
from karez.channels.api.observed import NOT_TO_BE_KEPT, Observed
from karez.channels.api.rate_limits import Allowance, RateLimits
from karez.channels.api.request_log import Write
from karez.core.clock import SystemClock
from karez.core.ids import new_id
from karez.ledger.client import BookClient
from karez.ledger.model import Status
from karez.parties.tokens import Credential, hash_of, new_token

CONNECTIONS = 64
ROUND_S = 0.7
ROUNDS = 15
SERVERS = ("constant", "framework", "fast lane")


class InstantBook(BookClient):
    """Makes every transfer at once."""

    async def transfer(self, record: bytes, institution: int) -> tuple[Status, int]:
        """Answer as the bookkeeper does to a new transfer."""
        del record, institution
        return Status.CREATED, time.time_ns()


async def _constant(_scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"120")]})
    await send({"type": "http.response.body", "body": b"x" * 120})


def instant_api(name: str, token: str, write_log: Write) -> Application:
    """Make the API on an instant book; it knows one token, as after that token's first request.

    Args:
        name: ``fast lane``, or ``framework`` to do without it.
        token: An institution's.
        write_log: Takes the log.
    """
    services = Services(
        ApiContext(
            book=InstantBook(Path("/nowhere")),
            database_web="",
            secret_key=bytes(32),
            clock=SystemClock(),
            write_log=write_log,
        )
    )
    services.authentication.keep(sha256(f"Bearer {token}".encode()).digest(), (float("inf"), _caller()))
    observed = Observed(services, framework(services), NOT_TO_BE_KEPT)
    return FastLane(services, observed) if name == "fast lane" else observed


def _caller() -> Caller:
    credential = Credential(
        id=new_id(time.time_ns()),
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
    return Caller(credential, Allowance(RateLimits(), time.monotonic()))


def _serve(name: str, token: str, listening: socket.socket) -> None:
    log = os.open("/dev/null", os.O_WRONLY)
    app = _constant if name == "constant" else instant_api(name, token, lambda lines: os.write(log, lines))
    config = uvicorn.Config(
        app,
        http="httptools",
        loop="uvloop",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
    )
    gc.collect()
    gc.freeze()  # as run_web() does
    uvicorn.Server(config).run(sockets=[listening])


class Server(NamedTuple):
    """A server that runs."""

    pid: int
    port: int


@contextmanager
def _server(name: str, token: str) -> Iterator[Server]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1_024)
        process = multiprocessing.get_context("spawn").Process(target=_serve, args=(name, token, listening))
        process.start()
        try:
            assert process.pid is not None
            yield Server(process.pid, listening.getsockname()[1])
        finally:
            process.terminate()
            process.join()


def _make_request(token: str) -> Callable[[], bytes]:
    accounts = [str(new_id(time.time_ns())) for _ in range(2)]
    sides = f'"debit_account_id":"{accounts[0]}","credit_account_id":"{accounts[1]}"'
    tail = f'",{sides},"amount":1,"ledger":1,"code":1}}'

    def make() -> bytes:
        body = '{"id":"' + str(new_id(time.time_ns())) + tail
        return http_post("/v1/transfers", "127.0.0.1", body.encode(), token)

    return make


def _measure(server: Server, make_request: Callable[[], bytes]) -> tuple[float, LoadResult]:
    """Return microseconds of processor time a request, and what the load saw."""
    before_s = process_cpu_s(server.pid)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(load("127.0.0.1", server.port, [make_request] * CONNECTIONS, ROUND_S))
    assert result.failures() == 0, result.statuses
    return (process_cpu_s(server.pid) - before_s) / len(result.latencies_s) * 1e6, result


def main() -> None:
    """Print one line for each server."""
    token = str(new_token(0))
    make_request = _make_request(token)
    with ExitStack() as stack:
        servers = {name: stack.enter_context(_server(name, token)) for name in SERVERS}
        for server in servers.values():
            _measure(server, make_request)
        rounds = [
            {name: _measure(server, make_request) for name, server in servers.items()} for _ in range(ROUNDS)
        ]
    for name in SERVERS:
        costs_us = [measured[name][0] for measured in rounds]
        rate = max(measured[name][1].per_second() for measured in rounds)
        print(
            f"{name:10} {min(costs_us):6.1f} us of processor a request at least, "
            f"{statistics.median(costs_us):6.1f} in the middle; {rate:7.0f}/s at most"
        )


if __name__ == "__main__":
    main()
