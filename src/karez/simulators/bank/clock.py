"""The bank's own time: the machine's, moved forward if a demonstration plays another day."""

from karez.core.clock import Clock


class BankClock:
    """A clock that can be set.

    Args:
        clock: The time that it follows.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead_ns = 0

    def now_ns(self) -> int:
        """Return the bank's present moment."""
        return self._clock.now_ns() + self._ahead_ns

    def set(self, now_ns: int) -> None:
        """Let it be another moment now."""
        self._ahead_ns = now_ns - self._clock.now_ns()
