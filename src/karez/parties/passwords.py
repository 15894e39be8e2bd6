"""Passwords: which are good enough, how they are kept, and how one is checked.

A stored password is an Argon2id digest in its usual text form, with the parameters in it, so that they can be raised
later: a password that was checked and whose digest is weaker than today's gets a new one.

Sources: RFC 9106 section 4 (the second recommended parameters: 64 MiB, three passes, four lanes), NIST SP 800-63B
section 5.1.1.2 (length counts, not kinds of characters; what can be guessed from the name is refused).
"""

from collections.abc import Collection
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from karez.core.outcomes import Rejected

PASSWORD_LENGTH_MIN = 10
PASSWORD_LENGTH_MAX = 200

_DISTINCT_CHARACTERS_MIN = 5
_NAME_LENGTH_TOLD_MIN = 4
_hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


@cache
def _nobodys() -> str:
    """Return what is compared with where there is no such account, so that it takes as long as where there is one."""
    return _hasher.hash("the password of nobody")


def check_new_password(password: str, names: Collection[str]) -> None:
    """Refuse a password that is easily guessed.

    Args:
        password: What somebody wants as a password.
        names: What they are known by; the password must contain none of it.

    Rejections: ``password_too_short``, ``password_too_long``, ``password_too_simple``, ``password_like_name``.
    """
    if len(password) < PASSWORD_LENGTH_MIN:
        raise Rejected(
            "password_too_short", f"A password has at least {PASSWORD_LENGTH_MIN} characters; make it longer."
        )
    if len(password) > PASSWORD_LENGTH_MAX:
        raise Rejected(
            "password_too_long", f"A password has at most {PASSWORD_LENGTH_MAX} characters; shorten it."
        )
    if len(set(password)) < _DISTINCT_CHARACTERS_MIN:
        raise Rejected(
            "password_too_simple", "The password repeats a few characters; use several unrelated words."
        )
    lowered = password.lower()
    if any(len(name) >= _NAME_LENGTH_TOLD_MIN and name.lower() in lowered for name in names):
        raise Rejected(
            "password_like_name", "The password contains your name, phone or e-mail; choose another."
        )


def digest_of(password: str) -> str:
    """Return what is kept of a password; takes about a tenth of a second and 64 MiB."""
    return _hasher.hash(password)


def is_right(password: str, digest: str | None) -> bool:
    """Tell whether a password is the one that was set; takes equally long where none was.

    Args:
        password: What was typed.
        digest: What was kept, or ``None`` where there is no such account.
    """
    # Made by the first question, whoever it is about, and not while a process starts.
    nobodys = _nobodys()
    try:
        _hasher.verify(nobodys if digest is None else digest, password[:PASSWORD_LENGTH_MAX])
    except (VerificationError, InvalidHashError):
        return False
    return digest is not None


def is_outdated(digest: str) -> bool:
    """Tell whether a digest was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(digest)
