"""A whole Karez with its pages, and browsers without a screen that follow its forms."""

from collections.abc import Iterator

import pytest

from tests.channels.api.conftest import api, harbour, operator, socket_path, town, world
from tests.channels.api.living import LiveApi
from tests.channels.api.town import Town
from tests.channels.web.visiting import Browser

__all__ = ["api", "browser", "harbour", "operator", "socket_path", "town", "world"]


@pytest.fixture
def browser(api: LiveApi, town: Town) -> Iterator[Browser]:
    """Somebody's browser, in a town where payments are open."""
    with Browser(api.url) as opened:
        yield opened
