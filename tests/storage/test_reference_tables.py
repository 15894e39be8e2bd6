"""Institutions and units: everybody reads them, few write them."""

import psycopg
import pytest
from psycopg import errors

from karez.storage.database import Database, connect
from karez.storage.tenant import as_entrance, as_institution, as_operator, as_person
from tests.storage.test_tenant import ANNA

NEW_BANK = "INSERT INTO institution VALUES (7, 'bank-7', 'Bank Seven', 'bank', 'open', 1)"
NEW_UNIT = "INSERT INTO unit VALUES (7, 'LIMIT:bank-7', 2, 'exposure to bank 7', 1)"


def test_every_kind_of_caller_reads_institutions_and_units(database: Database) -> None:
    count = "SELECT (SELECT count(*) FROM institution), (SELECT count(*) FROM unit)"
    with connect(database.web) as web:
        with as_operator(web):
            web.execute(NEW_BANK)
            web.execute(NEW_UNIT)
        for caller in (as_institution(web, 8), as_person(web, ANNA), as_operator(web), as_entrance(web)):
            with caller:
                assert web.execute(count).fetchone() == (1, 1)
    for login in (database.book, database.worker):
        with connect(login) as conn:
            assert conn.execute(count).fetchone() == (1, 1)


def test_the_bookkeeper_writes_them_as_part_of_an_operation(database: Database) -> None:
    with connect(database.book) as book:
        book.execute(NEW_BANK)
        book.execute(NEW_UNIT)


@pytest.mark.parametrize("statement", [NEW_BANK, NEW_UNIT])
def test_an_institution_writes_neither(database: Database, statement: str) -> None:
    with connect(database.web) as web, pytest.raises(errors.InsufficientPrivilege), as_institution(web, 7):
        web.execute(statement.encode())


def test_a_unit_is_never_changed(database: Database) -> None:
    for login in (database.book, database.worker):
        with connect(login) as conn, pytest.raises(errors.InsufficientPrivilege):
            conn.execute("UPDATE unit SET exponent = 3")
    with connect(database.web) as web, pytest.raises(errors.InsufficientPrivilege), as_operator(web):
        web.execute("UPDATE unit SET exponent = 3")


def test_the_kind_of_an_institution_is_one_of_a_list(database: Database) -> None:
    with connect(database.owner) as owner, pytest.raises(psycopg.errors.CheckViolation):
        owner.execute("INSERT INTO institution VALUES (7, 'x', 'X', 'casino', 'open', 1)")
