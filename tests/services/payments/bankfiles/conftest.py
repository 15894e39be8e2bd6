"""The public ISO 20022 samples and schemas, where a machine has them beside the repository."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from karez.services.payments.bankfiles.message_names import message_name

ValidityCheck = Callable[[bytes], bool]


@pytest.fixture
def iso20022() -> Path:
    """The directory with ``xsd`` and ``samples``."""
    named = os.environ.get("KAREZ_SHARED_DATA")
    shared = Path(named) if named else Path(__file__).parents[4].parent / "shared/data"
    if not (shared / "iso20022").is_dir():
        pytest.skip(
            "the ISO 20022 schemas are not on this machine; KAREZ_SHARED_DATA may name the directory above them"
        )
    return shared / "iso20022"


@pytest.fixture
def is_valid(iso20022: Path) -> ValidityCheck:
    """Tell whether a document keeps its schema; ``False`` too where there is no schema of it."""
    schemas: dict[str, Any] = {}

    def check(data: bytes) -> bool:
        document = etree.fromstring(data)
        name = message_name(document)
        path = iso20022 / "xsd" / f"{name}.xsd"
        if name not in schemas and path.exists():
            schemas[name] = etree.XMLSchema(etree.parse(path))
        return name in schemas and bool(schemas[name].validate(document))

    return check
