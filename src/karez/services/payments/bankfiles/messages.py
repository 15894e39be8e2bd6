"""ISO 20022 messages of any kind and version as the classes of ``pyiso20022``, and back.

The classes carry the schemas' names and order, so a message that is built of them has the right shape.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from xsdata.exceptions import ParserError
from xsdata.formats.dataclass.context import XmlContext
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.config import ParserConfig
from xsdata.formats.dataclass.serializers import XmlSerializer

from karez.core.outcomes import Rejected
from karez.services.payments.bankfiles.message_names import message_name
from karez.services.payments.bankfiles.places import malformed
from karez.services.payments.bankfiles.xml_reading import read_tree

Message = Any
"""A ``Document`` of a module of ``pyiso20022``, which has no types."""

_STRICT = ParserConfig(
    fail_on_unknown_properties=True, fail_on_unknown_attributes=False, fail_on_converter_warnings=True
)


def read_message(data: bytes) -> Message:
    """Read a message of whatever kind.

    Rejections: ``bank_file_too_large``, ``bank_file_malformed``, ``bank_message_unknown``.
    """
    root = read_tree(data)
    name = message_name(root)
    try:
        return XmlParser(config=_STRICT).parse(root, _document_class(name))
    except (ParserError, ValueError, TypeError) as error:
        raise malformed(name, f"an element is missing or has no place there ({error})") from None


def write_message(message: Message) -> bytes:
    """Write a message as UTF-8 with its namespace as the default one."""
    namespace = type(message).Meta.namespace
    text = XmlSerializer(context=XmlContext()).render(message, ns_map={None: namespace})
    return text.encode()


def _document_class(name: str) -> type[Message]:
    module = f"pyiso20022.{name[:4]}.{name.replace('.', '_')}"
    if find_spec(f"pyiso20022.{name[:4]}") is None or find_spec(module) is None:
        raise Rejected("bank_message_unknown", f"Messages {name} are not known; send another version of it.")
    class_: type[Message] = import_module(module).Document
    return class_
