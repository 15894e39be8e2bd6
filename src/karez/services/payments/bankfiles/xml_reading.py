"""Reading XML from outside: no document types, no entities, nothing fetched, and each fault with its line.

A document type can define entities that grow without end or that name files of this machine, and no message needs
one; so a file with one is refused before the parser sees it, and the parser is told not to resolve any.
"""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from lxml import etree

from karez.core.outcomes import Rejected
from karez.services.payments.bankfiles.places import check_bytes, line_of, malformed

Element = Any
"""An ``lxml`` element; the library has no types."""

_DOCUMENT_TYPE = b"<!DOCTYPE"
_FORBIDDEN = "the file has a document type (<!DOCTYPE ...>), which no bank message needs"
_LINE_MAX = 65_534  # beyond, libxml2 repeats this number for every line

_SAFE: dict[str, bool] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "attribute_defaults": False,
    "huge_tree": False,
}


def read_tree(data: bytes) -> Element:
    """Read a whole document and return its root.

    Rejections: ``bank_file_too_large``, ``bank_file_malformed``.
    """
    _check(data)
    try:
        root = etree.fromstring(data, etree.XMLParser(**_SAFE, remove_comments=True, remove_pis=True))
    except etree.XMLSyntaxError as error:
        raise _syntax(error) from None
    _refuse_document_type(root)
    return root


def read_elements(data: bytes, *names: str) -> Iterator[Element]:
    """Return each element of these names when it is complete, first those that lie in others.

    Whoever has used a large element calls its ``clear()``, so that a file of any length needs little memory.

    Args:
        data: A document.
        names: Without a namespace.

    Rejections: ``bank_file_too_large``, ``bank_file_malformed``.
    """
    _check(data)
    tags = [f"{{*}}{name}" for name in names]
    try:
        for _, element in etree.iterparse(
            BytesIO(data), ("end",), tag=tags, remove_comments=True, remove_pis=True, **_SAFE
        ):
            _refuse_document_type(element)
            yield element
    except etree.XMLSyntaxError as error:
        raise _syntax(error) from None


def local_name(element: Element) -> str:
    """Return an element's name without its namespace."""
    tag: str = element.tag
    return tag.rpartition("}")[2]


def namespace_of(element: Element) -> str:
    """Return the namespace of an element's name; empty if it has none."""
    tag: str = element.tag
    return tag.rpartition("}")[0].removeprefix("{")


def place_of(element: Element, what: str = "") -> str:
    """Return where an element stands, such as ``entry 3, line 120`` or ``line 120``.

    Args:
        element: In a document that has been read.
        what: What the element is, if its line may not be enough to find it.
    """
    line = element.sourceline
    told = f"line {line}" if line is not None and line <= _LINE_MAX else ""
    return ", ".join(part for part in (what, told) if part) or local_name(element)


def _check(data: bytes) -> None:
    check_bytes(data)
    position = data.find(_DOCUMENT_TYPE)
    if position >= 0:
        raise malformed(line_of(data, position), _FORBIDDEN)


def _refuse_document_type(element: Element) -> None:
    # Under an encoding such as UTF-7 the search in the bytes finds nothing.
    if element.getroottree().docinfo.internalDTD is not None:
        raise malformed("line 1", _FORBIDDEN)


def _syntax(error: Any) -> Rejected:
    return malformed(f"line {error.lineno or 1}", f"this is not well-formed XML ({error.msg})")
