"""What a live bookkeeper holds between two commits."""

from dataclasses import dataclass, field
from uuid import UUID

import psycopg

from karez.core.clock import Clock
from karez.ledger.columns import AccountColumns
from karez.ledger.id_filter import IdFilter
from karez.ledger.slices import SlicePlan
from karez.ledger.writer import Tenure

_TEXT_COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = to_regclass(quote_ident(%s)) AND attnum > 0 AND atttypid = 'text'::regtype
  AND attcollation = 'pg_catalog."default"'::regcollation
"""


@dataclass(slots=True)
class BookState:
    """The bookkeeper's memory.

    Attributes:
        connection: The one connection that writes the book, in autocommit mode.
        clock: Where timestamps come from.
        tenure: What this writer took over, with its epoch.
        columns: All accounts.
        filter: Which ids may be stored.
        plan: Which balance slices are behind.
        last_ns: Timestamp of the last committed transfer.
        units: Numbers of the units seen so far.
        institutions: Numbers of the institutions seen so far.
        texts: The columns of plain text by table, as far as they have been asked for.
    """

    connection: psycopg.Connection
    clock: Clock
    tenure: Tenure
    columns: AccountColumns
    filter: IdFilter
    plan: SlicePlan
    last_ns: int
    units: set[int] = field(default_factory=set)
    institutions: set[int] = field(default_factory=set)
    texts: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def newest_id(self) -> UUID:
        """The greatest id stored so far."""
        return UUID(int=self.filter.newest)

    def text_columns(self, table: str) -> frozenset[str]:
        """Return the names of a table's columns in which other text is another value."""
        if table not in self.texts:
            rows = self.connection.execute(_TEXT_COLUMNS, (table,))
            self.texts[table] = frozenset(name for (name,) in rows)
        return self.texts[table]
