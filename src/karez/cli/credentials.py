"""Institutions' tokens, given out and taken back at the shell by the operator."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from karez.core.clock import to_datetime
from karez.core.ids import new_id
from karez.core.outcomes import Rejected
from karez.parties import credentials, institutions, staff
from karez.parties.institutions import Institution
from karez.parties.roles import Permission
from karez.parties.tokens import Credential, Owner, Token

_DAY_NS = 86_400_000_000_000


class CredentialLine(msgspec.Struct, frozen=True):
    """One credential as it is listed; moments are UTC.

    Attributes:
        id: What revokes it.
        institution: For which institution it acts.
        label: What it is for.
        scopes: What it allows.
        state: ``valid``, ``expired`` or ``revoked``.
        created: When it was issued.
        expires: From when on it is refused.
    """

    id: UUID
    institution: str
    label: str
    scopes: list[str]
    state: str
    created: str
    expires: str


def every_scope_of(institution: Institution) -> list[str]:
    """Return all that a program of an institution may be allowed."""
    if institution.kind == "operator":
        return list(Permission)
    return [permission for permission in Permission if permission is not Permission.OPERATOR]


def issue_token(
    conn: psycopg.Connection[Any],
    institution: Institution,
    scopes: Collection[str],
    label: str,
    life_days: int,
    now_ns: int,
    login_name: str | None = None,
) -> Token:
    """Issue a token of an institution.

    Args:
        conn: In a transaction of the operator.
        institution: For which it acts.
        scopes: What it allows.
        label: What it is for.
        life_days: How long it works.
        now_ns: The present moment.
        login_name: Of the member of staff in whose hands it will be, who is enrolled if nobody has this name yet;
            left out, it is a program's.

    Rejections: those of ``credentials.issue`` and ``staff.enrol``.
    """
    expires_ns = now_ns + life_days * _DAY_NS
    member = None if login_name is None else _member(conn, institution, login_name, now_ns)
    owner = Owner(institution=institution.number)
    return credentials.issue(conn, owner, scopes, label, expires_ns, now_ns, member)


def _member(conn: psycopg.Connection[Any], institution: Institution, login_name: str, now_ns: int) -> UUID:
    found = staff.find(conn, institution.number, login_name)
    if found is None:
        found = staff.enrol(conn, institution.number, new_id(now_ns), login_name, (), now_ns)
    if found.state != "active":
        raise Rejected(
            "staff_left", f"{found.login_name} has left; give the token to somebody who works there."
        )
    return found.id


def find_institution(conn: psycopg.Connection[Any], code: str) -> Institution:
    """Return the institution with a code.

    Args:
        conn: In a transaction of the operator.
        code: Its short name.

    Rejections: ``institution_unknown``.
    """
    found = institutions.find(conn, code)
    if found is None:
        known = (
            ", ".join(each.code for each in institutions.every(conn)) or "none yet; karez up makes the first"
        )
        raise Rejected("institution_unknown", f"There is no institution {code!r}; choose one of: {known}.")
    return found


def list_credentials(
    conn: psycopg.Connection[Any], institution: Institution, now_ns: int
) -> list[CredentialLine]:
    """Return all credentials that an institution ever had, the oldest first.

    Args:
        conn: In a transaction of the operator.
        institution: Whose.
        now_ns: The present moment.
    """
    return [
        CredentialLine(
            each.id,
            institution.code,
            each.label,
            each.scopes,
            _state(each, now_ns),
            f"{to_datetime(each.created_ns):%Y-%m-%d %H:%M}",
            f"{to_datetime(each.expires_ns):%Y-%m-%d %H:%M}",
        )
        for each in credentials.owned_by(conn, Owner(institution=institution.number))
    ]


def _state(credential: Credential, now_ns: int) -> str:
    if credential.revoked_ns is not None and credential.revoked_ns <= now_ns:
        return "revoked"
    return "expired" if credential.expires_ns <= now_ns else "valid"
