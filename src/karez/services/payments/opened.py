"""Which accounts of the book are open, for what opens an account when it is first needed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg

_OPENED = "SELECT id FROM account WHERE id = ANY(%s)"


def opened_accounts(conn: psycopg.Connection[Any], wanted: Sequence[UUID]) -> frozenset[UUID]:
    """Return those accounts that are open and that the caller may see."""
    return frozenset(id_ for (id_,) in conn.execute(_OPENED, (list(wanted),)))
