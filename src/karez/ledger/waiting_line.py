"""The bounded queue before the bookkeeper: what waits, how much of it, and what goes into the next group.

Submissions wait in the order of arrival. One that a group has deferred, because another one of the group touches
the same row, waits apart and goes first into the next group; but only a few of those at a time, so that a row
that everybody wants holds up nobody else.
"""

from collections import deque
from collections.abc import Callable, Iterable

from karez.ledger.group import Submission, TransferSubmission
from karez.ledger.wire import Kind

GROUP_WEIGHT_MAX = 16_384
QUEUE_WEIGHT_MAX = 131_072
QUEUE_BYTES_MAX = 64 * 1024 * 1024
DEFERRED_PER_GROUP_MAX = 64

Respond = Callable[[Kind, bytes], None]


class Waiting:
    """One submission in the queue."""

    __slots__ = ("respond", "size_bytes", "submission", "weight")

    def __init__(self, submission: Submission, size_bytes: int, respond: Respond) -> None:
        self.submission = submission
        self.size_bytes = size_bytes
        self.respond = respond
        # An operation, or the frame of a submission, costs about as much as this many plain transfers.
        transfers = submission.transfers
        self.weight = len(transfers) + (1 if isinstance(submission, TransferSubmission) else 8)


class WaitingLine:
    """Everything that has been taken in and not been answered, but for the group under way."""

    def __init__(self) -> None:
        self._fresh: deque[Waiting] = deque()
        self._deferred: deque[Waiting] = deque()
        self._size_bytes = 0
        self.weight = 0

    def __bool__(self) -> bool:
        return bool(self._fresh or self._deferred)

    @property
    def is_full(self) -> bool:
        """Whether a caller must be told to come back later."""
        return self.weight > QUEUE_WEIGHT_MAX or self._size_bytes > QUEUE_BYTES_MAX

    def add(self, waiting: Waiting) -> None:
        """Put a submission at the end."""
        self._fresh.append(waiting)
        self._count(waiting, 1)

    def defer(self, deferred: Iterable[Waiting]) -> None:
        """Put back, in their order, those that must be handed in again."""
        deferred = list(deferred)
        self._deferred.extendleft(reversed(deferred))
        for waiting in deferred:
            self._count(waiting, 1)

    def take_group(self) -> list[Waiting]:
        """Take what goes into the next group out of the line."""
        group: list[Waiting] = []
        weight = 0
        while self._deferred and len(group) < DEFERRED_PER_GROUP_MAX:
            group.append(self._deferred.popleft())
            weight += group[-1].weight
        while self._fresh and (not group or weight + self._fresh[0].weight <= GROUP_WEIGHT_MAX):
            group.append(self._fresh.popleft())
            weight += group[-1].weight
        for waiting in group:
            self._count(waiting, -1)
        return group

    def _count(self, waiting: Waiting, sign: int) -> None:
        self.weight += sign * waiting.weight
        self._size_bytes += sign * waiting.size_bytes
