"""A database with the operator and two banks, and a connection of the web processes to it."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from karez.core.sealing import Sealer
from karez.parties import institutions, people
from karez.storage.database import Database, connect
from karez.storage.tenant import as_operator
from tests.parties.making import NOW_NS


@pytest.fixture
def web(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """Institution 1 is the operator, 2 and 3 are banks."""
    with connect(database.web) as conn:
        with as_operator(conn):
            institutions.register(conn, "karez", "Karez", "operator", NOW_NS)
            institutions.register(conn, "harbour-bank", "Harbour Bank", "bank", NOW_NS)
            institutions.register(conn, "hill-bank", "Hill Bank", "bank", NOW_NS)
        yield conn


@pytest.fixture
def sealer(database: Database) -> Sealer:
    """What seals the personal data of this database."""
    return people.sealer(database.secret_key)
