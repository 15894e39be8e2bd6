"""A bank of a few lines that answers whatever a test wants."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from karez.services.payments.banks.signatures import SIGNATURE, answer_signature
from tests.simulators.bank_process import SECRET

Respond = Callable[[str, str, bytes], tuple[int, bytes]]
"""From method, target and body to status and body."""


@contextmanager
def answering_bank(
    respond: Respond, *, secret: str | None = SECRET, headers: dict[str, str] | None = None
) -> Iterator[str]:
    """Run the bank, and yield its address.

    Args:
        respond: Says what it answers.
        secret: What it signs with; ``None`` leaves the signature out.
        headers: Further ones.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            status, answer = respond(self.command, self.path, body)
            self.send_response(status)
            if secret is not None:
                self.send_header(SIGNATURE, answer_signature(secret, self.headers[SIGNATURE], status, answer))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
