"""A real Chromium in front of a whole Karez.

Pictures of the pages are written only where ``KAREZ_PICTURES`` names a directory:

    KAREZ_PICTURES=docs/pictures/pages ./dev test tests/browser
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.channels.api.conftest import api, harbour, operator, socket_path, town, world

__all__ = ["api", "chromium", "harbour", "operator", "socket_path", "town", "world"]

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = ("--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking")
_INSTALL_LIMIT_S = 240


def _find_chromium() -> str | None:
    return next(filter(None, map(shutil.which, _NAMES)), None)


def _install_chromium() -> None:
    """Install Debian's Chromium where we may."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
            subprocess.run(command, capture_output=True, timeout=_INSTALL_LIMIT_S, check=False)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium; while it is open, no other test of this process can run an event loop of its own."""
    if _find_chromium() is None:
        _install_chromium()
    path = _find_chromium()
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium was found, and it could not be installed; CI has to have one")
        pytest.skip(
            "no Chromium was found, and it could not be installed; install it and run these tests again"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        yield browser
        browser.close()


def take_picture(page: Page, name: str) -> None:
    """Keep a picture of a page in the light and in the dark, if pictures are wanted."""
    wanted = os.environ.get("KAREZ_PICTURES")
    if wanted:
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            page.screenshot(path=Path(wanted) / f"{name}-{scheme}.png", full_page=True)
