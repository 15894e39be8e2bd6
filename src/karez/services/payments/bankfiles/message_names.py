"""What an ISO 20022 document is, told by its namespace."""

import re

from karez.core.outcomes import Rejected
from karez.services.payments.bankfiles.places import shown
from karez.services.payments.bankfiles.xml_reading import Element, namespace_of

_NAMESPACE_START = "urn:iso:std:iso:20022:tech:xsd:"
_NAMESPACE = re.compile(re.escape(_NAMESPACE_START) + r"(\w{4}\.\d{3}\.\d{3}\.\d{2})", re.ASCII)


def message_name(root: Element) -> str:
    """Return what a document is by its namespace, such as ``camt.053.001.08``.

    Rejections: ``bank_message_unknown``.
    """
    namespace = namespace_of(root)
    match = _NAMESPACE.fullmatch(namespace)
    if match is None:
        raise Rejected(
            "bank_message_unknown",
            f"The document's namespace is {shown(namespace)}; it must be that of an ISO 20022 message, such as "
            f"{_NAMESPACE_START}camt.053.001.08.",
        )
    return match[1]
