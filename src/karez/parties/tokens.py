"""Tokens: how a program proves that it may act for an institution or a party; nothing here needs the
database.

A token is ``kz_<id>_<secret>``: the id finds the credential, the secret (256 random bits) is compared with
the stored SHA-256 in constant time. A server may keep credentials for a few seconds and ``check`` tokens
against them; a revocation then takes effect when the kept credential is dropped.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from uuid import UUID

from karez.core.ids import new_id
from karez.core.outcomes import Rejected
from karez.parties.roles import Permission, permissions_named

SECRET_SIZE_BYTES = 32

_TOKEN = re.compile(r"kz_([0-9a-f]{32})_([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Token:
    """A token taken apart."""

    id: UUID
    secret: str = field(repr=False)

    def __str__(self) -> str:
        return f"kz_{self.id.hex}_{self.secret}"


@dataclass(frozen=True, slots=True)
class Owner:
    """For whom a credential acts: exactly one of the two.

    Attributes:
        institution: An institution's number.
        party: A person's or shop's id.
    """

    institution: int | None = None
    party: UUID | None = None

    def __post_init__(self) -> None:
        if (self.institution is None) == (self.party is None):
            raise ValueError("a credential acts for an institution or for a party")


@dataclass(frozen=True, slots=True)
class Credential:
    """What is needed to check a token, as it is kept by whoever checks.

    Attributes:
        id: The credential's id.
        institution: For which institution it acts, or none.
        party: For which party it acts, or none.
        label: What its owner calls it.
        scopes: Names of permissions.
        secret_hash: SHA-256 of the secret.
        created_ns: When it was issued.
        expires_ns: From when on it is refused.
        revoked_ns: When it was revoked, or none.
        replaced_by: The credential that was issued in its place, or none.
        suspended: Whether its institution is shut out; none if it acts for a party.
        staff: The member of the institution's staff in whose hands it is, or none where it is a program's.
    """

    id: UUID
    institution: int | None
    party: UUID | None
    label: str
    scopes: list[str]
    secret_hash: bytes = field(repr=False)
    created_ns: int
    expires_ns: int
    revoked_ns: int | None
    replaced_by: UUID | None
    suspended: bool | None
    staff: UUID | None = None

    @property
    def permissions(self) -> frozenset[Permission]:
        """Return what the scopes allow."""
        return permissions_named(self.scopes)


def parse_token(text: str) -> Token:
    """Take a token apart.

    Args:
        text: As it came with a request.

    Rejections: ``credential_invalid``.
    """
    match = _TOKEN.fullmatch(text)
    if match is None:
        raise _invalid()
    return Token(UUID(hex=match[1]), match[2])


def check(credential: Credential | None, token: Token, now_ns: int) -> Credential:
    """Refuse a token that does not prove a valid credential; pure.

    Args:
        credential: The row with the token's id, or none if there is no such row.
        token: What the caller showed.
        now_ns: The present moment.

    Rejections: ``credential_invalid`` tells nothing about which credentials exist; only the holder of the
        right secret gets ``credential_revoked``, ``credential_expired`` or ``institution_suspended``.
    """
    if credential is None or credential.id != token.id:
        raise _invalid()
    if not hmac.compare_digest(credential.secret_hash, hash_of(token.secret)):
        raise _invalid()
    if credential.revoked_ns is not None and credential.revoked_ns <= now_ns:
        raise Rejected("credential_revoked", f"Credential {credential.id} was revoked; issue a new one.")
    if credential.expires_ns <= now_ns:
        raise Rejected("credential_expired", f"Credential {credential.id} has expired; use its successor.")
    if credential.suspended:
        raise Rejected(
            "institution_suspended", f"Institution {credential.institution} is suspended; ask the operator."
        )
    return credential


def new_token(now_ns: int) -> Token:
    """Make a token with a fresh id and secret.

    Args:
        now_ns: The present moment.
    """
    return Token(new_id(now_ns), secrets.token_hex(SECRET_SIZE_BYTES))


def hash_of(secret: str) -> bytes:
    """Return what is stored of a secret: its SHA-256."""
    return hashlib.sha256(secret.encode("ascii")).digest()


def _invalid() -> Rejected:
    return Rejected("credential_invalid", "The token is not valid; check that it was copied whole.")
