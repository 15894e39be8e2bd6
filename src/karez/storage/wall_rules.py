"""The rules that keep the tenant wall closed: row-level security where tenants' rows lie, no way around."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row

from karez.storage import roles
from karez.storage.table_kinds import TableKind

# Kinds of callers who must see a part of a table only. (An operator may see it all.)
_TENANT_ROLES = (roles.INSTITUTION, roles.PERSON)
_TENANT_COLUMNS = ["institution", "party"]
_SEEING_PRIVILEGES = {"SELECT", "UPDATE", "DELETE"}
_EVERYBODY = ""


@dataclass(frozen=True, slots=True)
class _Grant:
    """One right of one role, but its owner, on a table, a view, a sequence or some columns."""

    relation: str
    is_partition: bool
    is_view: bool
    is_guarded: bool
    role: str
    privilege: str


def _grants(conn: psycopg.Connection[Any]) -> list[_Grant]:
    with conn.cursor(row_factory=class_row(_Grant)) as cursor:
        return cursor.execute("""
            SELECT t.relname AS relation, t.relispartition AS is_partition, t.relkind = 'v' AS is_view,
                t.relrowsecurity AS is_guarded, coalesce(r.rolname, '') AS role, g.privilege_type AS privilege
            FROM pg_class t
            CROSS JOIN LATERAL (
                SELECT a.* FROM aclexplode(t.relacl) a
                UNION
                SELECT a.* FROM pg_attribute c, aclexplode(c.attacl) a WHERE c.attrelid = t.oid
            ) g
            LEFT JOIN pg_roles r ON r.oid = g.grantee
            WHERE t.relnamespace = 'public'::regnamespace AND g.grantee <> t.relowner
                AND NOT EXISTS (SELECT FROM pg_depend own WHERE own.objid = t.oid AND own.deptype = 'e')
            ORDER BY 1, 5, 6
        """).fetchall()


def row_security_is_never_forced(conn: psycopg.Connection[Any], _kinds: Mapping[str, TableKind]) -> list[str]:
    """Forced on the owner too, it stops the moving of shards; and the owner is no caller's role."""
    rows = conn.execute("""
        SELECT t.relname FROM pg_class t
        WHERE t.relnamespace = 'public'::regnamespace AND t.relforcerowsecurity ORDER BY 1
    """).fetchall()
    return [f"table {table} forces row-level security on its owner; enable it only" for (table,) in rows]


def tenant_tables_have_row_security(
    conn: psycopg.Connection[Any], _kinds: Mapping[str, TableKind]
) -> list[str]:
    """A table whose rows belong to somebody shows them to that somebody only."""
    rows = conn.execute(
        """
        SELECT t.relname, t.relrowsecurity, EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.oid)
        FROM pg_class t
        WHERE t.relnamespace = 'public'::regnamespace AND t.relkind IN ('r', 'p') AND NOT t.relispartition
            AND EXISTS (
                SELECT FROM pg_attribute c WHERE c.attrelid = t.oid AND c.attname = ANY(%s) AND c.attnum > 0
            )
        ORDER BY 1
        """,
        (_TENANT_COLUMNS,),
    ).fetchall()
    return [
        *(f"tenant table {table} has no row-level security" for table, enabled, _ in rows if not enabled),
        *(f"tenant table {table} has no policy" for table, enabled, policy in rows if enabled and not policy),
    ]


def policies_are_switched_on(conn: psycopg.Connection[Any], _kinds: Mapping[str, TableKind]) -> list[str]:
    """A policy does nothing on a table whose row-level security is off."""
    rows = conn.execute("""
        SELECT DISTINCT t.relname FROM pg_policy p JOIN pg_class t ON t.oid = p.polrelid
        WHERE t.relnamespace = 'public'::regnamespace AND NOT t.relrowsecurity ORDER BY 1
    """).fetchall()
    return [f"table {table} has policies but its row-level security is off" for (table,) in rows]


def tenants_reach_guarded_tables_only(
    conn: psycopg.Connection[Any], kinds: Mapping[str, TableKind]
) -> list[str]:
    """Whatever its columns are called, a table that tenants see or change is behind the wall.

    Reference tables may be open to all for reading. A materialised view cannot be guarded at all.
    """
    seen: dict[tuple[str, str], set[str]] = defaultdict(set)
    for grant in _grants(conn):
        reaches = grant.role in _TENANT_ROLES and grant.privilege in _SEEING_PRIVILEGES
        if reaches and not (grant.is_guarded or grant.is_view or grant.is_partition):
            seen[grant.relation, grant.role].add(grant.privilege)
    return [
        f"{relation} is granted to {role} ({', '.join(sorted(privileges))}) without row-level security"
        for (relation, role), privileges in seen.items()
        if not (relation in kinds and kinds[relation].kind == "reference" and privileges == {"SELECT"})
    ]


def nothing_is_granted_to_everybody(
    conn: psycopg.Connection[Any], _kinds: Mapping[str, TableKind]
) -> list[str]:
    """A grant to PUBLIC reaches roles that do not exist yet."""
    open_to_all = {grant.relation for grant in _grants(conn) if grant.role == _EVERYBODY}
    return [f"{relation} is granted to PUBLIC; name the roles" for relation in sorted(open_to_all)]


def views_act_as_their_caller(conn: psycopg.Connection[Any], _kinds: Mapping[str, TableKind]) -> list[str]:
    """A view reads as its owner, past the wall, unless told otherwise."""
    rows = conn.execute("""
        SELECT v.relname FROM pg_class v
        WHERE v.relnamespace = 'public'::regnamespace AND v.relkind = 'v'
            AND NOT EXISTS (
                SELECT FROM pg_options_to_table(v.reloptions) o
                WHERE o.option_name = 'security_invoker' AND o.option_value::boolean
            )
            AND NOT EXISTS (SELECT FROM pg_depend own WHERE own.objid = v.oid AND own.deptype = 'e')
        ORDER BY 1
    """).fetchall()
    return [f"view {view} needs WITH (security_invoker = true)" for (view,) in rows]


def partitions_are_reached_through_their_table(
    conn: psycopg.Connection[Any], _kinds: Mapping[str, TableKind]
) -> list[str]:
    """The policies of a table do not hold for its partitions read by their own names.

    The bookkeeper, whose policies let every row pass, may have them: COPY needs a table without policies.
    """
    exempt = (roles.BOOKKEEPER, _EVERYBODY)
    granted = {
        (grant.relation, grant.role)
        for grant in _grants(conn)
        if grant.is_partition and grant.role not in exempt
    }
    return [
        f"partition {partition} is granted to {role}; grant its table only"
        for partition, role in sorted(granted)
    ]


def callers_own_and_bypass_nothing(
    conn: psycopg.Connection[Any], _kinds: Mapping[str, TableKind]
) -> list[str]:
    """Who owns a table, or may skip row-level security, stands on both sides of the wall."""
    names = [*roles.GROUP_ROLES, *(role.name for role in roles.login_roles(conn.info.dbname))]
    rows = conn.execute(
        """
        SELECT r.rolname, p.fault
        FROM pg_roles r
        CROSS JOIN LATERAL (VALUES
            ('is a superuser', r.rolsuper),
            ('may bypass row-level security', r.rolbypassrls),
            ('may create roles', r.rolcreaterole),
            ('may create databases', r.rolcreatedb),
            ('may act as the owner of the database', EXISTS (
                SELECT FROM pg_database d
                WHERE d.datname = current_database() AND pg_has_role(r.oid, d.datdba, 'MEMBER'))),
            ('owns tables or views', EXISTS (
                SELECT FROM pg_class t
                WHERE t.relowner = r.oid AND t.relnamespace = 'public'::regnamespace)),
            ('owns functions', EXISTS (
                SELECT FROM pg_proc f
                WHERE f.proowner = r.oid AND f.pronamespace = 'public'::regnamespace)),
            ('may create tables', has_schema_privilege(r.oid, 'public', 'CREATE'))
        ) AS p (fault, present)
        WHERE r.rolname = ANY(%s) AND p.present
        ORDER BY 1, 2
        """,
        (names,),
    ).fetchall()
    return [f"role {role} {fault}" for role, fault in rows]


WALL_RULES = (
    row_security_is_never_forced,
    tenant_tables_have_row_security,
    policies_are_switched_on,
    tenants_reach_guarded_tables_only,
    nothing_is_granted_to_everybody,
    views_act_as_their_caller,
    partitions_are_reached_through_their_table,
    callers_own_and_bypass_nothing,
)
