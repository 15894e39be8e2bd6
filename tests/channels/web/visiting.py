"""A browser without a screen: it keeps cookies, finds forms in pages, fills and sends them."""

import itertools
import re
import secrets
from html.parser import HTMLParser
from types import TracebackType

import httpx

PASSWORD = "seven quiet channels"

_numbers = itertools.count(secrets.randbelow(10**8))


def fresh_phone() -> str:
    """A phone that nobody has."""
    return f"+861{next(_numbers) % 10**10:010}"


class Forms(HTMLParser):
    """The forms of a page: for each address the fields of its forms."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self._select: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember a form or a field of it."""
        known = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append((known["action"], {}))
        elif tag == "input" and self.found and (known.get("type") != "radio" or "checked" in known):
            self.found[-1][1][known["name"]] = known.get("value", "")
        elif tag == "select":
            self._select = known["name"]
        elif tag == "option" and self._select is not None and "selected" in known:
            self.found[-1][1][self._select] = known["value"]


class Browser:
    """One browser.

    Args:
        url: Of the site.
        accept_language: What its owner reads.
    """

    def __init__(self, url: str, accept_language: str = "en") -> None:
        self.client = httpx.Client(
            base_url=url,
            headers={"accept": "text/html", "accept-language": accept_language, "user-agent": "Test browser"},
            timeout=60,
        )
        self.page = httpx.Response(0)

    def __enter__(self) -> "Browser":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()

    def open(self, path: str) -> httpx.Response:
        """Open a page and go where it leads."""
        self.page = self.client.get(path, follow_redirects=True)
        return self.page

    def fields(self, action: str) -> dict[str, str]:
        """The fields of the last form of the page that is sent to an address."""
        return dict([fields for address, fields in Forms(self.page.text).found if address == action][-1])

    def send(self, action: str, **typed: str) -> httpx.Response:
        """Fill the form of the page that is sent to an address, send it and go where that leads."""
        return self.post(action, {**self.fields(action), **typed})

    def post(self, action: str, fields: dict[str, str]) -> httpx.Response:
        """Send fields as a form of this site would."""
        self.page = self.client.post(
            action,
            data=fields,
            headers={"origin": str(self.client.base_url).rstrip("/")},
            follow_redirects=True,
        )
        return self.page

    def register(self, kind: str = "person", name: str = "Ana 王小红", **more: str) -> str:
        """Register somebody, and return the phone."""
        phone = more.get("login_name", fresh_phone())
        self.open("/register")
        self.send("/register", kind=kind, name=name, login_name=phone, password=PASSWORD)
        assert self.page.status_code == 200, self.words
        return phone

    def open_balance(self, currency: str = "CNY") -> None:
        """Open a balance."""
        self.open("/")
        self.send("/balances", currency=currency)

    @property
    def words(self) -> str:
        """The text of the page."""
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", self.page.text))
