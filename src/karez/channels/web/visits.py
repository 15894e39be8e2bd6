"""One request of a browser: its language, who is logged in, and how it is answered."""

import hashlib
from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import Any
from uuid import UUID

from litestar import Response
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from karez.channels.api.context import Services
from karez.channels.web import drafts, languages, security
from karez.channels.web.forms import Form
from karez.channels.web.languages import Language
from karez.channels.web.rendering import render
from karez.parties.sessions import Session
from karez.parties.tokens import Owner

SECURE_COOKIE, PLAIN_COOKIE = "__Host-karez", "karez"
"""Where the session's secret is: the first through https, the second on this machine only."""

LANGUAGE_COOKIE = "language"


class LogInNeeded(Exception):
    """A page that needs somebody who is logged in; ``party`` is whose session has ended, if it is known."""

    def __init__(self, party: UUID | None) -> None:
        super().__init__()
        self.party = party


class FormOutOfDate(Exception):
    """A form that was made in another session than the one in which it was sent."""


class Visit:
    """One request.

    Args:
        services: What handlers use.
        path: Of the address.
        headers: Of the request, lower case.
        peer: The network address from which it came.
    """

    def __init__(self, services: Services, path: str, headers: Mapping[str, str], peer: str) -> None:
        self.services = services
        self.path = path
        self.headers = headers
        self.peer = peer
        cookies: SimpleCookie = SimpleCookie()
        cookies.load(headers.get("cookie", "")[:8_192])
        self.cookies = {name: morsel.value for name, morsel in cookies.items()}
        self.language: Language = languages.choose(
            self.cookies.get(LANGUAGE_COOKIE), headers.get("accept-language")
        )
        self.is_reading = True
        self.form = Form()
        self.session: Session | None = None
        self._set: list[Cookie] = []

    @property
    def path_to_return(self) -> str:
        """Return where the choice of a language leads back: forms that were sent start again."""
        return self.path if self.is_reading else "/"

    @property
    def secret(self) -> str | None:
        """Return the session's secret; one that came without https counts on this machine only."""
        secure = self.cookies.get(SECURE_COOKIE)
        if secure is not None or not security.is_private({"host": self.headers.get("host", "")}):
            return secure
        return self.cookies.get(PLAIN_COOKIE)

    @property
    def form_token(self) -> str:
        """Return what the forms of this session carry, which no other site can know."""
        return hashlib.sha256(f"form/{self.secret}".encode()).hexdigest()

    @property
    def somebody(self) -> Session:
        """Return the session of a page that needs one."""
        assert self.session is not None, "the guard lets nobody in without a session"
        return self.session

    @property
    def party(self) -> UUID:
        """Return who is logged in."""
        return self.somebody.party

    @property
    def actor(self) -> str:
        """Return how records of what is done here name it."""
        return f"browser session {self.somebody.secret_hash.hex()[:16]}"

    @property
    def owner(self) -> Owner:
        """Return for whom it acts."""
        return Owner(party=self.party)

    def say(self, text: str) -> str:
        """Translate a text of the program."""
        return languages.translations(self.language.code).gettext(text)

    def draft(self) -> Form:
        """Return what was typed into this page's form before its session ended, once; else an empty form."""
        form = self.restored()
        if form is None:
            return Form()
        self.drop_cookie(drafts.COOKIE)
        if form.values.get("change"):
            return form
        return form.wrong_as_a_whole(
            self.say("You were logged out meanwhile. Nothing was sent; look at it again.")
        )

    def restored(self) -> Form | None:
        """Return what was kept for this page, as often as it is asked for."""
        kept = drafts.restore(self.services.sealer, self.party, self.path, self.cookies.get(drafts.COOKIE))
        return None if kept is None else Form(kept)

    def keep_draft(self, party: UUID, path: str, **more: str) -> None:
        """Keep what was typed for a page that the party opens next, or once it has logged in again."""
        value = drafts.keep(self.services.sealer, party, path, {**self.form.values, **more})
        if value is not None:
            self.set_cookie(drafts.COOKIE, value, drafts.LIFE_S)

    def set_cookie(self, name: str, value: str, life_s: int | None) -> None:
        """Have the browser keep something; no script and no other site's form can use it."""
        self._set.append(
            Cookie(
                key=name,
                value=value,
                path="/",
                max_age=life_s,
                secure=security.is_encrypted(self.headers) or name.startswith("__Host-"),
                httponly=True,
                samesite="lax",
            )
        )

    def drop_cookie(self, name: str) -> None:
        """Have the browser forget something."""
        self.set_cookie(name, "", 0)

    def page(self, template: str, status: int = 200, **values: Any) -> Response[bytes]:
        """Draw a page.

        Args:
            template: Its file.
            status: HTTP status.
            values: What the template shows.
        """
        return Response(
            render(self.language, template, {"visit": self, "form": Form(), **values}),
            status_code=status,
            media_type="text/html",
            headers={"cache-control": "no-store"},
            cookies=self._set,
        )

    def go(self, path: str) -> Response[bytes]:
        """Send the browser to another page, which a reload or the back button can show again without harm."""
        return Response(
            b"",
            status_code=303,
            media_type="text/plain",
            headers={"location": path, "cache-control": "no-store"},
            cookies=self._set,
        )


TheVisit = NamedDependency[SkipValidation[Visit]]


def path_here(text: str | None) -> str:
    """Return an address of this site, and the home page for everything that could lead elsewhere."""
    if (
        text is None
        or not text.startswith("/")
        or text.startswith("//")
        or "\\" in text
        or not text.isprintable()
    ):
        return "/"
    return text
