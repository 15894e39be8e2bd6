"""Reading a long list page by page, the latest first."""

from collections.abc import Callable
from typing import Protocol, TypeVar
from uuid import UUID

from msgspec import UnsetType

from karez.channels.api.bodies import or_none
from karez.channels.api.caller_database import Connection
from karez.channels.api.context import Services
from karez.channels.api.moments import format_moment, parse_moment

_LATEST_NS = 2**63 - 1

T = TypeVar("T")


class PageQuery(Protocol):
    """What is asked for.

    Attributes:
        before: What happened before this moment.
        limit: How many at most.
    """

    @property
    def before(self) -> str | UnsetType: ...
    @property
    def limit(self) -> int: ...


async def read_page(
    services: Services,
    party: UUID,
    query: PageQuery,
    read: Callable[[Connection, int, int], list[T]],
    moment_ns: Callable[[T], int],
) -> tuple[list[T], str | None]:
    """Read a page with the rights of a party, and tell before which moment the next one goes on.

    A page has all of the moment that its last item is of, even if that is more than the limit: the next page begins
    before that moment and would miss them.

    Args:
        services: Where the list is.
        party: For whom.
        query: Which page.
        read: Reads so many items and more of the last one's moment: ``read(connection, before_ns, limit)``.
        moment_ns: Returns the moment that the items are sorted by.

    Rejections: ``moment_malformed``.
    """
    before = or_none(query.before)
    before_ns = _LATEST_NS if before is None else parse_moment(before)
    found = await services.database.as_party(party, lambda conn: read(conn, before_ns, query.limit))
    return found, format_moment(moment_ns(found[-1])) if len(found) >= query.limit else None
