"""How much one credential may ask of this process: token buckets, and the headers that tell what is left.

A bucket holds ``quota`` tokens and refills evenly within its window. Whoever finds anything in it is served and
pays afterwards, so a batch larger than what is left passes and the next ones wait until it is paid.

Source of the headers: IETF draft-ietf-httpapi-ratelimit-headers-10.
"""

from dataclasses import dataclass
from math import ceil
from uuid import UUID

from karez.channels.api.replies import Header
from karez.core.outcomes import Rejected

_REMEMBERED_MAX = 10_000
_STEPS = 1_000


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What each credential may ask of each web process.

    Attributes:
        requests: Requests in a window.
        transfers: Transfers in a window, however they are spread over requests.
        window_s: Length of the window.
    """

    requests: int = 1_000_000
    transfers: int = 50_000_000
    window_s: int = 10


class Bucket:
    """Tokens of one kind.

    Args:
        kind: What they pay for.
        quota: How many there are when nothing was taken.
        window_s: Time in which an empty bucket fills.
        now_s: The present reading of a clock that never goes back.

    Attributes:
        left: How many there are now; below zero after a batch that was larger.
    """

    __slots__ = ("_filled_s", "_kind", "_per_s", "_quota", "left")

    def __init__(self, kind: str, quota: int, window_s: int, now_s: float) -> None:
        self._kind = kind
        self._quota = quota
        self._per_s = quota / window_s
        self._filled_s = now_s
        self.left = float(quota)

    def take(self, count: int, now_s: float) -> None:
        """Pay for something.

        Args:
            count: What it costs.
            now_s: The present reading of the clock.

        Rejections: ``rate_limited`` with ``retry_after_s``.
        """
        left = self.left + (now_s - self._filled_s) * self._per_s
        self._filled_s = now_s
        if left > self._quota:
            left = self._quota
        if left < 1:
            self.left = left
            raise Rejected(
                "rate_limited",
                f"This credential has used up its {self._kind} for now; wait as long as Retry-After says, or "
                "ask the operator for a higher limit.",
                retry_after_s=(1 - left) / self._per_s,
            )
        self.left = left - count

    def __str__(self) -> str:
        full_in_s = ceil((self._quota - self.left) / self._per_s)
        return f'"{self._kind}";r={max(int(self.left), 0)};t={full_in_s}'


class Allowance:
    """What is left of one credential's limits.

    Args:
        limits: What it may ask for.
        now_s: The present reading of a clock that never goes back.
    """

    __slots__ = ("_headers", "_policy", "_shown", "_steps", "requests", "transfers")

    def __init__(self, limits: RateLimits, now_s: float) -> None:
        self.requests = Bucket("requests", limits.requests, limits.window_s, now_s)
        self.transfers = Bucket("transfers", limits.transfers, limits.window_s, now_s)
        quotas = (limits.requests, limits.window_s, limits.transfers, limits.window_s)
        self._policy = (b"ratelimit-policy", b'"requests";q=%d;w=%d, "transfers";q=%d;w=%d' % quotas)
        self._steps = (limits.requests / _STEPS, limits.transfers / _STEPS)
        self._shown = (0.0, 0.0)
        self._headers = self._tell()

    def headers(self) -> tuple[Header, Header]:
        """Return the limits, and what is left of them, to a thousandth of the quota."""
        requests, transfers = self._shown
        if (
            abs(self.requests.left - requests) >= self._steps[0]
            or abs(self.transfers.left - transfers) >= self._steps[1]
        ):
            self._headers = self._tell()
        return self._headers

    def _tell(self) -> tuple[Header, Header]:
        self._shown = (self.requests.left, self.transfers.left)
        return self._policy, (b"ratelimit", f"{self.requests}, {self.transfers}".encode("ascii"))


class Allowances:
    """The allowances of all credentials seen lately.

    Args:
        limits: What each may ask for.
    """

    def __init__(self, limits: RateLimits) -> None:
        self._limits = limits
        self._by_credential: dict[UUID, Allowance] = {}

    def of(self, credential: UUID, now_s: float) -> Allowance:
        """Return a credential's allowance, a full one if it was not seen lately."""
        allowance = self._by_credential.pop(credential, None) or Allowance(self._limits, now_s)
        self._by_credential[credential] = allowance
        if len(self._by_credential) > _REMEMBERED_MAX:
            del self._by_credential[next(iter(self._by_credential))]
        return allowance
