"""Receivers of webhooks on the loopback interface: real sockets, behaviour by the test."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WAIT_S = 60.0


@dataclass(frozen=True)
class Received:
    """One request that came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The message's id."""
        return self.headers["webhook-id"]


@dataclass
class Reaction:
    """How a receiver answers.

    Attributes:
        status: HTTP status.
        body: The answer.
        headers: Besides the length.
        hold: Waited for before the answer, if it is there.
    """

    status: int = 200
    body: bytes = b"ok"
    headers: Mapping[str, str] = field(default_factory=dict)
    hold: threading.Event | None = None


class Receiver:
    """A receiver that runs.

    Args:
        react: Decides by the request how to answer.
    """

    def __init__(self, react: Callable[[Received], Reaction]) -> None:
        self.react = react
        self.received: list[Received] = []
        self.url = ""

    def ids(self) -> list[str]:
        """The ids of all messages, in the order in which they came."""
        return [each.id for each in list(self.received)]

    def bodies_by_id(self) -> dict[str, set[bytes]]:
        """All bodies that came with each id."""
        bodies: dict[str, set[bytes]] = {}
        for each in list(self.received):
            bodies.setdefault(each.id, set()).add(each.body)
        return bodies


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            size_bytes = int(self.headers["content-length"])
            body = self.rfile.read(size_bytes)
            if len(body) < size_bytes:
                return  # whoever sent it was killed before it was whole
            headers = {name.lower(): value for name, value in self.headers.items()}
            received = Received(self.path, headers, body)
            receiver.received.append(received)
            reaction = receiver.react(received)
            if reaction.hold is not None:
                reaction.hold.wait(WAIT_S)
            self.send_response(reaction.status)
            for name, value in reaction.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(reaction.body)))
            self.end_headers()
            self.wfile.write(reaction.body)

        do_GET = do_POST

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no error here."""


@contextmanager
def receiver(
    react: Callable[[Received], Reaction] | None = None,
    *,
    address: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Receiver]:
    """Run a receiver; by default it takes everything."""
    made = Receiver(react or (lambda _: Reaction()))
    server = _Server((address, port), _handler(made))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    scheme = "http" if tls is None else "https"
    made.url = f"{scheme}://{address}:{server.server_address[1]}/hooks?shop=7"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def port_of(url: str) -> int:
    """The port in a receiver's URL."""
    return int(url.rsplit(":", 1)[1].split("/")[0])


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that other threads bring about."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, f"waited for {what} in vain"
        time.sleep(0.01)
