"""Business time as a value that is passed in.

Only ``cli`` and ``channels`` make a ``SystemClock``; everything below takes a ``Clock``, so that a test or a
demonstration can run a year in minutes with a ``SimulatedClock``.
"""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time in nanoseconds since 1970-01-01 UTC."""

    def now_ns(self) -> int:
        """Return the present moment."""
        ...


class SystemClock:
    """The machine's own time."""

    def now_ns(self) -> int:
        """Return the machine's time."""
        return time.time_ns()


class SimulatedClock:
    """A time that stands still until it is moved forward.

    Args:
        start_ns: The first moment, in nanoseconds since 1970-01-01 UTC.
    """

    def __init__(self, start_ns: int) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        """Return the simulated moment."""
        return self._now_ns

    def advance(self, seconds: float) -> None:
        """Move the time forward; it never goes back."""
        if seconds < 0:
            raise ValueError("a clock cannot be moved back")
        self._now_ns += round(seconds * 1_000_000_000)


def to_datetime(moment_ns: int) -> datetime:
    """Return an aware UTC datetime, cut to microseconds."""
    return datetime.fromtimestamp(moment_ns // 1_000_000_000, UTC).replace(
        microsecond=moment_ns // 1_000 % 1_000_000
    )
