"""What was typed into a form, kept in the browser for the page that shows it next.

That is the look at it before it is carried out, so that a reload and the back button are safe; or the same form
again, once somebody whose session had ended has logged in. It is sealed for the party whose session it was: whoever
logs in next in this browser does not see it. Passwords and what makes a form valid are not kept.
"""

import base64
import binascii
from collections.abc import Mapping
from uuid import UUID

import msgspec

from karez.core.outcomes import Unavailable
from karez.core.sealing import Place, Sealer

COOKIE = "draft"
LIFE_S = 900

_SIZE_MAX_BYTES = 3_000
_NEVER_KEPT = ("password", "form_token")


class _Draft(msgspec.Struct, frozen=True):
    path: str
    values: dict[str, str]


def keep(sealer: Sealer, party: UUID, path: str, values: Mapping[str, str]) -> str | None:
    """Return a draft as the value of a cookie; ``None`` if it is too long for one.

    Args:
        sealer: Of the parties.
        party: Whose form it is.
        path: Of the page with the form.
        values: What was typed.
    """
    kept = {name: text for name, text in values.items() if not any(secret in name for secret in _NEVER_KEPT)}
    clear = msgspec.json.encode(_Draft(path, kept)).decode()
    if len(clear.encode()) > _SIZE_MAX_BYTES * 3 // 4:
        return None
    return base64.urlsafe_b64encode(sealer.seal(clear, _place(party))).decode("ascii")


def restore(sealer: Sealer, party: UUID, path: str, cookie: str | None) -> dict[str, str] | None:
    """Return what was typed into the form of a page, if this party left it.

    Args:
        sealer: Of the parties.
        party: Who is logged in now.
        path: Of the page.
        cookie: What the browser kept.
    """
    if cookie is None:
        return None
    try:
        draft = msgspec.json.decode(sealer.open(base64.urlsafe_b64decode(cookie), _place(party)), type=_Draft)
    except (Unavailable, binascii.Error, ValueError):
        return None
    return draft.values if draft.path == path else None


def _place(party: UUID) -> Place:
    return Place("web_draft", "fields", party)
