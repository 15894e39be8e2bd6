"""API credentials: how a program proves that it may act for an institution or a party.

A token is shown once, ``kz_<id>_<secret>``: the id finds the row, the secret (256 random bits) is compared with the
row's SHA-256 in constant time. ``check`` is pure, so a server may keep rows for a few seconds and check without the
database; a revocation then takes effect when the kept row is dropped.

To rotate, ``rotate`` issues a successor and lets the old token live on for an overlap in which both work.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.core.ids import new_id
from karez.core.outcomes import Rejected
from karez.parties.roles import Permission, permissions_named

SECRET_SIZE_BYTES = 32

_TOKEN = re.compile(r"kz_([0-9a-f]{32})_([0-9a-f]{64})")
_SELECT = """
SELECT credential.id, credential.institution, credential.party, credential.label, credential.scopes,
    credential.secret_hash, credential.created_ns, credential.expires_ns, credential.revoked_ns,
    institution.state = 'suspended' AS suspended
FROM credential LEFT JOIN institution ON institution.number = credential.institution
WHERE credential.id = %s
"""


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
        suspended: Whether its institution is shut out; none if it acts for a party.
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
    suspended: bool | None

    @property
    def permissions(self) -> frozenset[Permission]:
        """Return what the scopes allow."""
        return permissions_named(self.scopes)
