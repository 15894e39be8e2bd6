"""Many rows in operations of two hundred, so that nobody's payment waits for them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

ROWS_AT_ONCE = 200

T = TypeVar("T")


def in_parts(things: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield things in parts of so many rows; the last may be smaller."""
    for first in range(0, len(things), ROWS_AT_ONCE):
        yield things[first : first + ROWS_AT_ONCE]


def groups_in_parts(groups: Iterable[Sequence[T]]) -> Iterator[list[T]]:
    """Yield the rows of groups in parts of about so many; a group, however large, is in one part."""
    part: list[T] = []
    for group in groups:
        if part and len(part) + len(group) > ROWS_AT_ONCE:
            yield part
            part = []
        part += group
    if part:
        yield part


def array_text(texts: Sequence[str]) -> str:
    """Write texts as PostgreSQL reads an array of them."""
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in quoted) + "}"
