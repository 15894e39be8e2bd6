"""One request and its answer, as seen from outside: its id, who asked, the headers, the log line, the figures."""

import itertools
import secrets
import time

from karez.channels.api.caller import Caller
from karez.channels.api.context import Services
from karez.channels.api.moments import format_moment
from karez.channels.api.problems import problem_of
from karez.channels.api.replies import Header, Reply
from karez.channels.api.request_log import RequestLine, trouble

_PROCESS = secrets.token_hex(6)
_numbers = itertools.count(1)


class Exchange:
    """What is known of a request while it is served.

    Args:
        services: Where it is logged and counted.
        method: HTTP method.
    """

    __slots__ = ("_method", "_services", "_started_s", "caller", "request")

    def __init__(self, services: Services, method: str) -> None:
        self._services = services
        self._method = method
        self._started_s = time.perf_counter()
        self.request = f"{_PROCESS}{next(_numbers):x}"
        self.caller: Caller | None = None

    def headers(self) -> tuple[Header, ...]:
        """Return the headers that every answer has."""
        request = (b"x-request-id", self.request.encode("ascii"))
        return (request,) if self.caller is None else (request, *self.caller.allowance.headers())

    def refuse(self, error: Exception) -> Reply:
        """Turn what was raised into an answer; log what is not the caller's fault."""
        reply = problem_of(error)
        if reply.status >= 500:
            now = format_moment(self._services.clock.now_ns())
            self._services.log.add(trouble(now, self.request, error))
        return reply

    def finish(self, route: str, status: int, stands_for: int = 1) -> None:
        """Have the request counted and logged.

        Args:
            route: Template of the address.
            status: HTTP status of the answer.
            stands_for: How many requests its line stands for; with 0 it has none.
        """
        services = self._services
        duration_s = time.perf_counter() - self._started_s
        services.metrics.count(self._method, route, status, duration_s)
        if stands_for:
            services.log.add(
                RequestLine(
                    format_moment(services.clock.now_ns()),
                    self._method,
                    route,
                    status,
                    round(duration_s * 1_000, 3),
                    None if self.caller is None else self.caller.credential,
                    self.request,
                    stands_for,
                )
            )
