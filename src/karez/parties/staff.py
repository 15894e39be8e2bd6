"""The people who work at an institution, and what their roles allow them there."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.core.outcomes import Rejected
from karez.parties import institutions
from karez.parties.roles import OPERATOR_ROLE, Permission, permissions_of

_LOGIN_NAME_LENGTH_MAX = 100


@dataclass(frozen=True, slots=True)
class StaffMember:
    """One person's place at one institution.

    Attributes:
        institution: Where.
        id: The id of this place.
        login_name: Unique within the institution, lower case.
        roles: Names out of ``karez.parties.roles.ROLES``.
        state: ``active`` or ``left``.
        created_ns: When the place was made.
    """

    institution: int
    id: UUID
    login_name: str
    roles: list[str]
    state: str
    created_ns: int

    @property
    def permissions(self) -> frozenset[Permission]:
        """Return what the roles allow; nothing to one who left."""
        return permissions_of(self.roles) if self.state == "active" else frozenset()


def enrol(
    conn: psycopg.Connection[Any],
    institution: int,
    member: UUID,
    login_name: str,
    roles: Collection[str],
    now_ns: int,
) -> StaffMember:
    """Give somebody a place at an institution.

    Args:
        conn: In a transaction of the institution or the operator.
        institution: Where.
        member: The id of the place, made by the caller.
        login_name: 1 to 100 printable characters without spaces; upper and lower case are one.
        roles: What the place allows; ``operator`` only at the operator's own institution, by the operator.
        now_ns: The present moment.

    Rejections: ``login_name_malformed``, ``login_name_taken``, ``role_unknown``, ``role_not_given_here``,
        ``institution_unknown``.
    """
    name = _login_name(login_name)
    if not 0 < len(name) <= _LOGIN_NAME_LENGTH_MAX or not name.isprintable() or len(name.split()) != 1:
        raise Rejected(
            "login_name_malformed",
            f"A login name has 1 to {_LOGIN_NAME_LENGTH_MAX} printable characters and no spaces; choose "
            "another.",
        )
    _refuse_roles_not_given_here(conn, institution, roles)
    try:
        with conn.cursor(row_factory=class_row(StaffMember)) as cursor:
            made = cursor.execute(
                """
                INSERT INTO staff (institution, id, login_name, roles, state, created_ns)
                VALUES (%s, %s, %s, %s, 'active', %s)
                ON CONFLICT DO NOTHING
                RETURNING institution, id, login_name, roles, state, created_ns
                """,
                (institution, member, name, sorted(set(roles)), now_ns),
            ).fetchone()
    except psycopg.errors.ForeignKeyViolation:
        raise institutions.unknown(institution) from None
    if made is None:
        raise Rejected(
            "login_name_taken",
            f"Institution {institution} has a member {name!r} already; choose another name.",
        )
    return made


def assign_roles(
    conn: psycopg.Connection[Any], institution: int, member: UUID, roles: Collection[str]
) -> None:
    """Replace the roles of a member of staff.

    Args:
        conn: In a transaction of the institution or the operator.
        institution: Where.
        member: The id of the place.
        roles: All roles from now on; ``operator`` only as in ``enrol``.

    Rejections: ``staff_unknown``, ``role_unknown``, ``role_not_given_here``.
    """
    _refuse_roles_not_given_here(conn, institution, roles)
    changed = conn.execute(
        "UPDATE staff SET roles = %s WHERE institution = %s AND id = %s",
        (sorted(set(roles)), institution, member),
    )
    _refuse_unknown(changed.rowcount, institution, member)


def leave(conn: psycopg.Connection[Any], institution: int, member: UUID) -> None:
    """Take a member's permissions away for good; the place stays, for the records that name it.

    Args:
        conn: In a transaction of the institution or the operator.
        institution: Where.
        member: The id of the place.

    Rejections: ``staff_unknown``.
    """
    changed = conn.execute(
        "UPDATE staff SET state = 'left' WHERE institution = %s AND id = %s", (institution, member)
    )
    _refuse_unknown(changed.rowcount, institution, member)


def find(conn: psycopg.Connection[Any], institution: int, login_name: str) -> StaffMember | None:
    """Find a member of staff by the name it signs in with.

    Args:
        conn: In a transaction of the entrance, the institution or the operator.
        institution: Where.
        login_name: In any mixture of upper and lower case.
    """
    with conn.cursor(row_factory=class_row(StaffMember)) as cursor:
        return cursor.execute(
            """
            SELECT institution, id, login_name, roles, state, created_ns
            FROM staff WHERE institution = %s AND login_name = %s
            """,
            (institution, _login_name(login_name)),
        ).fetchone()


def find_by_id(conn: psycopg.Connection[Any], institution: int, member: UUID) -> StaffMember | None:
    """Find a member of staff by the id of the place.

    Args:
        conn: In a transaction of the entrance, the institution or the operator.
        institution: Where.
        member: The id.
    """
    with conn.cursor(row_factory=class_row(StaffMember)) as cursor:
        return cursor.execute(
            """
            SELECT institution, id, login_name, roles, state, created_ns
            FROM staff WHERE institution = %s AND id = %s
            """,
            (institution, member),
        ).fetchone()


def members(conn: psycopg.Connection[Any], institution: int) -> list[StaffMember]:
    """Return all who work or worked at an institution, by name.

    Args:
        conn: In a transaction of the institution or the operator.
        institution: Where.
    """
    with conn.cursor(row_factory=class_row(StaffMember)) as cursor:
        return cursor.execute(
            """
            SELECT institution, id, login_name, roles, state, created_ns
            FROM staff WHERE institution = %s ORDER BY login_name
            """,
            (institution,),
        ).fetchall()


def _login_name(text: str) -> str:
    return text.strip().lower()


def _refuse_roles_not_given_here(
    conn: psycopg.Connection[Any], institution: int, roles: Collection[str]
) -> None:
    permissions_of(roles)
    if OPERATOR_ROLE in roles and not institutions.is_operator(conn, institution):
        raise Rejected(
            "role_not_given_here",
            f"Institution {institution} is not the operator, so nobody there can have the role "
            f"{OPERATOR_ROLE!r}; leave it out.",
        )


def _refuse_unknown(changed: int, institution: int, member: UUID) -> None:
    if changed == 0:
        raise Rejected(
            "staff_unknown",
            f"Institution {institution} has no member {member}; list its staff and choose one.",
        )
