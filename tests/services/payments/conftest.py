"""What tests of payments in memory share."""

from typing import cast

import pytest

from karez.services.payments.sources import banked
from karez.services.payments.sources.door import Source
from karez.services.payments.sources.registry import SOURCES


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let cards be a source, whoever binds them."""
    card = Source(SOURCES["balance"].read, banked.take_back, is_plain=True)
    monkeypatch.setitem(cast(dict[str, Source], SOURCES), "card", card)
