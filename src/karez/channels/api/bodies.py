"""Reading what a request carries, strictly: what is not documented is refused by its name.

A ``Body`` or a ``Query`` is made once from a msgspec type, reads requests by it, and is documented by it.
"""

import re
from typing import Any, Generic, TypeVar

import msgspec
from litestar import Request
from msgspec import UNSET, UnsetType

from karez.core.outcomes import Rejected

T = TypeVar("T")

JSON = b"application/json"
SMALL_SIZE_MAX_BYTES = 64 * 1024
LARGE_SIZE_MAX_BYTES = 4 * 1024 * 1024

_AT_FIELD = re.compile(r"^(.*?)(?: - at `(?:key in )?\$\.?(.*)`)?$", re.DOTALL)
_NAMED_FIELD = re.compile(r"Object (contains unknown|missing required) field `(.*)`", re.DOTALL)
_BYTE = re.compile(r"\(byte (\d+)\)")
_SHOWN_MAX = 80


class Body(Generic[T]):
    """What a route reads from the body.

    Args:
        type_: A type that msgspec decodes.
        example: A body as it may come, for the documentation.
        size_max_bytes: How large it may be.
        is_required: Whether it may not be left out.
    """

    def __init__(
        self,
        type_: Any,
        example: object,
        size_max_bytes: int = SMALL_SIZE_MAX_BYTES,
        *,
        is_required: bool = True,
    ) -> None:
        self.type = type_
        self.example = example
        self.is_required = is_required
        self.size_max_bytes = size_max_bytes
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(type_)

    async def read(self, request: Request[Any, Any, Any]) -> T:
        """Decode the body of a request.

        Rejections: ``content_type_unsupported``, ``json_malformed``, ``field_missing``, ``field_unknown``,
            ``field_invalid``; the framework refuses what is too large.
        """
        check_content_type(request.headers.get("content-type", "").encode("latin-1"))
        return self.decode(await request.body())

    async def read_or_none(self, request: Request[Any, Any, Any]) -> T | None:
        """Decode the body of a request, if it has one.

        Rejections: as of ``read``.
        """
        return await self.read(request) if await request.body() else None

    def decode(self, body: bytes | bytearray) -> T:
        """Decode bytes.

        Rejections: ``json_malformed``, ``field_missing``, ``field_unknown``, ``field_invalid``.
        """
        try:
            return self._decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise refusal_of(error, len(body)) from error


class Query(Generic[T]):
    """What a route reads from the part of the address behind the question mark.

    Args:
        type_: A ``msgspec.Struct`` with one field for each parameter. One that may be left out is ``UNSET`` then,
            because a parameter has no way to be null.
    """

    def __init__(self, type_: type[T]) -> None:
        self.type = type_

    def read(self, request: Request[Any, Any, Any]) -> T:
        """Read the parameters of a request.

        Rejections: ``field_missing``, ``field_unknown``, ``field_invalid``.
        """
        values: dict[str, str] = {}
        for name, value in request.query_params.multi_items():
            if name in values:
                raise _invalid("field_invalid", name, "it is given more than once")
            values[name] = value
        try:
            return msgspec.convert(values, self.type, strict=False)
        except msgspec.ValidationError as error:
            raise refusal_of(error, 0) from error


def or_none(value: T | UnsetType) -> T | None:
    """Return a parameter's value, ``None`` if it was left out."""
    return None if value is UNSET else value


def check_content_type(content_type: bytes) -> None:
    """Refuse bodies that are not JSON.

    Args:
        content_type: The header, perhaps with parameters.

    Rejections: ``content_type_unsupported``.
    """
    if content_type != JSON and content_type.partition(b";")[0].strip().lower() != JSON:
        raise Rejected(
            "content_type_unsupported",
            "The body is not declared as JSON; send the header Content-Type: application/json.",
        )


def refusal_of(error: Exception, size_bytes: int) -> Rejected:
    """Turn what msgspec says of a body into a rejection that names the field or the position.

    Args:
        error: What it raised.
        size_bytes: The body's size.
    """
    text = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return _malformed(text, size_bytes)
    reason, path = _AT_FIELD.match(text).groups()  # type: ignore[union-attr]
    named = _NAMED_FIELD.match(reason)
    if named is None:
        return _invalid("field_invalid", path or "", reason[:1].lower() + reason[1:].replace("`", ""))
    what, name = named.groups()
    field = f"{path}.{name}" if path else name
    if what == "missing required":
        return _invalid("field_missing", field, "it is missing")
    return _invalid("field_unknown", field, "there is no such field here")


def invalid_field(field: str, reason: str) -> Rejected:
    """Return the refusal of a field's value.

    Args:
        field: Its path, such as ``[17].id``.
        reason: What is wrong, as the end of a sentence.
    """
    return _invalid("field_invalid", field, reason)


def _invalid(code: str, field: str, reason: str) -> Rejected:
    shown = field[:_SHOWN_MAX]
    where = f"The field {shown!r}" if shown else "The body"
    return Rejected(
        code, f"{where} was not accepted: {reason[:_SHOWN_MAX]}; correct it and send it again.", field=shown
    )


def _malformed(text: str, size_bytes: int) -> Rejected:
    at = _BYTE.search(text)
    position = int(at[1]) if at else size_bytes
    reason = text.removeprefix("JSON is malformed: ").split(" (byte")[0]
    if not text.startswith("JSON is malformed"):
        reason = "it ends too early" if "truncated" in text else "it is not UTF-8 text or nested too deeply"
    return Rejected(
        "json_malformed",
        f"The body is not JSON: {reason} at byte {position}; correct it and send it again.",
        position=position,
    )
