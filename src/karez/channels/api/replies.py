"""What is sent back: a status, a body and headers, the same in front of the framework and inside it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response

Header = tuple[bytes, bytes]

JSON = b"application/json"

encode: Callable[[Any], bytes] = msgspec.json.Encoder().encode


class Reply(msgspec.Struct, frozen=True, gc=False):
    """An answer.

    Attributes:
        status: HTTP status.
        body: What is sent.
        headers: What it adds to the headers that every answer has.
        content_type: Of the body.
    """

    status: int
    body: bytes
    headers: tuple[Header, ...] = ()
    content_type: bytes = JSON


def json_reply(content: object, status: int = 200, *headers: Header) -> Response[bytes]:
    """Answer with a value as JSON.

    Args:
        content: What msgspec encodes.
        status: HTTP status.
        headers: Further headers.
    """
    return to_response(Reply(status, encode(content), headers))


def to_response(reply: Reply) -> Response[bytes]:
    """Hand an answer to the framework, which declares texts as UTF-8."""
    return Response(
        reply.body,
        status_code=reply.status,
        media_type=reply.content_type.decode("ascii"),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in reply.headers},
    )


def location(path: str, id_: UUID | int) -> Header:
    """Return the header that tells where a new thing is."""
    return b"location", f"{path}/{id_}".encode("ascii")
