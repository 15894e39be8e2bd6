"""How long a trade may stay in a state, by what is bought."""

from collections.abc import Mapping
from dataclasses import dataclass

from karez.core.outcomes import Rejected

_SECOND_NS = 1_000_000_000
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Timers:
    """The times of a category.

    Attributes:
        pay_s: An order that is not paid by then is closed.
        ship_s: What is paid and not shipped by then goes back; ``None`` where nothing is shipped.
        confirm_s: What is shipped, or paid where nothing is shipped, counts as confirmed after so long.
        extension_s: What the buyer can add once.
    """

    pay_s: int
    ship_s: int | None
    confirm_s: int
    extension_s: int

    @property
    def paid_s(self) -> int:
        """Return how long a trade waits once it is paid: for the shop to ship, or for the buyer to confirm."""
        return self.confirm_s if self.ship_s is None else self.ship_s


CATEGORIES: Mapping[str, Timers] = {
    "goods": Timers(pay_s=_DAY_S, ship_s=30 * _DAY_S, confirm_s=10 * _DAY_S, extension_s=3 * _DAY_S),
    "fresh": Timers(pay_s=3_600, ship_s=3 * _DAY_S, confirm_s=1 * _DAY_S, extension_s=1 * _DAY_S),
    "digital": Timers(pay_s=_DAY_S, ship_s=None, confirm_s=1 * _DAY_S, extension_s=1 * _DAY_S),
    "service": Timers(pay_s=_DAY_S, ship_s=None, confirm_s=7 * _DAY_S, extension_s=7 * _DAY_S),
}


def timers_of(category: str) -> Timers:
    """Return the times of a category.

    Rejections: ``category_unknown``.
    """
    if category not in CATEGORIES:
        raise Rejected(
            "category_unknown",
            f"There is no category {category[:20]!r}; choose from {', '.join(CATEGORIES)}.",
        )
    return CATEGORIES[category]


def later_ns(now_ns: int, seconds: int) -> int:
    """Return a moment so many seconds after another one."""
    return now_ns + seconds * _SECOND_NS
