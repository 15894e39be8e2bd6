"""The rules that every table keeps, checked against the catalogue of a migrated database.

They keep the way to many machines open (a distributed PostgreSQL refuses what breaks them) and the tenant
wall closed (a forgotten policy shows everybody's rows). Each rule is one function that returns sentences; the
list ``SCHEMA_RULES`` can be extended by anyone.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg

from karez.storage.distribution_rules import DISTRIBUTION_RULES
from karez.storage.migrations import find_migrations
from karez.storage.table_kinds import TableKind, declared_kinds
from karez.storage.wall_rules import WALL_RULES

SchemaRule = Callable[[psycopg.Connection[Any], Mapping[str, TableKind]], list[str]]

SCHEMA_RULES: Sequence[SchemaRule] = (*DISTRIBUTION_RULES, *WALL_RULES)


def find_schema_violations(
    conn: psycopg.Connection[Any], kinds: Mapping[str, TableKind] | None = None
) -> list[str]:
    """Return one sentence for each place where a table, view or role breaks a rule.

    Args:
        conn: A connection of the owner.
        kinds: The declared kind of each table; ``None`` reads them from the migrations of this program.
    """
    if kinds is None:
        kinds = declared_kinds(find_migrations())
    return [sentence for rule in SCHEMA_RULES for sentence in rule(conn, kinds)]
