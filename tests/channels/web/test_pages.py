"""What holds for every page: headers, the wall in front of it, its size, and that nothing comes from elsewhere."""

import re

import httpx
import pytest

from karez.channels.web.browsers import browser_name
from karez.channels.web.charts import HEIGHT, WIDTH, bars
from karez.channels.web.pages import HANDLERS
from tests.channels.api.living import LiveApi
from tests.channels.api.making import fresh_id
from tests.channels.web.visiting import Browser

OPEN_TO_ALL = {
    ("GET", "/"),
    ("GET", "/styleguide"),
    ("GET", "/register"),
    ("GET", "/log-in"),
    ("GET", "/static/{digest:str}/{name:str}"),
    ("POST", "/language"),
    ("POST", "/register"),
    ("POST", "/log-in"),
}
ROUTES = sorted(
    (method, path)
    for handler in HANDLERS
    for path in handler.paths
    for method in handler.http_methods & {"GET", "POST"}
)


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route not in OPEN_TO_ALL])
def test_nobody_sees_a_page_without_logging_in(browser: Browser, method: str, path: str) -> None:
    address = re.sub(r"\{[^}]*\}", fresh_id(), path)
    headers = [(b"origin", str(browser.client.base_url).rstrip("/").encode())] if method == "POST" else []
    for secret in (None, "", "x" * 43, "é", "a;b"):
        cookie = [] if secret is None else [(b"cookie", f"karez={secret}".encode())]
        answer = browser.client.request(method, address, headers=[*headers, *cookie])
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/log-in?next=/")


@pytest.mark.parametrize("path", ["/", "/styleguide", "/register", "/log-in", "/nothing-here"])
def test_every_page_is_strict_small_and_from_here(browser: Browser, path: str) -> None:
    page = browser.open(path)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "same-origin"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-request-id"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page.text)
    assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", page.text)
    needed = re.findall(r"(?:src|href)=\"(/static/[^\"]+)", page.text)
    size_bytes = len(page.content) + sum(len(browser.client.get(each).content) for each in set(needed))
    assert size_bytes <= 150_000


def test_assets_are_kept_for_good_under_an_address_that_tells_their_content(browser: Browser) -> None:
    address = re.findall(r"/static/[^\"]+\.css", browser.open("/").text)[0]
    answer = browser.client.get(address)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith("text/css")
    assert browser.client.get("/static/0000000000000000/karez.css").status_code == 404
    assert browser.client.get("/static/x/..%2f..%2fframework.py").status_code == 404


def test_the_api_answers_as_before(api: LiveApi, browser: Browser) -> None:
    assert browser.client.get("/docs").status_code == 200
    assert httpx.get(f"{api.url}/nothing-here").headers["content-type"] == "application/problem+json"
    assert browser.client.get("/v1/units").headers["content-type"] == "application/problem+json"
    assert browser.open("/nothing-here").status_code == 404
    assert "Nothing here" in browser.words


@pytest.mark.parametrize("body", [b"a=1&" * 60, b"\xff\xfe=1", b"name=%ff", b"name=%00", b"x" * 100_000])
def test_what_is_no_form_is_refused_without_a_mistake_of_ours(browser: Browser, body: bytes) -> None:
    origin = str(browser.client.base_url).rstrip("/")
    answer = browser.client.post("/log-in", content=body, headers={"origin": origin})
    assert 400 <= answer.status_code < 500


def test_a_browser_is_called_as_its_owner_knows_it() -> None:
    assert (
        browser_name("Mozilla/5.0 (Windows NT 10.0; rv:130.0) Gecko/20100101 Firefox/130.0")
        == "Firefox · Windows"
    )
    assert (
        browser_name("Mozilla/5.0 (iPhone; CPU iPhone OS 17 like Mac OS X) Safari/604.1") == "Safari · iPhone"
    )
    assert browser_name("curl/8.0") == "curl/8.0"
    assert browser_name("x" * 500) == "x" * 40


def test_the_highest_bar_fills_the_chart_and_nothing_leaves_it() -> None:
    placed = bars([("a", "A", 0), ("b", "B", 50), ("c", "C", 100)])
    assert placed[0].height == 0
    assert placed[1].height * 2 == pytest.approx(placed[2].height)
    assert all(
        bar.x >= 0 and bar.x + bar.width <= WIDTH and bar.y >= 0 and bar.y + bar.height <= HEIGHT
        for bar in placed
    )
    assert bars([]) == []
    assert all(bar.height >= 0 for bar in bars([("a", "A", 0), ("b", "B", 0)]))
