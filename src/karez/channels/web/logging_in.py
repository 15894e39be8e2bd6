"""Checking who somebody is, and letting them in.

A try is paid for before the password is looked at: by the name, or by the browser if this person has logged in with
it before, and by the address. So whoever guesses the password of somebody else locks out strangers, not its owner.
"""

import asyncio
import ipaddress
import secrets
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from karez.channels.api.caller_database import Connection
from karez.channels.web import security
from karez.channels.web.visits import PLAIN_COOKIE, SECURE_COOKIE, Visit
from karez.core.outcomes import Rejected
from karez.core.sealing import Sealer
from karez.parties import logins, passwords, sessions, throttling
from karez.parties.personal import normalise
from karez.parties.throttling import Allowed

BROWSER_COOKIE = "browser"

_YEAR_S = 365 * 86_400
_SESSION_LIFE_S = sessions.LIFE_LIMIT_NS // 1_000_000_000
# One check takes 64 MiB; two at once leave the rest of the process its memory and its processor.
_hashing = ThreadPoolExecutor(2, "passwords")


async def digest_in_thread(password: str) -> str:
    """Do what ``digest_of`` does without keeping other requests waiting."""
    return await asyncio.get_running_loop().run_in_executor(_hashing, passwords.digest_of, password)


async def check(visit: Visit, name: str, password: str) -> UUID | None:
    """Return who logs in, or ``None`` if name and password do not belong together.

    Args:
        visit: The browser.
        name: A phone or e-mail.
        password: What was typed.

    Rejections: ``too_many_tries``.
    """
    services, now_ns = visit.services, visit.services.clock.now_ns()
    address = address_of(visit)

    def look_up(conn: Connection) -> tuple[tuple[UUID, str] | None, list[tuple[bytes, Allowed]]]:
        found = logins.find_login(conn, services.sealer, name)
        subject = (_name_subject(services.sealer, name), throttling.BY_NAME)
        browser = visit.cookies.get(BROWSER_COOKIE, "")
        if found is not None and _is_known(services.sealer, found[0], browser):
            subject = (_fingerprint(services.sealer, "browser", browser), throttling.BY_BROWSER)
        subjects = [subject] if address is None else [(address, throttling.BY_ADDRESS), subject]
        for each, allowed in subjects:
            throttling.take_try(conn, each, allowed, now_ns)
        return found, subjects

    found, subjects = await services.database.as_entrance(look_up)
    is_right = await is_right_in_thread(password, None if found is None else found[1])
    if found is None or not is_right:
        return None

    def settle(conn: Connection) -> None:
        for each, allowed in subjects:
            throttling.give_back(conn, each, allowed)
        throttling.forget_old(conn, now_ns)

    await services.database.as_entrance(settle)
    if passwords.is_outdated(found[1]):
        digest = await digest_in_thread(password)
        await services.database.as_party(
            found[0], lambda conn: logins.change_password(conn, found[0], digest, now_ns)
        )
    return found[0]


async def is_right_in_thread(password: str, digest: str | None) -> bool:
    """Do what ``is_right`` does without keeping other requests waiting."""
    return await asyncio.get_running_loop().run_in_executor(_hashing, passwords.is_right, password, digest)


async def let_in(visit: Visit, party: UUID) -> None:
    """Begin a new session and end the one that this browser had.

    Args:
        visit: The browser.
        party: Who has proved who they are.
    """
    services, former, now_ns = visit.services, visit.session, visit.services.clock.now_ns()
    if former is not None:
        await services.database.as_party(
            former.party, lambda conn: sessions.end(conn, former.party, former.secret_hash, now_ns)
        )
    browser = visit.headers.get("user-agent", "")
    secret = await services.database.as_party(
        party, lambda conn: sessions.begin(conn, party, browser, now_ns)
    )
    name = SECURE_COOKIE if security.is_encrypted(visit.headers) else PLAIN_COOKIE
    visit.set_cookie(name, secret, _SESSION_LIFE_S)
    if not _is_known(services.sealer, party, visit.cookies.get(BROWSER_COOKIE, "")):
        nonce = secrets.token_hex(16)
        visit.set_cookie(BROWSER_COOKIE, f"{nonce}.{_mark(services.sealer, party, nonce)}", _YEAR_S)


def address_of(visit: Visit) -> bytes | None:
    """Return the network address of a browser as it is counted; ``None`` if only a proxy of this machine is known.

    An IPv6 customer has 2**64 addresses, so its network counts as one.
    """
    text = visit.peer
    try:
        address = ipaddress.ip_address(text)
        if address.is_loopback:
            address = ipaddress.ip_address(visit.headers.get("x-forwarded-for", "").split(",")[-1].strip())
    except ValueError:
        return None
    network = ipaddress.ip_network((address, 64 if address.version == 6 else 32), strict=False)
    return _fingerprint(visit.services.sealer, "address", str(network))


def _name_subject(sealer: Sealer, name: str) -> bytes:
    try:
        name = normalise(logins.login_field(name), name)
    except Rejected:
        name = name.strip().lower()
    return _fingerprint(sealer, "name", name)


def _is_known(sealer: Sealer, party: UUID, browser: str) -> bool:
    """Tell whether a browser holds what it was given when this party logged in there."""
    nonce, _, mark = browser.partition(".")
    return secrets.compare_digest(mark.encode(), _mark(sealer, party, nonce).encode())


def _mark(sealer: Sealer, party: UUID, nonce: str) -> str:
    return _fingerprint(sealer, "known", f"{party}/{nonce}").hex()


def _fingerprint(sealer: Sealer, kind: str, text: str) -> bytes:
    return sealer.blind_indexes(f"login-{kind}", text)[0]
