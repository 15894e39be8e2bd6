"""What the OpenAPI document says, for tests that go through all routes."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from karez.channels.api.openapi import openapi_document
from karez.channels.api.routes import HANDLERS

Json = dict[str, Any]

DOCUMENT: Json = openapi_document(HANDLERS, "test")


class Operation(NamedTuple):
    """One route."""

    name: str
    method: str
    path: str
    definition: Json

    @property
    def scopes(self) -> list[str] | None:
        """The scopes that it needs; ``None`` if it is public."""
        security = self.definition.get("security")
        return None if security is None else list(security[0]["token"])


OPERATIONS = [
    Operation(definition["operationId"], method, path, definition)
    for path, operations in DOCUMENT["paths"].items()
    for method, definition in operations.items()
]


def resolved(schema: Json) -> Json:
    """Follow a reference."""
    if "$ref" in schema:
        return resolved(DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
    return schema


def fields(schema: Json) -> Iterator[tuple[str, Json]]:
    """Yield the fields of a schema and of all that it is made of."""
    schema = resolved(schema)
    for name, field in schema.get("properties", {}).items():
        yield name, field
        yield from fields(field)
    for part in (*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())):
        yield from fields(part)
