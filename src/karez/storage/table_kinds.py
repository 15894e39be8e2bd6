"""What kind of table each table is, as the migrations declare it.

Karez keeps one schema for one machine and for many. On many, a table is one of three kinds:

* ``reference``: small, rarely written, copied to every machine (institutions, units).
* ``sharded by <column>``: spread over the machines by that column (accounts, transfers).
* ``local``: kept on one machine (jobs, schedules).

A migration declares each table that it makes in a line of its own: ``-- table: account sharded by id``.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from karez.storage.migrations import Migration

Kind = Literal["reference", "sharded", "local"]

_DECLARATION = re.compile(
    r"^--\s*table:\s*(?P<table>\w+)\s+(?:(?P<kind>reference|local)|sharded by (?P<column>\w+))\s*$"
)
_DECLARATION_START = re.compile(r"^--\s*table:")


@dataclass(frozen=True, slots=True)
class TableKind:
    """How a table is spread over machines.

    Attributes:
        kind: One of the three kinds.
        shard_column: The column that decides the machine, for sharded tables only.
    """

    kind: Kind
    shard_column: str | None = None


JOURNAL_KINDS: Mapping[str, TableKind] = {"karez_migration": TableKind("local")}


def declared_kinds(migrations: Iterable[Migration]) -> dict[str, TableKind]:
    """Return the kind of each table; a later declaration replaces an earlier one.

    Args:
        migrations: Steps in their order.
    """
    kinds = dict(JOURNAL_KINDS)
    for step in migrations:
        for line in filter(_DECLARATION_START.match, step.text.splitlines()):
            match = _DECLARATION.match(line)
            if match is None:
                raise ValueError(f"{step}: '{line}' declares no kind; write '-- table: <name> local'")
            if match["column"]:
                kinds[match["table"]] = TableKind("sharded", match["column"])
            else:
                kinds[match["table"]] = TableKind(cast(Kind, match["kind"]))
    return kinds
