"""One line of JSON for each request on the standard error, and one for each defect.

A line names the route's template, never the address itself, which holds ids; it holds no body, no token and no
personal data. Lines are written together a few times a second: one by one they would cost as much as the rest of a
small request.
"""

import asyncio
import sys
import traceback
from collections.abc import Callable
from uuid import UUID

import msgspec

from karez.core.outcomes import Unavailable

_WAIT_S = 0.2
_LINES_MAX = 1_000
_CROWD = 100

_encoder = msgspec.json.Encoder()

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
        stands_for: Of how many requests like it this is the one that is logged.
    """

    time: str
    method: str
    route: str
    status: int
    duration_ms: float
    credential: UUID | None
    request: str
    stands_for: int


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


class RequestLog:
    """Takes lines in and writes them together a few times a second.

    Args:
        write: Takes bytes that end with a line's end; the standard error by default.
    """

    def __init__(self, write: Write | None = None) -> None:
        self._write = write or to_standard_error
        self._lines: list[RequestLine | TroubleLine] = []

    @property
    def is_crowded(self) -> bool:
        """Tell whether more lines are coming than anybody reads, some hundreds a second."""
        return len(self._lines) >= _CROWD

    def add(self, line: RequestLine | TroubleLine) -> None:
        """Take one line in."""
        if not self._lines:
            asyncio.get_running_loop().call_later(_WAIT_S, self.flush)
        self._lines.append(line)
        if len(self._lines) >= _LINES_MAX:
            self.flush()

    def flush(self) -> None:
        """Write what was taken in."""
        lines, self._lines = self._lines, []
        if lines:
            self._write(_encoder.encode_lines(lines))


def to_standard_error(lines: bytes) -> None:
    """Write lines where a supervisor collects them."""
    sys.stderr.buffer.write(lines)
    sys.stderr.buffer.flush()


def trouble(time: str, request: str, error: Exception) -> TroubleLine:
    """Tell why a request could not be served."""
    if isinstance(error, Unavailable) and error.code != "database_failed":
        return TroubleLine(time, request, error.code, error.sentence)
    cause = error.__cause__ if isinstance(error, Unavailable) and error.__cause__ else error
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(cause.__traceback__)[-4:]]
    return TroubleLine(time, request, type(cause).__name__, " > ".join(places))
