"""The rules that let the same schema run on one PostgreSQL and on a distributed one (Citus).

Partitions follow their parent, so only tables that are nobody's partition are looked at.
"""

from collections.abc import Mapping
from typing import Any

import psycopg

from karez.storage.table_kinds import TableKind

_TABLES = """
SELECT t.relname
FROM pg_class t
WHERE t.relnamespace = 'public'::regnamespace AND t.relkind IN ('r', 'p') AND NOT t.relispartition
"""


def every_table_declares_its_kind(conn: psycopg.Connection[Any], kinds: Mapping[str, TableKind]) -> list[str]:
    """Without a kind nobody knows on which machine a row lives."""
    tables = conn.execute(f"{_TABLES} ORDER BY 1").fetchall()
    return [
        f"table {table} declares no kind: add '-- table: {table} ...' to its migration"
        for (table,) in tables
        if table not in kinds
    ]


def every_table_has_a_primary_key(
    conn: psycopg.Connection[Any], _kinds: Mapping[str, TableKind]
) -> list[str]:
    """Shards of a table without one cannot be moved while it is in use."""
    tables = conn.execute(
        f"{_TABLES} AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary)"
        " ORDER BY 1"
    ).fetchall()
    return [f"table {table} has no primary key" for (table,) in tables]


def no_table_has_a_trigger(conn: psycopg.Connection[Any], _kinds: Mapping[str, TableKind]) -> list[str]:
    """Distributed tables have no triggers; what is append-only is so by its grants."""
    rows = conn.execute("""
        SELECT t.relname, g.tgname
        FROM pg_trigger g JOIN pg_class t ON t.oid = g.tgrelid
        WHERE t.relnamespace = 'public'::regnamespace AND NOT g.tgisinternal
        ORDER BY 1, 2
    """).fetchall()
    return [f"table {table} has the trigger {trigger}" for table, trigger in rows]


def ids_come_from_the_application(
    conn: psycopg.Connection[Any], _kinds: Mapping[str, TableKind]
) -> list[str]:
    """An id that the database makes cannot be repeated in a retry."""
    columns = conn.execute("""
        SELECT t.relname, c.attname
        FROM pg_attribute c
        JOIN pg_class t ON t.oid = c.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = c.attrelid AND d.adnum = c.attnum
        WHERE t.relnamespace = 'public'::regnamespace AND t.relkind IN ('r', 'p') AND c.attnum > 0
            AND (c.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) ILIKE '%nextval(%')
        ORDER BY 1, 2
    """).fetchall()
    sequences = conn.execute("""
        SELECT s.relname FROM pg_class s
        WHERE s.relnamespace = 'public'::regnamespace AND s.relkind = 'S' ORDER BY 1
    """).fetchall()
    return [
        *(f"column {table}.{column} takes its value from a sequence" for table, column in columns),
        *(f"sequence {sequence} exists; ids come from the application" for (sequence,) in sequences),
    ]


def unique_keys_begin_with_the_shard_column(
    conn: psycopg.Connection[Any], kinds: Mapping[str, TableKind]
) -> list[str]:
    """Each machine can only see to it that its own rows are unique."""
    indexes = conn.execute("""
        SELECT t.relname, i.relname, coalesce(c.attname, '')
        FROM pg_index x
        JOIN pg_class t ON t.oid = x.indrelid
        JOIN pg_class i ON i.oid = x.indexrelid
        LEFT JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum = x.indkey[0] AND c.attnum > 0
        WHERE t.relnamespace = 'public'::regnamespace AND NOT t.relispartition
            AND (x.indisunique OR x.indisexclusion)
        ORDER BY 1, 2
    """).fetchall()
    return [
        f"unique key {index} of the sharded table {table} does not begin with {kinds[table].shard_column}"
        for table, index, first_column in indexes
        if table in kinds and kinds[table].kind == "sharded" and kinds[table].shard_column != first_column
    ]


def foreign_keys_stay_on_their_machine(
    conn: psycopg.Connection[Any], kinds: Mapping[str, TableKind]
) -> list[str]:
    """A row may point to a reference table, or to a row with the same shard column value."""
    keys = conn.execute("""
        SELECT f.conname, t.relname, r.relname,
            array(
                SELECT ARRAY[a.attname::text, b.attname::text]
                FROM unnest(f.conkey, f.confkey) AS pair(own, other)
                JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = pair.own
                JOIN pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = pair.other
            )
        FROM pg_constraint f
        JOIN pg_class t ON t.oid = f.conrelid
        JOIN pg_class r ON r.oid = f.confrelid
        WHERE f.contype = 'f' AND f.connamespace = 'public'::regnamespace AND NOT t.relispartition
        ORDER BY 2, 1
    """).fetchall()
    return [
        f"foreign key {name} of {table} points to {referenced}, which may be on another machine"
        for name, table, referenced, pairs in keys
        if table in kinds and referenced in kinds and not _stays(kinds[table], kinds[referenced], pairs)
    ]


def _stays(own: TableKind, other: TableKind, pairs: list[list[str]]) -> bool:
    if other.kind == "reference":
        return True
    if own.kind == "sharded" and other.kind == "sharded":
        return [own.shard_column, other.shard_column] in pairs
    return False


def no_table_needs_an_extension(conn: psycopg.Connection[Any], _kinds: Mapping[str, TableKind]) -> list[str]:
    """Extensions differ from server to server; an operator's own are fine as long as no table uses them."""
    rows = conn.execute("""
        SELECT DISTINCT t.relname, e.extname
        FROM pg_depend use
        JOIN pg_depend member
            ON member.classid = use.refclassid AND member.objid = use.refobjid AND member.deptype = 'e'
        JOIN pg_extension e ON e.oid = member.refobjid
        LEFT JOIN pg_attrdef d ON use.classid = 'pg_attrdef'::regclass AND d.oid = use.objid
        LEFT JOIN pg_constraint k ON use.classid = 'pg_constraint'::regclass AND k.oid = use.objid
        JOIN pg_class t ON t.oid = CASE
            WHEN use.classid = 'pg_class'::regclass THEN use.objid ELSE coalesce(d.adrelid, k.conrelid) END
        WHERE t.relnamespace = 'public'::regnamespace AND e.extname <> 'plpgsql'
            AND NOT EXISTS (SELECT FROM pg_depend own WHERE own.objid = t.oid AND own.deptype = 'e')
        ORDER BY 1, 2
    """).fetchall()
    return [f"{table} needs the extension {extension}" for table, extension in rows]


DISTRIBUTION_RULES = (
    every_table_declares_its_kind,
    every_table_has_a_primary_key,
    no_table_has_a_trigger,
    ids_come_from_the_application,
    unique_keys_begin_with_the_shard_column,
    foreign_keys_stay_on_their_machine,
    no_table_needs_an_extension,
)
