"""JSON schemas of msgspec types, with the docstrings' words at the fields that they are about."""

import inspect
import re
from collections.abc import Iterable
from typing import Any

import msgspec

Json = dict[str, Any]

_REFERENCE = "#/components/schemas/{name}"
_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


class Schemas:
    """The schemas of some types, and of those that they are made of.

    Args:
        types: Types that msgspec knows.
    """

    def __init__(self, types: Iterable[Any]) -> None:
        self._types = list(types)
        self._schemas, components = msgspec.json.schema_components(self._types, ref_template=_REFERENCE)
        self.components = {name: _described(schema) for name, schema in components.items()}

    def of(self, type_: Any) -> Json:
        """Return the schema of one of the types, or where it stands."""
        return self._schemas[self._types.index(type_)]


def properties_of(struct: type[msgspec.Struct]) -> Json:
    """Return the schemas of a struct's fields by name."""
    _, components = msgspec.json.schema_components([struct], ref_template=_REFERENCE)
    return dict(_described(components[struct.__name__])["properties"])


def _described(schema: Json) -> Json:
    text = inspect.cleandoc(schema.get("description", ""))
    summary, _, attributes = text.partition("Attributes:\n")
    described = {**schema, **({"description": _one_line(summary)} if text else {})}
    properties = {name: dict(value) for name, value in schema.get("properties", {}).items()}
    for name, words in _ATTRIBUTE.findall(attributes):
        if name in properties:
            properties[name]["description"] = _one_line(words)
    if properties:
        described["properties"] = properties
    return described


def _one_line(text: str) -> str:
    return " ".join(text.split())
