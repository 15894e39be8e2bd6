"""One line of JSON for each request on the standard error, and one for each defect.

A line names the route's template, never the address itself, which holds ids; it holds no body, no token and no
personal data. Lines are made and written together a few times a second: one by one they would cost as much as the
rest of a small request.
"""

import asyncio
import sys
import traceback
from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

import msgspec

from karez.channels.api.metrics import Metrics
from karez.channels.api.moments import format_moment
from karez.core.outcomes import Unavailable

_WAIT_S = 0.2
_LINES_MAX = 1_000

Write = Callable[[bytes], object]


class RequestLine(msgspec.Struct, frozen=True):
    """One request.

    Attributes:
        time: When it ended.
        method: HTTP method.
        route: Template of the address, such as ``/v1/accounts/{account_id}``.
        status: HTTP status.
        duration_ms: From its first byte to the last one of the answer.
        credential: Whose it was, as far as that was found out.
        request: Its id, as in the header ``X-Request-Id``.
    """

    time: str
    method: str
    route: str
    status: int
    duration_ms: float
    credential: UUID | None
    request: str


class TroubleLine(msgspec.Struct, frozen=True):
    """Why a request was answered with 5xx.

    Attributes:
        time: When.
        request: Its id.
        code: The outage, or the exception's class.
        detail: The outage's sentence for the operator, or where in the code the defect showed. Not the
            exception's text: that may hold a value of the request.
    """

    time: str
    request: str
    code: str
    detail: str


class Finished(NamedTuple):
    """One request, as it is kept until its line is written.

    Attributes:
        at_ns: When it ended.
        duration_s: How long it took.
    """

    at_ns: int
    method: str
    route: str
    status: int
    duration_s: float
    credential: UUID | None
    request: str


class RequestLog:
    """Takes requests in, and a few times a second counts them and writes their lines.

    Args:
        metrics: Where they are counted.
        write: Takes bytes that end with a line's end; the standard error by default.
    """

    def __init__(self, metrics: Metrics, write: Write | None = None) -> None:
        self._metrics = metrics
        self._write = write or _to_standard_error
        self._encode = msgspec.json.Encoder().encode
        self._taken: list[Finished | TroubleLine] = []

    def add(self, taken: Finished | TroubleLine) -> None:
        """Take a request or a defect in."""
        if not self._taken:
            asyncio.get_running_loop().call_later(_WAIT_S, self.flush)
        self._taken.append(taken)
        if len(self._taken) >= _LINES_MAX:
            self.flush()

    def flush(self) -> None:
        """Count and write what was taken in."""
        taken, self._taken = self._taken, []
        if taken:
            self._write(b"".join([self._encode(self._line(each)) + b"\n" for each in taken]))

    def _line(self, taken: Finished | TroubleLine) -> RequestLine | TroubleLine:
        if isinstance(taken, TroubleLine):
            return taken
        at_ns, method, route, status, duration_s, credential, request = taken
        self._metrics.count(method, route, status, duration_s)
        duration_ms = round(duration_s * 1_000, 3)
        return RequestLine(format_moment(at_ns), method, route, status, duration_ms, credential, request)


def _to_standard_error(lines: bytes) -> None:
    sys.stderr.buffer.write(lines)
    sys.stderr.buffer.flush()


def trouble(time: str, request: str, error: Exception) -> TroubleLine:
    """Tell why a request could not be served."""
    if isinstance(error, Unavailable) and error.code != "database_failed":
        return TroubleLine(time, request, error.code, error.sentence)
    cause = error.__cause__ if isinstance(error, Unavailable) and error.__cause__ else error
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(cause.__traceback__)[-4:]]
    return TroubleLine(time, request, type(cause).__name__, " > ".join(places))
